//! What is kept of one path as it was seen: counts, times, callers, and the shapes of bodies.
//!
//! Invariant: every part is a sum, a minimum, a maximum or a union, so cells of one operation add up in any order.

use std::collections::BTreeMap;

use portcullis_model::call::{Call, Spoken, Streams};
use portcullis_model::observation::{BodyShape, Farewell, Observation, SegmentKind, Shape};
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::access::Access;
use crate::buckets::Buckets;
use crate::durable::is_default;
use crate::field_set::FieldSet;
use crate::hashes::Hashes;
use crate::lexicon;
use crate::named_versions::NamedVersions;
use crate::schema::Schema;
use crate::sensitive::Sensitive;
use crate::times::Times;

/// Words of bodies kept; the lowest hashes.
const IDENTIFIERS: usize = 128;
/// Query parameters, media types and the like kept; the alphabetically first.
const NAMES: usize = 64;

/// What is known of some exchanges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// Exchanges looked at that carried the operation out.
    #[serde(skip_serializing_if = "is_default")]
    pub count: u64,
    /// How many exchanges those stand for.
    #[serde(skip_serializing_if = "is_default")]
    pub exchanges: u64,
    /// The first and the last time.
    #[serde(skip_serializing_if = "is_default")]
    pub seen: Option<(Timestamp, Timestamp)>,
    /// How often each status was answered, failures included.
    #[serde(skip_serializing_if = "is_default")]
    pub statuses: BTreeMap<u16, u64>,
    /// How callers said who they are.
    #[serde(skip_serializing_if = "is_default")]
    pub access: Access,
    /// The hosts that were named.
    #[serde(skip_serializing_if = "is_default")]
    pub hosts: BTreeMap<SmolStr, u64>,
    /// Query parameters.
    #[serde(skip_serializing_if = "is_default")]
    pub query: BTreeMap<SmolStr, Schema>,
    /// Header fields of requests, but for those any client sends.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<SmolStr, u64>,
    /// Cookies.
    #[serde(skip_serializing_if = "is_default")]
    pub cookies: BTreeMap<SmolStr, u64>,
    /// Request bodies by media type.
    #[serde(skip_serializing_if = "is_default")]
    pub requests: BTreeMap<SmolStr, Body>,
    /// Answers by status and media type (empty where there was no body).
    #[serde(skip_serializing_if = "is_default")]
    pub responses: BTreeMap<(u16, SmolStr), Body>,
    /// From the first byte in to the last byte out, microseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub latency: Buckets,
    /// Bytes of request bodies.
    #[serde(skip_serializing_if = "is_default")]
    pub request_bytes: Buckets,
    /// Bytes of response bodies.
    #[serde(skip_serializing_if = "is_default")]
    pub response_bytes: Buckets,
    /// The last that answers announced of the end, if they did.
    #[serde(skip_serializing_if = "is_default")]
    pub farewell: Option<Farewell>,
    /// Other ways of speaking than request and answer, and what was seen to stream.
    #[serde(skip_serializing_if = "is_default")]
    pub spoken: BTreeMap<Spoken, Streams>,
    /// Versions named in fields and media types.
    #[serde(skip_serializing_if = "is_default")]
    pub versions: NamedVersions,
    /// What was called by name, where bytes of an earlier version say so; never written.
    #[serde(rename = "calls", skip_serializing)]
    pub(crate) former_calls: BTreeMap<Call, Former>,
    /// Fields of requests and answers that carry sensitive data.
    #[serde(skip_serializing_if = "is_default")]
    pub data: Sensitive,
    /// The operation the contract found for it, if it declares one.
    #[serde(skip_serializing_if = "is_default")]
    pub declared: Option<OperationId>,
    #[serde(skip_serializing_if = "is_default")]
    callers: Hashes,
    /// The values each part of the path took, in its order.
    #[serde(skip_serializing_if = "is_default")]
    values: Vec<(BTreeMap<SegmentKind, u64>, Hashes)>,
    /// Words that fields of its bodies give as names of things, and of those fields the first by name.
    #[serde(skip_serializing_if = "is_default")]
    identifiers: BTreeMap<u64, SmolStr>,
    #[serde(skip_serializing_if = "is_default")]
    fields: FieldSet,
}

/// What an earlier version kept of a call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Former {
    pub(crate) count: u64,
    pub(crate) exchanges: u64,
    pub(crate) seen: Option<(Timestamp, Timestamp)>,
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
        let mut cell = Self { count: 1, exchanges: observation.weight.into(), ..Self::default() };
        cell.note(observation);
        cell.take_request(observation);
        cell.take_answer(observation);
        for segment in &observation.segments {
            let mut hashes = Hashes::default();
            hashes.insert(segment.hash);
            cell.values.push((BTreeMap::from([(segment.kind, 1)]), hashes));
        }
        for identifier in &observation.identifiers {
            cell.add_identifier(identifier.hash, &identifier.field);
        }
        cell.versions = NamedVersions::of(observation);
        let speaking = observation.speaking.iter();
        cell.spoken = speaking.map(|speaking| (speaking.spoken.clone(), speaking.streams)).collect();
        cell
    }

    /// The cell of an exchange that was not carried out: a status, a time and a caller.
    pub(crate) fn of_failure(observation: &Observation) -> Self {
        let mut cell = Self::default();
        cell.note(observation);
        cell
    }

    fn note(&mut self, observation: &Observation) {
        self.seen = Some((observation.time, observation.time));
        self.statuses.insert(observation.status, observation.weight.into());
        self.callers.insert(observation.caller);
    }

    fn take_request(&mut self, observation: &Observation) {
        self.declared.clone_from(&observation.operation);
        self.access = Access::of(observation);
        self.hosts.insert(observation.host.clone(), 1);
        for (name, shape) in &observation.query {
            self.query.entry(name.clone()).or_default().fold(shape);
        }
        let telling = observation.headers.iter().filter(|name| !lexicon::is_usual_header(name));
        self.headers = telling.map(|name| (name.clone(), 1)).collect();
        self.cookies = observation.cookies.iter().map(|name| (name.clone(), 1)).collect();
        self.request_bytes.add(observation.request_bytes);
        let body = observation.request_body.iter();
        for body in body.filter(|_| observation.request_bytes > 0) {
            self.fields.add(">", &body.shape);
            self.requests.insert(body.media_type.clone(), Body::of(&body.shape));
        }
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
        self.latency.add(observation.duration_us);
        self.response_bytes.add(observation.response_bytes);
        self.farewell = observation.farewell;
        self.data = Sensitive::of(&observation.data);
    }

    /// Adds what another holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.exchanges += other.exchanges;
        let mut seen = Times { count: 0, seen: self.seen };
        seen.merge(Times { count: 0, seen: other.seen });
        self.seen = seen.seen;
        self.merge_counts(other);
        sum(&mut self.query, &other.query, Schema::merge);
        sum(&mut self.requests, &other.requests, Body::merge);
        sum(&mut self.responses, &other.responses, Body::merge);
        self.versions.merge(&other.versions);
        sum(&mut self.spoken, &other.spoken, |one, another| one.merge(*another));
        self.latency.merge(&other.latency);
        self.request_bytes.merge(&other.request_bytes);
        self.response_bytes.merge(&other.response_bytes);
        self.farewell = self.farewell.max(other.farewell);
        self.data.merge(&other.data);
        // A path has one declared operation; over a change of contract the lower id stands, in any order.
        self.declared = match (self.declared.take(), other.declared.clone()) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        self.callers.merge(&other.callers);
        self.merge_values(other);
        self.fields.merge(&other.fields);
    }

    fn merge_counts(&mut self, other: &Self) {
        let add = |one: &mut u64, another: &u64| *one += another;
        sum(&mut self.statuses, &other.statuses, add);
        sum(&mut self.hosts, &other.hosts, add);
        sum(&mut self.headers, &other.headers, add);
        sum(&mut self.cookies, &other.cookies, add);
        self.access.merge(&other.access);
    }

    fn merge_values(&mut self, other: &Self) {
        for (at, (kinds, hashes)) in other.values.iter().enumerate() {
            match self.values.get_mut(at) {
                Some((known, sample)) => {
                    sum(known, kinds, |one, another| *one += another);
                    sample.merge(hashes);
                }
                None => self.values.push((kinds.clone(), hashes.clone())),
            }
        }
        for (hash, field) in &other.identifiers {
            self.add_identifier(*hash, field);
        }
    }

    fn add_identifier(&mut self, hash: u64, field: &SmolStr) {
        let known = self.identifiers.entry(hash).or_insert_with(|| field.clone());
        if field < known {
            known.clone_from(field);
        }
        while self.identifiers.len() > IDENTIFIERS {
            self.identifiers.pop_last();
        }
    }

    /// Adds failures: their statuses and callers, nothing that would make the operation look different.
    pub(crate) fn merge_failures(&mut self, failures: &Self) {
        sum(&mut self.statuses, &failures.statuses, |one, another| *one += another);
    }

    /// How many callers there were, estimated where they were many.
    pub fn callers(&self) -> u64 {
        self.callers.estimate()
    }

    /// Words its bodies give as names of things, and the fields that do.
    pub(crate) fn identifiers(&self) -> &BTreeMap<u64, SmolStr> {
        &self.identifiers
    }

    /// The hash of what stands at a place of the path, the lowest where there were several.
    pub(crate) fn hash(&self, at: usize) -> Option<u64> {
        self.hashes(at).next()
    }

    /// A sample of the hashes of what stood there.
    pub(crate) fn hashes(&self, at: usize) -> impl Iterator<Item = u64> {
        self.values.get(at).into_iter().flat_map(|(_, hashes)| hashes.iter())
    }

    pub(crate) fn fields(&self) -> &FieldSet {
        &self.fields
    }

    /// How often the values at a place of the path looked like what.
    pub(crate) fn kinds(&self, at: usize) -> Option<&BTreeMap<SegmentKind, u64>> {
        self.values.get(at).map(|(kinds, _)| kinds)
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

pub(crate) fn sum<K: Ord + Clone, V: Clone>(
    into: &mut BTreeMap<K, V>,
    from: &BTreeMap<K, V>,
    add: impl Fn(&mut V, &V),
) {
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
