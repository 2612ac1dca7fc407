//! What a worker remembers between scans.
//!
//! For each shape of value: the items it leaves open and the gates that wait for a text. Bounded by construction; owned
//! by the caller and lent to each scan. Everything is correct with a fresh one, and one cache may serve several
//! scanners: what it remembers names the scanner it is about by a fingerprint of its conditions.

use super::Bits;
use super::shape::Shape;

/// Shapes remembered for one scanner.
const SHAPES: usize = 2_048;
/// Shapes that share one slot; the one that came first makes room.
const WAYS: usize = 4;
/// Scanners remembered at a time; the one unused for longest makes room.
const SCANNERS: usize = 8;
/// A shape that no value has: it would need the one kind bit that means nothing.
const NO_SHAPE: Shape = Shape(u64::MAX);

/// A worker's memory of earlier scans, at most a few MiB.
#[derive(Clone, Debug, Default)]
pub struct ScanCache {
    /// Most recently used last.
    tables: Vec<Table>,
    pub(super) scratch: Scratch,
}

/// Room for the value at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    /// The value, folded.
    pub folded: Vec<u8>,
    /// Lists seen in it.
    pub seen: Bits,
    /// Gates that wait for further lists.
    pub waiting: Vec<u32>,
}

/// What one scanner makes of shapes.
#[derive(Clone, Debug)]
struct Table {
    scanner: u64,
    /// Words that one shape takes.
    width: usize,
    shapes: Vec<[Shape; WAYS]>,
    words: Vec<u64>,
    /// Shapes that had to be worked out so far; tells which of a slot makes room.
    misses: usize,
}

impl ScanCache {
    /// An empty cache; it grows to its bound with use.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a scanner makes of `shape`: remembered, or worked out by `fill` into `width` words that are all zero.
    #[inline]
    pub(super) fn answer(
        &mut self,
        scanner: u64,
        width: usize,
        shape: Shape,
        fill: impl FnOnce(&mut [u64]),
    ) -> (&[u64], &mut Scratch) {
        if self.tables.last().is_none_or(|table| table.scanner != scanner || table.width != width) {
            self.bring_forward(scanner, width);
        }
        let words = self.tables.last_mut().map_or(&[][..], |table| table.answer(shape, fill));
        (words, &mut self.scratch)
    }

    /// Makes the table of `scanner` the last one.
    #[cold]
    fn bring_forward(&mut self, scanner: u64, width: usize) {
        let known = self.tables.iter().position(|table| table.scanner == scanner && table.width == width);
        let table = known.map_or_else(|| Table::new(scanner, width), |place| self.tables.remove(place));
        if self.tables.len() >= SCANNERS {
            self.tables.remove(0);
        }
        self.tables.push(table);
    }
}

impl Table {
    fn new(scanner: u64, width: usize) -> Self {
        let shapes = vec![[NO_SHAPE; WAYS]; SHAPES / WAYS];
        Self { scanner, width, shapes, words: vec![0; SHAPES * width], misses: 0 }
    }

    #[inline]
    fn answer(&mut self, shape: Shape, fill: impl FnOnce(&mut [u64])) -> &[u64] {
        let slot = slot_of(shape);
        let Some(known) = self.shapes.get_mut(slot) else { return &[] };
        let found = known.iter().position(|one| *one == shape);
        let way = found.unwrap_or(self.misses % WAYS);
        let first = (slot * WAYS + way) * self.width;
        let Some(words) = self.words.get_mut(first..first + self.width) else { return &[] };
        if found.is_none() {
            words.fill(0);
            fill(words);
            self.misses = self.misses.wrapping_add(1);
            if let Some(one) = known.get_mut(way) {
                *one = shape;
            }
        }
        words
    }
}

#[inline]
fn slot_of(shape: Shape) -> usize {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the shape.
    (shape.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - (SHAPES / WAYS).trailing_zeros())) as usize
}
