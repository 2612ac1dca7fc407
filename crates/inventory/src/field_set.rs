//! Which fields a body has, as a set of hashes: what tells whether two answers are of one kind.
//!
//! Invariant: union is the only way it grows, so it does not depend on order. Knows nothing of the fields' types.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use portcullis_model::observation::Shape;
use serde::{Deserialize, Serialize};

/// Hashes kept of one set.
const MOST: usize = 32;
/// How deep fields are looked at: enough to see through an envelope.
const DEPTH: u32 = 3;
/// Fewer fields than this tell nothing: `{"ok": true}` is answered by anything.
const TELLING: usize = 3;

/// The lowest hashes of a body's field paths: those outside of arrays, and those of arrays' items. An answer whose list
/// happens to be empty says nothing of the items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldSet {
    outer: BTreeSet<u64>,
    items: BTreeSet<u64>,
}

/// Whether a shape stands in an array.
#[derive(Clone, Copy)]
enum Within {
    Body,
    Array,
}

impl FieldSet {
    /// Adds the fields of a shape under a prefix that tells requests from answers.
    pub(crate) fn add(&mut self, prefix: &str, shape: &Shape) {
        self.walk(step(0, prefix), shape, DEPTH, Within::Body);
        self.cut();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.outer.extend(&other.outer);
        self.items.extend(&other.items);
        self.cut();
    }

    /// Whether it says enough to recognise another of its kind.
    pub(crate) fn is_telling(&self) -> bool {
        self.len() >= TELLING
    }

    pub(crate) fn len(&self) -> usize {
        self.outer.len() + self.items.len()
    }

    /// The lowest hash: equal for most pairs of sets that overlap much.
    pub(crate) fn lowest(&self) -> u64 {
        self.outer.first().copied().unwrap_or_default()
    }

    /// Whether both may be answers of one operation. Sets that tell nothing are alike.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        if !self.is_telling() && !other.is_telling() {
            return true;
        }
        let silent = self.items.is_empty() || other.items.is_empty();
        let items_fit = silent || {
            // Which of several lists happen to be filled is chance: half is enough.
            let both = self.items.intersection(&other.items).count();
            both * 2 >= self.items.len().min(other.items.len())
        };
        overlap(&self.outer, &other.outer) && items_fit
    }

    fn walk(&mut self, at: u64, shape: &Shape, depth: u32, within: Within) {
        match shape {
            Shape::Object(fields) => {
                for (name, inner) in fields {
                    let here = step(at, name);
                    match within {
                        Within::Body => self.outer.insert(here),
                        Within::Array => self.items.insert(here),
                    };
                    if depth > 1 {
                        self.walk(here, inner, depth - 1, within);
                    }
                }
            }
            Shape::Array { items, .. } => {
                let here = step(at, "[]");
                if matches!(within, Within::Body) {
                    self.outer.insert(here);
                }
                for item in items {
                    self.walk(here, item, depth, Within::Array);
                }
            }
            _ => {}
        }
    }

    fn cut(&mut self) {
        for half in [&mut self.outer, &mut self.items] {
            while half.len() > MOST {
                half.pop_last();
            }
        }
    }
}

/// Most of the smaller is in the larger, and the larger is not a different thing that happens to have it. An answer
/// whose every field is known may leave more of them out.
fn overlap(one: &BTreeSet<u64>, other: &BTreeSet<u64>) -> bool {
    let (small, large) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let both = small.intersection(large).count();
    if both > 0 && both == small.len() {
        return both < TELLING || both * 8 >= large.len();
    }
    both * 4 >= small.len() * 3 && both * 3 >= large.len()
}

/// The hash of a path one step longer. Names are the site's, not an attacker's: no key.
fn step(at: u64, name: &str) -> u64 {
    let mut hasher = FixedState::with_seed(at).build_hasher();
    hasher.write(name.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> FieldSet {
        let fields = names.iter().map(|name| ((*name).into(), Shape::Null)).collect();
        let mut set = FieldSet::default();
        set.add("<", &Shape::Object(fields));
        set
    }

    #[test]
    fn alike_and_not() {
        let check = |one: &[&str], other: &[&str], alike: bool| {
            assert_eq!(of(one).is_like(&of(other)), alike, "{one:?} {other:?}");
            assert_eq!(of(other).is_like(&of(one)), alike, "{other:?} {one:?}");
        };
        check(&["id", "name", "email", "created"], &["id", "name", "email"], true);
        check(&["id", "name", "email", "created"], &["token", "expires", "refresh"], false);
        check(&[], &["ok"], true);
        check(&[], &["id", "name", "email"], false);
        check(&["id", "name", "a"], &["id", "name", "b", "c", "d", "e", "f", "g", "h"], false);
        check(&["id", "name"], &["id", "name", "b", "c", "d", "e", "f", "g", "h"], true);
    }
}
