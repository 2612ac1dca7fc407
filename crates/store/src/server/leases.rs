//! Units of a shared rate limit that a node takes ahead, so that a busy key does not cost a trip each time.
//!
//! Invariants: units are taken from the shared bucket before they are given out, so all nodes together never admit more
//! than the bucket gave; a node holds at most one slice of a key, for a bounded time; a key that is not busy, and a
//! limit whose slice would be less than one unit, is counted exactly; what is remembered is bounded. Time is the
//! batch's. It does not know connections.

use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_model::Timestamp;
use portcullis_model::counter::{Answer, Answers, Batch, CounterKey, Op};
use smallvec::SmallVec;

/// How many locks the keys are spread over.
const SHARDS: usize = 16;
/// Keys remembered under each lock; past that what has run out is forgotten, and new keys cost a trip each time.
const KEYS: usize = 4096;

/// How much a node takes ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseTerms {
    /// The part of a limit's burst, between 0 and 1.
    pub share: f64,
    /// How long what was taken may be given out.
    pub hold: Duration,
}

/// What one node holds of each busy key.
#[derive(Debug)]
pub(super) struct Leases {
    terms: LeaseTerms,
    shards: Vec<Mutex<HashMap<CounterKey, Held>>>,
}

/// What a batch gets without a trip, by the place of its operations, and what is to be taken ahead with one.
#[derive(Debug, Default)]
pub(super) struct Given {
    places: SmallVec<[Place; 4]>,
}

/// What one operation gets.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// An answer from what the node holds.
    Answered(Answer),
    /// A trip, which takes so many units ahead; none where it counts exactly.
    Asked { ahead: u64 },
}

/// What a trip wanted to take ahead, and what it got.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    pub(super) wanted: u64,
    pub(super) given: u64,
}

/// A limit's rate, period and burst: what is held under others is of no use.
type Limit = (u64, Duration, u64);

/// What a node knows of one key.
#[derive(Debug)]
struct Held {
    limit: Limit,
    /// When it last cost a trip.
    asked: Timestamp,
    /// Until when another trip is under way that takes units ahead.
    asking: Timestamp,
    /// Units in hand, and when they are no longer given out.
    units: u64,
    until: Timestamp,
    /// What the shared bucket had left when they were taken, and when it is full again.
    remaining: u64,
    full: Timestamp,
    refused: Option<Refusal>,
}

/// What the bucket refused; it stays so until then, whatever other nodes take.
#[derive(Debug)]
struct Refusal {
    cost: u64,
    remaining: u64,
    /// When it would be admitted.
    retry: Timestamp,
    /// Until when that is believed.
    until: Timestamp,
}

impl Given {
    /// Whether the operation at this place was answered.
    pub(super) fn answers(&self, place: usize) -> bool {
        self.answer(place).is_some()
    }

    /// The answer of the operation at this place, where it costs no trip.
    pub(super) fn answer(&self, place: usize) -> Option<&Answer> {
        match self.places.get(place) {
            Some(Place::Answered(answer)) => Some(answer),
            Some(Place::Asked { .. }) | None => None,
        }
    }

    /// How many units the trip takes ahead.
    pub(super) fn ahead(&self, place: usize) -> u64 {
        match self.places.get(place) {
            Some(Place::Asked { ahead }) => *ahead,
            Some(Place::Answered(_)) | None => 0,
        }
    }

    /// All answers, where no operation needs a trip.
    pub(super) fn whole(&self, batch: &Batch) -> Option<Answers> {
        (0..batch.ops.len()).map(|place| self.answer(place).cloned()).collect()
    }
}

impl Leases {
    pub(super) fn new(terms: LeaseTerms) -> Self {
        Self { terms, shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// What the node gives by itself to each operation of a batch.
    pub(super) fn give(&self, batch: &Batch) -> Given {
        Given { places: batch.ops.iter().map(|op| self.place(op, batch.now)).collect() }
    }

    fn place(&self, op: &Op, now: Timestamp) -> Place {
        let exactly = Place::Asked { ahead: 0 };
        let Some((key, limit, cost)) = self.bucket(op) else { return exactly };
        let Some(mut shard) = self.shard(key).map(Mutex::lock) else { return exactly };
        let Some(held) = shard.get_mut(&key).filter(|held| held.limit == limit) else { return exactly };
        if let Some(answer) = held.answer(cost, self.terms.hold, now) {
            return Place::Answered(answer);
        }
        let busy = held.asked <= now && now.since(held.asked) < self.terms.hold;
        held.asked = now;
        if !busy || is_near(held.asking, self.terms.hold, now) {
            return exactly;
        }
        // One trip at a time takes ahead, so that a node never holds more than a slice.
        held.asking = now.plus(self.terms.hold);
        Place::Asked { ahead: self.slice(limit.2) }
    }

    /// Takes in what the server answered to an operation that was asked, with what it gave ahead of what was wanted;
    /// the answer for the exchange.
    pub(super) fn settle(&self, op: &Op, now: Timestamp, answer: Answer, ahead: Ahead) -> Answer {
        let Some((key, limit, cost)) = self.bucket(op) else { return answer };
        let Answer::Take { admitted, remaining, retry_after, reset } = answer else { return answer };
        let hold = self.terms.hold;
        if let Some(mut shard) = self.shard(key).map(Mutex::lock)
            && let Some(held) = entry(&mut shard, key, limit, (hold, now))
        {
            if ahead.wanted > 0 {
                held.asking = now;
            }
            if ahead.given > 0 {
                (held.units, held.until) = (ahead.given, now.plus(hold));
                (held.remaining, held.full) = (remaining, now.plus(reset));
            }
            held.refused = (!admitted).then(|| Refusal {
                cost,
                remaining,
                retry: now.plus(retry_after),
                until: now.plus(retry_after.min(hold)),
            });
        }
        Answer::Take { admitted, remaining: remaining.saturating_add(ahead.given), retry_after, reset }
    }

    /// The bucket an operation is on, where a slice of it is at least a unit.
    fn bucket(&self, op: &Op) -> Option<(CounterKey, Limit, u64)> {
        match op {
            Op::Take { key, rate, per, burst, cost } if self.slice(*burst) > 0 => {
                Some((*key, (*rate, *per, *burst), *cost))
            }
            _ => None,
        }
    }

    /// A slice of this burst, in units.
    #[expect(clippy::cast_sign_loss, reason = "a part of a count")]
    fn slice(&self, burst: u64) -> u64 {
        // Saturates; a share of a burst beyond 2^53 need not be exact.
        (burst as f64 * self.terms.share) as u64
    }

    fn shard(&self, key: CounterKey) -> Option<&Mutex<HashMap<CounterKey, Held>>> {
        self.shards.get((key.0 % SHARDS as u128) as usize)
    }
}

impl Held {
    fn nothing(limit: Limit, now: Timestamp) -> Self {
        Self { limit, asked: now, asking: now, units: 0, until: now, remaining: 0, full: now, refused: None }
    }

    /// The answer to a cost, from units in hand or from a refusal that still stands.
    fn answer(&mut self, cost: u64, hold: Duration, now: Timestamp) -> Option<Answer> {
        let reset = self.full.since(now);
        if cost <= self.units && is_near(self.until, hold, now) {
            self.units -= cost;
            let remaining = self.remaining.saturating_add(self.units);
            return Some(Answer::Take { admitted: true, remaining, retry_after: Duration::ZERO, reset });
        }
        let refused = self.refused.as_ref().filter(|refused| refused.cost == cost)?;
        let retry_after = refused.retry.since(now);
        let answer = Answer::Take {
            admitted: false,
            remaining: refused.remaining,
            retry_after,
            reset: reset.max(retry_after),
        };
        is_near(refused.until, hold, now).then_some(answer)
    }

    fn is_over(&self, hold: Duration, now: Timestamp) -> bool {
        let ends = [self.asked.plus(hold), self.asking, self.until];
        let refused = self.refused.iter().map(|refused| refused.until);
        !ends.into_iter().chain(refused).any(|end| is_near(end, hold, now))
    }
}

/// Whether a time is still to come, and not so far that the clock must have been set back.
fn is_near(end: Timestamp, hold: Duration, now: Timestamp) -> bool {
    now < end && end.since(now) <= hold.saturating_mul(2)
}

/// What is held of a key; nothing where there is no room, also once what has run out is forgotten.
fn entry(
    shard: &mut HashMap<CounterKey, Held>,
    key: CounterKey,
    limit: Limit,
    (hold, now): (Duration, Timestamp),
) -> Option<&mut Held> {
    if shard.len() >= KEYS && !shard.contains_key(&key) {
        shard.retain(|_, held| !held.is_over(hold, now));
        if shard.len() >= KEYS {
            return None;
        }
    }
    let held = shard.entry(key).or_insert_with(|| Held::nothing(limit, now));
    if held.limit != limit {
        *held = Held::nothing(limit, now);
    }
    Some(held)
}
