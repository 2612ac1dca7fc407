//! Versions of one operation that exchanges name in fields and media types.
//!
//! Invariants: sums, minima, maxima and the lowest of keyed hashes; what an answer vouches for has room of its own, so that
//! versions which clients make up push out none.

use std::collections::BTreeMap;

use portcullis_model::Timestamp;
use portcullis_model::observation::Observation;
use portcullis_model::version::{NamedBy, NamedVersion};
use serde::{Deserialize, Serialize};

use crate::hashes::Hashes;
use crate::times::Times;

/// Versions kept that answers vouch for, and as many again that requests alone name.
const MOST: usize = 24;
/// Exchanges that must have asked for a version that no answer vouches for before it is more than somebody's guess.
const ENOUGH: u64 = 3;

type Kept = BTreeMap<u64, (NamedVersion, VersionFacts)>;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NamedVersions {
    vouched: Kept,
    asked: Kept,
}

/// What is known of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionFacts {
    /// Exchanges looked at.
    pub count: u64,
    /// How many exchanges those stand for.
    pub exchanges: u64,
    /// The first and the last time.
    pub seen: Option<(Timestamp, Timestamp)>,
    callers: Hashes,
}

impl NamedVersions {
    pub(crate) fn of(observation: &Observation) -> Self {
        let mut versions = Self::default();
        for seen in &observation.versions {
            let mut facts = VersionFacts {
                count: 1,
                exchanges: observation.weight.into(),
                seen: Some((observation.time, observation.time)),
                callers: Hashes::default(),
            };
            facts.callers.insert(observation.caller);
            let kept = match seen.by {
                NamedBy::Answer => &mut versions.vouched,
                NamedBy::Request => &mut versions.asked,
            };
            kept.insert(seen.hash, (seen.named.clone(), facts));
        }
        versions
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        merge(&mut self.vouched, &other.vouched);
        merge(&mut self.asked, &other.asked);
    }

    /// Every version that is more than a guess, with what is known of it.
    pub fn all(&self) -> BTreeMap<&NamedVersion, VersionFacts> {
        let mut all: BTreeMap<&NamedVersion, VersionFacts> = BTreeMap::new();
        for (named, facts) in self.vouched.values().chain(self.asked.values()) {
            all.entry(named).or_default().merge(facts);
        }
        let is_vouched = |named: &NamedVersion| self.vouched.values().any(|(known, _)| known == named);
        all.retain(|named, facts| facts.count >= ENOUGH || is_vouched(named));
        all
    }
}

impl VersionFacts {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.exchanges += other.exchanges;
        let mut seen = Times { count: 0, seen: self.seen };
        seen.merge(Times { count: 0, seen: other.seen });
        self.seen = seen.seen;
        self.callers.merge(&other.callers);
    }

    /// How many callers there were, estimated where they were many.
    pub fn callers(&self) -> u64 {
        self.callers.estimate()
    }
}

fn merge(into: &mut Kept, from: &Kept) {
    for (hash, (named, facts)) in from {
        into.entry(*hash).or_insert_with(|| (named.clone(), VersionFacts::default())).1.merge(facts);
    }
    while into.len() > MOST {
        into.pop_last();
    }
}
