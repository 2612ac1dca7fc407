//! The necessary conditions of many rules, tried together.
//!
//! A value's shape opens gates, one for each case of a condition; what a shape opens is remembered. Gates without texts
//! make candidates at once, the others once their texts were seen in the one pass over the value. Immutable and shared;
//! whatever is remembered is in the caller's [`ScanCache`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::bytes::ByteSet;
use super::cache::Scratch;
use super::fold::unfold;
use super::gates::{Demands, Gates};
use super::necessary::Case;
use super::shape::Shape;
use super::text::Text;
use super::texts::{List, PADDING, Texts, TextsBuilder};
use super::{Bits, Necessary, ScanCache};

/// Sets of alternatives that one gate asks for.
const ALTERNATIVES: usize = 4;

/// Says which of many rules could match a value.
#[derive(Clone, Debug)]
pub struct Scanner {
    items: usize,
    gates: Gates,
    /// What lies behind each gate.
    behind: Vec<Behind>,
    /// The gates that wait for no list, as a row.
    listless: Vec<u64>,
    /// Lists of which each must be seen, for the ranges behind gates.
    lists: Vec<List>,
    /// For each list, the gates that wait for it first.
    led: Vec<Vec<u32>>,
    texts: Texts,
    fingerprint: u64,
}

/// What a gate leads to, and the lists that must be seen before.
#[derive(Clone, Debug)]
struct Behind {
    item: u32,
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
            + self.gates.memory()
            + led
            + size_of_val(self.behind.as_slice())
            + size_of_val(self.listless.as_slice())
            + size_of_val(self.lists.as_slice())
    }

    /// Fills `found` with the items that could match `value`; what was in it before is gone.
    pub fn candidates(&self, value: &[u8], found: &mut Bits, cache: &mut ScanCache) {
        let shape = Shape::of(value, &mut cache.scratch.folded, PADDING);
        let item_words = self.items.div_ceil(64);
        let width = item_words + self.gates.width();
        let (answer, scratch) = cache.answer(self.fingerprint, width, shape, |words| self.open(shape, words));
        let (open, gates) = answer.split_at_checked(item_words).unwrap_or_default();
        found.copy_from(open);
        if gates.iter().any(|word| *word != 0) {
            self.find_texts(gates, scratch, found);
        }
    }

    /// Adds the items behind those of `gates` whose texts are in the value.
    fn find_texts(&self, gates: &[u64], scratch: &mut Scratch, found: &mut Bits) {
        let Scratch { folded, seen, waiting } = scratch;
        waiting.clear();
        self.texts.scan(folded, seen, |list| {
            let led = self.led.get(list as usize).map_or(&[][..], Vec::as_slice);
            waiting.extend(led.iter().filter(|&&gate| is_marked(gates, gate as usize)));
        });
        for gate in waiting.iter().filter_map(|gate| self.behind.get(*gate as usize)) {
            if self.lists_of(gate).iter().all(|list| seen.contains(*list as usize)) {
                found.insert(gate.item as usize);
            }
        }
    }

    /// Writes the items that `shape` alone makes candidates, and after them the gates that wait for texts.
    fn open(&self, shape: Shape, words: &mut [u64]) {
        let (items, gates) = words.split_at_mut(self.items.div_ceil(64).min(words.len()));
        self.gates.open(shape, gates);
        for (word, (gates, listless)) in gates.iter_mut().zip(&self.listless).enumerate() {
            let mut open = *gates & listless;
            *gates ^= open;
            while open != 0 {
                let gate = self.behind.get(word * 64 + open.trailing_zeros() as usize);
                if let Some((gate, items)) =
                    gate.and_then(|gate| Some((gate, items.get_mut(gate.item as usize / 64)?)))
                {
                    *items |= 1 << (gate.item % 64);
                }
                open &= open - 1;
            }
        }
    }

    fn lists_of(&self, gate: &Behind) -> &[List] {
        self.lists.get(gate.lists.start as usize..gate.lists.end as usize).unwrap_or_default()
    }
}

#[inline]
fn is_marked(row: &[u64], index: usize) -> bool {
    row.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
}

#[derive(Default)]
struct Builder {
    demands: Vec<Demands>,
    behind: Vec<Behind>,
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
        let alternatives = telling_alternatives(several, required, !case.lists.is_empty());
        self.demands.push(Demands { required, absent: Shape::kinds_of(&case.absent).0, alternatives });
        let start = self.lists.len() as u32;
        self.lists.extend(case.lists.iter().map(|list| self.texts.list(&list.texts)));
        self.behind.push(Behind { item, lists: start..self.lists.len() as u32 });
    }

    fn finish(self, items: usize, fingerprint: u64) -> Scanner {
        let Self { demands, behind, lists, texts } = self;
        let mut led = vec![Vec::new(); texts.len()];
        for (index, gate) in behind.iter().enumerate().filter(|(_, gate)| !gate.lists.is_empty()) {
            let first = lists.get(gate.lists.start as usize);
            if let Some(gates) = first.and_then(|list| led.get_mut(*list as usize)) {
                gates.push(index as u32);
            }
        }
        let mut listless = vec![0; behind.len().div_ceil(64)];
        for (index, _) in behind.iter().enumerate().filter(|(_, gate)| gate.lists.is_empty()) {
            if let Some(word) = listless.get_mut(index / 64) {
                *word |= 1 << (index % 64);
            }
        }
        Scanner {
            items,
            gates: Gates::new(&demands),
            behind,
            listless,
            lists,
            led,
            texts: texts.build(),
            fingerprint,
        }
    }
}

/// The alternatives worth a row of their own: those of few kinds, and of kinds that not every value has. Where texts
/// have to be seen as well, letters say nothing more.
fn telling_alternatives(mut all: Vec<u64>, required: u64, texts_follow: bool) -> Vec<u64> {
    let letters = Shape::kinds_of(&ByteSet::of(b"aA")).0;
    all.retain(|some| some & required == 0 && !(texts_follow && some & letters != 0));
    all.sort_unstable_by_key(|some| (some & letters != 0, some.count_ones()));
    all.truncate(ALTERNATIVES);
    all
}

fn hash_case(case: &Case, hasher: &mut DefaultHasher) {
    (case.min_len, case.absent, &case.sets).hash(hasher);
    case.lists.iter().for_each(|list| list.texts.hash(hasher));
}

/// Kinds of bytes of which a value with one of `texts` has one, for each place where that can be said.
fn kinds_of_list(texts: &[Text]) -> Vec<u64> {
    let all_have = |set: ByteSet| texts.iter().all(|text| set.occurs_in(&text.bytes));
    let first = texts.first().map_or(&[][..], |text| text.bytes.as_slice());
    let marks = first.iter().filter(|byte| !byte.is_ascii_alphanumeric()).map(|&byte| ByteSet::of(&[byte]));
    let letters = [ByteSet::new().with(b'a'..=b'z'), ByteSet::new().with(b'0'..=b'9')];
    let shared = marks.chain(letters).filter(|set| all_have(*set)).map(|set| unfolded(&set));
    let rarest = texts.iter().fold(ByteSet::new(), |all, text| all.union(&text.rarest()));
    shared.chain([rarest]).map(|set| Shape::kinds_of(&set).0).collect()
}

fn unfolded(set: &ByteSet) -> ByteSet {
    set.iter().fold(ByteSet::new(), |all, byte| all.union(&unfold(byte)))
}
