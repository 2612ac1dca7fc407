//! What a worker remembers between scans.
//!
//! For each shape of value: the items it leaves open and the gates that wait for a text. Bounded by construction; owned
//! by the caller and lent to each scan. Everything is correct with a fresh one, and one cache may serve several
//! scanners: what it remembers names the scanner it is about by a fingerprint of its conditions.

use super::Bits;
use super::shape::Shape;

/// Shapes remembered for one scanner.
const SHAPES: usize = 1_024;
/// Scanners remembered at a time; the one unused for longest makes room.
const SCANNERS: usize = 8;
/// A shape that no value has: it would need the one kind bit that means nothing.
const NO_SHAPE: Shape = Shape(u64::MAX);

/// A worker's memory of earlier scans, at most a few MiB.
#[derive(Clone, Debug, Default)]
pub struct ScanCache {
    /// Most recently used last.
    tables: Vec<Table>,
    /// Lists seen in the value at hand.
    pub(super) seen: Bits,
    /// Gates of the value at hand that wait for further lists.
    pub(super) waiting: Vec<u32>,
}

/// What one scanner makes of shapes.
#[derive(Clone, Debug)]
pub(super) struct Table {
    scanner: u64,
    /// Words that one shape takes.
    width: usize,
    shapes: Vec<Shape>,
    words: Vec<u64>,
}

impl ScanCache {
    /// An empty cache; it grows to its bound with use.
    pub fn new() -> Self {
        Self::default()
    }

    /// The place of the table of a scanner whose answers take `width` words.
    #[inline]
    fn table_of(&mut self, scanner: u64, width: usize) -> usize {
        let last = self.tables.len().wrapping_sub(1);
        if self.tables.last().is_some_and(|table| table.scanner == scanner && table.width == width) {
            return last;
        }
        let known = self.tables.iter().position(|table| table.scanner == scanner && table.width == width);
        let table = match known {
            Some(place) => self.tables.remove(place),
            None => Table::new(scanner, width),
        };
        if self.tables.len() >= SCANNERS {
            self.tables.remove(0);
        }
        self.tables.push(table);
        self.tables.len() - 1
    }

    /// What a scanner makes of `shape`: remembered, or worked out by `fill` into words that are all zero.
    #[inline]
    pub(super) fn answer(
        &mut self,
        scanner: u64,
        width: usize,
        shape: Shape,
        fill: impl FnOnce(&mut [u64]),
    ) -> (&[u64], &mut Bits, &mut Vec<u32>) {
        let place = self.table_of(scanner, width);
        let words = self.tables.get_mut(place).map_or(&[][..], |table| table.answer(shape, fill));
        (words, &mut self.seen, &mut self.waiting)
    }
}

impl Table {
    fn new(scanner: u64, width: usize) -> Self {
        Self { scanner, width, shapes: vec![NO_SHAPE; SHAPES], words: vec![0; SHAPES * width] }
    }

    #[inline]
    fn answer(&mut self, shape: Shape, fill: impl FnOnce(&mut [u64])) -> &[u64] {
        let slot = slot_of(shape);
        let range = slot * self.width..(slot + 1) * self.width;
        let (Some(known), Some(words)) = (self.shapes.get_mut(slot), self.words.get_mut(range)) else {
            return &[];
        };
        if *known != shape {
            words.fill(0);
            fill(words);
            *known = shape;
        }
        words
    }
}

#[inline]
fn slot_of(shape: Shape) -> usize {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the shape.
    (shape.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHAPES.trailing_zeros())) as usize
}
