//! A sample of a set of hashes that tells how many members the set has.
//!
//! Invariants: the lowest members are kept, so that order does not matter; at most [`MOST`]. The hashes are keyed, so
//! that nobody outside can aim at the low ones.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Hashes kept; beyond, their number is estimated.
const MOST: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hashes(BTreeSet<u64>);

impl Hashes {
    pub(crate) fn insert(&mut self, hash: u64) {
        self.0.insert(hash);
        self.cut();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.extend(&other.0);
        self.cut();
    }

    /// The lowest members, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// How many distinct members there were: exactly while they are few, then from how densely the lowest lie (k
    /// minimum values).
    pub(crate) fn estimate(&self) -> u64 {
        match self.0.last() {
            Some(last) if self.0.len() >= MOST => {
                let below = (self.0.len() as u128).saturating_sub(1) << 64;
                (below / u128::from(*last).max(1)) as u64
            }
            _ => self.0.len() as u64,
        }
    }

    fn cut(&mut self) {
        while self.0.len() > MOST {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that lie evenly enough.
    fn spread(count: u64) -> Hashes {
        let mut hashes = Hashes::default();
        for member in 0..count {
            hashes.insert(
                member
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(29)
                    .wrapping_mul(0xbf58_476d_1ce4_e5b9),
            );
        }
        hashes
    }

    #[test]
    fn few_are_counted_and_many_estimated() {
        for (count, least, most) in
            [(0, 0, 0), (1, 1, 1), (63, 63, 63), (1_000, 700, 1_400), (100_000, 70_000, 140_000)]
        {
            let estimate = spread(count).estimate();
            assert!((least..=most).contains(&estimate), "{count}: {estimate}");
        }
    }
}
