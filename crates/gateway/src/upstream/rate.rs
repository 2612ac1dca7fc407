//! The share of a server's exchanges that failed lately.
//!
//! Counted in two halves of a window, of which the older one is forgotten when the next begins: what is looked at is
//! between half the window and all of it old. Invariant: two atomic additions an exchange, no lock; when halves change
//! while others count, a few may be lost or counted in the wrong half.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use portcullis_model::Tick;

/// When too many fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FailureRate {
    /// The share that is too much.
    pub(crate) share: f64,
    /// Fewer exchanges say nothing.
    pub(crate) exchanges: u32,
    /// Over how long.
    pub(crate) within: Duration,
}

/// What became of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// The server answered.
    Well,
    /// It did not, or with nonsense.
    Failed,
}

/// Exchanges of one server.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The number of the half that is counted in, from 1; 0 before anything was.
    half: AtomicU64,
    halves: [Half; 2],
}

#[derive(Debug, Default)]
struct Half {
    all: AtomicU32,
    failed: AtomicU32,
}

impl Half {
    fn forget(&self) {
        self.all.store(0, Ordering::Relaxed);
        self.failed.store(0, Ordering::Relaxed);
    }
}

impl Window {
    /// Counts an exchange; whether too many failed with it.
    pub(super) fn count(&self, rate: FailureRate, became: Became, now: Tick) -> bool {
        let length = u64::try_from(rate.within.as_nanos() / 2).unwrap_or(u64::MAX).max(1);
        let (number, [even, odd]) = (now.0 / length + 1, &self.halves);
        let (mine, other) = if number.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let before = self.half.load(Ordering::Relaxed);
        if before < number
            && self.half.compare_exchange(before, number, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            mine.forget();
            if before + 1 < number {
                other.forget();
            }
        }
        mine.all.fetch_add(1, Ordering::Relaxed);
        if became == Became::Well {
            return false;
        }
        mine.failed.fetch_add(1, Ordering::Relaxed);
        let sum = |of: fn(&Half) -> &AtomicU32| {
            of(mine).load(Ordering::Relaxed).saturating_add(of(other).load(Ordering::Relaxed))
        };
        let (all, failed) = (sum(|half| &half.all), sum(|half| &half.failed));
        all >= rate.exchanges && f64::from(failed) >= rate.share * f64::from(all)
    }

    /// Begins anew: what led to a pause does not lead to the next.
    pub(super) fn forget(&self) {
        self.halves.iter().for_each(Half::forget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: FailureRate = FailureRate { share: 0.5, exchanges: 4, within: Duration::from_nanos(100) };

    #[test]
    fn too_many_failures_are_told_once_there_are_enough_exchanges() {
        let window = Window::default();
        assert!(!window.count(RATE, Became::Failed, Tick(1)));
        assert!(!window.count(RATE, Became::Well, Tick(2)));
        assert!(!window.count(RATE, Became::Failed, Tick(3)), "three say nothing");
        assert!(!window.count(RATE, Became::Well, Tick(60)), "a success never does");
        assert!(window.count(RATE, Became::Failed, Tick(61)), "three of five, over both halves");
        window.forget();
        assert!(!window.count(RATE, Became::Failed, Tick(62)));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let window = Window::default();
        for tick in 0..10 {
            window.count(RATE, Became::Failed, Tick(tick));
        }
        for _ in 0..3 {
            window.count(RATE, Became::Well, Tick(110));
        }
        assert!(!window.count(RATE, Became::Failed, Tick(111)), "one of four");
        assert!(!window.count(RATE, Became::Failed, Tick(900)), "one of one");
    }
}
