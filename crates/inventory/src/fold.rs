//! The state of learning: cells of paths, in strata of bounded size.
//!
//! A stratum holds paths of one method, one length and one kind of answer. A flood of made-up paths therefore fills the
//! strata its answers fall into and no others; within one, what looks like a name stays before what looks like a value,
//! and then the lowest keyed hashes stay. Nothing depends on what came first.
//!
//! Invariants: `fold(a ++ b) == fold(a).merge(fold(b)) == fold(b).merge(fold(a))`; at most [`Limits`] are kept.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use foldhash::quality::FixedState;
use portcullis_model::observation::Observation;
use portcullis_model::{OperationId, Timestamp};
use smol_str::SmolStr;

use crate::calls::{Calls, Met};
use crate::cell::Cell;
use crate::decision::{Decisions, Ruling, Spot};
use crate::example::Examples;
use crate::lexicon::{self, Look};
use crate::lowest::Lowest;
use crate::path::{Key, Part};
use crate::traffic::{self, Traffic};
use crate::watching::{Watched, Watching};

/// Former ids that are kept.
const ALIASES: usize = 4096;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Paths of one method, length and kind of answer.
    pub paths: usize,
    /// Strata of paths that were answered, and as many again of paths that failed.
    pub strata: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { paths: 256, strata: 4096 }
    }
}

/// What keeps its place first: few values among the words, then the lowest hash.
pub(crate) type Rank = (u8, u64);
pub(crate) type Stratum = Lowest<Rank, (Key, Cell)>;

/// The strata of one kind of traffic.
pub(crate) type Strata = Lowest<u64, Stratum>;

/// Everything learned of one site.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub(crate) site: SmolStr,
    pub(crate) hashes: HashKey,
    pub(crate) limits: Limits,
    pub(crate) answered: Strata,
    pub(crate) failed: Strata,
    /// What was called by name.
    pub(crate) calls: Calls,
    /// Exchanges by what they were.
    pub(crate) folded: BTreeMap<Traffic, u64>,
    /// What people decided about templates.
    pub(crate) decisions: Decisions,
    /// Operations that people do not want to hear of.
    pub(crate) watched: Watched,
    /// Exchanges that show how traffic differs from the contract.
    pub(crate) examples: Examples,
    /// Ids that operations had before, and the ids they went over into; the later stands.
    pub(crate) aliases: BTreeMap<OperationId, (Timestamp, OperationId)>,
}

/// What folding one exchange did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// It carried something out on a path, or by a name, that was not known or that answered otherwise until now: what
    /// the inventory says may have changed.
    New,
    /// It counts for a path that is known, or was left out.
    Known,
    /// It says nothing of any operation.
    Nothing,
}

/// The key of the hashes; equal keys hash alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HashKey(pub(crate) u64);

impl Fold {
    /// Nothing learned yet. Nodes that are to merge what they learn share `key`, which nobody else may know.
    pub fn new(site: impl Into<SmolStr>, key: u64, limits: Limits) -> Self {
        Self {
            site: site.into(),
            hashes: HashKey(key),
            limits,
            answered: Lowest::new(limits.strata),
            failed: Lowest::new(limits.strata),
            calls: Calls::default(),
            folded: BTreeMap::new(),
            decisions: Decisions::default(),
            watched: Watched::default(),
            examples: Examples::default(),
            aliases: BTreeMap::new(),
        }
    }

    /// The site it is of.
    pub fn site(&self) -> &SmolStr {
        &self.site
    }

    /// Folds one exchange of the site in.
    pub fn fold(&mut self, observation: &Observation) -> Folded {
        let traffic = traffic::of(observation);
        *self.folded.entry(traffic).or_default() += 1;
        let key = Key::of(observation);
        match traffic {
            Traffic::Operation => {
                let met = self.calls.fold(observation, &key, self.hashes);
                let folded = self.keep(Cell::of(observation), key);
                if met == Met::First { Folded::New } else { folded }
            }
            Traffic::Failure => {
                self.keep_failure(Cell::of_failure(observation), key);
                Folded::Known
            }
            Traffic::Probe | Traffic::Page => Folded::Nothing,
        }
    }

    fn keep(&mut self, cell: Cell, key: Key) -> Folded {
        let stratum = self.hash(&(&key.method, key.path.len(), cell.fields().lowest()));
        let (rank, most) = (self.rank(&key), self.limits.paths);
        let holds = |strata: &Strata| strata.get(&stratum).is_some_and(|kept| kept.get(&rank).is_some());
        let was_known = holds(&self.answered);
        self.answered.join(stratum, one(rank, key, cell, most), merge_strata);
        if !was_known && holds(&self.answered) { Folded::New } else { Folded::Known }
    }

    fn keep_failure(&mut self, cell: Cell, key: Key) {
        let stratum = self.hash(&(&key.method, key.path.len()));
        let (rank, most) = (self.rank(&key), self.limits.paths);
        self.failed.join(stratum, one(rank, key, cell, most), merge_strata);
    }

    fn rank(&self, key: &Key) -> Rank {
        let look = |part: &Part| match part {
            Part::Word(word) => lexicon::look(word),
            Part::Value { .. } => Look::Open,
        };
        let values = key.path.iter().filter(|part| look(part) == Look::Value).count();
        let is_named = key.path.last().is_some_and(|last| look(last) == Look::Name);
        let tier = if is_named { 0 } else { 1 + values.min(3) };
        (tier as u8, self.hash(key))
    }

    pub(crate) fn hash(&self, value: &impl Hash) -> u64 {
        self.hashes.hash(value)
    }

    /// Adds what another node learned of the same site from other exchanges.
    pub fn merge(&mut self, other: Self) {
        self.answered.merge(other.answered, merge_strata);
        self.failed.merge(other.failed, merge_strata);
        self.calls.merge(other.calls);
        self.decisions.merge(other.decisions);
        self.watched.merge(other.watched);
        self.examples.merge(other.examples);
        for (old, (at, new)) in other.aliases {
            self.remember(old, new, at);
        }
        for (traffic, count) in other.folded {
            *self.folded.entry(traffic).or_default() += count;
        }
    }

    /// A person's decision on a template: it is remembered, and evidence does not undo it.
    pub fn decide(&mut self, spot: Spot, ruling: Ruling, at: Timestamp) {
        self.decisions.decide(spot, ruling, at);
    }

    /// A person's word on whether an operation is to be heard of; the later one stands.
    pub fn watch(&mut self, operation: OperationId, watching: Watching, at: Timestamp) {
        self.watched.say(operation, watching, at);
    }

    /// Remembers what an exchange shows of differences from the contract.
    pub fn exemplify(&mut self, examples: Examples) {
        self.examples.merge(examples);
    }

    /// Every decision.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Remembers that an operation's id went over into another, see [`Inventory::successors`](crate::Inventory::successors).
    pub fn remember(&mut self, old: OperationId, new: OperationId, at: Timestamp) {
        let known = self.aliases.entry(old).or_insert_with(|| (at, new.clone()));
        if *known < (at, new.clone()) {
            *known = (at, new);
        }
        while self.aliases.len() > ALIASES {
            self.aliases.pop_last();
        }
    }

    /// How many exchanges were folded, by what they were: `operation`, `failure`, `probe`, `page`.
    pub fn folded(&self) -> BTreeMap<&'static str, u64> {
        self.folded.iter().map(|(traffic, count)| (traffic.name(), *count)).collect()
    }

    /// Whether nothing was folded.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
            && self.decisions.is_empty()
            && self.watched.is_empty()
            && self.aliases.is_empty()
    }

    /// How many paths are kept.
    pub fn paths(&self) -> usize {
        self.answered.values().chain(self.failed.values()).map(Lowest::len).sum()
    }

    /// How many calls by name are kept.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Whether calls by name had to be left out.
    pub fn is_full_of_calls(&self) -> bool {
        self.calls.is_full()
    }

    /// Whether paths had to be left out.
    pub fn is_full(&self) -> bool {
        self.answered.is_full() || self.answered.values().any(Lowest::is_full)
    }

    /// Every path that was answered, the strata put together.
    pub(crate) fn answered(&self) -> BTreeMap<Key, Cell> {
        gather(&self.answered)
    }

    /// Every path that failed.
    pub(crate) fn failed(&self) -> BTreeMap<Key, Cell> {
        gather(&self.failed)
    }
}

impl HashKey {
    pub(crate) fn hash(self, value: &impl Hash) -> u64 {
        FixedState::with_seed(self.0).hash_one(value)
    }
}

fn gather(strata: &Lowest<u64, Stratum>) -> BTreeMap<Key, Cell> {
    let mut all: BTreeMap<Key, Cell> = BTreeMap::new();
    for (key, cell) in strata.values().flat_map(Lowest::values) {
        match all.get_mut(key) {
            Some(known) => known.merge(cell),
            None => {
                all.insert(key.clone(), cell.clone());
            }
        }
    }
    all
}

fn one(rank: Rank, key: Key, cell: Cell, most: usize) -> Stratum {
    let mut stratum = Lowest::new(most);
    stratum.join(rank, (key, cell), |_, _| ());
    stratum
}

fn merge_strata(into: &mut Stratum, from: Stratum) {
    into.merge(from, |(_, known), (_, cell)| known.merge(&cell));
}

impl Traffic {
    const fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Failure => "failure",
            Self::Probe => "probe",
            Self::Page => "page",
        }
    }
}
