//! Calls by name: what is known of each procedure that shares a path with others.
//!
//! A call is kept in a stratum of its path, its protocol and the kind of answer it got, as paths are: names that are made
//! up and answered all alike fill one stratum of a fixed size, and push out no call that answers otherwise.
//!
//! Invariants: folding is sums, minima, maxima and the lowest of keyed hashes; what the answer refuses makes no call, it
//! only counts for one that is known.

use std::collections::BTreeMap;

use portcullis_model::Timestamp;
use portcullis_model::call::{Call, CallOutcome, MadeCall};
use portcullis_model::observation::Observation;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::access::Access;
use crate::durable::is_default;
use crate::field_set::FieldSet;
use crate::fold::{HashKey, Rank};
use crate::hashes::Hashes;
use crate::lexicon::{self, Look};
use crate::lowest::Lowest;
use crate::path::{Key, Part};
use crate::schema::Schema;
use crate::times::Times;

/// Strata, and calls of one; as many strata again of calls that failed.
const STRATA: usize = 512;
const CALLS: usize = 128;
/// Names kept that clients gave to operations, and of types.
const CLIENT_NAMES: usize = 16;
const TYPES: usize = 64;

type Stratum = Lowest<Rank, (Key, Call, CallFacts)>;

/// Every call of a site, by where it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    answered: Lowest<Rank, Stratum>,
    failed: Lowest<Rank, Stratum>,
}

/// What is known of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallFacts {
    /// Exchanges looked at that carried it out.
    pub count: u64,
    /// How many exchanges those stand for.
    pub exchanges: u64,
    /// How many exchanges refused it.
    #[serde(skip_serializing_if = "is_default")]
    pub failures: u64,
    /// The first and the last time it was carried out.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// How callers said who they are.
    #[serde(skip_serializing_if = "is_default")]
    pub access: Access,
    /// What is handed over.
    #[serde(skip_serializing_if = "is_default")]
    pub arguments: Schema,
    /// What is answered.
    #[serde(skip_serializing_if = "is_default")]
    pub answer: Schema,
    #[serde(skip_serializing_if = "is_default")]
    callers: Hashes,
    /// By keyed hash.
    #[serde(skip_serializing_if = "is_default")]
    client_names: BTreeMap<u64, SmolStr>,
    /// By keyed hash.
    #[serde(skip_serializing_if = "is_default")]
    types: BTreeMap<u64, SmolStr>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { answered: Lowest::new(STRATA), failed: Lowest::new(STRATA) }
    }
}

/// Whether a call was met before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Met {
    Before,
    First,
}

impl Calls {
    /// Folds the calls of one exchange in.
    pub(crate) fn fold(&mut self, observation: &Observation, key: &Key, hashes: HashKey) -> Met {
        let mut met = Met::Before;
        for made in &observation.calls {
            let facts = CallFacts::of(made, observation, hashes);
            met = met.max(self.keep(made, facts, key, hashes));
        }
        met
    }

    fn keep(&mut self, made: &MadeCall, facts: CallFacts, key: &Key, hashes: HashKey) -> Met {
        let strata = match made.outcome {
            CallOutcome::Answered => &mut self.answered,
            CallOutcome::Failed => &mut self.failed,
        };
        let mut fields = FieldSet::default();
        if let Some(answer) = &made.answer {
            fields.add("<", answer);
        }
        let stratum = (values(key), hashes.hash(&(key, made.call.protocol, fields.lowest())));
        let rank = (u8::from(is_value(&made.call.name)), hashes.hash(&(key, &made.call)));
        let holds = |strata: &Lowest<Rank, Stratum>| {
            strata.get(&stratum).is_some_and(|kept| kept.get(&rank).is_some())
        };
        let was_known = holds(strata);
        strata.join(stratum, one(rank, (key.clone(), made.call.clone(), facts)), merge_strata);
        let is_new = made.outcome == CallOutcome::Answered && !was_known && holds(strata);
        if is_new { Met::First } else { Met::Before }
    }

    /// Takes up a call as it was kept when calls were parts of their path.
    pub(crate) fn take_up(&mut self, key: &Key, call: Call, facts: CallFacts, hashes: HashKey) {
        let stratum = (values(key), hashes.hash(&(key, call.protocol, FieldSet::default().lowest())));
        let rank = (u8::from(is_value(&call.name)), hashes.hash(&(key, &call)));
        self.answered.join(stratum, one(rank, (key.clone(), call, facts)), merge_strata);
    }

    /// Adds what was learned elsewhere.
    pub(crate) fn merge(&mut self, other: Self) {
        self.answered.merge(other.answered, merge_strata);
        self.failed.merge(other.failed, merge_strata);
    }

    /// Bounds what was read back.
    pub(crate) fn within_bounds(self) -> Self {
        let bound = |strata: Lowest<Rank, Stratum>| {
            strata.within(STRATA).map(|stratum: Stratum| stratum.within(CALLS))
        };
        Self { answered: bound(self.answered), failed: bound(self.failed) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.answered.len() == 0 && self.failed.len() == 0
    }

    /// Whether calls had to be left out.
    pub(crate) fn is_full(&self) -> bool {
        self.answered.is_full() || self.answered.values().any(Lowest::is_full)
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.answered.values().chain(self.failed.values()).map(Lowest::len).sum()
    }

    /// Every call that was carried out, by the path it was made on, with how often it failed.
    pub(crate) fn by_path(&self) -> BTreeMap<&Key, BTreeMap<&Call, CallFacts>> {
        let mut all: BTreeMap<&Key, BTreeMap<&Call, CallFacts>> = BTreeMap::new();
        for (key, call, facts) in self.answered.values().flat_map(Lowest::values) {
            all.entry(key).or_default().entry(call).or_default().merge(facts);
        }
        for (key, call, facts) in self.failed.values().flat_map(Lowest::values) {
            if let Some(known) = all.get_mut(key).and_then(|calls| calls.get_mut(call)) {
                known.failures += facts.failures;
            }
        }
        all
    }
}

impl CallFacts {
    fn of(made: &MadeCall, observation: &Observation, hashes: HashKey) -> Self {
        if made.outcome == CallOutcome::Failed {
            return Self { failures: observation.weight.into(), ..Self::default() };
        }
        let mut facts = Self {
            count: 1,
            exchanges: observation.weight.into(),
            seen: Some((observation.time, observation.time)),
            access: Access::of(observation),
            ..Self::default()
        };
        facts.callers.insert(observation.caller);
        if let Some(arguments) = &made.arguments {
            facts.arguments.fold(arguments);
        }
        if let Some(answer) = &made.answer {
            facts.answer.fold(answer);
        }
        if let Some(name) = &made.client_name {
            facts.client_names.insert(hashes.hash(name), name.clone());
        }
        facts.types = made.types.iter().map(|name| (hashes.hash(name), name.clone())).collect();
        facts
    }

    /// What was kept of a call when calls were parts of their path.
    pub(crate) fn former(count: u64, exchanges: u64, seen: Option<(Timestamp, Timestamp)>) -> Self {
        Self { count, exchanges, seen, ..Self::default() }
    }

    /// Adds what another holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.exchanges += other.exchanges;
        self.failures += other.failures;
        let mut seen = Times { count: 0, seen: self.seen };
        seen.merge(Times { count: 0, seen: other.seen });
        self.seen = seen.seen;
        self.access.merge(&other.access);
        self.arguments.merge(&other.arguments);
        self.answer.merge(&other.answer);
        self.callers.merge(&other.callers);
        join_names(&mut self.client_names, &other.client_names, CLIENT_NAMES);
        join_names(&mut self.types, &other.types, TYPES);
    }

    /// How many callers there were, estimated where they were many.
    pub fn callers(&self) -> u64 {
        self.callers.estimate()
    }

    /// Names that clients gave to the operation (GraphQL), in their order; of many some.
    pub fn client_names(&self) -> Vec<&SmolStr> {
        in_order(&self.client_names)
    }

    /// Types of the schema that requests name (GraphQL), in their order; of many some.
    pub fn types(&self) -> Vec<&SmolStr> {
        in_order(&self.types)
    }
}

/// Those of both with the lowest hashes.
fn join_names(names: &mut BTreeMap<u64, SmolStr>, others: &BTreeMap<u64, SmolStr>, most: usize) {
    for (hash, name) in others {
        names.entry(*hash).or_insert_with(|| name.clone());
    }
    while names.len() > most {
        names.pop_last();
    }
}

fn in_order(names: &BTreeMap<u64, SmolStr>) -> Vec<&SmolStr> {
    let mut names: Vec<&SmolStr> = names.values().collect();
    names.sort_unstable();
    names
}

fn one(rank: Rank, kept: (Key, Call, CallFacts)) -> Stratum {
    let mut stratum = Lowest::new(CALLS);
    stratum.join(rank, kept, |_, _| ());
    stratum
}

fn merge_strata(into: &mut Stratum, from: Stratum) {
    into.merge(from, |(_, _, known), (_, _, facts)| known.merge(&facts));
}

/// Paths of names alone keep their place first: nobody makes up a path that is answered and looks like that.
fn values(key: &Key) -> u8 {
    let is_named = |part: &Part| matches!(part, Part::Word(word) if lexicon::look(word) != Look::Value);
    key.path.iter().filter(|part| !is_named(part)).count().min(3) as u8
}

/// Whether the last word of a call's name looks made up.
fn is_value(name: &str) -> bool {
    let last = name.rsplit([' ', '.', '/', ':', '#']).next().unwrap_or_default();
    lexicon::look(last) == Look::Value
}
