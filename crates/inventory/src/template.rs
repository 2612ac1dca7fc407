//! Templates from paths: at every place, which children are names and which are values of one parameter.
//!
//! Invariants: a pure function of the paths and what they answered; a place has one parameter for each format written
//! behind it; what the contract declares is taken as declared.

mod evidence;
mod groups;

use std::collections::BTreeMap;

use portcullis_contract::{Contract, Template};
use smol_str::SmolStr;

use crate::cell::Cell;
use crate::decision::{Decisions, Ruling};
use crate::endpoint::{Entry, Shared, ends};
use crate::path::{Key, Part};
use crate::told::Words;
use evidence::Child;

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// Literally this.
    Name(SmolStr),
    /// A parameter, and the format behind it.
    Value(SmolStr),
}

/// Paths of one method that are one operation.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) method: SmolStr,
    pub(crate) slots: Vec<Slot>,
    pub(crate) cell: Cell,
}

/// Finds the operations that `paths` are exchanges of; those of the contract are found by it.
pub(crate) fn find(paths: &BTreeMap<Key, Cell>, guide: Guide<'_>, contract: Option<&Contract>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut declared: BTreeMap<(SmolStr, Vec<Slot>), Cell> = BTreeMap::new();
    let mut open = Vec::new();
    for (key, cell) in paths {
        let operation = cell.declared.as_ref().and_then(|id| contract?.operation(id));
        match operation {
            Some(operation) => {
                let name = (SmolStr::new(operation.method.as_str()), slots(&operation.template));
                declared.entry(name).or_default().merge(cell);
            }
            None => open.push(Entry { key, cell }),
        }
    }
    found.extend(declared.into_iter().map(|((method, slots), cell)| Found { method, slots, cell }));
    grow(&open, guide, &mut Vec::new(), &mut found);
    found
}

/// A declared template's parts, as far as learning tells parts apart.
fn slots(template: &Template) -> Vec<Slot> {
    let path = template.as_str().trim_start_matches('/');
    let slot = |piece: &str| match piece.find('{') {
        Some(0) => Slot::Value(piece.rsplit('}').next().unwrap_or_default().into()),
        _ => Slot::Name(piece.into()),
    };
    path.split('/').map(slot).collect()
}

/// Decides the place behind `slots` and goes on below it.
fn grow<'a>(entries: &[Entry<'a>], guide: Guide<'_>, slots: &mut Vec<Slot>, found: &mut Vec<Found>) {
    let depth = slots.len();
    let mut ending: Vec<Entry<'a>> = Vec::new();
    let mut children: BTreeMap<&'a Part, Vec<Entry<'a>>> = BTreeMap::new();
    for entry in entries {
        match entry.key.path.get(depth) {
            Some(part) => children.entry(part).or_default().push(*entry),
            None => ending.push(*entry),
        }
    }
    let mut by_method: BTreeMap<&SmolStr, Cell> = BTreeMap::new();
    for entry in &ending {
        by_method.entry(&entry.key.method).or_default().merge(entry.cell);
    }
    for (method, cell) in by_method {
        found.push(Found { method: method.clone(), slots: slots.clone(), cell });
    }
    let place = Place { behind: slots, guide, collection: &ending };
    let decided = place.decide(children);
    for (slot, below) in decided {
        slots.push(slot);
        grow(&below, guide, slots, found);
        slots.pop();
    }
}

/// What is known beside the paths.
#[derive(Clone, Copy)]
pub(crate) struct Guide<'a> {
    /// Words that bodies give as names of things.
    pub(crate) words: &'a Words<'a>,
    /// What people decided.
    pub(crate) decisions: &'a Decisions,
}

/// A place of paths that agree up to it.
struct Place<'a, 'b> {
    /// The slots in front of it.
    behind: &'b [Slot],
    guide: Guide<'b>,
    /// Paths that end in front of it.
    collection: &'b [Entry<'a>],
}

/// The paths through each part that stands at a place.
type Children<'a> = BTreeMap<&'a Part, Vec<Entry<'a>>>;

impl<'a> Place<'a, '_> {
    /// The slots of the place, each with the paths that go through it. A format behind values keeps them apart.
    fn decide(&self, children: Children<'a>) -> BTreeMap<Slot, Vec<Entry<'a>>> {
        let mut by_format: BTreeMap<&str, Children<'a>> = BTreeMap::new();
        for (part, entries) in children {
            by_format.entry(part.format()).or_default().insert(part, entries);
        }
        let mut slots: BTreeMap<Slot, Vec<Entry<'a>>> = BTreeMap::new();
        for (format, parts) in by_format {
            self.decide_among(format, parts, &mut slots);
        }
        slots
    }

    fn decide_among(&self, format: &str, parts: Children<'a>, slots: &mut BTreeMap<Slot, Vec<Entry<'a>>>) {
        let depth = self.behind.len();
        let mut typed = Vec::new();
        let (mut words, mut below) = (Vec::new(), Vec::new());
        for (part, entries) in parts {
            match part {
                Part::Value { .. } => typed.extend(entries),
                Part::Word(word) => {
                    words.push(word.as_str());
                    below.push(entries);
                }
            }
        }
        let all: Vec<&[Entry<'a>]> = below.iter().chain([&typed]).map(Vec::as_slice).collect();
        let shared = Shared::of(&all, depth);
        let child = |(word, entries): (&&'a str, &Vec<Entry<'a>>)| {
            let told = self.guide.words.told(entries, self.collection, depth);
            Child::new(word, ends(entries, depth, &shared), told)
        };
        let judged: Vec<Child<'a>> = words.iter().zip(&below).map(child).collect();
        let values = evidence::values(&judged, &ends(&typed, depth, &shared));
        if !typed.is_empty() {
            slots.entry(Slot::Value(format.into())).or_default().extend(typed);
        }
        for (at, entries) in below.into_iter().enumerate() {
            let slot = match judged.get(at) {
                Some(child) if !self.is_value(child.word, values.contains(&at)) => {
                    Slot::Name(child.word.into())
                }
                _ => Slot::Value(format.into()),
            };
            slots.entry(slot).or_default().extend(entries);
        }
    }

    /// What people decided of a word, else what the evidence says.
    fn is_value(&self, word: &str, evident: bool) -> bool {
        self.guide.decisions.on(self.behind, word).map_or(evident, |ruling| ruling == Ruling::Value)
    }
}
