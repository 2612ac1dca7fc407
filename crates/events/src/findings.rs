//! Findings, kept: raised from anywhere without waiting, grouped by their id, and still there after a restart.
//!
//! Invariants: [`Findings::raise`] never waits for the disk; what is raised is committed within 200 ms, or kept and
//! tried again while the file fails; what is lost for want of room is counted. Without a path findings are kept in
//! memory only. It does not know what a finding means.

mod facts;
mod file;
mod follow;
mod outbox;
mod tables;
mod thread;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use portcullis_model::finding::{Attention, Finding, FindingId, FindingKind, FindingState, Severity};
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

pub use facts::FindingFacts;
pub use file::FindingFile;
pub use outbox::{Channel, Notice};

use self::follow::Moves;
use crate::figures::Fault;
use crate::recorder::StartError;

/// Different findings that may wait to be committed.
const WAITING: usize = 4096;

/// Raises, finds and marks findings. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Findings(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    path: Option<PathBuf>,
    /// Open while it works.
    file: Mutex<Option<FindingFile>>,
    desk: Mutex<Desk>,
    called: Condvar,
    settled: Condvar,
}

/// What waits for the thread, and how it is getting on.
#[derive(Debug, Default)]
struct Desk {
    waiting: BTreeMap<FindingId, Finding>,
    /// Operations whose findings are to follow them, before what waits is committed.
    moves: Moves,
    /// Counts batches handed over, and those done with: committed, or failed once.
    asked: u64,
    answered: u64,
    ending: bool,
    dropped: u64,
    failing: Option<FindingsError>,
}

/// Findings cannot be kept or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the findings cannot be reached ({}): {detail}", .fault.as_str())]
pub struct FindingsError {
    /// What is wrong.
    pub fault: Fault,
    /// In words.
    pub detail: String,
}

/// Which findings: all that are not told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingQuery {
    /// Only those that stand so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Attention>,
    /// Only of this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FindingKind>,
    /// Only what matters at least so much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Only met at or after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl FindingQuery {
    /// Whether a finding is asked for.
    pub fn wants(&self, finding: &Finding, now: Timestamp) -> bool {
        self.state.is_none_or(|state| finding.standing(now) == state)
            && self.site.as_ref().is_none_or(|site| finding.site == *site)
            && self.kind.is_none_or(|kind| finding.kind == kind)
            && self.severity.is_none_or(|least| finding.severity >= least)
            && self.since.is_none_or(|since| finding.last >= since)
    }
}

/// Open findings by kind and severity.
pub type OpenCounts = BTreeMap<(FindingKind, Severity), u64>;

/// How keeping findings goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingFigures {
    /// Findings waiting to be committed.
    pub waiting: u64,
    /// Findings lost because too many waited.
    pub dropped: u64,
    /// What is wrong with the file, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// The running side. Dropping it commits what waits, and ends keeping.
#[derive(Debug)]
pub struct FindingKeeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Findings {
    /// Starts keeping findings in a file of their own, or in memory only. A failing file does not keep it from
    /// starting: see [`Self::figures`].
    pub fn start(path: Option<PathBuf>) -> Result<(Self, FindingKeeper), StartError> {
        let shared = Arc::new(Shared {
            path,
            file: Mutex::default(),
            desk: Mutex::default(),
            called: Condvar::new(),
            settled: Condvar::new(),
        });
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("portcullis-findings".to_owned())
            .spawn(move || thread::run(&running))
            .map_err(StartError::Thread)?;
        Ok((Self(Arc::clone(&shared)), FindingKeeper { shared, thread: Some(thread) }))
    }

    /// Hands a finding over to be kept; one that waits already is met again. Never waits for the disk.
    pub fn raise(&self, finding: Finding) {
        let mut desk = self.0.desk.lock();
        if let Some(known) = desk.waiting.get_mut(&finding.id) {
            known.meet_again(finding);
        } else if desk.waiting.len() < WAITING {
            desk.waiting.insert(finding.id.clone(), finding);
            self.0.called.notify_all();
        } else {
            desk.dropped += 1;
        }
    }

    /// Has findings of an operation that was merged or split follow it to the id it has now. Never waits for the disk.
    pub fn follow(&self, site: &SmolStr, former: OperationId, now: OperationId) {
        let mut desk = self.0.desk.lock();
        let moves = Moves::from([((site.clone(), former.clone()), now.clone())]);
        let waiting = std::mem::take(&mut desk.waiting).into_values();
        desk.waiting = waiting.fold(BTreeMap::new(), |mut all, waits| {
            let waits = follow::moved(&waits, &moves).unwrap_or(waits);
            match all.remove(&waits.id) {
                Some(known) => all.insert(waits.id.clone(), Finding::joined(known, waits)),
                None => all.insert(waits.id.clone(), waits),
            };
            all
        });
        if desk.moves.len() < WAITING {
            desk.moves.insert((site.clone(), former), now);
            self.0.called.notify_all();
        }
    }

    /// Waits until everything raised so far is committed; an error if that failed (it is tried again by itself).
    pub fn settle(&self) -> Result<(), FindingsError> {
        let mut desk = self.0.desk.lock();
        desk.asked += 1;
        let mine = desk.asked;
        self.0.called.notify_all();
        while desk.answered < mine {
            self.0.settled.wait(&mut desk);
        }
        desk.failing.clone().map_or(Ok(()), Err)
    }

    /// Findings that are asked for, what matters most first, then the latest. May wait for the disk. Those that the
    /// file does not take are not among them: see [`Self::figures`].
    pub fn list(&self, query: &FindingQuery, now: Timestamp) -> Result<Vec<Finding>, FindingsError> {
        // A full disk can still be read.
        let _ = self.settle();
        self.0.with_file(|file| file.list(query, now))
    }

    /// The findings whose ids begin like this. May wait for the disk.
    pub fn find(&self, id: &str) -> Result<Vec<Finding>, FindingsError> {
        let _ = self.settle();
        self.0.with_file(|file| file.find(id))
    }

    /// Keeps what a person said of a finding, and answers the finding; `None` if there is none of that id. May wait
    /// for the disk.
    pub fn mark(&self, id: &FindingId, state: &FindingState) -> Result<Option<Finding>, FindingsError> {
        self.settle()?;
        self.0.with_file(|file| file.mark(id, state))
    }

    /// How many committed ones are open, by kind and severity. May wait for the disk.
    pub fn count_open(&self, now: Timestamp) -> Result<OpenCounts, FindingsError> {
        self.0.with_file(|file| file.count_open(now))
    }

    /// How keeping them goes.
    pub fn figures(&self) -> FindingFigures {
        let desk = self.0.desk.lock();
        FindingFigures {
            waiting: desk.waiting.len() as u64,
            dropped: desk.dropped,
            failing: desk.failing.as_ref().map(ToString::to_string),
        }
    }
}

impl Shared {
    /// Does something with the file, which is opened if it is not.
    pub(crate) fn with_file<T>(
        &self,
        ask: impl FnOnce(&mut FindingFile) -> Result<T, FindingsError>,
    ) -> Result<T, FindingsError> {
        let mut place = self.file.lock();
        let file = match place.take() {
            Some(file) => file,
            None => FindingFile::open_or_set_aside(self.path.as_deref())?,
        };
        let answer = ask(place.insert(file));
        if answer.is_err() {
            // Opened afresh: the file may have been replaced.
            *place = None;
        }
        answer
    }
}

impl Drop for FindingKeeper {
    fn drop(&mut self) {
        self.shared.desk.lock().ending = true;
        self.shared.called.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its hook.
            let _ = thread.join();
        }
    }
}

/// The order findings are listed in.
fn by_weight(one: &Finding, other: &Finding) -> std::cmp::Ordering {
    let weight = |finding: &Finding| (finding.severity, finding.last);
    weight(other).cmp(&weight(one)).then_with(|| one.id.cmp(&other.id))
}

#[cfg(test)]
pub(crate) mod tests;
