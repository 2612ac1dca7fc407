//! A bounded sample of a set: the members of lowest rank.
//!
//! Invariant: what is kept depends on the members alone, never on their order. A member that is kept at the end was
//! kept ever since it came, so what is folded into its value is complete. Ranks are keyed hashes, which nobody outside
//! can aim at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values by rank, at most so many of the lowest.
///
/// Read back from bytes it is unbounded until [`Lowest::within`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "R: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
pub(crate) struct Lowest<R, V> {
    kept: BTreeMap<R, V>,
    #[serde(skip, default = "unbounded")]
    most: usize,
    /// Whether anything was ever left out.
    full: bool,
}

impl<R: Ord + Clone, V> Lowest<R, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: BTreeMap::new(), most, full: false }
    }

    /// Bounds what was read back.
    pub(crate) fn within(mut self, most: usize) -> Self {
        self.most = most;
        while self.kept.len() > most {
            self.kept.pop_last();
            self.full = true;
        }
        self
    }

    pub(crate) fn get(&self, rank: &R) -> Option<&V> {
        self.kept.get(rank)
    }

    /// The same members with other values.
    pub(crate) fn map<W>(self, change: impl Fn(V) -> W) -> Lowest<R, W> {
        let kept = self.kept.into_iter().map(|(rank, value)| (rank, change(value))).collect();
        Lowest { kept, most: self.most, full: self.full }
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

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.kept.values_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether members were left out.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }
}

const fn unbounded() -> usize {
    usize::MAX
}
