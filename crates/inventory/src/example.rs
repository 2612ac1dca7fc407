//! For each way in which traffic differs from a contract, one exchange that shows it.
//!
//! Invariants: the latest exchange is the example, and where too many differ the first by name stay, so the order of traffic
//! does not matter; an example names an event and a time, nobody and no value.

use std::collections::BTreeMap;

use portcullis_contract::Contract;
use portcullis_model::observation::Observation;
use portcullis_model::{EventId, OperationId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::drift::{self, Drift, DriftKind};
use crate::traffic::{self, Traffic};

/// Operations that have examples, and examples of one.
const MOST: (usize, usize) = (1024, 64);

/// An exchange that shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Example {
    /// When it was.
    pub time: Timestamp,
    /// Its event, if that was kept.
    pub event: EventId,
}

/// The latest example of every difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Examples(BTreeMap<OperationId, BTreeMap<(DriftKind, String), Example>>);

impl Examples {
    /// What one exchange shows by itself.
    pub fn of(observation: &Observation, contract: &Contract) -> Self {
        let mut examples = Self::default();
        let declared = observation.operation.as_ref().and_then(|id| contract.operation(id));
        let (Some(declared), Some(facts)) = (declared, facts(observation)) else { return examples };
        let example = Example { time: observation.time, event: observation.id };
        for shown in drift::of(&facts, declared) {
            if shown.kind != DriftKind::NeverSeen {
                let of_operation = examples.0.entry(declared.id.clone()).or_default();
                of_operation.insert((shown.kind, shown.place), example);
            }
        }
        examples
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (operation, shown) in other.0 {
            let known = self.0.entry(operation).or_default();
            for (what, example) in shown {
                let latest = known.entry(what).or_insert(example);
                *latest = (*latest).max(example);
            }
            while known.len() > MOST.1 {
                known.pop_last();
            }
        }
        while self.0.len() > MOST.0 {
            self.0.pop_last();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The example of a difference.
    pub(crate) fn find(&self, operation: &OperationId, drift: &Drift) -> Option<Example> {
        self.0.get(operation)?.get(&(drift.kind, drift.place.clone())).copied()
    }
}

/// The exchange as the only one there was.
fn facts(observation: &Observation) -> Option<Cell> {
    match traffic::of(observation) {
        Traffic::Operation => Some(Cell::of(observation)),
        Traffic::Failure => Some(Cell::of_failure(observation)),
        Traffic::Probe | Traffic::Page => None,
    }
}
