//! The necessary conditions of many rules, tried together.
//!
//! A value's shape opens *gates*, one for each case of a condition; what a shape opens is remembered. Gates without
//! texts make candidates at once, the others once their texts were seen in the one pass over the value. Immutable and
//! shared; whatever is remembered is in the caller's [`ScanCache`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::bytes::ByteSet;
use super::necessary::Case;
use super::shape::Shape;
use super::text::Text;
use super::texts::{List, Texts, TextsBuilder};
use super::{Bits, Necessary, ScanCache};

/// Says which of many rules could match a value.
#[derive(Clone, Debug)]
pub struct Scanner {
    items: usize,
    gates: Vec<Gate>,
    /// Kinds of which the shape must have one, for the ranges in gates.
    alternatives: Vec<u64>,
    /// Lists of which each must be seen, for the ranges in gates.
    lists: Vec<List>,
    /// For each list, the gates that wait for it first.
    led: Vec<Vec<u32>>,
    texts: Texts,
    fingerprint: u64,
}

/// One case of one condition.
#[derive(Clone, Debug)]
struct Gate {
    item: u32,
    /// Bits that the shape must have.
    required: u64,
    /// Bits that it must not have.
    absent: u64,
    alternatives: Range<u32>,
    lists: Range<u32>,
}

impl Scanner {
    /// A scanner for `items`; candidates are indexes into them.
    pub fn build(items: &[Necessary]) -> Self {
        let mut builder = Builder::default();
        let mut hasher = DefaultHasher::new();
        for (index, item) in items.iter().enumerate() {
            for case in item.cases() {
                hash_case(case, &mut hasher);
                builder.add_gate(index as u32, case);
            }
            index.hash(&mut hasher);
        }
        builder.finish(items.len(), hasher.finish())
    }

    /// How many items it was built from.
    pub const fn len(&self) -> usize {
        self.items
    }

    /// Was it built from nothing?
    pub const fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let led: usize =
            self.led.iter().map(|gates| size_of_val(gates.as_slice()) + size_of::<Vec<u32>>()).sum();
        self.texts.memory()
            + led
            + size_of_val(self.gates.as_slice())
            + size_of_val(self.alternatives.as_slice())
            + size_of_val(self.lists.as_slice())
    }

    /// Fills `found` with the items that could match `value`; what was in it before is gone.
    pub fn candidates(&self, value: &[u8], found: &mut Bits, cache: &mut ScanCache) {
        let (item_words, gate_words) = (self.items.div_ceil(64), self.gates.len().div_ceil(64));
        let shape = Shape::of(value);
        let (answer, seen, waiting) =
            cache.answer(self.fingerprint, item_words + gate_words, shape, |words| self.open(shape, words));
        let (open, gates) = answer.split_at_checked(item_words).unwrap_or_default();
        found.copy_from(open);
        if gates.iter().all(|word| *word == 0) {
            return;
        }
        waiting.clear();
        self.texts.scan(value, seen, |list| {
            for &gate in self.led.get(list as usize).map_or(&[][..], Vec::as_slice) {
                if gates.get(gate as usize / 64).is_some_and(|word| word >> (gate % 64) & 1 == 1) {
                    waiting.push(gate);
                }
            }
        });
        for gate in waiting.iter().filter_map(|gate| self.gates.get(*gate as usize)) {
            if self.lists_of(gate).iter().all(|list| seen.contains(*list as usize)) {
                found.insert(gate.item as usize);
            }
        }
    }

    /// Writes the items that `shape` alone makes candidates, and after them the gates that wait for texts.
    fn open(&self, shape: Shape, words: &mut [u64]) {
        let (items, gates) = words.split_at_mut(self.items.div_ceil(64).min(words.len()));
        for (index, gate) in self.gates.iter().enumerate().filter(|(_, gate)| self.opens(gate, shape)) {
            let (words, index) =
                if gate.lists.is_empty() { (&mut *items, gate.item as usize) } else { (&mut *gates, index) };
            if let Some(word) = words.get_mut(index / 64) {
                *word |= 1 << (index % 64);
            }
        }
    }

    fn opens(&self, gate: &Gate, shape: Shape) -> bool {
        let alternatives = gate.alternatives.start as usize..gate.alternatives.end as usize;
        shape.0 & gate.required == gate.required
            && shape.0 & gate.absent == 0
            && self
                .alternatives
                .get(alternatives)
                .is_some_and(|all| all.iter().all(|some| shape.0 & some != 0))
    }

    fn lists_of(&self, gate: &Gate) -> &[List] {
        self.lists.get(gate.lists.start as usize..gate.lists.end as usize).unwrap_or_default()
    }
}

#[derive(Default)]
struct Builder {
    gates: Vec<Gate>,
    alternatives: Vec<u64>,
    lists: Vec<List>,
    texts: TextsBuilder,
}

impl Builder {
    fn add_gate(&mut self, item: u32, case: &Case) {
        let mut kinds: Vec<u64> = case.sets.iter().map(|set| Shape::kinds_of(set).0).collect();
        kinds.extend(case.lists.iter().flat_map(|list| kinds_of_list(&list.texts)));
        kinds.sort_unstable();
        kinds.dedup();
        let (single, several): (Vec<u64>, Vec<u64>) =
            kinds.into_iter().partition(|kinds| kinds.is_power_of_two());
        let required = single.into_iter().fold(Shape::of_length(case.min_len).0, |all, kind| all | kind);
        let alternatives =
            append(&mut self.alternatives, several.into_iter().filter(|some| some & required == 0));
        let lists: Vec<List> = case.lists.iter().map(|list| self.texts.list(&list.texts)).collect();
        let lists = append(&mut self.lists, lists);
        self.gates.push(Gate {
            item,
            required,
            absent: Shape::kinds_of(&case.absent).0,
            alternatives,
            lists,
        });
    }

    fn finish(self, items: usize, fingerprint: u64) -> Scanner {
        let mut led = vec![Vec::new(); self.texts.len()];
        for (index, gate) in self.gates.iter().enumerate() {
            let first = self.lists.get(gate.lists.start as usize).filter(|_| !gate.lists.is_empty());
            if let Some(gates) = first.and_then(|list| led.get_mut(*list as usize)) {
                gates.push(index as u32);
            }
        }
        let Self { gates, alternatives, lists, texts } = self;
        Scanner { items, gates, alternatives, lists, led, texts: texts.build(), fingerprint }
    }
}

fn hash_case(case: &Case, hasher: &mut DefaultHasher) {
    (case.min_len, case.absent, &case.sets).hash(hasher);
    case.lists.iter().for_each(|list| list.texts.hash(hasher));
}

fn append<T>(all: &mut Vec<T>, some: impl IntoIterator<Item = T>) -> Range<u32> {
    let start = all.len() as u32;
    all.extend(some);
    start..all.len() as u32
}

/// Kinds of bytes of which a value with one of `texts` has one, for each place where that can be said.
fn kinds_of_list(texts: &[Text]) -> Vec<u64> {
    let all_have = |bytes: &[u8]| {
        let has = |text: &Text| text.bytes.iter().any(|byte| bytes.contains(&byte.to_ascii_lowercase()));
        texts.iter().all(has)
    };
    let mut kinds = Vec::new();
    let first = texts.first().map_or(&[][..], |text| text.bytes.as_slice());
    for &byte in first.iter().filter(|byte| !byte.is_ascii_alphanumeric()) {
        if texts.iter().all(|text| text.bytes.contains(&byte)) {
            kinds.push(Shape::kinds_of(&ByteSet::of(&[byte])).0);
        }
    }
    let letters: Vec<u8> = (b'a'..=b'z').collect();
    if all_have(&letters) {
        kinds.push(Shape::kinds_of(&ByteSet::of(b"aA")).0);
    }
    if all_have(b"0123456789") {
        kinds.push(Shape::kinds_of(&ByteSet::of(b"0")).0);
    }
    let rarest = texts.iter().fold(ByteSet::new(), |all, text| all.union(&text.rarest()));
    kinds.push(Shape::kinds_of(&rarest).0);
    kinds
}
