//! How often something was, and between when.
//!
//! Invariant: a sum, a minimum and a maximum; so order does not matter.

use portcullis_model::Timestamp;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How often.
    pub count: u64,
    /// The first and the last time.
    pub seen: Option<(Timestamp, Timestamp)>,
}

impl Times {
    /// Once.
    pub(crate) const fn at(time: Timestamp) -> Self {
        Self { count: 1, seen: Some((time, time)) }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.seen = match (self.seen, other.seen) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, another) => one.or(another),
        };
    }

    /// The first time.
    pub fn first(&self) -> Option<Timestamp> {
        self.seen.map(|(first, _)| first)
    }

    /// The last time.
    pub fn last(&self) -> Option<Timestamp> {
        self.seen.map(|(_, last)| last)
    }
}
