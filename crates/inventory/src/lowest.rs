//! A bounded sample of a set: the members of lowest rank.
//!
//! Invariant: what is kept depends on the members alone, never on their order. A member that is kept at the end was
//! kept ever since it came, so what is folded into its value is complete. Ranks are keyed hashes, which nobody outside
//! can aim at.

use std::collections::BTreeMap;

/// Values by rank, at most so many of the lowest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lowest<R, V> {
    kept: BTreeMap<R, V>,
    most: usize,
    /// Whether anything was ever left out.
    full: bool,
}

impl<R: Ord + Clone, V> Lowest<R, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: BTreeMap::new(), most, full: false }
    }

    /// Joins a value into the one at this rank.
    pub(crate) fn join(&mut self, rank: R, value: V, join: impl FnOnce(&mut V, V)) {
        if let Some(known) = self.kept.get_mut(&rank) {
            join(known, value);
            return;
        }
        if self.kept.len() >= self.most && self.kept.last_key_value().is_some_and(|(last, _)| *last < rank) {
            self.full = true;
            return;
        }
        self.kept.insert(rank, value);
        if self.kept.len() > self.most {
            self.kept.pop_last();
            self.full = true;
        }
    }

    /// Joins another sample of the same bound.
    pub(crate) fn merge(&mut self, other: Self, mut join: impl FnMut(&mut V, V)) {
        self.full |= other.full;
        for (rank, value) in other.kept {
            self.join(rank, value, &mut join);
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.kept.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether members were left out.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }
}

impl<V> Lowest<u64, V> {
    /// How many distinct members there were, from how densely the lowest lie (k minimum values).
    pub(crate) fn estimate(&self) -> u64 {
        match self.kept.last_key_value() {
            Some((last, _)) if self.full => {
                let below = (self.kept.len() as u128).saturating_sub(1) << 64;
                (below / u128::from(*last).max(1)) as u64
            }
            _ => self.kept.len() as u64,
        }
    }
}
