//! The bytes of one transaction: everything a rule can look at lies in one growing buffer, named by [`Span`]s.
//!
//! Invariants: a span stays valid until the arena is cleared; the arena never grows past its limit (what does not fit
//! is cut, and [`Arena::is_full`] says so). Does not know what the bytes mean.

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

    /// `len` of its bytes from `from` on, as far as it has them.
    pub(super) fn part(self, from: usize, len: usize) -> Self {
        let at = |place: usize| (self.start as usize + place.min(self.len())) as u32;
        Self { start: at(from), end: at(from.saturating_add(len)) }
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

    /// Whether as many more bytes fit.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.room()
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
        const LONGEST: usize = 20;
        let mut digits = [0; LONGEST];
        let mut free = digits.iter_mut().rev();
        let mut used = 0;
        let mut rest = number.unsigned_abs();
        // Without the machinery of formatting: sizes, flags and counts are numbers too.
        for place in free.by_ref() {
            *place = b'0' + (rest % 10) as u8;
            used += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if let Some(sign) = free.next().filter(|_| number < 0) {
            *sign = b'-';
            used += 1;
        }
        let written = digits.get(LONGEST - used..).unwrap_or_default();
        if self.has_room_for(LONGEST) {
            return self.push(written);
        }
        self.full = true;
        self.end(self.begin())
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
        let mut numbers = Arena::default();
        for (number, text) in
            [(0, "0"), (10, "10"), (i64::MAX, "9223372036854775807"), (i64::MIN, "-9223372036854775808")]
        {
            let span = numbers.push_number(number);
            assert_eq!(numbers.get(span), text.as_bytes());
        }
        assert_eq!(arena.get(word.part(1, 3)), b"ell");
        assert_eq!(arena.get(word.part(3, 9)), b"lo");
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
