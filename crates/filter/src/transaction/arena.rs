//! The bytes of one transaction: everything a rule can look at lies in one growing buffer, named by [`Span`]s.
//!
//! Invariants: a span stays valid until the arena is cleared; the arena never grows past its limit (what does not fit
//! is cut, and [`Arena::is_full`] says so). Does not know what the bytes mean.

use std::io::Write as _;

/// A range of an [`Arena`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// No bytes.
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    /// How many bytes.
    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// The buffer.
#[derive(Debug)]
pub(super) struct Arena {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Default for Arena {
    fn default() -> Self {
        Self { bytes: Vec::new(), limit: u32::MAX as usize, full: false }
    }
}

impl Arena {
    /// Forgets everything; from now on it holds at most `limit` bytes.
    pub(super) fn clear(&mut self, limit: usize) {
        self.bytes.clear();
        self.limit = limit.min(u32::MAX as usize);
        self.full = false;
    }

    /// Gives memory back where one large exchange took more than `keep` bytes.
    pub(super) fn shrink(&mut self, keep: usize) {
        if self.bytes.capacity() > keep {
            self.bytes = Vec::new();
        }
    }

    /// Whether something did not fit.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// The bytes of a span.
    pub(super) fn get(&self, span: Span) -> &[u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Everything it holds.
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Span {
        let start = self.begin();
        self.append(bytes);
        self.end(start)
    }

    /// Adds a number in decimal.
    pub(super) fn push_number(&mut self, number: i64) -> Span {
        let start = self.begin();
        if self.room() >= 20 {
            // Writing to a vector cannot fail.
            let _ = write!(self.bytes, "{number}");
        } else {
            self.full = true;
        }
        self.end(start)
    }

    /// Adds a number of bytes or values.
    pub(super) fn push_size(&mut self, size: usize) -> Span {
        self.push_number(i64::try_from(size).unwrap_or(i64::MAX))
    }

    /// Where a value that is written in pieces begins.
    pub(super) fn begin(&self) -> usize {
        self.bytes.len()
    }

    /// One piece of it.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(self.room());
        self.full |= fits < bytes.len();
        self.bytes.extend_from_slice(bytes.get(..fits).unwrap_or_default());
    }

    /// One piece of it that is already here.
    pub(super) fn append_span(&mut self, span: Span) {
        let fits = span.len().min(self.room());
        self.full |= fits < span.len();
        let start = span.start as usize;
        self.bytes.extend_from_within(start..start + fits);
    }

    /// The value from `start` to here.
    pub(super) fn end(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.bytes.len() as u32 }
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_give_back_what_was_pushed_and_nothing_outgrows_the_limit() {
        let mut arena = Arena::default();
        arena.clear(32);
        let word = arena.push(b"hello");
        let number = arena.push_number(-42);
        let start = arena.begin();
        arena.append_span(word);
        arena.append(b"!");
        let pieces = arena.end(start);
        assert_eq!(arena.get(word), b"hello");
        assert_eq!(arena.get(number), b"-42");
        assert_eq!(arena.get(pieces), b"hello!");
        assert!(!arena.is_full());
        let cut = arena.push(&[b'x'; 40]);
        assert_eq!((cut.len(), arena.is_full()), (18, true));
    }
}
