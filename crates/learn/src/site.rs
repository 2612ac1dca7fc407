//! One site: everything learned of it, and the part that is not written down yet.
//!
//! Invariant: what is learned is always what is kept and what is new, put together; neither depends on the order in
//! which exchanges came.

use std::sync::Arc;

use portcullis_contract::Contract;
use portcullis_events::Findings;
use portcullis_inventory::{Decision, Examples, Fold, Folded, Limits};
use portcullis_model::Timestamp;
use portcullis_model::observation::Observation;
use smol_str::SmolStr;

use crate::conclude::conclude;
use crate::drawn::Drawn;
use crate::sensitive::Sightings;

/// What a site's folds are made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    pub(crate) key: u64,
    pub(crate) limits: Limits,
}

/// A site's learning.
#[derive(Debug)]
pub(crate) struct SiteBook {
    name: SmolStr,
    making: Making,
    contract: Option<Arc<Contract>>,
    all: Fold,
    new: Fold,
    drawn: Option<Arc<Drawn>>,
    sightings: Sightings,
    change: Change,
}

/// What has come since operations were drawn last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// More of what was there.
    More,
    /// A path that was not there, or another contract.
    New,
}

impl SiteBook {
    /// A site of which so much is known from earlier runs.
    pub(crate) fn new(
        name: SmolStr,
        contract: Option<Arc<Contract>>,
        kept: Option<Fold>,
        making: Making,
    ) -> Self {
        let empty = || Fold::new(name.clone(), making.key, making.limits);
        let all = kept.unwrap_or_else(empty);
        let new = empty();
        let sightings = Sightings::default();
        Self { making, contract, new, all, drawn: None, sightings, change: Change::New, name }
    }

    pub(crate) fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Folds one exchange in.
    pub(crate) fn take(&mut self, observation: &Observation) {
        let change = match self.all.fold(observation) {
            Folded::New => Change::New,
            Folded::Known => Change::More,
            Folded::Nothing => Change::None,
        };
        self.new.fold(observation);
        if let Some(contract) = &self.contract {
            let examples = Examples::of(observation, contract);
            self.all.exemplify(examples.clone());
            self.new.exemplify(examples);
        }
        self.sightings.take(observation);
        self.change = self.change.max(change);
    }

    /// Learns what another process observed.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) -> Result<(), String> {
        let read = || Fold::from_bytes(bytes, self.making.key, self.making.limits);
        let (one, same) = (read(), read());
        for (fold, part) in [(&mut self.all, one), (&mut self.new, same)] {
            fold.merge(part.map_err(|error| error.to_string())?);
        }
        self.change = Change::New;
        Ok(())
    }

    /// Remembers what a person decided.
    pub(crate) fn decide(&mut self, decision: &Decision, now: Timestamp) {
        for fold in [&mut self.all, &mut self.new] {
            match decision.clone() {
                Decision::Template(spot, ruling) => fold.decide(spot, ruling, now),
                Decision::Watch(operation, watching) => fold.watch(operation, watching, now),
            }
        }
        self.change = Change::New;
    }

    /// Holds what was learned against another contract from now on.
    pub(crate) fn declare(&mut self, contract: Option<Arc<Contract>>) {
        self.contract = contract;
        self.change = Change::New;
    }

    /// What has come since operations were drawn last.
    pub(crate) fn change(&self) -> Change {
        self.change
    }

    /// Draws the site anew, and raises what is new in the picture.
    pub(crate) fn draw(&mut self, findings: &Findings, now: Timestamp) -> &Arc<Drawn> {
        let drawn = Arc::new(Drawn::of(&self.all, self.contract.as_deref(), now));
        // Ids that events, limits and findings may name lead to what they went over into.
        match &self.drawn {
            Some(before) => {
                for (old, new) in drawn.inventory.successors(&before.inventory) {
                    findings.follow(&self.name, old.clone(), new.clone());
                    self.all.remember(old.clone(), new.clone(), now);
                    self.new.remember(old, new, now);
                }
            }
            // Whether they did before the last stop is not known.
            None => {
                for old in drawn.inventory.aliases.keys() {
                    if let Some(now) = drawn.inventory.operation(old) {
                        findings.follow(&self.name, old.clone(), now.id.clone());
                    }
                }
            }
        }
        for finding in conclude(&self.name, self.drawn.as_deref(), &drawn, now) {
            findings.raise(finding);
        }
        for finding in self.sightings.conclude(&self.name, &drawn) {
            findings.raise(finding);
        }
        self.change = Change::None;
        self.drawn.insert(drawn)
    }

    /// The site as it was drawn last.
    pub(crate) fn drawn(&self) -> Option<&Arc<Drawn>> {
        self.drawn.as_ref()
    }

    /// What is not written down yet, as bytes; nothing if there is none.
    pub(crate) fn unwritten(&self) -> Option<Vec<u8>> {
        (!self.new.is_empty()).then(|| self.new.to_bytes())
    }

    /// Says that what [`Self::unwritten`] gave is written down.
    pub(crate) fn written(&mut self) {
        self.new = Fold::new(self.name.clone(), self.making.key, self.making.limits);
    }

    /// Everything, as bytes.
    pub(crate) fn whole(&self) -> Vec<u8> {
        self.all.to_bytes()
    }
}
