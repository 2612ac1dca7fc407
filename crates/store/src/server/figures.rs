//! What came of the trips to the store's server, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_model::counter::StoreFailure;

/// The counters.
#[derive(Debug, Default)]
pub struct ServerFigures {
    answered: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    local: AtomicU64,
    leased: AtomicU64,
}

/// What they showed at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Batches the server answered.
    pub answered: u64,
    /// Batches it did not answer in time.
    pub timed_out: u64,
    /// Batches that found no server, or one that answered something else.
    pub failed: u64,
    /// Batches sent again because the connection broke under them.
    pub retried: u64,
    /// Batches the node counted by itself.
    pub local: u64,
    /// Batches answered without a trip, from units taken ahead or a refusal that still stood.
    pub leased: u64,
    /// Connections made.
    pub connects: u64,
    /// Whether there is a connection now.
    pub connected: bool,
    /// Notices of bans that were heard.
    pub notices: u64,
    /// Whether notices are heard now.
    pub listening: bool,
}

impl ServerFigures {
    pub(super) fn count(&self, failure: Option<&StoreFailure>) {
        let counter = match failure {
            None => &self.answered,
            Some(StoreFailure::Timeout(_)) => &self.timed_out,
            Some(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counted_locally(&self) {
        self.local.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leased(&self) {
        self.leased.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, connected: bool, connects: u64) -> Counted {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            answered: read(&self.answered),
            timed_out: read(&self.timed_out),
            failed: read(&self.failed),
            retried: read(&self.retried),
            local: read(&self.local),
            leased: read(&self.leased),
            connects,
            connected,
            ..Counted::default()
        }
    }
}
