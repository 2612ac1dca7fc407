//! Asks for documents again while the gateway runs, each when its time has come, and says when one has changed.
//!
//! Invariants: a document is asked for right after it was first named, then every `refresh`, sooner where its server says
//! so, a token names a key it lacks, or it could not be had (then waiting ever longer); one that cannot be read is not
//! kept, and the copy from before stays. What is made of several documents is asked for as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_policy::Policy;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{info, warn};

use super::copies::Copy;
use super::figures::{Fetches, Outcome};
use super::parts::{self, Documents};
use super::{Kind, RemoteDocument, documents, feeds, fetch, key_document, too_many};

/// How often it is looked whether a document's time has come.
const TICK: Duration = Duration::from_secs(1);

/// The soonest a server's `Cache-Control` has its document asked for again.
const SOONEST: Duration = Duration::from_mins(1);

/// How long it is waited after a first failure, then twice as long each time, up to `refresh`.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// When a document is asked for, and how that went.
struct Schedule {
    due: Instant,
    /// When it was asked for last.
    asked: Option<Instant>,
    failures: u32,
    /// Whether its copy has been too old to be used since it was last asked for.
    withdrawn: Withdrawn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Withdrawn {
    No,
    Yes,
}

/// What came of asking.
enum Came {
    /// Another document than before, kept now.
    Another(Option<Duration>),
    /// The same, or the same as far as it matters.
    Same(Option<Duration>),
    Nothing,
}

/// The task that asks, stopped when this is dropped.
pub(crate) struct Refreshing {
    task: JoinHandle<()>,
    changes: mpsc::Receiver<()>,
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Refreshing {
    /// Begins with the documents of the policy in force, as `policy` says at any time; `strange_keys` are the providers a
    /// token came to with a key they do not know.
    pub(crate) fn start(
        policy: impl Fn() -> Arc<Policy> + Send + 'static,
        mut strange_keys: mpsc::Receiver<SmolStr>,
        fetches: Arc<Fetches>,
    ) -> Self {
        let (changed, changes) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut following = Following { fetches, ..Following::default() };
            loop {
                let mut has_changed = following.begin(documents(&policy()));
                tokio::select! {
                    Some(done) = following.under_way.join_next() => has_changed |= following.end(done.ok()),
                    Some(provider) = strange_keys.recv() => following.hasten(&policy(), &provider),
                    () = tokio::time::sleep(TICK) => {}
                }
                if has_changed {
                    // One that waits already says the same.
                    let _ = changed.try_send(());
                }
            }
        });
        Self { task, changes }
    }

    /// Returns once a document has changed.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// What is followed: each document waits for its time or is being asked for, so that none waits for another's server.
#[derive(Default)]
struct Following {
    waiting: BTreeMap<String, Schedule>,
    asked: BTreeSet<String>,
    under_way: JoinSet<(RemoteDocument, Schedule, bool)>,
    fetches: Arc<Fetches>,
}

impl Following {
    /// Begins to ask for what is due of the documents that policy names. Whether a copy has become too old.
    fn begin(&mut self, named: Vec<RemoteDocument>) -> bool {
        self.waiting.retain(|url, _| named.iter().any(|document| document.url == *url));
        let mut has_changed = false;
        for document in named {
            if self.asked.contains(&document.url) {
                continue;
            }
            let mut schedule = self.waiting.remove(&document.url).unwrap_or_else(Schedule::new);
            if schedule.due > Instant::now() {
                has_changed |= schedule.withdraw(&document);
                self.waiting.insert(document.url, schedule);
                continue;
            }
            self.asked.insert(document.url.clone());
            let fetches = Arc::clone(&self.fetches);
            self.under_way.spawn(async move {
                let has_changed = schedule.follow(&document, &fetches).await;
                (document, schedule, has_changed)
            });
        }
        has_changed
    }

    /// Takes up what was asked for. Whether what is in force has to be taken up anew.
    fn end(&mut self, done: Option<(RemoteDocument, Schedule, bool)>) -> bool {
        let Some((document, schedule, has_changed)) = done else {
            // One broke off, and nobody knows which.
            self.asked.clear();
            return false;
        };
        self.asked.remove(&document.url);
        self.waiting.insert(document.url, schedule);
        has_changed
    }

    fn hasten(&mut self, policy: &Policy, provider: &str) {
        if let Some(document) = keys_of(policy, provider)
            && let Some(schedule) = self.waiting.get_mut(&document.url)
        {
            schedule.hasten(&document);
        }
    }
}

impl Schedule {
    fn new() -> Self {
        Self { due: Instant::now(), asked: None, failures: 0, withdrawn: Withdrawn::No }
    }

    /// Asks. Whether what is in force has to be taken up anew.
    async fn follow(&mut self, document: &RemoteDocument, fetches: &Fetches) -> bool {
        self.asked = Some(Instant::now());
        let came = ask(document).await;
        let outcome = match came {
            Came::Another(_) => Outcome::Changed,
            Came::Same(_) => Outcome::Unchanged,
            Came::Nothing => Outcome::Failed,
        };
        fetches.count(document.what(), document.name(), outcome);
        let wait = match &came {
            Came::Nothing => {
                let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(document.refresh);
                self.failures += 1;
                wait
            }
            Came::Another(max_age) | Came::Same(max_age) => {
                self.failures = 0;
                max_age.map_or(document.refresh, |age| age.max(SOONEST).min(document.refresh))
            }
        };
        self.due = Instant::now() + wait;
        match came {
            Came::Nothing => self.withdraw(document),
            Came::Another(_) => true,
            Came::Same(_) => std::mem::replace(&mut self.withdrawn, Withdrawn::No) == Withdrawn::Yes,
        }
    }

    /// Whether its copy has just become too old to be used.
    fn withdraw(&mut self, document: &RemoteDocument) -> bool {
        let too_old = Copy::age(document).is_some_and(|age| !document.is_good(age));
        if !too_old || self.withdrawn == Withdrawn::Yes {
            return false;
        }
        warn!(url = document.shown(), "no word from there for too long: none of its tokens passes any more");
        self.withdrawn = Withdrawn::Yes;
        true
    }

    /// Has it asked for now, unless that was done a moment ago.
    fn hasten(&mut self, document: &RemoteDocument) {
        let Kind::Keys(keys) = &document.kind else { return };
        let soonest = self.asked.map_or_else(Instant::now, |asked| asked + keys.unknown_key);
        self.due = self.due.min(soonest);
    }
}

/// Asks for a document with all its parts, and keeps them if any is another than before.
async fn ask(document: &RemoteDocument) -> Came {
    let (url, what) = (document.shown(), document.what());
    let whole = match whole(document).await {
        Ok(whole) => whole,
        Err(why) => {
            warn!(url, why, "a {what} could not be fetched; its last good copy stays in force");
            return Came::Nothing;
        }
    };
    let max_age = whole.max_age;
    match whole.keep() {
        Ok(0) => Came::Same(max_age),
        Ok(_) => {
            info!(url, "a {what} has changed");
            Came::Another(max_age)
        }
        Err(error) => {
            warn!(url, %error, "a {what} that was fetched could not be kept");
            Came::Nothing
        }
    }
}

/// A document and all its parts, as their server has them now.
#[derive(Default)]
struct Whole {
    changed: Vec<(RemoteDocument, Copy)>,
    same: Vec<RemoteDocument>,
    /// How long all of them may be used without asking.
    max_age: Option<Duration>,
}

/// Fetches a document and all its parts, as far as they changed; why they cannot be used, if so.
async fn whole(root: &RemoteDocument) -> Result<Whole, String> {
    let (mut whole, mut documents) = (Whole::default(), Documents::new());
    let mut wanted = vec![root.clone()];
    while let Some(document) = wanted.pop() {
        let part = if document.url == root.url { "" } else { document.url.as_str() };
        let bytes = whole.take(&document).await.map_err(|why| format!("{part} {why}").trim().to_owned())?;
        documents.insert(document.url, bytes);
        if documents.len() > parts::MOST {
            return Err(too_many(root));
        }
        if wanted.is_empty() && matches!(root.kind, Kind::Contract { .. }) {
            wanted = parts::missing(root, &documents);
        }
    }
    let mistake = match &root.kind {
        Kind::Contract { .. } => parts::mistake(root, &documents),
        Kind::Keys(_) => documents.values().find_map(no_key_set),
        Kind::Lists(lists) => {
            let (lists, documents) = (lists.clone(), documents.clone());
            let find = move |_: &_| documents.values().find_map(|bytes| feeds::mistake(&lists, bytes));
            apart(root, find).await.unwrap_or_else(|| Some("reading it was broken off".to_owned()))
        }
    };
    mistake.map_or(Ok(whole), |why| Err(has_mistakes(&why)))
}

impl Whole {
    /// Fetches one document; its bytes.
    async fn take(&mut self, document: &RemoteDocument) -> Result<Bytes, String> {
        let kept =
            apart(document, |document| Copy::read(document).filter(|kept| document.is_readable(&kept.bytes)));
        let kept = kept.await.flatten();
        let version = kept.as_ref().map(|kept| kept.version.clone()).unwrap_or_default();
        let answer = fetch::get(document, &version).await?;
        let (max_age, fresh) = match (answer, &kept) {
            (fetch::Answer::Document(fresh), Some(kept)) if kept.bytes == fresh.bytes => {
                (fresh.max_age, None)
            }
            (fetch::Answer::Document(fresh), _) => (fresh.max_age, Some(fresh)),
            (fetch::Answer::Unchanged { max_age }, _) => (max_age, None),
        };
        self.max_age = self.max_age.into_iter().chain(max_age).min();
        if let Some(fresh) = fresh {
            let bytes = fresh.bytes.clone();
            self.changed.push((document.clone(), fresh));
            return Ok(bytes);
        }
        self.same.push(document.clone());
        kept.map(|kept| kept.bytes).ok_or_else(|| "it says that nothing changed since nothing".to_owned())
    }

    /// Keeps what changed, parts before what refers to them, and dates the rest; how many changed.
    fn keep(self) -> std::io::Result<usize> {
        self.same.iter().try_for_each(Copy::confirm)?;
        self.changed.iter().rev().try_for_each(|(document, fresh)| fresh.keep(document))?;
        Ok(self.changed.len())
    }
}

/// Does what takes a while, with large lists, where nobody's requests wait; nothing if it was broken off.
async fn apart<T: Send + 'static>(
    document: &RemoteDocument,
    work: impl FnOnce(&RemoteDocument) -> T + Send + 'static,
) -> Option<T> {
    let document = document.clone();
    tokio::task::spawn_blocking(move || work(&document)).await.ok()
}

fn has_mistakes(why: &str) -> String {
    format!("it has mistakes: {why}")
}

/// An answer that is a set of keys, if it is a document; else why it is none.
pub(super) fn with_keys(answer: fetch::Answer) -> Result<fetch::Answer, String> {
    let wrong = if let fetch::Answer::Document(fresh) = &answer { no_key_set(&fresh.bytes) } else { None };
    wrong.map_or(Ok(answer), |why| Err(has_mistakes(&why)))
}

/// Why a document is no set of keys (RFC 7517 §5).
fn no_key_set(bytes: &Bytes) -> Option<String> {
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(set)
            if set.get("keys").and_then(serde_json::Value::as_array).is_some_and(|keys| !keys.is_empty()) =>
        {
            None
        }
        Ok(_) => Some("it has no keys".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The document a provider's keys are in.
fn keys_of(policy: &Policy, provider: &str) -> Option<RemoteDocument> {
    policy.providers.iter().find(|known| known.name == provider).and_then(key_document)
}
