//! Exchanges that are held for a while before they go on: how many at once.
//!
//! Invariant: no more are held than whoever asks allows, and a place is free again however its holder went. It does not
//! know why they are held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many exchanges are held now.
#[derive(Debug, Default)]
pub(crate) struct Delays(Arc<AtomicU64>);

/// A place among those held; free again when dropped.
#[derive(Debug)]
pub(crate) struct Held(Arc<AtomicU64>);

impl Delays {
    /// A place, unless `at_once` are taken.
    pub(crate) fn enter(&self, at_once: u64) -> Option<Held> {
        let next = |held: u64| (held < at_once).then_some(held + 1);
        let entered = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        entered.ok().map(|_| Held(Arc::clone(&self.0)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_held_than_may_be() {
        let delays = Delays::default();
        let first = delays.enter(2);
        let second = delays.enter(2);
        assert!(first.is_some() && second.is_some() && delays.enter(2).is_none());
        assert!(delays.enter(3).is_some(), "another limit may allow more");
        drop(first);
        assert!(delays.enter(2).is_some(), "its place is free again");
    }
}
