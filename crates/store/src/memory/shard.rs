//! One shard of the memory store: a bounded table of keys.
//!
//! Invariants: at most `keys` keys and, save for the one just used, `bytes` bytes of contents; what has run out
//! gives way first, then what was not used for the longest (the clock algorithm: one bit a key, no lists); state
//! that equals absence is not kept.

use hashbrown::HashTable;
use portcullis_model::counter::{Answer, CounterKey, Op};

use crate::cell::{Cell, Instant};

/// A key and its state.
#[derive(Debug)]
struct Slot {
    key: CounterKey,
    cell: Cell,
    ends: Instant,
    /// Used again since it began or the hand last passed.
    used: bool,
}

/// A part of the keys, behind one lock.
#[derive(Debug)]
pub(super) struct Shard {
    slots: Vec<Slot>,
    index: HashTable<u32>,
    hand: usize,
    bytes: usize,
    evicted: u64,
    most_keys: usize,
    most_bytes: usize,
}

impl Shard {
    pub(super) fn new(most_keys: usize, most_bytes: usize) -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            hand: 0,
            bytes: 0,
            evicted: 0,
            most_keys: most_keys.clamp(1, u32::MAX as usize),
            most_bytes,
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Carries an operation on `key` out.
    pub(super) fn apply(&mut self, key: CounterKey, op: &Op, now: Instant) -> Answer {
        let place = self.place(key);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else {
            return self.begin(key, op, now);
        };
        let before = slot.cell.weight();
        let answer = slot.cell.apply(op, now);
        (slot.ends, slot.used) = (slot.cell.ends(), true);
        self.bytes = self.bytes + slot.cell.weight() - before;
        if slot.ends <= now
            && let Some(place) = place
        {
            self.remove(place);
        }
        self.keep_to_bytes(now);
        answer
    }

    /// Forgets what has run out; how many keys.
    pub(super) fn sweep(&mut self, now: Instant) -> usize {
        let before = self.slots.len();
        for place in (0..before).rev() {
            if self.slots.get(place).is_some_and(|slot| slot.ends <= now) {
                self.remove(place);
            }
        }
        before - self.slots.len()
    }

    fn begin(&mut self, key: CounterKey, op: &Op, now: Instant) -> Answer {
        let mut cell = Cell::fresh(op);
        let answer = cell.apply(op, now);
        let ends = cell.ends();
        if ends <= now {
            return answer;
        }
        while self.slots.len() >= self.most_keys {
            self.evict(now);
        }
        self.bytes += cell.weight();
        let place = self.slots.len() as u32;
        self.slots.push(Slot { key, cell, ends, used: false });
        let slots = &self.slots;
        self.index.insert_unique(hash(key), place, |place| rehash(slots, *place));
        self.keep_to_bytes(now);
        answer
    }

    fn place(&self, key: CounterKey) -> Option<usize> {
        let is = |place: &u32| self.slots.get(*place as usize).is_some_and(|slot| slot.key == key);
        self.index.find(hash(key), is).map(|place| *place as usize)
    }

    fn keep_to_bytes(&mut self, now: Instant) {
        while self.bytes > self.most_bytes && self.slots.len() > 1 {
            self.evict(now);
        }
    }

    /// Moves the hand on to the next key that has run out or was not used since it last passed, and removes it.
    fn evict(&mut self, now: Instant) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let Some(slot) = self.slots.get_mut(self.hand) else { return };
            let over = slot.ends <= now;
            if over || !slot.used {
                self.evicted += u64::from(!over);
                self.remove(self.hand);
                // The key moved into the gap is the newest: it waits a whole round.
                self.hand += 1;
                return;
            }
            slot.used = false;
            self.hand += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let last = self.slots.len() - 1;
        let slot = self.slots.swap_remove(place);
        self.bytes -= slot.cell.weight();
        if let Ok(entry) = self.index.find_entry(hash(slot.key), |held| *held as usize == place) {
            entry.remove();
        }
        if let Some(moved) = self.slots.get(place)
            && let Some(held) = self.index.find_mut(hash(moved.key), |held| *held as usize == last)
        {
            *held = place as u32;
        }
    }
}

/// Keys are keyed hashes already; both halves count so that no choice of half is ever weak.
fn hash(key: CounterKey) -> u64 {
    ((key.0 >> 64) as u64 ^ key.0 as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn rehash(slots: &[Slot], place: u32) -> u64 {
    slots.get(place as usize).map_or(0, |slot| hash(slot.key))
}
