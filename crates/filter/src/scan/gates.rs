//! Which gates a shape leaves open, for all gates at once.
//!
//! A gate is one case of one condition. For each bit of a shape there is a row of gates that need it and a row of gates
//! that must do without it, and for each set of alternatives a row of gates that need one of them: a shape's gates are
//! what no row shuts. Immutable.

use std::collections::BTreeMap;

use super::shape::Shape;

/// What a gate asks of a shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Demands {
    /// Bits that it must have.
    pub required: u64,
    /// Bits that it must not have.
    pub absent: u64,
    /// Of each, it must have a bit.
    pub alternatives: Vec<u64>,
}

/// The demands of all gates, by what shuts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    /// Words in one row.
    width: usize,
    len: usize,
    /// Rows of gates that are shut if a shape has none of these bits.
    needing: Vec<(u64, Vec<u64>)>,
    /// Rows of gates that are shut if a shape has one of these bits.
    fearing: Vec<(u64, Vec<u64>)>,
}

impl Gates {
    /// The gates with these demands, in order.
    pub(super) fn new(demands: &[Demands]) -> Self {
        let mut needing: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut fearing: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let width = demands.len().div_ceil(64);
        for (gate, demand) in demands.iter().enumerate() {
            let required = (0..64).map(|bit| 1u64 << bit).filter(|bit| demand.required & bit != 0);
            for bits in required.chain(demand.alternatives.iter().copied()) {
                mark(needing.entry(bits).or_insert_with(|| vec![0; width]), gate);
            }
            if demand.absent != 0 {
                mark(fearing.entry(demand.absent).or_insert_with(|| vec![0; width]), gate);
            }
        }
        let (needing, fearing) = (needing.into_iter().collect(), fearing.into_iter().collect());
        Self { width, len: demands.len(), needing, fearing }
    }

    /// Words in a row.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Writes to `row`, which is all zero, the gates that are open to `shape`.
    pub(super) fn open(&self, shape: Shape, row: &mut [u64]) {
        let shut = self.needing.iter().filter(|(bits, _)| shape.0 & bits == 0);
        for (_, gates) in shut.chain(self.fearing.iter().filter(|(bits, _)| shape.0 & bits != 0)) {
            for (word, gates) in row.iter_mut().zip(gates) {
                *word |= gates;
            }
        }
        for (index, word) in row.iter_mut().enumerate() {
            let rest = self.len.saturating_sub(index * 64).min(64) as u32;
            *word = !*word & u64::MAX.checked_shr(64 - rest).unwrap_or(0);
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        (self.needing.len() + self.fearing.len()) * (self.width * 8 + size_of::<(u64, Vec<u64>)>())
    }
}

fn mark(row: &mut [u64], gate: usize) {
    if let Some(word) = row.get_mut(gate / 64) {
        *word |= 1 << (gate % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_open_when_all_its_demands_are_met() {
        let demand = |required, absent, alternatives: &[u64]| Demands {
            required,
            absent,
            alternatives: alternatives.to_vec(),
        };
        let mut demands = vec![demand(0, 0, &[]); 70];
        demands.extend([
            demand(0b11, 0, &[]),
            demand(0, 0b100, &[]),
            demand(1, 0b100, &[0b11_000, 0b1_0000]),
        ]);
        let gates = Gates::new(&demands);
        for shape in 0..64 {
            let mut row = vec![0; gates.width()];
            gates.open(Shape(shape), &mut row);
            for (index, demand) in demands.iter().enumerate() {
                let open = shape & demand.required == demand.required
                    && shape & demand.absent == 0
                    && demand.alternatives.iter().all(|some| shape & some != 0);
                assert_eq!(row[index / 64] >> (index % 64) & 1 == 1, open, "gate {index}, shape {shape:b}");
            }
            assert_eq!(row[1] >> 9, 0, "no gate beyond the last");
        }
    }
}
