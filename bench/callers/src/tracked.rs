//! Rate limits of very many callers, in memory.

use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_model::counter::{Batch, CounterKey, Op};
use portcullis_store::{MemoryLimits, MemoryStore, Reply, Store};

/// A store with room for more than is tracked, so that nothing gives way.
pub(crate) struct Tracked(MemoryStore);

impl Tracked {
    pub(crate) fn new() -> Self {
        Self(MemoryStore::new(MemoryLimits { keys: 2_000_000, ..MemoryLimits::default() }))
    }

    /// Counts one request of each of so many callers; how many keys are held then.
    pub(crate) fn count(&mut self, callers: u64) -> usize {
        let now = Timestamp::from_secs(1_800_000_000);
        for caller in 0..callers {
            let op = Op::Take { key: key(caller), rate: 1, per: Duration::from_hours(1), burst: 10, cost: 1 };
            let batch = Batch { now, ops: std::iter::once(op).collect() };
            std::hint::black_box(matches!(self.0.apply(&batch), Reply::Ready(Ok(_))));
        }
        self.0.footprint().keys
    }
}

/// Spread as keyed hashes are.
fn key(caller: u64) -> CounterKey {
    let mixed = |seed: u64| {
        let once = (caller ^ seed).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u128::from(twice ^ (twice >> 31))
    };
    CounterKey((mixed(1 << 40) << 64) | mixed(1 << 41))
}
