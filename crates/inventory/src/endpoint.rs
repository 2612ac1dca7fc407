//! The ends of paths below one place: what a child is asked for, and what it answers there.
//!
//! Two children of a place are compared by their ends: `GET /{}/orders` below `/customers/acme` and below
//! `/customers/umbra` should answer alike if `acme` and `umbra` are values. Knows nothing of how many children need to
//! agree.

use std::collections::{BTreeMap, BTreeSet};

use crate::cell::Cell;
use crate::field_set::FieldSet;
use crate::path::{Key, Part};

/// A path that was seen, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a Key,
    pub(crate) cell: &'a Cell,
}

/// What is asked below a child: this method on this rest of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End<'a> {
    method: &'a str,
    rest: Vec<Step<'a>>,
}

/// One part of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step<'a> {
    Word(&'a str),
    Value,
}

/// Words below a place that stand below several of its children: names, where what stands below one alone is taken for
/// a value.
pub(crate) struct Shared<'a>(BTreeSet<&'a str>);

/// Children a word stands below before it is shared: so many, and so many in a hundred.
const SHARED: usize = 3;
const SHARED_PERCENT: usize = 10;

impl<'a> Shared<'a> {
    /// The shared words below children, each given by its entries.
    pub(crate) fn of(children: &[&[Entry<'a>]], depth: usize) -> Self {
        let mut below: BTreeMap<&'a str, usize> = BTreeMap::new();
        for entries in children {
            let rests = entries.iter().flat_map(|entry| entry.key.path.get(depth + 1..).unwrap_or_default());
            let words = rests.filter_map(|part| match part {
                Part::Word(word) => Some(word.as_str()),
                Part::Value { .. } => None,
            });
            for word in words.collect::<BTreeSet<_>>() {
                *below.entry(word).or_default() += 1;
            }
        }
        let enough = SHARED.max(children.len() * SHARED_PERCENT / 100);
        Self(below.into_iter().filter(|(_, count)| *count >= enough).map(|(word, _)| word).collect())
    }
}

/// What was answered there, and how often it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    pub(crate) fields: FieldSet,
    pub(crate) count: u64,
    /// Different things that were asked for it.
    things: u64,
}

/// What is asked below one child, or below several together.
pub(crate) type Ends<'a> = BTreeMap<End<'a>, Answers>;

impl End<'_> {
    /// Whether names follow, which children that are values have in common.
    pub(crate) fn has_tail(&self) -> bool {
        self.rest.iter().any(|step| matches!(step, Step::Word(_)))
    }
}

impl Answers {
    pub(crate) fn add(&mut self, other: &Self) {
        self.fields.merge(&other.fields);
        self.count += other.count;
        self.things += other.things;
    }

    /// How often one of them is asked for it.
    pub(crate) fn usual(&self) -> u64 {
        self.count.div_ceil(self.things.max(1))
    }
}

/// The ends of entries whose paths agree up to the part at `depth`.
pub(crate) fn ends<'a>(entries: &[Entry<'a>], depth: usize, shared: &Shared<'_>) -> Ends<'a> {
    let mut ends = Ends::new();
    for entry in entries {
        let answers = Answers {
            fields: entry.cell.fields().clone(),
            count: entry.cell.count,
            things: entry.cell.values(depth).1,
        };
        let rest = entry.key.path.get(depth + 1..).unwrap_or_default();
        let rest = rest.iter().map(|part| match part {
            Part::Word(word) if shared.0.contains(word.as_str()) => Step::Word(word),
            _ => Step::Value,
        });
        let end = End { method: &entry.key.method, rest: rest.collect() };
        ends.entry(end).or_default().add(&answers);
    }
    ends
}
