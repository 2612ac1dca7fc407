//! The recorder: what the hot path speaks to.
//!
//! Invariants: nothing here waits for the archive; totals count every exchange, whatever is sampled or dropped; which
//! passes are kept depends on their ids only. It does not know what an event means, or where the archive is.

mod thread;

pub(crate) use thread::now;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_model::event::Summary;
use portcullis_model::{Action, Event, EventId, Timestamp};

use crate::access_log::AccessLog;
use crate::archive::row::Row;
use crate::config::{RecorderConfig, in_share};
use crate::figures::{ArchiveState, Figures};
use crate::follow::{Follower, Shown};
use crate::queue::{Lane, Queue};
use crate::totals::{Book, Counted, Tallies, Top};

/// Takes note of every exchange. Cheap to clone; all clones are one recorder.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tallies: Tallies,
    book: Mutex<Book>,
    queue: Queue,
    shown: Shown,
    access_log: AccessLog,
    /// Ids below this are in the sample.
    threshold: AtomicU64,
    /// Whether there is an archive at all.
    archived: AtomicBool,
    folded: AtomicU64,
    offered: AtomicU64,
    sampled_away: AtomicU64,
    committed: AtomicU64,
    /// Events the archive could not take for what they are.
    rejected: AtomicU64,
    /// Events no row could be made of.
    unwritable: AtomicU64,
    minutes_given_up: AtomicU64,
    archive: Mutex<ArchiveState>,
    /// A changed configuration for the recording thread to take over.
    changed: Mutex<Option<RecorderConfig>>,
}

/// Whether an exchange's event should be built and offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Not needed.
    No,
    /// It is in the sample, marked for a look, followed, or has a line in the access log.
    Sampled,
    /// It was refused, or would have been: always kept.
    Refusal,
}

/// Recording could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The thread that keeps events could not be started.
    #[error("the recording thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// The running side of a recorder. Dropping it writes down what waits, and ends recording.
#[derive(Debug)]
pub struct Recording {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts recording. A failing archive does not keep it from starting: see [`Figures::archive`].
    pub fn start(config: &RecorderConfig) -> Result<(Self, Recording), StartError> {
        let lanes = std::thread::available_parallelism().map_or(4, usize::from).min(16);
        let shared = Arc::new(Shared {
            tallies: Tallies::new(lanes),
            book: Mutex::new(Book::new(now())),
            queue: Queue::new(config.queue),
            shown: Shown::new(),
            access_log: AccessLog::default(),
            threshold: AtomicU64::new(config.passes.threshold()),
            archived: AtomicBool::new(config.archive.is_some()),
            folded: AtomicU64::new(0),
            offered: AtomicU64::new(0),
            sampled_away: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            unwritable: AtomicU64::new(0),
            minutes_given_up: AtomicU64::new(0),
            archive: Mutex::new(ArchiveState::Off),
            changed: Mutex::new(Some(config.clone())),
        });
        shared.access_log.configure(config.access_log.as_ref())?;
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("portcullis-record".to_owned())
            .spawn(move || thread::run(&running))?;
        Ok((Self(Arc::clone(&shared)), Recording { shared, thread: Some(thread) }))
    }

    /// Takes over a changed configuration, from the next event on.
    pub fn reconfigure(&self, config: &RecorderConfig) {
        self.0.threshold.store(config.passes.threshold(), Ordering::Relaxed);
        self.0.archived.store(config.archive.is_some(), Ordering::Relaxed);
        self.0.queue.resize(config.queue);
        if let Err(error) = self.0.access_log.configure(config.access_log.as_ref()) {
            tracing::warn!(%error, "the thread that writes the access log cannot be started");
        }
        *self.0.changed.lock() = Some(config.clone());
    }

    /// Adds an exchange to the totals. Called once for every exchange, also where no event is wanted.
    pub fn fold(&self, summary: &Summary) {
        self.0.tallies.fold(summary);
    }

    /// Whether the exchange's event should be built and offered. Called once for every exchange.
    pub fn wants(&self, summary: &Summary, id: EventId) -> Wants {
        match self.0.fate(summary.action, summary.would_have, id) {
            Fate::Kept(Lane::Refusal) => Wants::Refusal,
            Fate::Kept(Lane::Pass) => Wants::Sampled,
            Fate::LeftOut => {
                self.0.sampled_away.fetch_add(1, Ordering::Relaxed);
                if self.0.is_watched() { Wants::Sampled } else { Wants::No }
            }
            Fate::ShownOnly if self.0.is_watched() => Wants::Sampled,
            Fate::ShownOnly => Wants::No,
        }
    }

    /// Hands over an event: logged, shown to followers and, unless it was only wanted for them, queued for the archive.
    /// Never waits.
    pub fn offer(&self, event: Event) {
        self.0.access_log.add(&event);
        let would = event.verdict.would_have.unwrap_or(event.verdict.action);
        if let Fate::Kept(lane) = self.0.fate(event.verdict.action, would, event.id) {
            self.0.offered.fetch_add(1, Ordering::Relaxed);
            self.0.keep(&event, lane);
        }
        if self.0.shown.is_followed() {
            self.0.shown.show(Arc::new(event));
        }
    }

    /// Watches events as they happen.
    pub fn follow(&self) -> Follower {
        self.0.shown.follow()
    }

    /// What happened within the last `span` (at most five minutes) before `now`, up to this moment.
    pub fn top(&self, span: Duration, now: Timestamp) -> Top {
        let mut book = self.0.book.lock();
        self.0.gather(&mut book, now);
        book.top(span, now)
    }

    /// Counts since the start, and how the archive is.
    pub fn figures(&self) -> Figures {
        let dropped_minutes = {
            let mut book = self.0.book.lock();
            self.0.gather(&mut book, now());
            book.given_up()
        };
        let depth = self.0.queue.depth();
        let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Figures {
            folded: count(&self.0.folded),
            offered: count(&self.0.offered),
            committed: count(&self.0.committed),
            sampled_away: count(&self.0.sampled_away),
            dropped_passes: depth.dropped_passes,
            dropped_refusals: depth.dropped_refusals,
            rejected: count(&self.0.rejected) + count(&self.0.unwritable),
            dropped_minutes: dropped_minutes + count(&self.0.minutes_given_up),
            waiting: depth.waiting,
            archive: self.0.archive.lock().clone(),
            access_log: self.0.access_log.figures(),
        }
    }
}

/// What becomes of an exchange's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept(Lane),
    /// A pass outside the sample.
    LeftOut,
    /// There is no archive.
    ShownOnly,
}

impl Shared {
    fn fate(&self, action: Action, would_have: Action, id: EventId) -> Fate {
        if !self.archived.load(Ordering::Relaxed) {
            Fate::ShownOnly
        } else if action.refuses() || would_have.refuses() {
            Fate::Kept(Lane::Refusal)
        } else if action > Action::Pass || in_share(id, self.threshold.load(Ordering::Relaxed)) {
            Fate::Kept(Lane::Pass)
        } else {
            Fate::LeftOut
        }
    }

    /// Whether somebody wants every event, kept or not.
    fn is_watched(&self) -> bool {
        self.shown.is_followed() || self.access_log.is_on()
    }

    /// Queues an event's row; where there is no room for it, none is made.
    fn keep(&self, event: &Event, lane: Lane) {
        if !self.queue.has_room(lane) {
            return self.queue.drop_one(lane);
        }
        match Row::of(event) {
            Ok(row) => self.queue.put(row, lane),
            Err(error) => {
                tracing::debug!(id = %event.id, "an event is not kept: {error}");
                self.unwritable.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Brings what the lanes counted into the book.
    fn gather(&self, book: &mut Book, now: Timestamp) {
        let (counted, given_up) = self.tallies.take();
        let exchanges = counted.iter().map(Counted::exchanges).sum();
        self.folded.fetch_add(exchanges, Ordering::Relaxed);
        self.minutes_given_up.fetch_add(given_up, Ordering::Relaxed);
        book.gather(counted, now);
    }
}

impl Recording {
    /// Writes down everything offered and folded so far; returns once that is committed, or has failed.
    pub fn flush(&self) {
        self.shared.queue.flush();
        self.shared.access_log.flush();
    }

    /// Writes down what waits and ends recording; returns once that is done or has failed.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.shared.queue.end();
        self.shared.access_log.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
