//! Words that bodies give as names of things: evidence that the same word in a path is a value, and of what.
//!
//! Invariant: a pure function of the cells. What follows from the evidence is decided elsewhere.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::cell::Cell;
use crate::endpoint::Entry;

/// Where a word of a path is given as a name, the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// Nowhere.
    Not,
    /// In bodies of other operations of the site.
    Elsewhere,
    /// In bodies of the collection it stands under, or in its own.
    Near,
}

/// The words of a site's bodies, with the field that gives each.
pub(crate) struct Words<'a>(BTreeMap<u64, &'a SmolStr>);

impl<'a> Words<'a> {
    pub(crate) fn of(cells: impl Iterator<Item = &'a Cell>) -> Self {
        let mut words: BTreeMap<u64, &SmolStr> = BTreeMap::new();
        for (hash, field) in cells.flat_map(Cell::identifiers) {
            let known = words.entry(*hash).or_insert(field);
            // Of several fields the first by name, whatever the order of cells.
            if field < *known {
                *known = field;
            }
        }
        Self(words)
    }

    /// Where the word is told that `below` go through at `depth`; `collection` ends in front of it.
    pub(crate) fn told(&self, below: &[Entry<'_>], collection: &[Entry<'_>], depth: usize) -> Told {
        let Some(hash) = below.first().and_then(|entry| entry.cell.hash(depth)) else { return Told::Not };
        let gives = |entry: &Entry<'_>| entry.cell.identifiers().contains_key(&hash);
        if collection.iter().chain(below).any(gives) {
            Told::Near
        } else if self.0.contains_key(&hash) {
            Told::Elsewhere
        } else {
            Told::Not
        }
    }

    /// The field that gives at least half of some values, if one does.
    pub(crate) fn field(&self, values: &[u64]) -> Option<&'a SmolStr> {
        let mut fields: BTreeMap<&SmolStr, usize> = BTreeMap::new();
        for field in values.iter().filter_map(|value| self.0.get(value)) {
            *fields.entry(field).or_default() += 1;
        }
        let (field, count) = fields.into_iter().max_by_key(|(_, count)| *count)?;
        (count * 2 >= values.len()).then_some(field)
    }
}
