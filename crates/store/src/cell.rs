//! One key's state, and how each operation changes it.
//!
//! Invariants: a change depends on the state, the operation and the batch's time only; a key used for another
//! kind of operation than before starts afresh; state that has run out counts as absent. It does not know where
//! states are kept.

mod bucket;
mod collection;
mod instant;
mod places;
mod quota;
mod recent;

use std::time::Duration;

use portcullis_model::counter::{Answer, Op};

use crate::distinct::{Added, Distinct};
use bucket::Bucket;
use collection::Collection;
pub(crate) use instant::Instant;
use places::Places;
use quota::Quota;
use recent::Recent;

/// The state of one key.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Bucket(Bucket),
    Places(Places),
    Quota(Box<Quota>),
    Set(Box<Set>),
    /// A nonce and until when it is remembered.
    Nonce(Instant),
    Recent(Box<Recent>),
    Collection(Box<Collection>),
}

/// Different values and until when they are counted.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    values: Distinct,
    until: Instant,
}

impl Cell {
    /// The state an operation starts from where there is none.
    pub(crate) fn fresh(op: &Op) -> Self {
        match op {
            Op::Take { .. } => Self::Bucket(Bucket::default()),
            Op::Acquire { .. } | Op::Release { .. } => Self::Places(Places::default()),
            Op::Quota { window, .. } => Self::Quota(Box::new(Quota::new(*window))),
            Op::Distinct { exact, .. } => {
                Self::Set(Box::new(Set { values: Distinct::new(*exact), until: Instant::PAST }))
            }
            Op::Once { .. } => Self::Nonce(Instant::PAST),
            Op::Recent { .. } => Self::Recent(Box::default()),
            Op::Map { .. } => Self::Collection(Box::default()),
        }
    }

    /// Carries an operation out.
    pub(crate) fn apply(&mut self, op: &Op, now: Instant) -> Answer {
        match (op, &mut *self) {
            (Op::Take { rate, per, burst, cost, .. }, Self::Bucket(bucket)) => {
                bucket.take(now, &bucket::Terms { rate: *rate, per: *per, burst: *burst }, *cost)
            }
            (Op::Acquire { limit, lease, ttl, .. }, Self::Places(places)) => {
                places.acquire(now, *limit, *lease, *ttl)
            }
            (Op::Release { lease, .. }, Self::Places(places)) => places.release(now, *lease),
            (Op::Quota { window, limit, cost, .. }, Self::Quota(quota)) if quota.counts(*window) => {
                quota.add(now, *limit, *cost)
            }
            (Op::Distinct { value, window, exact, .. }, Self::Set(set)) => {
                set.add(now, *value, *window, *exact)
            }
            (Op::Once { window, .. }, Self::Nonce(until)) => {
                let first = now >= *until;
                if first {
                    *until = now.plus(*window);
                }
                Answer::Once { first }
            }
            (Op::Recent { value, keep, ttl, .. }, Self::Recent(recent)) => {
                recent.push(now, *value, *keep, *ttl)
            }
            (Op::Map { change, .. }, Self::Collection(collection)) => collection.change(now, change),
            (op, cell) => {
                *cell = Self::fresh(op);
                cell.apply(op, now)
            }
        }
    }

    /// From when on this state is the same as none.
    pub(crate) fn ends(&self) -> Instant {
        match self {
            Self::Bucket(bucket) => bucket.full_at(),
            Self::Places(places) => places.free_at(),
            Self::Quota(quota) => quota.ends(),
            Self::Set(set) => set.until,
            Self::Nonce(until) => *until,
            Self::Recent(recent) => recent.ends(),
            Self::Collection(collection) => collection.ends(),
        }
    }

    /// Bytes it takes beyond its slot, about.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Bucket(_) | Self::Nonce(_) => 0,
            Self::Places(places) => places.weight(),
            Self::Quota(_) => size_of::<Quota>(),
            Self::Set(set) => size_of::<Set>() + set.values.weight(),
            Self::Recent(recent) => recent.weight(),
            Self::Collection(collection) => collection.weight(),
        }
    }
}

impl Set {
    fn add(&mut self, now: Instant, value: u64, window: Duration, exact: u32) -> Answer {
        if now >= self.until {
            *self = Self { values: Distinct::new(exact), until: now.plus(window) };
        }
        let new = self.values.add(value) == Added::New;
        Answer::Distinct { count: self.values.count(), new, reset: self.until.since(now) }
    }
}
