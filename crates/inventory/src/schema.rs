//! What bodies of one kind have in common: types, fields, how often each, lengths; as counts that add up.
//!
//! Invariants: bounded in fields and depth; order does not matter. Knows no value.

use std::collections::BTreeMap;

use portcullis_model::observation::{SegmentKind, Shape};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::durable::is_default;

/// Fields kept of one object; the alphabetically first, so that order does not matter.
const FIELDS: usize = 128;
/// Nesting that is folded.
const DEPTH: u32 = 8;

/// Everything met in one place of bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// Values met.
    #[serde(skip_serializing_if = "is_default")]
    pub count: u64,
    /// `null`s among them.
    #[serde(skip_serializing_if = "is_default")]
    pub nulls: u64,
    /// Booleans.
    #[serde(skip_serializing_if = "is_default")]
    pub bools: u64,
    /// Integers.
    #[serde(skip_serializing_if = "is_default")]
    pub integers: u64,
    /// Numbers that are none.
    #[serde(skip_serializing_if = "is_default")]
    pub numbers: u64,
    /// Strings.
    #[serde(skip_serializing_if = "is_default")]
    pub strings: Strings,
    /// Arrays.
    #[serde(skip_serializing_if = "is_default")]
    pub arrays: u64,
    /// The fewest and most items of an array.
    #[serde(skip_serializing_if = "is_default")]
    pub lengths: Option<(u32, u32)>,
    /// The items of all arrays.
    #[serde(skip_serializing_if = "is_default")]
    pub items: Option<Box<Schema>>,
    /// Objects.
    #[serde(skip_serializing_if = "is_default")]
    pub objects: u64,
    /// Their fields.
    #[serde(skip_serializing_if = "is_default")]
    pub fields: BTreeMap<SmolStr, Schema>,
    /// Whether fields were left out, or names are values themselves.
    #[serde(skip_serializing_if = "is_default")]
    pub more_fields: bool,
}

/// Strings met in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strings {
    /// How many.
    #[serde(skip_serializing_if = "is_default")]
    pub count: u64,
    /// The shortest and the longest, in characters.
    #[serde(skip_serializing_if = "is_default")]
    pub lengths: Option<(u32, u32)>,
    /// What they look like.
    #[serde(skip_serializing_if = "is_default")]
    pub kinds: BTreeMap<SegmentKind, u64>,
}

impl Schema {
    /// Folds one body in.
    pub(crate) fn fold(&mut self, shape: &Shape) {
        self.fold_at(shape, DEPTH);
    }

    fn fold_at(&mut self, shape: &Shape, depth: u32) {
        self.count += 1;
        match shape {
            Shape::Null => self.nulls += 1,
            Shape::Bool => self.bools += 1,
            Shape::Integer => self.integers += 1,
            Shape::Number => self.numbers += 1,
            Shape::String { length, kind } => self.strings.fold(*length, *kind),
            Shape::Array { length, items } => {
                self.arrays += 1;
                widen(&mut self.lengths, (*length, *length));
                if depth > 0 && !items.is_empty() {
                    let inner = self.items.get_or_insert_default();
                    for item in items {
                        inner.fold_at(item, depth - 1);
                    }
                }
            }
            Shape::Object(fields) => {
                self.objects += 1;
                if depth > 0 {
                    for (name, value) in fields {
                        self.fold_field(name, value, depth);
                    }
                }
            }
            Shape::Cut => {}
        }
    }

    fn fold_field(&mut self, name: &SmolStr, value: &Shape, depth: u32) {
        let last = self.fields.last_key_value().map(|(last, _)| last);
        if self.fields.len() >= FIELDS && last.is_some_and(|last| last < name) {
            self.more_fields = true;
            return;
        }
        self.fields.entry(name.clone()).or_default().fold_at(value, depth - 1);
        self.cut();
    }

    fn cut(&mut self) {
        while self.fields.len() > FIELDS {
            self.fields.pop_last();
            self.more_fields = true;
        }
    }

    /// Adds what another has met.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.bools += other.bools;
        self.integers += other.integers;
        self.numbers += other.numbers;
        self.strings.merge(&other.strings);
        self.arrays += other.arrays;
        if let Some(lengths) = other.lengths {
            widen(&mut self.lengths, lengths);
        }
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().merge(items);
        }
        self.objects += other.objects;
        for (name, field) in &other.fields {
            self.fields.entry(name.clone()).or_default().merge(field);
        }
        self.more_fields |= other.more_fields;
        self.cut();
    }
}

impl Strings {
    fn fold(&mut self, length: u32, kind: SegmentKind) {
        self.count += 1;
        widen(&mut self.lengths, (length, length));
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if let Some(lengths) = other.lengths {
            widen(&mut self.lengths, lengths);
        }
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
    }

    /// The one thing all of them look like.
    pub(crate) fn kind(&self) -> Option<SegmentKind> {
        let mut kinds = self.kinds.keys();
        kinds.next().copied().filter(|_| kinds.next().is_none())
    }
}

fn widen(range: &mut Option<(u32, u32)>, (low, high): (u32, u32)) {
    *range = Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
}
