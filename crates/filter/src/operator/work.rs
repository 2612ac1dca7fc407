//! What an operator needs to run and leaves behind: the step budget, captures, caches.
//!
//! Owned by the caller and lent to each call. Invariants: bounded; nothing kept in it changes a verdict, so that a fresh
//! one gives the same answers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::meta::{Cache, Regex};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// Steps that the bounded engine may take unless the host says another number.
const STEPS: u64 = 1_000_000;

/// How many bytes of regex caches a worker keeps.
const KEPT: usize = 8 << 20;

/// The room operators run in.
#[derive(Debug)]
pub struct Work {
    /// What the last match captured.
    pub captured: Captured,
    /// Steps that bounded engines may still take; the host fills it for each exchange.
    pub steps: u64,
    /// Whether a bounded engine ran out of steps since the host last cleared this.
    pub exhausted: bool,
    /// Arguments the exchange at hand paid for; the host keeps them between its phases.
    pub paid: super::Paid,
    pub(super) caches: Caches,
    pub(super) late: super::late::Late,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            captured: Captured::default(),
            steps: STEPS,
            exhausted: false,
            paid: super::Paid::default(),
            caches: Caches::default(),
            late: super::late::Late::default(),
        }
    }
}

impl Work {
    /// Takes steps from the budget; `None`, and [`exhausted`](Self::exhausted) said, if there are not as many.
    pub(super) fn pay(&mut self, steps: u64) -> Option<()> {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or_default();
        self.exhausted |= left.is_none();
        left.map(drop)
    }
}

/// The places of a match and its groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(SmallVec<[Option<Range<usize>>; 10]>);

impl Places {
    /// How many groups can be asked for: the whole match and nine more.
    pub(super) const GROUPS: usize = 10;

    /// From beginnings and ends in turn.
    pub(super) fn of_slots(mut slots: impl Iterator<Item = Option<usize>>) -> Self {
        let mut places = SmallVec::new();
        while let (Some(begin), Some(end)) = (slots.next(), slots.next()) {
            if places.len() == Self::GROUPS {
                break;
            }
            places.push(begin.zip(end).map(|(begin, end)| begin..end));
        }
        Self(places)
    }

    /// The whole match.
    pub(super) fn whole(&self) -> Range<usize> {
        self.0.first().cloned().flatten().unwrap_or_default()
    }

    pub(super) fn groups(&self) -> &[Option<Range<usize>>] {
        &self.0
    }
}

/// What a match captured: ranges of the value, or a text of the operator's own (the fingerprint of an injection).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    groups: SmallVec<[Option<Range<usize>>; Places::GROUPS]>,
    text: Option<SmolStr>,
}

impl Captured {
    /// Forgets what was captured.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.text = None;
    }

    /// Group `index` (0 is the whole match), given the value the operator was asked about.
    pub fn group<'a>(&'a self, index: usize, value: &'a [u8]) -> Option<&'a [u8]> {
        match (&self.text, index) {
            (Some(text), 0) => Some(text.as_bytes()),
            _ => value.get(self.groups.get(index)?.clone()?),
        }
    }

    /// Where in the value the match is, if that is known.
    pub fn range(&self) -> Option<Range<usize>> {
        self.groups.first()?.clone()
    }

    /// Where in the value group `index` is; none for a text of the operator's own.
    pub fn place_of(&self, index: usize) -> Option<Range<usize>> {
        if index == 0 && self.text.is_some() { None } else { self.groups.get(index)?.clone() }
    }

    /// The operator's own text, if that is group `index`.
    pub fn own_text(&self, index: usize) -> Option<&[u8]> {
        self.text.as_ref().filter(|_| index == 0).map(|text| text.as_bytes())
    }

    /// Notes one range as the whole match.
    pub(super) fn note(&mut self, range: Range<usize>) {
        self.note_group(0, range);
    }

    pub(super) fn note_group(&mut self, index: usize, range: Range<usize>) {
        if index >= Places::GROUPS {
            return;
        }
        if self.groups.len() <= index {
            self.groups.resize(index + 1, None);
        }
        if let Some(group) = self.groups.get_mut(index) {
            *group = Some(range);
        }
    }

    /// Notes the groups of a match, the first under the number `first`.
    pub(super) fn note_places(&mut self, first: usize, places: &Places) {
        for (index, place) in places.groups().iter().enumerate() {
            if let Some(range) = place {
                self.note_group(first + index, range.clone());
            }
        }
    }

    /// Notes the operator's own text as group 0.
    pub(super) fn note_text(&mut self, text: SmolStr) {
        self.text = Some(text);
    }
}

/// The caches of patterns, least recently used ones dropped first.
#[derive(Debug, Default)]
pub(super) struct Caches {
    /// By the address of the pattern, which the entry keeps alive so that no other pattern can have it.
    held: BTreeMap<usize, Held>,
    clock: u64,
    size: usize,
}

#[derive(Debug)]
struct Held {
    regex: Arc<Regex>,
    cache: Cache,
    used: u64,
    size: usize,
}

impl Caches {
    /// Runs `search` with the cache of a pattern, and drops other patterns' caches if all have grown too large.
    pub(super) fn with<T>(&mut self, regex: &Arc<Regex>, search: impl FnOnce(&mut Cache) -> T) -> T {
        self.clock += 1;
        let fresh = || Held { regex: Arc::clone(regex), cache: regex.create_cache(), used: 0, size: 0 };
        let held = self.held.entry(address(regex)).or_insert_with(fresh);
        held.used = self.clock;
        let found = search(&mut held.cache);
        let size = held.cache.memory_usage() + size_of::<Held>();
        self.size = self.size - held.size + size;
        held.size = size;
        if self.size > KEPT {
            self.shrink();
        }
        found
    }

    fn shrink(&mut self) {
        while self.size > KEPT && self.held.len() > 1 {
            let oldest = self.held.values().min_by_key(|held| held.used).map(|held| address(&held.regex));
            let Some(dropped) = oldest.and_then(|oldest| self.held.remove(&oldest)) else { return };
            self.size -= dropped.size;
        }
    }
}

fn address(regex: &Arc<Regex>) -> usize {
    Arc::as_ptr(regex) as usize
}
