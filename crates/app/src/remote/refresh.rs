//! Asks for documents again while the gateway runs, each when its time has come, and says when one has changed.
//!
//! Invariants: a document is asked for right after it was first named, then every `refresh`, sooner where its server says
//! so, a token names a key it lacks, or it could not be had (then waiting ever longer); one that cannot be read is not
//! kept, and the copy from before stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_contract::Purpose;
use portcullis_document::{SourceError, Sources};
use portcullis_policy::Policy;
use smol_str::SmolStr;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::copies::Copy;
use super::{Kind, RemoteDocument, documents, fetch, key_document};

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
    ) -> Self {
        let (changed, changes) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut schedules = BTreeMap::new();
            loop {
                let named = documents(&policy());
                schedules.retain(|url, _| named.iter().any(|document| document.url == *url));
                for document in named {
                    let schedule = schedules.entry(document.url.clone()).or_insert_with(Schedule::new);
                    if schedule.follow(&document).await {
                        // One that waits already says the same.
                        let _ = changed.try_send(());
                    }
                }
                if let Ok(Some(provider)) = tokio::time::timeout(TICK, strange_keys.recv()).await
                    && let Some(document) = keys_of(&policy(), &provider)
                    && let Some(schedule) = schedules.get_mut(&document.url)
                {
                    schedule.hasten(&document);
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

impl Schedule {
    fn new() -> Self {
        Self { due: Instant::now(), asked: None, failures: 0, withdrawn: Withdrawn::No }
    }

    /// Asks if it is time. Whether what is in force has to be taken up anew.
    async fn follow(&mut self, document: &RemoteDocument) -> bool {
        if self.due > Instant::now() {
            return self.withdraw(document);
        }
        self.asked = Some(Instant::now());
        let came = ask(document).await;
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
        warn!(url = document.url, "no word from there for too long: none of its tokens passes any more");
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

/// Asks for a document, and keeps it if it is another than before.
async fn ask(document: &RemoteDocument) -> Came {
    let kept = Copy::read(document);
    let (url, what) = (document.url.as_str(), document.what());
    let asked = fetch::get(document, kept.as_ref().and_then(|kept| kept.etag.as_deref())).await;
    let fresh = match asked.and_then(|answer| readable(document, answer)) {
        Ok(fetch::Answer::Document(fresh)) => fresh,
        Ok(fetch::Answer::Unchanged { max_age }) => return confirmed(document, max_age),
        Err(why) => {
            warn!(url, why, "a {what} could not be fetched; its last good copy stays in force");
            return Came::Nothing;
        }
    };
    if kept.is_some_and(|kept| kept.bytes == fresh.bytes) {
        return confirmed(document, fresh.max_age);
    }
    match fresh.keep(document) {
        Ok(()) => {
            info!(url, "a {what} has changed");
            Came::Another(fresh.max_age)
        }
        Err(error) => {
            warn!(url, %error, "a {what} that was fetched could not be kept");
            Came::Nothing
        }
    }
}

fn confirmed(document: &RemoteDocument, max_age: Option<Duration>) -> Came {
    match Copy::confirm(document) {
        Ok(()) => Came::Same(max_age),
        Err(error) => {
            warn!(url = document.url, %error, "what is kept of it could not be dated");
            Came::Nothing
        }
    }
}

/// An answer whose document is of its kind; else why it is not.
pub(super) fn readable(document: &RemoteDocument, answer: fetch::Answer) -> Result<fetch::Answer, String> {
    if let fetch::Answer::Document(fresh) = &answer {
        let wrong = match &document.kind {
            Kind::Contract => unreadable(&document.url, &fresh.bytes),
            Kind::Keys(_) => no_key_set(&fresh.bytes),
        };
        wrong.map_or(Ok(()), |why| Err(format!("it has mistakes: {why}")))?;
    }
    Ok(answer)
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

/// Why a document is no contract by itself.
fn unreadable(url: &str, bytes: &Bytes) -> Option<String> {
    let alone = Alone { url, bytes };
    let loaded = portcullis_contract::load("fetched", &[url], Purpose::Find, &alone);
    let is_error =
        |problem: &&portcullis_document::Problem| problem.severity == portcullis_document::Severity::Error;
    loaded.problems.iter().find(is_error).map(ToString::to_string)
}

/// One document and nothing else.
struct Alone<'a> {
    url: &'a str,
    bytes: &'a Bytes,
}

impl Sources for Alone<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if path == self.url { Ok(self.bytes.clone()) } else { Err(SourceError::Missing) }
    }

    fn list(&self, _: &str) -> Result<Vec<String>, SourceError> {
        Err(SourceError::NotAFolder)
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}
