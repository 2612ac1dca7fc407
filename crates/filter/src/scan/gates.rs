//! What gates ask of a value's shape, and those gates that ask nothing else.
//!
//! A gate is one case of one condition. A gate that waits for texts is looked at once they were seen; one that does
//! not is found by a bit that a shape must have to open it, the rarest there is, so that an ordinary value meets few.
//! Immutable.

use super::shape::{ALWAYS, LENGTH_BITS, Shape, kind_of};

/// Sets of alternatives that one gate asks for.
pub(super) const ALTERNATIVES: usize = 4;

/// What a gate asks of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// Bits that it must have.
    required: u64,
    /// Bits that it must not have.
    absent: u64,
    /// Of each, it must have a bit; those that are not used ask for what every shape has.
    alternatives: [u64; ALTERNATIVES],
    /// Bits of which every shape that meets them has one: those that ordinary values have least often.
    lead: u64,
}

impl Demands {
    /// These demands; of more alternatives than there is room for, the last are left out.
    pub(super) fn new(required: u64, absent: u64, alternatives: &[u64]) -> Self {
        let mut kept = [ALWAYS; ALTERNATIVES];
        kept.iter_mut().zip(alternatives).for_each(|(kept, some)| *kept = *some);
        let sets = bits(required).map(|bit| 1 << bit).chain(kept);
        let lead = sets.min_by_key(|set| bits(*set).map(usualness).sum::<u32>()).unwrap_or(ALWAYS);
        Self { required, absent, alternatives: kept, lead }
    }

    /// Does `shape` meet them all?
    #[inline]
    pub(super) fn are_met_by(&self, shape: Shape) -> bool {
        shape.0 & self.required == self.required
            && shape.0 & self.absent == 0
            && self.alternatives.iter().all(|some| shape.0 & some != 0)
    }

    /// Could a shape meet them that has bits of `shape` only?
    #[inline]
    pub(super) fn could_be_met_within(&self, shape: Shape) -> bool {
        shape.0 & self.required == self.required && self.alternatives.iter().all(|some| shape.0 & some != 0)
    }

    /// Could a shape within which `other` could be met always meet these too?
    pub(super) fn are_implied_by(&self, other: &Self) -> bool {
        let has =
            |some: &u64| other.required & some != 0 || other.alternatives.iter().any(|of| of & !some == 0);
        self.required & !other.required == 0 && self.alternatives.iter().all(has)
    }

    /// Could a shape meet them that has no bit of `missing`?
    pub(super) fn can_do_without(&self, missing: u64) -> bool {
        self.required & missing == 0 && self.alternatives.iter().all(|some| some & !missing != 0)
    }
}

/// The gates that wait for no text.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    /// In the order of their items.
    all: Vec<Gate>,
    /// For each bit of a shape, the gates it leads to.
    led: Vec<Vec<u32>>,
    /// Bits that lead to a gate.
    leading: u64,
}

#[derive(Clone, Debug)]
struct Gate {
    demands: Demands,
    item: u32,
}

impl Gates {
    /// Adds a gate to an item, after all gates to items before it.
    pub(super) fn add(&mut self, demands: Demands, item: u32) {
        self.led.resize(64, Vec::new());
        let number = self.all.len() as u32;
        self.all.push(Gate { demands, item });
        let lead = demands.lead;
        for bit in bits(lead) {
            if let Some(led) = self.led.get_mut(bit as usize) {
                led.push(number);
            }
        }
        self.leading |= lead;
    }

    /// Calls `report` with the item behind every gate that is open to `shape`; perhaps more than once.
    #[inline]
    pub(super) fn open(&self, shape: Shape, mut report: impl FnMut(u32)) {
        for bit in bits(shape.0 & self.leading) {
            let led = self.led.get(bit as usize).map_or(&[][..], Vec::as_slice);
            let gates = led.iter().filter_map(|number| self.all.get(*number as usize));
            gates.filter(|gate| gate.demands.are_met_by(shape)).for_each(|gate| report(gate.item));
        }
    }

    /// What the gates to an item demand.
    pub(super) fn to(&self, item: u32) -> impl Iterator<Item = &Demands> {
        let from = self.all.partition_point(|gate| gate.item < item);
        let rest = self.all.get(from..).unwrap_or_default();
        rest.iter().take_while(move |gate| gate.item == item).map(|gate| &gate.demands)
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        let led: usize =
            self.led.iter().map(|gates| size_of_val(gates.as_slice()) + size_of::<Vec<u32>>()).sum();
        size_of_val(self.all.as_slice()) + led
    }
}

/// The numbers of the bits that are set.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.checked_sub(1)?;
        Some(bit)
    })
}

/// How often ordinary values have a bit, as a guess: a bad one costs time and never a match.
fn usualness(bit: u32) -> u32 {
    const LETTERS: u64 = kind_of(b'a');
    const DIGITS: u64 = kind_of(b'0');
    const MARKS: u64 = kind_of(b' ')
        | kind_of(b'-')
        | kind_of(b'_')
        | kind_of(b'.')
        | kind_of(b',')
        | kind_of(b':')
        | kind_of(b'/')
        | kind_of(b'@')
        | kind_of(b'+');
    match 1 << bit {
        ALWAYS => 1_000,
        LETTERS => 800,
        bit if bit & LENGTH_BITS != 0 => 700,
        DIGITS => 400,
        bit if bit & MARKS != 0 => 100,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_open_when_all_its_demands_are_met() {
        let mut demands = vec![Demands::new(0, 0, &[]); 70];
        demands.extend([
            Demands::new(0b11, 0, &[]),
            Demands::new(0, 0b100, &[]),
            Demands::new(1, 0b100, &[0b11_000, 0b1_0000]),
        ]);
        let mut gates = Gates::default();
        demands.iter().enumerate().for_each(|(item, demands)| gates.add(*demands, item as u32));
        for shape in 0..64 {
            let shape = Shape(shape | ALWAYS);
            let mut open = Vec::new();
            gates.open(shape, |item| open.push(item));
            open.sort_unstable();
            open.dedup();
            let met = demands.iter().enumerate().filter(|(_, demands)| demands.are_met_by(shape));
            assert_eq!(open, met.map(|(item, _)| item as u32).collect::<Vec<_>>(), "{shape:?}");
        }
        assert!(demands.iter().all(|demands| demands.can_do_without(0)));
        assert!(!Demands::new(1, 0, &[0b110]).can_do_without(0b110));
        assert!(Demands::new(1, 0, &[0b110]).can_do_without(0b100));
    }
}
