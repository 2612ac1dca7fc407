//! What must hold of a value for a rule to be able to match it.
//!
//! Invariant: a condition derived from a pattern holds for every value that the pattern matches. It may hold for others.

use regex_syntax::hir::Hir;

use super::bytes::ByteSet;

/// A necessary condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Necessary {
    /// No value shorter than this can match.
    min_len: usize,
    /// Each must have a byte in the value.
    sets: Vec<ByteSet>,
    /// One of them must occur; letters in either case.
    literals: Option<Vec<Vec<u8>>>,
}

impl Necessary {
    /// Nothing is known: every value could match.
    pub const fn any() -> Self {
        Self { min_len: 0, sets: Vec::new(), literals: None }
    }

    /// No value can match.
    pub const fn never() -> Self {
        Self { min_len: 0, sets: Vec::new(), literals: Some(Vec::new()) }
    }

    /// The value has at least `len` bytes.
    pub fn of_length(len: usize) -> Self {
        Self { min_len: len, ..Self::any() }
    }

    /// The value has a byte of `set`.
    pub fn of_set(set: ByteSet) -> Self {
        Self { min_len: 1, sets: vec![set], literals: None }
    }

    /// One of `literals` occurs somewhere in the value, ASCII letters in either case.
    pub fn of_literals<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>) -> Self {
        let literals: Vec<Vec<u8>> =
            literals.into_iter().map(|text| text.as_ref().to_ascii_lowercase()).collect();
        let min_len = literals.iter().map(Vec::len).min().unwrap_or(0);
        Self { min_len, sets: Vec::new(), literals: Some(literals) }
    }

    /// What must hold for `pattern`, searched for without an anchor, to match.
    pub fn of_regex(pattern: &Hir) -> Self {
        pattern.properties().minimum_len().map_or_else(Self::never, Self::of_length)
    }

    /// Does it hold for `value`? The plain meaning, which scanners are tested against.
    pub fn holds(&self, value: &[u8]) -> bool {
        let folded = value.to_ascii_lowercase();
        value.len() >= self.min_len
            && self.sets.iter().all(|set| set.occurs_in(value))
            && self.literals.as_ref().is_none_or(|any| any.iter().any(|text| occurs(text, &folded)))
    }
}

fn occurs(text: &[u8], value: &[u8]) -> bool {
    text.is_empty() || value.windows(text.len()).any(|part| part == text)
}
