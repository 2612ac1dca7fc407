//! Patterns of `@rx` and its kin: read once, matched by the linear engine wherever it can.
//!
//! The few patterns with look-around, references or atomic groups run on the bounded engine, after a wider pattern
//! without them has said that they could match at all. Invariants: a linear pattern's cost does not depend on luck; a
//! bounded one ends when the budget does and says so in [`Work::exhausted`](super::Work). Does not know rules.

mod automaton;
mod bounded;
mod class;
mod linear;
mod program;
mod syntax;
mod tree;

use std::sync::Arc;

use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};

use super::work::{Places, Work};
use crate::scan::Necessary;
use automaton::Automaton;

/// A compiled pattern; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The pattern itself, or a wider one that rules values out.
    linear: Arc<Automaton>,
    bounded: Option<Arc<program::Program>>,
    /// Whether it takes all of any line, as the patterns of rules do that only want a value's text.
    takes_lines: bool,
    necessary: Arc<Necessary>,
}

impl Pattern {
    /// Reads and compiles a pattern.
    pub(super) fn compile(pattern: &[u8]) -> Result<Self, String> {
        let tree = syntax::parse(pattern)?;
        let exact = linear::exact(&tree.root);
        let bounded = match &exact {
            Some(_) => None,
            None => Some(Arc::new(program::compile(&tree)?)),
        };
        let hir = exact.unwrap_or_else(|| linear::superset(&tree.root));
        let linear = Arc::new(Automaton::new(pattern, &hir)?);
        let takes_lines = pattern == b"^.*$";
        Ok(Self { linear, bounded, takes_lines, necessary: Arc::new(Necessary::of_regex(&hir)) })
    }

    /// Whether it needs the bounded engine.
    pub(super) const fn is_bounded(&self) -> bool {
        self.bounded.is_some()
    }

    /// Whether it takes all of any text of one line.
    pub(super) const fn takes_lines(&self) -> bool {
        self.takes_lines
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        self.linear.regex().map_or(0, |regex| regex.memory_usage())
    }

    /// What must hold of a value for this to match in it.
    pub(super) fn necessary(&self) -> &Necessary {
        &self.necessary
    }

    /// The leftmost match in `text` from `begin` on: its groups' places. Places before `begin` count as context.
    pub(super) fn find_at(&self, text: &[u8], begin: usize, work: &mut Work) -> Option<Places> {
        if self.takes_lines && begin == 0 && memchr::memchr(b'\n', text).is_none() {
            return Some(Places::of_slots([Some(0), Some(text.len())].into_iter()));
        }
        let Some(linear) = self.linear.regex() else {
            work.exhausted = true;
            return None;
        };
        let mut slots = [None::<NonMaxUsize>; 2 * Places::GROUPS];
        let input = Input::new(text).anchored(Anchored::No).range(begin..text.len());
        let len = slots.len().min(2 * linear.captures_len());
        let used = slots.get_mut(..len)?;
        work.caches.with(linear, |cache| linear.search_slots_with(cache, &input, used))?;
        let Some(program) = &self.bounded else {
            return Some(Places::of_slots(slots.iter().take(len).map(|slot| slot.map(NonMaxUsize::get))));
        };
        if let Ok(found) = bounded::search(program, text, begin, &mut work.steps) {
            return Some(Places::of_slots(found?.into_iter()));
        }
        work.steps = 0;
        work.exhausted = true;
        None
    }
}

#[cfg(test)]
mod tests;
