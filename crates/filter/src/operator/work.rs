//! What an operator needs to run and leaves behind: the step budget, captures, caches.
//!
//! Owned by the caller and lent to each call. Invariants: bounded; nothing kept in it changes a verdict, so that a fresh
//! one gives the same answers.

use std::ops::Range;

use smol_str::SmolStr;

/// The room operators run in.
#[derive(Debug, Default)]
pub struct Work {
    /// What the last match captured.
    pub captured: Captured,
    /// Steps that bounded engines may still take; the host fills it for each exchange.
    pub steps: u64,
    /// Whether a bounded engine ran out of steps since the host last cleared this.
    pub exhausted: bool,
}

/// What a match captured: ranges of the value, or a text of the operator's own (the fingerprint of an injection).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    groups: [Option<Range<usize>>; 10],
    text: Option<SmolStr>,
}

impl Captured {
    /// Forgets what was captured.
    pub fn clear(&mut self) {
        *self = Self::default();
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
}
