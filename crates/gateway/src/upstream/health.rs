//! What is known of a server: it keeps failing and is left alone for a while, or checks found it down.
//!
//! Invariant: a success of an exchange forgives its failures in a row (their share is another matter), and only a check undoes what checks found. It sends
//! nothing of its own, and whether a server that is left alone is asked after all, because every other one is left
//! alone too, is the balancer's decision.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_model::Tick;

use super::rate::{Became, FailureRate, Window};

/// When a failing server is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    /// Failures in a row that begin a pause.
    pub(crate) failures: u32,
    /// The share of failures that begins one as well.
    pub(crate) rate: Option<FailureRate>,
    /// How long a pause lasts.
    pub(crate) pause: Duration,
}

/// A pause becomes twice as long so many times at most.
const LONGEST_PAUSE: u32 = 4;
/// Whoever comes back gets no less than this share.
const COLDEST: f64 = 0.1;

/// One server's recent past.
#[derive(Debug, Default)]
pub(crate) struct Health {
    failures: AtomicU32,
    lately: Window,
    paused_until: AtomicU64,
    all: AtomicU64,
    /// When it last came back from being left alone; 0 if it never was.
    back_since: AtomicU64,
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
    pub(crate) fn succeeded(&self, tolerance: Tolerance, now: Tick) {
        if let Some(rate) = tolerance.rate {
            self.lately.count(rate, Became::Well, now);
        }
        // Mostly nothing is to be forgiven: a read is cheaper than taking the cache line to write.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            if self.paused_until.swap(0, Ordering::Relaxed) != 0 {
                self.back_since.store(now.0, Ordering::Relaxed);
            }
        }
    }

    /// The server did not answer, or only with nonsense.
    pub(crate) fn failed(&self, tolerance: Tolerance, now: Tick) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if tolerance.rate.is_some_and(|rate| self.lately.count(rate, Became::Failed, now)) {
            self.lately.forget();
            // As if so many had failed in a row: whoever is tried after the pause decides about the next.
            failures = failures.max(tolerance.failures);
            self.failures.fetch_max(failures, Ordering::Relaxed);
        }
        if let Some(further) = failures.checked_sub(tolerance.failures) {
            let pause = nanos(tolerance.pause).saturating_mul(1 << further.min(LONGEST_PAUSE));
            self.paused_until.store(now.0.saturating_add(pause), Ordering::Relaxed);
        }
    }

    /// The same where as many servers are left alone as may be: it goes on, and its next failure asks again.
    pub(crate) fn spared(&self, tolerance: Tolerance) {
        self.all.fetch_add(1, Ordering::Relaxed);
        let almost = tolerance.failures.saturating_sub(1);
        // What others count meanwhile may be lost: it is a matter of one failure more or less.
        let failures = self.failures.load(Ordering::Relaxed).saturating_add(1);
        self.failures.store(failures.min(almost), Ordering::Relaxed);
    }

    /// Whether an exchange may go to it, as far as failures are concerned: after a pause one is tried, and until it is
    /// over the others stay away, for another pause at most.
    pub(crate) fn admits(&self, tolerance: Tolerance, now: Tick) -> bool {
        let until = self.paused_until.load(Ordering::Relaxed);
        if until == 0 || now.0 < until {
            return true;
        }
        let next = now.0.saturating_add(nanos(tolerance.pause));
        self.paused_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// The share of its exchanges it is to get at `now`: less than 1 for a while after it came back.
    pub(crate) fn warmth(&self, slow_start: Duration, now: Tick) -> f64 {
        match self.back_since.load(Ordering::Relaxed) {
            0 => 1.0,
            since => (now.since(Tick(since)).as_secs_f64() / slow_start.as_secs_f64()).clamp(COLDEST, 1.0),
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
    pub(crate) fn found(&self, condition: Condition, now: Tick) -> Condition {
        let was_down = self.down.swap(condition == Condition::Down, Ordering::Relaxed);
        if was_down && condition == Condition::Well {
            self.back_since.store(now.0, Ordering::Relaxed);
        }
        if was_down { Condition::Down } else { Condition::Well }
    }

    /// Takes over what checks found of the same server.
    pub(crate) fn take_over(&self, other: &Self) {
        for (own, known) in
            [(&self.back_since, &other.back_since), (&self.checks_failed, &other.checks_failed)]
        {
            own.store(known.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.down.store(other.down.load(Ordering::Relaxed), Ordering::Relaxed);
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

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { failures: 3, rate: None, pause: Duration::from_nanos(100) };

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
        assert!(health.paused(Tick(311)) && !health.paused(Tick(312)), "which is twice as long");
        for tick in 0..40 {
            health.failed(TOLERANCE, Tick(1000 + tick));
        }
        assert!(health.paused(Tick(1039 + 1599)) && !health.paused(Tick(1039 + 1600)), "but not without end");
    }

    #[test]
    fn after_a_pause_one_exchange_is_tried_before_others_follow() {
        let health = Health::default();
        assert!(health.admits(TOLERANCE, Tick(1)));
        (0..3).for_each(|tick| health.failed(TOLERANCE, Tick(tick)));
        assert!(health.admits(TOLERANCE, Tick(50)), "whom nobody else can serve is let in");
        assert!(health.admits(TOLERANCE, Tick(200)));
        assert!(health.paused(Tick(201)), "the others wait for what becomes of it");
        assert!(!health.paused(Tick(300)), "no longer than another pause");
        health.succeeded(TOLERANCE, Tick(210));
        assert!(health.admits(TOLERANCE, Tick(211)) && !health.paused(Tick(211)));
    }

    #[test]
    fn whoever_comes_back_gets_its_share_by_and_by() {
        let (health, slow) = (Health::default(), Duration::from_micros(1));
        let warmth = |at: u64| format!("{:.1}", health.warmth(slow, Tick(at)));
        assert_eq!(warmth(5), "1.0", "it never was away");
        health.found(Condition::Down, Tick(10));
        health.found(Condition::Well, Tick(20));
        assert_eq!([20, 320, 520, 1020, 9000].map(warmth), ["0.1", "0.3", "0.5", "1.0", "1.0"]);
    }

    #[test]
    fn a_success_forgives() {
        let health = Health::default();
        for tick in 0..5 {
            health.failed(TOLERANCE, Tick(tick));
        }
        health.succeeded(TOLERANCE, Tick(6));
        health.failed(TOLERANCE, Tick(6));
        assert!(!health.paused(Tick(7)));
    }

    #[test]
    fn a_server_that_fails_every_other_time_is_left_alone_as_well() {
        let rate = FailureRate { share: 0.5, exchanges: 6, within: Duration::from_micros(1) };
        let tolerance = Tolerance { rate: Some(rate), ..TOLERANCE };
        let health = Health::default();
        for tick in 0..3 {
            assert!(!health.paused(Tick(tick)), "{tick}");
            health.succeeded(tolerance, Tick(tick));
            health.failed(tolerance, Tick(tick));
        }
        assert!(health.paused(Tick(3)) && health.paused(Tick(101)) && !health.paused(Tick(102)));
        assert!(health.admits(tolerance, Tick(102)), "one is tried");
        health.failed(tolerance, Tick(103));
        assert!(health.paused(Tick(302)) && !health.paused(Tick(303)), "and was in vain: twice as long");
        assert!(health.admits(tolerance, Tick(303)));
        health.succeeded(tolerance, Tick(304));
        health.failed(tolerance, Tick(305));
        assert!(!health.paused(Tick(306)), "what came before the pause does not count any more");
    }
}
