//! What is kept of one path as it was seen: counts, times, callers, and the shapes of bodies.
//!
//! Invariant: every part is a sum, a minimum, a maximum or a union, so cells of one operation add up in any order.

use std::collections::BTreeMap;

use portcullis_model::observation::{BodyShape, Observation, SegmentKind, Shape};
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::field_set::FieldSet;
use crate::hashes::Hashes;
use crate::schema::Schema;

/// Query parameters and media types kept; the alphabetically first.
const NAMES: usize = 64;

/// What is known of some exchanges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// Exchanges that carried the operation out.
    pub count: u64,
    /// The first and the last time.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// How often each status was answered, failures included.
    pub statuses: BTreeMap<u16, u64>,
    /// How many came from callers that proved who they are.
    pub known: u64,
    /// Query parameters.
    pub query: BTreeMap<SmolStr, Schema>,
    /// Request bodies by media type.
    pub requests: BTreeMap<SmolStr, Body>,
    /// Answers by status and media type (empty where there was no body).
    pub responses: BTreeMap<(u16, SmolStr), Body>,
    /// The operation the contract found for it, if it declares one.
    pub declared: Option<OperationId>,
    callers: Hashes,
    /// The values each part of the path took, in its order.
    values: Vec<(BTreeMap<SegmentKind, u64>, Hashes)>,
    fields: FieldSet,
}

/// Bodies of one media type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Body {
    /// How many.
    pub count: u64,
    /// What they look like, where they were read.
    pub schema: Schema,
}

impl Cell {
    /// The cell of one exchange.
    pub(crate) fn of(observation: &Observation) -> Self {
        let mut cell = Self { count: 1, declared: observation.operation.clone(), ..Self::default() };
        cell.note(observation);
        for (name, shape) in &observation.query {
            cell.query.entry(name.clone()).or_default().fold(shape);
        }
        let body = observation.request_body.iter();
        for body in body.filter(|_| observation.request_bytes > 0) {
            cell.fields.add(">", &body.shape);
            cell.requests.insert(body.media_type.clone(), Body::of(&body.shape));
        }
        cell.take_answer(observation);
        for segment in &observation.segments {
            let mut hashes = Hashes::default();
            hashes.insert(segment.hash);
            cell.values.push((BTreeMap::from([(segment.kind, 1)]), hashes));
        }
        cell
    }

    /// The cell of an exchange that was not carried out: a status and a time.
    pub(crate) fn of_failure(observation: &Observation) -> Self {
        let mut cell = Self::default();
        cell.note(observation);
        cell
    }

    fn note(&mut self, observation: &Observation) {
        self.seen = Some((observation.time, observation.time));
        self.statuses.insert(observation.status, 1);
        self.known = u64::from(observation.known);
        self.callers.insert(observation.caller);
    }

    fn take_answer(&mut self, observation: &Observation) {
        let answer = if let Some(BodyShape { media_type, shape }) = &observation.response_body {
            self.fields.add("<", shape);
            (media_type.clone(), Body::of(shape))
        } else {
            let media_type = observation.response_type.clone().unwrap_or_default();
            (media_type, Body { count: 1, schema: Schema::default() })
        };
        self.responses.insert((observation.status, answer.0), answer.1);
    }

    /// Adds what another holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.seen = match (self.seen, other.seen) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, another) => one.or(another),
        };
        self.known += other.known;
        sum(&mut self.statuses, &other.statuses, |one, another| *one += another);
        sum(&mut self.query, &other.query, Schema::merge);
        sum(&mut self.requests, &other.requests, Body::merge);
        sum(&mut self.responses, &other.responses, Body::merge);
        // A path has one declared operation; over a change of contract the lower id stands, in any order.
        self.declared = match (self.declared.take(), other.declared.clone()) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        self.callers.merge(&other.callers);
        for (at, (kinds, hashes)) in other.values.iter().enumerate() {
            match self.values.get_mut(at) {
                Some((known, sample)) => {
                    sum(known, kinds, |one, another| *one += another);
                    sample.merge(hashes);
                }
                None => self.values.push((kinds.clone(), hashes.clone())),
            }
        }
        self.fields.merge(&other.fields);
    }

    /// Adds failures: their statuses and callers, nothing that would make the operation look different.
    pub(crate) fn merge_failures(&mut self, failures: &Self) {
        sum(&mut self.statuses, &failures.statuses, |one, another| *one += another);
    }

    /// How many callers there were, estimated where they were many.
    pub fn callers(&self) -> u64 {
        self.callers.estimate()
    }

    pub(crate) fn fields(&self) -> &FieldSet {
        &self.fields
    }

    /// What the values at a place of the path look like, and how many distinct ones there were.
    pub(crate) fn values(&self, at: usize) -> (Vec<SegmentKind>, u64) {
        let values = self.values.get(at);
        values.map_or((Vec::new(), 0), |(kinds, hashes)| (kinds.keys().copied().collect(), hashes.estimate()))
    }
}

impl Body {
    fn of(shape: &Shape) -> Self {
        let mut body = Self { count: 1, schema: Schema::default() };
        body.schema.fold(shape);
        body
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.schema.merge(&other.schema);
    }
}

fn sum<K: Ord + Clone, V: Clone>(into: &mut BTreeMap<K, V>, from: &BTreeMap<K, V>, add: impl Fn(&mut V, &V)) {
    for (key, value) in from {
        match into.get_mut(key) {
            Some(known) => add(known, value),
            None => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
    while into.len() > NAMES {
        into.pop_last();
    }
}
