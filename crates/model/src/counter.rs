//! The store's vocabulary: one batch of operations in, one batch of answers out, in the same order.
//!
//! Atomic per key. A refused request counts on every limit it touched: every operation of a batch is carried
//! out, whatever the others answer. Time is the batch's, not the store's, so a replay counts as the traffic did.

use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::time::Timestamp;

/// What one state cell is found under: a keyed 128-bit hash over site, limit and the values of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey(pub u128);

/// Operations of one phase of one exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The exchange's time.
    pub now: Timestamp,
    /// What to do, in order.
    pub ops: SmallVec<[Op; 4]>,
}

/// Answers to a [`Batch`], one an operation, in its order.
pub type Answers = SmallVec<[Answer; 4]>;

/// The store could not answer a batch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreFailure {
    /// It did not answer in time.
    #[error("the store did not answer within {0:?}")]
    Timeout(Duration),
    /// It is not reachable or answered something else.
    #[error("the store failed: {0}")]
    Unavailable(SmolStr),
    /// It did not answer, and the node counted by itself.
    #[error("counted on this node alone: {why}")]
    CountedLocally {
        /// The node's own answers to the batch.
        answers: Box<Answers>,
        /// Why the store did not answer.
        why: SmolStr,
    },
}

/// One operation on one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Token bucket by GCRA: admits `rate` per `per` and a burst; answers [`Answer::Take`].
    Take {
        /// The bucket.
        key: CounterKey,
        /// How many units a period gives back.
        rate: u64,
        /// The period.
        per: Duration,
        /// The bucket's capacity.
        burst: u64,
        /// Units this exchange costs.
        cost: u64,
    },
    /// Holds one of `limit` places until released or `ttl` passes; answers [`Answer::Acquire`].
    Acquire {
        /// The semaphore.
        key: CounterKey,
        /// How many may hold it at once.
        limit: u64,
        /// Names the holder for the release.
        lease: u128,
        /// After this the place is free again, released or not.
        ttl: Duration,
    },
    /// Gives a place back; answers [`Answer::Done`].
    Release {
        /// The semaphore.
        key: CounterKey,
        /// The holder.
        lease: u128,
    },
    /// Adds to a quota; answers [`Answer::Quota`].
    Quota {
        /// The quota.
        key: CounterKey,
        /// Its window.
        window: Window,
        /// How much the window allows.
        limit: u64,
        /// What this exchange costs.
        cost: u64,
    },
    /// Adds a value to a set and counts it: exact up to `exact` values, then by HyperLogLog; answers
    /// [`Answer::Distinct`].
    Distinct {
        /// The set.
        key: CounterKey,
        /// A keyed hash of the value.
        value: u64,
        /// The window the set lives for, from its first value.
        window: Duration,
        /// How many values are kept exactly.
        exact: u32,
    },
    /// Remembers a nonce; answers [`Answer::Once`].
    Once {
        /// The nonce, hashed.
        key: CounterKey,
        /// How long it is remembered.
        window: Duration,
    },
    /// Pushes a value on a caller's list of recent ones; answers [`Answer::Recent`].
    Recent {
        /// The list.
        key: CounterKey,
        /// What to push, e.g. a hash of the operation.
        value: u64,
        /// How many are kept.
        keep: u8,
        /// The list is forgotten this long after its last push.
        ttl: Duration,
    },
    /// A change to, or a look at, a persistent collection; answers [`Answer::Map`].
    Map {
        /// The collection.
        key: CounterKey,
        /// What to do with it.
        change: MapChange,
    },
}

impl Op {
    /// The key it is on.
    pub const fn key(&self) -> CounterKey {
        match self {
            Self::Take { key, .. }
            | Self::Acquire { key, .. }
            | Self::Release { key, .. }
            | Self::Quota { key, .. }
            | Self::Distinct { key, .. }
            | Self::Once { key, .. }
            | Self::Recent { key, .. }
            | Self::Map { key, .. } => *key,
        }
    }
}

/// A quota's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// UTC days.
    Day,
    /// UTC calendar months.
    Month,
    /// The last `Duration`, in sixty slices.
    Rolling(Duration),
}

/// A change to a persistent collection (ModSecurity's `initcol`/`setvar`/`expirevar` map onto these).
#[derive(Clone, Debug, PartialEq)]
pub enum MapChange {
    /// Reads every field that has not expired.
    Read,
    /// Sets a field.
    Set {
        /// The field.
        field: SmolStr,
        /// Its value.
        value: SmolStr,
        /// When it is forgotten; never if absent.
        ttl: Option<Duration>,
    },
    /// Adds to a number (absent counts as 0).
    Add {
        /// The field.
        field: SmolStr,
        /// What to add.
        by: i64,
        /// When it is forgotten; unchanged if absent.
        ttl: Option<Duration>,
    },
    /// Sets when a field is forgotten.
    Expire {
        /// The field.
        field: SmolStr,
        /// From now.
        ttl: Duration,
    },
    /// Removes a field.
    Remove {
        /// The field.
        field: SmolStr,
    },
}

/// The answer to one operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `Take`.
    Take {
        /// Whether the cost was taken.
        admitted: bool,
        /// Units left in the bucket.
        remaining: u64,
        /// When a refused cost would be admitted, from now; zero if admitted.
        retry_after: Duration,
        /// When the bucket is full again, from now.
        reset: Duration,
    },
    /// To `Acquire`.
    Acquire {
        /// Whether a place was had.
        admitted: bool,
        /// How many hold one now.
        held: u64,
    },
    /// To `Quota`.
    Quota {
        /// Whether it fitted.
        admitted: bool,
        /// Used within the window, with this cost if it fitted.
        used: u64,
        /// When the window ends (calendar) or its oldest slice leaves (rolling), from now.
        reset: Duration,
    },
    /// To `Distinct`.
    Distinct {
        /// How many different values; exact while small.
        count: u64,
        /// Whether this value was new (once estimated: whether the estimate may have grown).
        new: bool,
        /// When the set is forgotten, from now.
        reset: Duration,
    },
    /// To `Once`.
    Once {
        /// Whether it had not been seen within the window.
        first: bool,
    },
    /// To `Recent`: the values kept, newest first, this one included.
    Recent(SmallVec<[u64; 8]>),
    /// To `Map`: the fields after the change (for `Read` all, else the one changed).
    Map(Vec<(SmolStr, SmolStr)>),
    /// To `Release`.
    Done,
}
