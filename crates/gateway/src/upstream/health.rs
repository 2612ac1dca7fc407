//! What is known of a server: it keeps failing and is left alone for a while, or checks found it down.
//!
//! Invariant: a success of an exchange forgives its failures, and only a check undoes what checks found. It sends
//! nothing of its own, and whether a server that is left alone is asked after all, because every other one is left
//! alone too, is the balancer's decision.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_model::Tick;

/// When a failing server is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tolerance {
    /// Failures in a row that begin a pause.
    pub(crate) failures: u32,
    /// How long a pause lasts.
    pub(crate) pause: Duration,
}

/// One server's recent past.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    paused_until: AtomicU64,
    all: AtomicU64,
    down: AtomicBool,
    checks_failed: AtomicU64,
}

/// What checks found of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It answers as it should.
    Well,
    /// It does not.
    Down,
}

impl Health {
    /// The server answered.
    pub(crate) fn succeeded(&self) {
        // Mostly nothing is to be forgiven: a read is cheaper than taking the cache line to write.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.paused_until.store(0, Ordering::Relaxed);
        }
    }

    /// The server did not answer, or only with nonsense.
    pub(crate) fn failed(&self, tolerance: Tolerance, now: Tick) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= tolerance.failures {
            let pause = u64::try_from(tolerance.pause.as_nanos()).unwrap_or(u64::MAX);
            self.paused_until.store(now.0.saturating_add(pause), Ordering::Relaxed);
        }
    }

    /// Every failure so far.
    pub(crate) fn all_failures(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Whether it is left alone at `now`, for either reason.
    pub(crate) fn out(&self, now: Tick) -> bool {
        self.condition() == Condition::Down || self.paused(now)
    }

    /// Checks found it so; answers what they found before.
    pub(crate) fn found(&self, condition: Condition) -> Condition {
        let was_down = self.down.swap(condition == Condition::Down, Ordering::Relaxed);
        if was_down { Condition::Down } else { Condition::Well }
    }

    /// What checks found last.
    pub(crate) fn condition(&self) -> Condition {
        if self.down.load(Ordering::Relaxed) { Condition::Down } else { Condition::Well }
    }

    /// A check brought no good answer.
    pub(crate) fn check_failed(&self) {
        self.checks_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Checks without a good answer so far.
    pub(crate) fn all_failed_checks(&self) -> u64 {
        self.checks_failed.load(Ordering::Relaxed)
    }

    /// Whether it is left alone at `now` because exchanges failed.
    pub(crate) fn paused(&self, now: Tick) -> bool {
        now.0 < self.paused_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { failures: 3, pause: Duration::from_nanos(100) };

    #[test]
    fn a_pause_begins_after_failures_in_a_row_and_ends() {
        let health = Health::default();
        health.failed(TOLERANCE, Tick(10));
        health.failed(TOLERANCE, Tick(11));
        assert!(!health.paused(Tick(12)));
        health.failed(TOLERANCE, Tick(12));
        assert!(health.paused(Tick(13)) && health.paused(Tick(111)) && !health.paused(Tick(112)));
        health.failed(TOLERANCE, Tick(112));
        assert!(health.paused(Tick(113)), "the first failure after a pause begins the next");
    }

    #[test]
    fn a_success_forgives() {
        let health = Health::default();
        for tick in 0..5 {
            health.failed(TOLERANCE, Tick(tick));
        }
        health.succeeded();
        health.failed(TOLERANCE, Tick(6));
        assert!(!health.paused(Tick(7)));
    }
}
