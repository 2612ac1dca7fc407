//! The necessary conditions of many rules, tried together.
//!
//! Each case of a condition is a gate. Gates without texts are opened by a value's shape; the others are looked at once
//! their texts were seen in the one pass over the value. Most texts can only matter in values with marks that ordinary
//! values do not have, so plain values have tables of their own. Immutable and shared. Invariant: a scan depends on
//! nothing but the value, and on that without regard to the case of ASCII letters.

use std::ops::Range;

use super::bytes::ByteSet;
use super::fold::unfold;
use super::gates::{ALTERNATIVES, Demands, Gates};
use super::necessary::Case;
use super::shape::Shape;
use super::sieve::Sieve;
use super::sorted::Sorted;
use super::text::Text;
use super::texts::{Coded, List, PADDING, Texts, TextsBuilder};
use super::{Bits, Necessary, Scratch};

/// The gates of as many items are looked at one by one.
const FEW: usize = 8;

/// Says which of many rules could match a value.
#[derive(Clone, Debug)]
pub struct Scanner {
    items: usize,
    /// The gates that wait for no list.
    listless: Gates,
    /// The others, in the order of their items.
    waiting: Vec<Waiting>,
    /// Where those of each item begin, and where the last ends.
    waiting_from: Vec<u32>,
    /// Lists of which each must be seen, for the ranges in gates.
    lists: Vec<List>,
    /// For each list, how long its shortest text is, if all are ASCII; else 0.
    shortest: Vec<usize>,
    /// The kinds of bytes that plain values do not have.
    marked: Shape,
    plain: Led,
    any: Led,
}

/// A gate to an item, and the lists that must be seen before it opens.
#[derive(Clone, Debug)]
struct Waiting {
    item: u32,
    demands: Demands,
    lists: Range<u32>,
}

/// What is looked for in some values, and what it leads to.
#[derive(Clone, Debug)]
struct Led {
    texts: Texts,
    /// For each list, the gates that wait for it first.
    gates: Vec<Vec<u32>>,
}

impl Scanner {
    /// A scanner for `items`; candidates are indexes into them.
    pub fn build(items: &[Necessary]) -> Self {
        Self::build_some(items, &Bits::below(items.len()))
    }

    /// A scanner for some of the items, under the numbers they have among all.
    pub fn build_some(items: &[Necessary], which: &Bits) -> Self {
        let mut builder = Builder::default();
        for (index, item) in items.iter().enumerate().filter(|(index, _)| which.contains(*index)) {
            for case in item.cases() {
                builder.add_gate(index as u32, case);
            }
        }
        builder.finish(items.len())
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
        self.plain.memory()
            + self.any.memory()
            + self.listless.memory()
            + size_of_val(self.waiting.as_slice())
            + size_of_val(self.lists.as_slice())
    }

    /// Fills `found` with the items that could match `value`; what was in it before is gone.
    pub fn candidates(&self, value: &[u8], found: &mut Bits, scratch: &mut Scratch) {
        let shape = Shape::of(value);
        self.find_texts(value, shape, found, scratch);
        self.listless.open(shape, |item| found.insert(item as usize));
    }

    /// What the shape of a value alone says of some items.
    pub fn sort_out(&self, shape: Shape, items: &Bits) -> Sorted {
        let mut sorted = Sorted::default();
        if items.iter().nth(FEW).is_none() {
            let opens =
                |item: &usize| self.listless.to(*item as u32).any(|demands| demands.are_met_by(shape));
            sorted.open.extend(items.iter().filter(opens).map(|item| item as u32));
        } else {
            self.listless.open(shape, |item| {
                if items.contains(item as usize) {
                    sorted.add(item);
                }
            });
        }
        sorted.wait = self.waiting_for(items).any(|gate| gate.demands.are_met_by(shape));
        sorted
    }

    /// Whether a value whose shape has bits of `shape` only could be let through to one of the items.
    pub fn may_open(&self, items: &Bits, shape: Shape) -> bool {
        let mut waiting = self.waiting_for(items).map(|gate| &gate.demands);
        let mut listless = items.iter().flat_map(|item| self.listless.to(item as u32));
        let may = |demands: &Demands| demands.could_be_met_within(shape);
        waiting.any(may) || listless.any(may)
    }

    /// What values must have for one of the items, if that is quickly said.
    pub fn sieve(&self, items: &Bits) -> Option<Sieve> {
        let waiting = self.waiting_for(items).map(|gate| (&gate.demands, self.run_of(gate)));
        let listless = items.iter().flat_map(|item| self.listless.to(item as u32));
        Sieve::of(waiting.chain(listless.map(|demands| (demands, 0))))
    }

    /// How many ASCII bytes stand next to each other in every value that a gate lets through.
    fn run_of(&self, gate: &Waiting) -> usize {
        let lists = lists_of(&self.lists, gate).iter();
        let runs = lists.map(|list| self.shortest.get(*list as usize).copied().unwrap_or_default());
        runs.max().unwrap_or_default()
    }

    fn waiting_for(&self, items: &Bits) -> impl Iterator<Item = &Waiting> {
        items.iter().flat_map(|item| {
            let ends = self.waiting_from.get(item).zip(self.waiting_from.get(item + 1));
            let gates = ends.and_then(|(from, to)| self.waiting.get(*from as usize..*to as usize));
            gates.unwrap_or_default()
        })
    }

    /// Fills `found` with the items of whose texts enough occur in `value`, which has that shape.
    pub fn find_texts(&self, value: &[u8], shape: Shape, found: &mut Bits, scratch: &mut Scratch) {
        scratch.look_at(value, (), |(), _| ());
        self.find_seen_texts(value, shape, found, scratch);
    }

    /// The same for the value that the scratch looked at last.
    pub fn find_seen_texts(&self, value: &[u8], shape: Shape, found: &mut Bits, scratch: &mut Scratch) {
        found.clear();
        let Scratch { codes, places, seen, waiting } = scratch;
        let led = if shape.0 & self.marked.0 == 0 { &self.plain } else { &self.any };
        waiting.clear();
        // As many as the value has, and the padding; the scratch looked at it last.
        let codes = codes.get(..value.len() + PADDING).unwrap_or(codes);
        led.texts.scan(Coded { value, codes }, places, seen, |list| {
            for &number in led.gates.get(list as usize).map_or(&[][..], Vec::as_slice) {
                let Some(gate) = self.waiting.get(number as usize) else { continue };
                if gate.demands.are_met_by(shape) {
                    if gate.lists.len() == 1 {
                        found.insert(gate.item as usize);
                    } else {
                        waiting.push(number);
                    }
                }
            }
        });
        for gate in waiting.iter().filter_map(|gate| self.waiting.get(*gate as usize)) {
            if lists_of(&self.lists, gate).iter().all(|list| seen.contains(*list as usize)) {
                found.insert(gate.item as usize);
            }
        }
    }
}

impl Led {
    /// For values whose shapes have none of the bits of `missing`.
    fn new(waiting: &[Waiting], lists: &[List], texts: &TextsBuilder, missing: u64) -> Self {
        let mut gates = vec![Vec::new(); texts.len()];
        let mut wanted = Bits::new();
        let gates_there = waiting.iter().enumerate();
        for (number, gate) in gates_there.filter(|(_, gate)| gate.demands.can_do_without(missing)) {
            let lists = lists_of(lists, gate);
            for list in lists {
                wanted.insert(*list as usize);
            }
            if let Some(led) = lists.first().and_then(|list| gates.get_mut(*list as usize)) {
                led.push(number as u32);
            }
        }
        Self { texts: texts.build(&wanted), gates }
    }

    fn memory(&self) -> usize {
        let gates = self.gates.iter().map(|gates| size_of_val(gates.as_slice()) + size_of::<Vec<u32>>());
        self.texts.memory() + gates.sum::<usize>()
    }
}

fn lists_of<'a>(lists: &'a [List], gate: &Waiting) -> &'a [List] {
    lists.get(gate.lists.start as usize..gate.lists.end as usize).unwrap_or_default()
}

#[derive(Default)]
struct Builder {
    listless: Gates,
    waiting: Vec<Waiting>,
    lists: Vec<List>,
    shortest: Vec<usize>,
    texts: TextsBuilder,
}

impl Builder {
    fn add_gate(&mut self, item: u32, case: &Case) {
        let demands = demands_of(case);
        if case.lists.is_empty() {
            self.listless.add(demands, item);
            return;
        }
        let start = self.lists.len() as u32;
        for list in &case.lists {
            let number = self.texts.list(&list.texts);
            self.lists.push(number);
            self.shortest.resize(self.texts.len(), 0);
            if let Some(shortest) = self.shortest.get_mut(number as usize) {
                *shortest = shortest_of(&list.texts);
            }
        }
        self.waiting.push(Waiting { item, demands, lists: start..self.lists.len() as u32 });
    }

    fn finish(self, items: usize) -> Scanner {
        let Self { listless, waiting, lists, shortest, texts } = self;
        let marked = Shape::marked();
        let begins = (0..=items).map(|item| waiting.partition_point(|gate| (gate.item as usize) < item));
        Scanner {
            items,
            waiting_from: begins.map(|at| at as u32).collect(),
            plain: Led::new(&waiting, &lists, &texts, marked.0),
            any: Led::new(&waiting, &lists, &texts, 0),
            listless,
            waiting,
            lists,
            shortest,
            marked,
        }
    }
}

/// How long the shortest of some texts is, if all are ASCII; else 0.
fn shortest_of(texts: &[Text]) -> usize {
    let lengths = texts.iter().map(|text| if text.bytes.is_ascii() { text.bytes.len() } else { 0 });
    lengths.min().unwrap_or_default()
}

fn demands_of(case: &Case) -> Demands {
    let mut kinds: Vec<u64> = case.sets.iter().map(|set| Shape::kinds_of(set).0).collect();
    kinds.extend(case.lists.iter().flat_map(|list| kinds_of_list(&list.texts)));
    kinds.sort_unstable();
    kinds.dedup();
    let (single, several): (Vec<u64>, Vec<u64>) =
        kinds.into_iter().partition(|kinds| kinds.is_power_of_two());
    let required = single.into_iter().fold(Shape::of_length(case.min_len).0, |all, kind| all | kind);
    Demands::new(required, Shape::kinds_of(&case.absent).0, &telling_alternatives(several, required))
}

/// The alternatives that say most: those of few kinds, and of kinds that not every value has.
fn telling_alternatives(mut all: Vec<u64>, required: u64) -> Vec<u64> {
    let letters = Shape::kinds_of(&ByteSet::of(b"a")).0;
    all.retain(|some| some & required == 0);
    all.sort_unstable_by_key(|some| (some & letters != 0, some.count_ones()));
    all.truncate(ALTERNATIVES);
    all
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
