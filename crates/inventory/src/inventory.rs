//! The inventory: operations as people know them, drawn from what was folded.
//!
//! Invariants: a pure function of the fold and the contract; an operation's id depends on site, method and the
//! template's shape, as a declared operation's does. It decides nothing about them.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_contract::{Contract, Template, operation_id};
use portcullis_model::call::Call;
use portcullis_model::observation::{Observation, SegmentKind};
use portcullis_model::{OperationId, Timestamp};
use smol_str::SmolStr;

use crate::calls::CallFacts;
use crate::cell::Cell;
use crate::example::Examples;
use crate::fold::Fold;
use crate::lexicon::split_format;
use crate::naming;
use crate::path::{Key, Part};
use crate::template::{self, Found, Guide, Slot};
use crate::told::Words;
use crate::watching::Watching;

/// Former ids followed in a row.
const HOPS: usize = 8;

/// Every operation seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// By path, then method.
    pub operations: Vec<Operation>,
    /// Ids that operations had before, and what they went over into.
    pub aliases: BTreeMap<OperationId, OperationId>,
    /// Operations nobody wants to hear of.
    pub ignored: BTreeSet<OperationId>,
    examples: Examples,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its stable id.
    pub id: OperationId,
    /// The method.
    pub method: SmolStr,
    /// The template: `/customers/{customerId}`.
    pub path: SmolStr,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// What is known of it.
    pub facts: Cell,
    /// What is called by name on its path.
    pub calls: BTreeMap<Call, CallFacts>,
    slots: Vec<Slot>,
}

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: SmolStr,
    /// What its values look like.
    pub kinds: Vec<SegmentKind>,
    /// How many distinct ones there were, estimated where they were many.
    pub distinct: u64,
}

impl Inventory {
    /// What a fold says, with the contract's word where it has one.
    pub fn of(fold: &Fold, contract: Option<&Contract>) -> Self {
        let answered = fold.answered();
        let words = Words::of(answered.values());
        let mut found =
            template::find(&answered, Guide { words: &words, decisions: fold.decisions() }, contract);
        add_failures(&mut found, &fold.failed());
        let mut operations: Vec<Operation> =
            found.into_iter().map(|found| Operation::of(fold.site(), found, &words, contract)).collect();
        add_calls(&mut operations, fold);
        operations.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
        let aliases = fold.aliases.iter().map(|(old, (_, new))| (old.clone(), new.clone())).collect();
        let mut inventory =
            Self { operations, aliases, ignored: BTreeSet::new(), examples: fold.examples.clone() };
        inventory.ignored = inventory.ignored(fold);
        inventory
    }

    /// Where several former operations are one now, the later word stands.
    fn ignored(&self, fold: &Fold) -> BTreeSet<OperationId> {
        let mut said: BTreeMap<&OperationId, (Timestamp, Watching)> = BTreeMap::new();
        for (id, at, watching) in fold.watched.iter() {
            let now = self.operation(id).map_or(id, |operation| &operation.id);
            let known = said.entry(now).or_insert((at, watching));
            *known = (*known).max((at, watching));
        }
        let ignored = said.into_iter().filter(|(_, (_, watching))| *watching == Watching::Ignored);
        ignored.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn examples(&self) -> &Examples {
        &self.examples
    }

    /// The operation of an id, also of one it had before it was merged or split.
    pub fn operation(&self, id: &OperationId) -> Option<&Operation> {
        let mut id = id;
        for _ in 0..HOPS {
            if let Some(known) = self.operations.iter().find(|known| known.id == *id) {
                return Some(known);
            }
            id = self.aliases.get(id)?;
        }
        None
    }

    /// Operations of an earlier drawing that are no more, each with the one its calls now go to. One that fell apart
    /// goes over into what still has values at its places, if that is left.
    pub fn successors(&self, before: &Self) -> BTreeMap<OperationId, OperationId> {
        let is_gone = |old: &&Operation| self.operations.iter().all(|known| known.id != old.id);
        let gone = before.operations.iter().filter(is_gone);
        gone.filter_map(|old| Some((old.id.clone(), self.successor(old)?.id.clone()))).collect()
    }

    fn successor(&self, old: &Operation) -> Option<&Operation> {
        let same = self.operations.iter().filter(|known| known.method == old.method);
        same.filter(|known| covers(&known.slots, &old.slots)).min_by(|one, other| one.slots.cmp(&other.slots))
    }

    /// The operation an exchange is of by its method and path, names before values.
    pub fn find(&self, observation: &Observation) -> Option<&Operation> {
        let key = Key::of(observation);
        let fitting = self
            .operations
            .iter()
            .filter(|known| known.method == key.method && fits(&known.slots, &key.path));
        fitting.min_by(|one, other| one.slots.cmp(&other.slots))
    }
}

impl Operation {
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn of(site: &str, found: Found, words: &Words<'_>, contract: Option<&Contract>) -> Self {
        let declared = found.cell.declared.as_ref().and_then(|id| contract?.operation(id));
        let (path, parameters) = match declared {
            Some(operation) => declared_parts(&operation.template, &found),
            None => learned_parts(&found, words),
        };
        let id = match (declared, Template::parse(&path)) {
            (Some(operation), _) => operation.id.clone(),
            (None, Ok((template, _))) => operation_id(site, &found.method, &template),
            // A path that cannot be written as a template is still its own.
            (None, Err(_)) => OperationId::new(format!("{} {path}", found.method)),
        };
        let (method, facts, slots) = (found.method, found.cell, found.slots);
        Self { id, method, path, parameters, facts, calls: BTreeMap::new(), slots }
    }
}

fn learned_parts(found: &Found, words: &Words<'_>) -> (SmolStr, Vec<Parameter>) {
    let mut path = String::new();
    let mut parameters: Vec<Parameter> = Vec::new();
    let mut taken = Vec::new();
    let mut before = None;
    for (at, slot) in found.slots.iter().enumerate() {
        path.push('/');
        match slot {
            Slot::Name(name) => {
                path.push_str(&name.replace('{', "%7B").replace('}', "%7D"));
                before = Some(name.as_str());
            }
            Slot::Value(format) => {
                let (kinds, distinct) = found.cell.values(at);
                let field = words.field(&found.cell.hashes(at).collect::<Vec<_>>());
                let name = naming::parameter(before, &kinds, field.map(SmolStr::as_str), &taken);
                path.extend(["{", &name, "}", format]);
                taken.push(name.clone());
                parameters.push(Parameter { name, kinds, distinct });
            }
        }
    }
    (path.into(), parameters)
}

fn declared_parts(template: &Template, found: &Found) -> (SmolStr, Vec<Parameter>) {
    let places = found.slots.iter().enumerate().filter(|(_, slot)| matches!(slot, Slot::Value(_)));
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    let parameters = template.parameters().iter().enumerate().map(|(nth, name)| {
        let (kinds, distinct) = places.get(nth).map_or_else(Default::default, |at| found.cell.values(*at));
        Parameter { name: name.clone(), kinds, distinct }
    });
    (template.as_str().into(), parameters.collect())
}

/// Counts failures at the operations their paths fit, names before values; those that fit none are nobody's.
fn add_failures(found: &mut [Found], failed: &BTreeMap<Key, Cell>) {
    for (key, cell) in failed {
        let candidates =
            found.iter_mut().filter(|found| found.method == key.method && fits(&found.slots, &key.path));
        // Names sort before values at the first place they differ.
        if let Some(best) = candidates.min_by(|one, other| one.slots.cmp(&other.slots)) {
            best.cell.merge_failures(cell);
        }
    }
}

/// Gives calls by name to the operations their paths fit, names before values.
fn add_calls(operations: &mut [Operation], fold: &Fold) {
    for (key, calls) in fold.calls.by_path() {
        let fitting =
            operations.iter_mut().filter(|known| known.method == key.method && fits(&known.slots, &key.path));
        let Some(operation) = fitting.min_by(|one, other| one.slots.cmp(&other.slots)) else { continue };
        for (call, facts) in calls {
            operation.calls.entry(call.clone()).or_default().merge(&facts);
        }
    }
}

/// Whether every call of a template is one of another: parameters take words, too.
fn covers(slots: &[Slot], old: &[Slot]) -> bool {
    let slot_covers = |(slot, old): (&Slot, &Slot)| match (slot, old) {
        (Slot::Name(name), Slot::Name(word)) => name == word,
        (Slot::Name(_), Slot::Value(_)) => false,
        (Slot::Value(format), Slot::Name(word)) => split_format(word).1 == format,
        (Slot::Value(format), Slot::Value(other)) => format == other,
    };
    slots.len() == old.len() && slots.iter().zip(old).all(slot_covers)
}

fn fits(slots: &[Slot], path: &[Part]) -> bool {
    let part_fits = |(slot, part): (&Slot, &Part)| match (slot, part) {
        (Slot::Name(name), Part::Word(word)) => name == word,
        (Slot::Name(_), Part::Value { .. }) => false,
        (Slot::Value(format), Part::Word(word)) => split_format(word).1 == format,
        (Slot::Value(wanted), Part::Value { format, .. }) => wanted == format,
    };
    slots.len() == path.len() && slots.iter().zip(path).all(part_fits)
}
