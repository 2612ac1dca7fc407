//! What an exchange begins with: the variables that the first rules set whatever the request is.
//!
//! Immutable; copied into an exchange in one step. Does not know how it came about.

use crate::scan::Bits;
use crate::transaction::arena::Arena;
use crate::transaction::slots::{Held, Slot, SlotNames, Slots};
use crate::transaction::state::State;

/// Rules that were run beforehand, and what they left.
#[derive(Clone, Debug, Default)]
pub(super) struct Prologue {
    /// The rules, by their indexes in phase 1.
    rules: Bits,
    /// The steps they take.
    steps: usize,
    numbers: Vec<(Slot, i64)>,
    /// Where each text begins in `bytes`, and how long it is.
    texts: Vec<(Slot, usize, usize)>,
    bytes: Vec<u8>,
    pub(super) settled: Settled,
}

/// What an exchange that began with a prologue need not look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    /// For each phase, the rules that nothing comes of.
    pub(super) rules: [Bits; 5],
    /// For each phase, those of its deferred rules of which something could.
    pub(super) deferred: [Bits; 5],
    /// The numbers of the rules that jump over others: once one of these is taken away, nothing is settled.
    pub(super) gates: Bits,
}

impl Prologue {
    /// Rules of phase 1 that left this.
    pub(super) fn of(rules: Bits, settled: Settled, slots: &Slots, arena: &Arena, names: &SlotNames) -> Self {
        let mut prologue = Self { steps: rules.len(), rules, settled, ..Self::default() };
        for slot in names.all() {
            match slots.get(slot) {
                Held::Absent => {}
                Held::Number(number) => prologue.numbers.push((slot, number)),
                Held::Text(span) => {
                    prologue.texts.push((slot, prologue.bytes.len(), span.len()));
                    prologue.bytes.extend_from_slice(arena.get(span));
                }
            }
        }
        prologue
    }

    /// Leaves a state that begins phase 1 as the rules would, and takes them off those that are due. A state without
    /// the room or the steps for it is left alone, with the rules to be run.
    pub(super) fn begin(&self, state: &mut State) {
        if !state.arena.has_room_for(self.bytes.len()) || state.steps <= self.steps as u64 {
            return;
        }
        state.spend(self.steps);
        let texts = state.arena.push(&self.bytes);
        for (slot, number) in &self.numbers {
            state.slots.set(*slot, Held::Number(*number));
        }
        for (slot, from, len) in &self.texts {
            state.slots.set(*slot, Held::Text(texts.part(*from, *len)));
        }
        if let Some(due) = state.found.due.first_mut() {
            due.subtract(&self.rules);
        }
        state.settled = true;
    }
}
