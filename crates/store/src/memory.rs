//! The store in the node's own memory: sharded, bounded, never waiting.
//!
//! Invariants: an operation locks one shard, for well under a microsecond; keys and bytes are bounded, and what
//! has been idle longest gives way first; a key used for another kind of operation starts afresh. It does not
//! outlive the process, except for bans (see [`BanBook::snapshot`]).

mod shard;

use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_model::counter::{Answer, Batch, Op};
use portcullis_model::{Ban, BanKey, BanView, Timestamp};

use crate::backend::{Reply, Store};
use crate::bans::BanBook;
use crate::cell::Instant;
use shard::Shard;

/// How many locks the keys are spread over.
const SHARDS: usize = 64;

/// How much a [`MemoryStore`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Keys of all kinds together.
    pub keys: usize,
    /// Bytes their contents may take, beyond the key table itself.
    pub bytes: usize,
    /// Bans.
    pub bans: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { keys: 1_000_000, bytes: 256 << 20, bans: 100_000 }
    }
}

/// What a [`MemoryStore`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Keys of all kinds together.
    pub keys: usize,
    /// Bytes of their contents.
    pub bytes: usize,
    /// Keys that gave way since the start because a bound was reached, before they had run out.
    pub evicted: u64,
    /// Bans that gave way since the start because there were too many.
    pub bans_evicted: u64,
}

/// Shared state of one node.
#[derive(Debug)]
pub struct MemoryStore {
    shards: Vec<Mutex<Shard>>,
    bans: Arc<BanBook>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: MemoryLimits) -> Self {
        let shards = SHARDS.min(limits.keys.max(1));
        let shard = || Mutex::new(Shard::new(limits.keys / shards, limits.bytes / shards));
        Self {
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            bans: Arc::new(BanBook::new(limits.bans)),
        }
    }

    /// The bans, to be written down and restored over a restart.
    pub fn ban_book(&self) -> &Arc<BanBook> {
        &self.bans
    }

    /// What it holds now.
    pub fn footprint(&self) -> Footprint {
        let mut footprint = Footprint { bans_evicted: self.bans.evicted(), ..Footprint::default() };
        for shard in &self.shards {
            let shard = shard.lock();
            footprint.keys += shard.keys();
            footprint.bytes += shard.bytes();
            footprint.evicted += shard.evicted();
        }
        footprint
    }

    /// Forgets what has run out by `now`, to be called now and then; how many keys and bans.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let keys: usize = self.shards.iter().map(|shard| shard.lock().sweep(now.into())).sum();
        keys + self.bans.sweep(now)
    }

    fn apply_one(&self, op: &Op, now: Instant) -> Answer {
        let key = op.key();
        let place = (key.0 >> 96) as usize ^ key.0 as usize;
        match self.shards.get(place % self.shards.len()) {
            Some(shard) => shard.lock().apply(key, op, now),
            None => Answer::Done,
        }
    }
}

impl Store for MemoryStore {
    fn apply<'a>(&'a self, batch: &'a Batch) -> Reply<'a> {
        let now = Instant::from(batch.now);
        Reply::Ready(Ok(batch.ops.iter().map(|op| self.apply_one(op, now)).collect()))
    }

    fn ban(&self, ban: Ban) {
        self.bans.set(self.bans.grown(ban));
    }

    fn unban(&self, key: &BanKey, site: Option<&str>, now: Timestamp) -> bool {
        self.bans.pardon(key, site, now)
    }

    fn bans(&self, now: Timestamp) -> Vec<Ban> {
        self.bans.list(now)
    }

    fn ban_view(&self) -> Arc<dyn BanView + Send + Sync> {
        self.bans.clone()
    }
}

#[cfg(test)]
mod tests;
