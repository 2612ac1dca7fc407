//! Pipelines of transformations, and which of them leave a value alone.
//!
//! Every transformation is known by the bytes, and the pairs of neighbours, without which it changes nothing; those are
//! numbered, so that one look at each byte of a value tells which pipelines can be skipped. Invariant: what is present
//! in a value depends on nothing but the value. Does not know rules.

use crate::scan::bytes::ByteSet;
use crate::scan::{Scratch, Shape};
use crate::transform::{Pair, Transformation};

/// Which of the numbered byte sets have a byte in a value, and which numbered pairs it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Present(u64);

/// Sets that are told apart; more count as always present.
const SETS: usize = 31;
/// Pairs that are told apart; more count as always present.
const PAIRS: usize = 16;
/// Where the bits of pairs begin.
const FIRST_PAIR: usize = 32;

impl Present {
    /// Nothing of any set, as in an empty value; what can change every value still runs.
    const NOTHING: Self = Self(1 << 31);

    const fn has_any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What one pass over a value tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) present: Present,
    pub(super) shape: Shape,
}

impl Look {
    /// A number for this and another number, well mixed.
    pub(super) const fn mixed_with(self, number: u32) -> u16 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let present = (self.present.0 ^ (number as u64) << 48).wrapping_mul(ODD);
        let mixed = (self.shape.number() ^ present.rotate_left(32)).wrapping_mul(ODD);
        // Only the upper bits of a product depend on all bits of its factors.
        (mixed >> 48) as u16
    }
}

/// What a transformation needs to change something.
#[derive(Clone, Copy, Debug)]
struct Triggers {
    /// Bytes, of which it needs one.
    bytes: Present,
    /// Of which it needs one more closely looked at: bytes that change by themselves, and pairs.
    closely: Present,
}

impl Triggers {
    const ALWAYS: Self = Self { bytes: Present::NOTHING, closely: Present::NOTHING };

    const fn met_by(self, present: Present) -> bool {
        present.has_any(self.bytes) && present.has_any(self.closely)
    }
}

/// The pipelines of a rule set.
#[derive(Clone, Debug)]
pub(super) struct Pipelines {
    steps: Vec<Vec<Transformation>>,
    /// For each byte, the sets it is in; above, the pairs it begins and, above these, the pairs it ends.
    table: Box<[u64; 256]>,
    /// The pairs that have the value's beginning first, and those that have its end second.
    ends: (u64, u64),
    /// By transformation.
    triggers: Vec<Triggers>,
    /// By transformation, what it needs to change more than the case of letters.
    beyond_case: Vec<Triggers>,
    /// The sets that a change of case could bring into a value.
    lettered: Present,
}

impl Default for Pipelines {
    fn default() -> Self {
        let mut numbered = Numbered::default();
        let all = Transformation::ALL.iter();
        let triggers = all.clone().map(|each| {
            let neighbours = each.neighbours().map(|close| (&close.alone, close.pairs));
            numbered.triggers(each.triggers(), neighbours)
        });
        let triggers = triggers.collect();
        let beyond_case = all.map(|each| {
            let neighbours = each.neighbours().map(|close| (&close.alone_beyond_case, close.pairs));
            numbered.triggers(each.triggers_beyond_case(), neighbours)
        });
        let beyond_case = beyond_case.collect();
        let letters = ByteSet::new().with(b'a'..=b'z').with(b'A'..=b'Z');
        let lettered = numbered.sets.iter().enumerate().filter(|(_, set)| set.intersects(&letters));
        let lettered = Present(lettered.map(|(at, _)| 1 << at).sum());
        let mut table = Box::new([0; 256]);
        for (byte, bits) in table.iter_mut().enumerate() {
            *bits = numbered.bits_of(byte as u8);
        }
        Self { steps: Vec::new(), table, ends: numbered.ends(), triggers, beyond_case, lettered }
    }
}

/// Sets and pairs by their numbers.
#[derive(Default)]
struct Numbered {
    sets: Vec<ByteSet>,
    pairs: Vec<Pair>,
}

impl Numbered {
    fn set(&mut self, set: &ByteSet) -> Present {
        if set.is_empty() {
            return Present(0);
        }
        let at = number_of(&mut self.sets, *set, SETS);
        at.map_or(Present::NOTHING, |at| Present(1 << at))
    }

    fn pair(&mut self, pair: Pair) -> Present {
        let at = number_of(&mut self.pairs, pair, PAIRS);
        at.map_or(Present::NOTHING, |at| Present(1 << (FIRST_PAIR + at)))
    }

    fn triggers(&mut self, bytes: Option<&ByteSet>, close: Option<(&ByteSet, &[Pair])>) -> Triggers {
        let Some(bytes) = bytes else { return Triggers::ALWAYS };
        let closely = close.map_or(Present::NOTHING, |(alone, pairs)| {
            pairs.iter().fold(self.set(alone), |all, pair| all.and(self.pair(*pair)))
        });
        Triggers { bytes: self.set(bytes), closely }
    }

    /// The table's entry for a byte.
    fn bits_of(&self, byte: u8) -> u64 {
        let sets = self.sets.iter().enumerate().filter(|(_, set)| set.contains(byte));
        let sets: u64 = sets.map(|(at, _)| 1 << at).sum();
        let holds = |set: Option<ByteSet>| set.is_some_and(|set| set.contains(byte));
        let pairs = self.pairs.iter().enumerate().map(|(at, pair)| {
            let (first, second) = (u64::from(holds(pair.first)), u64::from(holds(pair.second)));
            first << (FIRST_PAIR + at) | second << (FIRST_PAIR + PAIRS + at)
        });
        sets | pairs.sum::<u64>()
    }

    fn ends(&self) -> (u64, u64) {
        let pairs = || self.pairs.iter().enumerate();
        let begins = pairs().filter(|(_, pair)| pair.first.is_none());
        let ends = pairs().filter(|(_, pair)| pair.second.is_none());
        let begins = begins.map(|(at, _)| 1 << (FIRST_PAIR + at)).sum();
        (begins, ends.map(|(at, _)| 1 << (FIRST_PAIR + PAIRS + at)).sum())
    }
}

/// The number of something among what is known, to which it is added if there are not `most` yet.
fn number_of<T: PartialEq>(known: &mut Vec<T>, new: T, most: usize) -> Option<usize> {
    let at = known.iter().position(|other| *other == new);
    if at.is_none() && known.len() < most {
        known.push(new);
        return Some(known.len() - 1);
    }
    at
}

impl Pipelines {
    /// The number of a pipeline, added if it is new.
    pub(super) fn add(&mut self, steps: &[Transformation]) -> usize {
        self.steps.iter().position(|known| known == steps).unwrap_or_else(|| {
            self.steps.push(steps.to_vec());
            self.steps.len() - 1
        })
    }

    /// The steps of a pipeline.
    pub(super) fn steps(&self, pipeline: u16) -> &[Transformation] {
        self.steps.get(usize::from(pipeline)).map_or(&[], Vec::as_slice)
    }

    /// Which sets have a byte in the value, which pairs it has, and its shape; texts can be looked for in it next.
    #[inline]
    pub(super) fn look_at(&self, value: &[u8], scratch: &mut Scratch) -> Look {
        let table = &*self.table;
        let begin = (0, 0, self.ends.0);
        let (shape, (all, pairs, last)) = scratch.look_at(value, begin, |(all, pairs, before), byte| {
            let bits = table.get(usize::from(byte)).copied().unwrap_or_default();
            (all | bits, pairs | before & bits >> PAIRS, bits)
        });
        let pairs = pairs | last & self.ends.1 >> PAIRS;
        let sets = all & ((1 << SETS) - 1);
        let pairs = pairs & (((1 << PAIRS) - 1) << FIRST_PAIR);
        Look { present: Present(Present::NOTHING.0 | sets | pairs), shape }
    }

    /// Whether a transformation can change a value with these sets present.
    pub(super) fn can_change(&self, transformation: Transformation, present: Present) -> bool {
        self.triggers.get(transformation as usize).is_none_or(|triggers| triggers.met_by(present))
    }

    /// What a value in which these are present can have that it does not have now, once a transformation and some of
    /// `rest` were carried out; `None` if it can be anything.
    pub(super) fn made(
        &self,
        transformation: Transformation,
        rest: &[Transformation],
        present: Present,
    ) -> Option<ByteSet> {
        let mut made = *transformation.makes()?;
        for step in rest {
            let triggers = self.triggers.get(*step as usize).copied().unwrap_or(Triggers::ALWAYS);
            // Which pairs there will be is not known any more.
            let runs = present.and(self.lettered).has_any(triggers.bytes)
                || step.triggers().is_none_or(|bytes| bytes.intersects(&made));
            if runs {
                made = made.union(step.makes()?);
            }
        }
        Some(made)
    }

    /// What `rest` can bring into a text: what may come up whatever the text has, and the bytes of which the text has
    /// one if there can be more. `None` if there can be anything.
    pub(super) fn may_make(rest: &[Transformation]) -> Option<(ByteSet, ByteSet)> {
        let (mut made, mut opening) = (ByteSet::new(), ByteSet::new());
        for step in rest {
            match step.makes() {
                Some(more) => made = made.union(more),
                None => opening = opening.union(&step.triggers()?.in_both_cases()),
            }
        }
        (!made.intersects(&opening)).then_some((made, opening))
    }

    /// The next of `steps` from `done` on that has to be carried out for a scan, which does not tell cases apart; none
    /// if all that is left changes at most the case of letters.
    pub(super) fn next_step(&self, steps: &[Transformation], done: usize, present: Present) -> Option<usize> {
        let may_be_present = present.and(self.lettered);
        let beyond = |step: &Transformation| {
            self.beyond_case.get(*step as usize).is_none_or(|triggers| triggers.met_by(may_be_present))
        };
        let rest = steps.get(done..)?;
        if !rest.iter().any(beyond) {
            return None;
        }
        rest.iter().position(|step| self.can_change(*step, present)).map(|at| done + at)
    }
}
