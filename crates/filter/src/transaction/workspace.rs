//! What a worker lends to every transaction it drives: room that is used again, and caches.
//!
//! Invariants: bounded; nothing in it changes a verdict; caches of a rule set that nobody uses any more are dropped
//! with the next one that comes. Does not keep a rule set alive.

use std::sync::{Arc, Weak};

use crate::operator::Work;
use crate::scan::{Bits, Scratch};
use crate::transaction::decisions::Decisions;
use crate::transaction::front::FRONTS;
use crate::transaction::plans::State as Start;
use crate::transaction::program::Program;
use crate::transaction::state::State;
use crate::transaction::verdicts::Verdicts;

/// Room and caches of one worker.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a state is kilobytes, and goes to a transaction and back by its address")]
pub struct Workspace {
    rooms: Vec<Box<State>>,
    caches: Vec<Box<Cache>>,
}

/// The most unused rooms kept.
const ROOMS: usize = 16;
/// The most rule sets whose caches are kept.
const CACHES: usize = 8;

impl Workspace {
    /// A fresh one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rule sets it has caches for; those of sets that nobody uses go when the next exchange ends.
    pub fn remembers(&self) -> usize {
        self.caches.len()
    }

    /// A room of some transaction before; not cleared.
    pub(super) fn take_room(&mut self) -> Option<Box<State>> {
        self.rooms.pop()
    }

    /// Takes a room back.
    pub(super) fn give_room(&mut self, mut room: Box<State>) {
        if self.rooms.len() < ROOMS {
            room.shrink();
            self.rooms.push(room);
        }
    }

    /// The caches for a rule set, taken out.
    pub(super) fn take_cache(&mut self, program: &Arc<Program>) -> Box<Cache> {
        let known =
            self.caches.iter().position(|cache| std::ptr::eq(cache.of.as_ptr(), Arc::as_ptr(program)));
        match known {
            Some(at) => self.caches.swap_remove(at),
            None => Box::new(Cache::new(program, Arc::downgrade(program))),
        }
    }

    /// Puts caches back.
    pub(super) fn give_cache(&mut self, cache: Box<Cache>) {
        self.caches.retain(|cache| cache.of.strong_count() > 0);
        if self.caches.len() == CACHES {
            self.caches.remove(0);
        }
        self.caches.push(cache);
    }
}

/// Caches that belong to one rule set.
#[derive(Debug)]
pub(super) struct Cache {
    of: Weak<Program>,
    pub(super) work: Work,
    pub(super) scan: Scratch,
    pub(super) fronts: [FrontCache; FRONTS],
    pub(super) verdicts: Verdicts,
    /// Room for the result of one scan.
    pub(super) candidates: Bits,
    /// Rooms for short texts that transformations make.
    pub(super) rooms: Vec<Vec<u8>>,
}

/// What is remembered of one front.
#[derive(Debug, Default)]
pub(super) struct FrontCache {
    pub(super) decisions: Decisions,
    /// Where each interest's values start.
    pub(super) starts: Vec<Start>,
}

impl Cache {
    /// Empty caches for a rule set.
    pub(super) fn new(program: &Program, of: Weak<Program>) -> Self {
        let mut cache = Self {
            of,
            work: Work::default(),
            scan: Scratch::new(),
            fronts: Default::default(),
            verdicts: Verdicts::default(),
            candidates: Bits::new(),
            rooms: Vec::new(),
        };
        cache.reset_plans(program);
        cache
    }

    /// Grows the plans anew.
    pub(super) fn reset_plans(&mut self, program: &Program) {
        for (cache, front) in self.fronts.iter_mut().zip(&program.fronts) {
            cache.decisions = Decisions::default();
            let plans = &mut cache.decisions.plans;
            let interests = front.interests.iter().enumerate();
            cache.starts = interests.map(|(at, interest)| plans.start(at, interest)).collect();
        }
    }
}
