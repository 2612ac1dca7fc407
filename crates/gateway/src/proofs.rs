//! Tokens that were verified under the policy in force.
//!
//! Invariants: bounded; those used last stay longest; only tokens that were found valid are here, so that strangers cannot
//! push callers out. A policy, and with it its keys, has one of these to itself, so that nothing outlives them.
//! Deliberately absent: when a token ends, which the engine asks at every use.

use std::fmt;
use std::hash::Hash;
use std::mem;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_engine::{ProofKey, Proofs, Proven};

/// Parts that are locked apart from one another.
const SHARDS: usize = 16;

/// Tokens a part keeps at most, half of them not used of late: some thirty thousand in all.
const MOST: usize = 2048;

/// See the module.
#[derive(Default)]
pub(crate) struct KeptProofs {
    /// By keys that are hashes already, under a secret that nobody outside knows.
    shards: [Mutex<Shard<ProofKey, Proven>>; SHARDS],
}

/// Where the recent ones fill their half, they become the former ones, and those that were former are forgotten.
pub(crate) struct Shard<K, V> {
    recent: HashMap<K, V, foldhash::fast::RandomState>,
    former: HashMap<K, V, foldhash::fast::RandomState>,
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { recent: HashMap::default(), former: HashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Shard<K, V> {
    pub(crate) fn find(&mut self, key: K) -> Option<V> {
        if let Some(value) = self.recent.get(&key) {
            return Some(value.clone());
        }
        let value = self.former.remove(&key)?;
        self.keep(key, value.clone());
        Some(value)
    }

    pub(crate) fn keep(&mut self, key: K, value: V) {
        if self.recent.len() >= MOST / 2 {
            self.former = mem::take(&mut self.recent);
        }
        self.recent.insert(key, value);
    }
}

impl KeptProofs {
    fn shard(&self, key: ProofKey) -> Option<&Mutex<Shard<ProofKey, Proven>>> {
        self.shards.get(key.spread() % SHARDS)
    }
}

impl Proofs for KeptProofs {
    fn find(&self, key: ProofKey) -> Option<Proven> {
        self.shard(key)?.lock().find(key)
    }

    fn keep(&self, key: ProofKey, proven: Proven) {
        if let Some(shard) = self.shard(key) {
            shard.lock().keep(key, proven);
        }
    }
}

impl fmt::Debug for KeptProofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[verified tokens]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut shard = Shard::default();
        shard.keep(0, "used");
        shard.keep(1, "left");
        for key in 2..100 * MOST {
            shard.keep(key, "new");
            assert_eq!(shard.find(0), Some("used"), "after {key} others");
        }
        assert_eq!(shard.find(1), None);
        assert!(shard.recent.len() + shard.former.len() <= MOST);
    }
}
