//! What bodies of one kind have in common: types, fields, how often each, lengths; as counts that add up.
//!
//! Invariants: bounded in fields and depth; order does not matter. Knows no value.

use std::collections::BTreeMap;

use portcullis_model::observation::{Magnitude, SegmentKind, Shape};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::durable::is_default;

/// Fields kept of one object; the alphabetically first, so that order does not matter.
const FIELDS: usize = 128;
/// Words of one field beyond which it is no enumeration, and how often words must have come to be one.
const WORDS: usize = 16;
const ENOUGH: u64 = 12;
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
    /// The least and the greatest integer, to their number of digits.
    #[serde(skip_serializing_if = "is_default")]
    pub range: Option<(Magnitude, Magnitude)>,
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
    /// The few words they are, as long as they are few.
    #[serde(skip_serializing_if = "is_default")]
    pub words: Words,
}

/// Texts that may be those of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// All of them, and how often each.
    Few(BTreeMap<SmolStr, u64>),
    /// Too many to be an enumeration, or something else among them: none is kept.
    Many,
}

impl Default for Words {
    fn default() -> Self {
        Self::Few(BTreeMap::new())
    }
}

impl Words {
    fn merge(&mut self, other: &Self) {
        if let (Self::Few(words), Self::Few(others)) = (&mut *self, other) {
            for (word, count) in others {
                *words.entry(word.clone()).or_default() += count;
            }
            if words.len() <= WORDS {
                return;
            }
        }
        *self = Self::Many;
    }

    /// The words, if each came often enough for them to be all there are.
    pub fn enumerated(&self) -> Option<Vec<&SmolStr>> {
        let Self::Few(words) = self else { return None };
        let met: u64 = words.values().sum();
        (met >= ENOUGH.max(words.len() as u64 * 4)).then(|| words.keys().collect())
    }
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
            Shape::Integer(size) => {
                self.integers += 1;
                widen(&mut self.range, (*size, *size));
            }
            Shape::Number => self.numbers += 1,
            Shape::String { length, kind, word } => self.strings.fold(*length, *kind, word.as_ref()),
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
        if let Some(range) = other.range {
            widen(&mut self.range, range);
        }
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
    fn fold(&mut self, length: u32, kind: SegmentKind, word: Option<&SmolStr>) {
        self.count += 1;
        widen(&mut self.lengths, (length, length));
        *self.kinds.entry(kind).or_default() += 1;
        let met = word.map_or(Words::Many, |word| Words::Few(BTreeMap::from([(word.clone(), 1)])));
        self.words.merge(&met);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if let Some(lengths) = other.lengths {
            widen(&mut self.lengths, lengths);
        }
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
        self.words.merge(&other.words);
    }

    /// The one thing all of them look like.
    pub(crate) fn kind(&self) -> Option<SegmentKind> {
        let mut kinds = self.kinds.keys();
        kinds.next().copied().filter(|_| kinds.next().is_none())
    }
}

fn widen<T: Ord + Copy>(range: &mut Option<(T, T)>, (low, high): (T, T)) {
    *range = Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
}
