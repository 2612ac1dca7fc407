//! Which fields a body has, as a set of hashes: what tells whether two answers are of one kind.
//!
//! Invariant: union is the only way it grows, so it does not depend on order. Knows nothing of the fields' types.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use portcullis_model::observation::Shape;
use serde::{Deserialize, Serialize};

/// Fields kept of one set; those nearest to the top.
const MOST: usize = 64;
/// How deep fields are looked at: enough to see through an envelope.
const DEPTH: u8 = 3;
/// Fewer fields than this tell nothing: `{"ok": true}` is answered by anything.
const TELLING: usize = 3;

/// The fields of a body, from the top down and at one depth by their hashes, as many as are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldSet {
    /// Absent in what older versions wrote, who could not tell fields from those below them.
    #[serde(default)]
    fields: BTreeSet<Field>,
}

/// One field: how deep it lies, under which other, and its own hash. Ordered so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Field(u8, u32, u32);

impl FieldSet {
    /// Adds the fields of a shape under a prefix that tells requests from answers.
    pub(crate) fn add(&mut self, prefix: &str, shape: &Shape) {
        self.walk(step(0, prefix), shape, 0);
        self.cut();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.fields.extend(&other.fields);
        self.cut();
    }

    /// Whether it says enough to recognise another of its kind.
    pub(crate) fn is_telling(&self) -> bool {
        self.len() >= TELLING
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The lowest of its topmost hashes: equal for most pairs of sets that overlap much.
    pub(crate) fn lowest(&self) -> u64 {
        self.fields.first().map(|field| field.2.into()).unwrap_or_default()
    }

    /// Whether both may be answers of one operation. Sets that tell nothing are alike.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        if !self.is_telling() && !other.is_telling() {
            return true;
        }
        let shared = self.held_against(other);
        if shared.differs {
            return false;
        }
        let (small, large, both) = (shared.small, shared.large, shared.both);
        // An answer whose every field is known may leave more of them out.
        if both > 0 && both == small {
            return both < TELLING || both * 8 >= large;
        }
        // Most of the smaller is in the larger, and the larger is not a different thing that happens to have it.
        both * 4 >= small * 3 && both * 3 >= large
    }

    /// How much of both is the same, below what both have: an object that is absent, or a list that is empty, says
    /// nothing of the fields below it.
    fn held_against(&self, other: &Self) -> Shared {
        let last = self.reaches().min(other.reaches());
        let of = |set: &Self| {
            let mut under: BTreeMap<(u8, u32), Vec<u32>> = BTreeMap::new();
            for Field(depth, parent, own) in set.fields.iter().take_while(|field| **field <= last) {
                under.entry((*depth, *parent)).or_default().push(*own);
            }
            under
        };
        let (ours, theirs) = (of(self), of(other));
        let mut shared = Shared::default();
        for (place, one) in &ours {
            match theirs.get(place) {
                Some(another) => shared.add(one, another),
                None if place.0 == 0 => shared.add(one, &[]),
                None => {}
            }
        }
        for (place, one) in &theirs {
            if place.0 == 0 && !ours.contains_key(place) {
                shared.add(one, &[]);
            }
        }
        shared
    }

    /// The last field that would still be kept.
    fn reaches(&self) -> Field {
        let last = self.fields.last().filter(|_| self.len() >= MOST);
        last.copied().unwrap_or(Field(u8::MAX, u32::MAX, u32::MAX))
    }

    fn walk(&mut self, at: u64, shape: &Shape, depth: u8) {
        match shape {
            Shape::Object(fields) => {
                for (name, inner) in fields {
                    let here = self.note(at, name, depth);
                    if depth + 1 < DEPTH {
                        self.walk(here, inner, depth + 1);
                    }
                }
            }
            Shape::Array { items, .. } => {
                let here = self.note(at, "[]", depth);
                for item in items {
                    self.walk(here, item, depth);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, parent: u64, name: &str, depth: u8) -> u64 {
        let here = step(parent, name);
        self.fields.insert(Field(depth, high(parent), high(here)));
        here
    }

    fn cut(&mut self) {
        while self.fields.len() > MOST {
            self.fields.pop_last();
        }
    }
}

/// How many fields two sets have: the smaller, the larger, and both.
#[derive(Default)]
struct Shared {
    small: usize,
    large: usize,
    both: usize,
    /// Whether what one field holds is of two kinds, whatever else they have in common: envelopes are alike.
    differs: bool,
}

impl Shared {
    /// Adds the fields under one parent, in order.
    fn add(&mut self, one: &[u32], other: &[u32]) {
        let (small, both) = (one.len().min(other.len()), common(one, other));
        self.small += small;
        self.large += one.len().max(other.len());
        self.both += both;
        self.differs |= small > TELLING && both * 2 < small;
    }
}

/// How many two ordered lists have in common.
fn common(mut one: &[u32], mut other: &[u32]) -> usize {
    let mut both = 0;
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        match a.cmp(b) {
            Ordering::Less => one = rest,
            Ordering::Greater => other = others,
            Ordering::Equal => {
                both += 1;
                (one, other) = (rest, others);
            }
        }
    }
    both
}

/// Half a hash is enough to tell some dozens of names apart.
const fn high(hash: u64) -> u32 {
    (hash >> 32) as u32
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
        set(&leaves(names))
    }

    fn object<const N: usize>(fields: [(&str, Shape); N]) -> Shape {
        Shape::Object(fields.into_iter().map(|(name, inner)| (name.into(), inner)).collect())
    }

    fn leaves(names: &[&str]) -> Shape {
        Shape::Object(names.iter().map(|name| ((*name).into(), Shape::Null)).collect())
    }

    fn set(shape: &Shape) -> FieldSet {
        let mut set = FieldSet::default();
        set.add("<", shape);
        set
    }

    #[test]
    fn envelopes_of_different_things_are_not_alike() {
        let around = |data: Shape| {
            let errors =
                Shape::Array { length: 1, items: vec![leaves(&["title", "detail", "status", "type"])] };
            set(&object([("data", data), ("errors", errors), ("meta", leaves(&["next", "count", "newest"]))]))
        };
        let user = around(leaves(&["id", "name", "handle", "place", "verified"]));
        let post = around(leaves(&["id", "text", "author", "language", "replies"]));
        assert!(!user.is_like(&post) && user.is_like(&user));
    }

    #[test]
    fn what_is_absent_says_nothing_of_what_is_below_it() {
        let items = |items| Shape::Array { length: 1, items };
        let many =
            set(&object([("total", Shape::Null), ("rows", items(vec![leaves(&["a", "b", "c", "d"])]))]));
        let none = set(&object([("total", Shape::Null), ("rows", items(Vec::new()))]));
        assert!(many.is_like(&none) && none.is_like(&many));
    }

    #[test]
    fn large_answers_that_leave_fields_out_are_alike() {
        let names: Vec<String> = (0..150).map(|number| format!("field{number}")).collect();
        let but = |left_out: usize| {
            let kept = names.iter().enumerate().filter(|(at, _)| at % 5 != left_out).map(|(_, name)| &**name);
            set(&leaves(&kept.collect::<Vec<_>>()))
        };
        assert!(but(0).is_like(&but(1)));
        let others: Vec<String> = (0..150).map(|number| format!("other{number}")).collect();
        assert!(!but(0).is_like(&set(&leaves(&others.iter().map(|name| &**name).collect::<Vec<_>>()))));
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
