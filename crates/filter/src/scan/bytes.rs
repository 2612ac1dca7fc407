//! Sets of byte values.
//!
//! Plain data, built in constants where it can be; knows nothing of what the bytes mean.

use std::fmt;
use std::ops::RangeInclusive;

/// A set of byte values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ByteSet {
    /// The bytes below 128.
    low: u128,
    /// The others.
    high: u128,
}

impl ByteSet {
    /// The set of nothing.
    pub const fn new() -> Self {
        Self { low: 0, high: 0 }
    }

    /// The set of every byte value.
    pub const fn all() -> Self {
        Self { low: u128::MAX, high: u128::MAX }
    }

    /// This set and the bytes of `range` too.
    pub const fn with(self, range: RangeInclusive<u8>) -> Self {
        let (start, end) = (*range.start(), *range.end());
        let low = between(start, if end < 128 { end } else { 127 });
        let high = if end < 128 { 0 } else { between(start.saturating_sub(128), end - 128) };
        Self { low: self.low | low, high: self.high | high }
    }

    /// The set of the bytes that occur in `value`.
    #[inline]
    pub const fn of(value: &[u8]) -> Self {
        let mut set = Self::new();
        let mut rest = value;
        while let [byte, after @ ..] = rest {
            set = set.insert(*byte);
            rest = after;
        }
        set
    }

    const fn insert(self, byte: u8) -> Self {
        let bit = 1u128 << (byte & 127);
        if byte < 128 { Self { low: self.low | bit, ..self } } else { Self { high: self.high | bit, ..self } }
    }

    /// Is `byte` in the set?
    #[inline]
    pub const fn contains(&self, byte: u8) -> bool {
        let half = if byte < 128 { self.low } else { self.high };
        half >> (byte & 127) & 1 == 1
    }

    /// Do the two sets share a byte?
    #[inline]
    pub const fn intersects(&self, other: &Self) -> bool {
        (self.low & other.low) | (self.high & other.high) != 0
    }

    /// Does any byte of `value` belong to the set?
    #[inline]
    pub fn occurs_in(&self, value: &[u8]) -> bool {
        value.iter().any(|&byte| self.contains(byte))
    }

    /// The bytes in either set.
    #[must_use]
    pub const fn union(&self, other: &Self) -> Self {
        Self { low: self.low | other.low, high: self.high | other.high }
    }

    /// The bytes in both sets.
    #[must_use]
    pub const fn intersection(&self, other: &Self) -> Self {
        Self { low: self.low & other.low, high: self.high & other.high }
    }

    /// The bytes that are not in the set.
    #[must_use]
    pub const fn complement(&self) -> Self {
        Self { low: !self.low, high: !self.high }
    }

    /// Is every byte of the set in `other` too?
    pub const fn is_within(&self, other: &Self) -> bool {
        self.low & !other.low == 0 && self.high & !other.high == 0
    }

    /// How many bytes the set holds.
    pub const fn len(&self) -> usize {
        (self.low.count_ones() + self.high.count_ones()) as usize
    }

    /// Does it hold nothing?
    pub const fn is_empty(&self) -> bool {
        self.low | self.high == 0
    }

    /// The bytes of the set in order.
    pub fn iter(&self) -> impl Iterator<Item = u8> + use<> {
        let Self { mut low, mut high } = *self;
        std::iter::from_fn(move || {
            let (half, first) = if low == 0 { (&mut high, 128) } else { (&mut low, 0) };
            let byte = half.trailing_zeros() as u8;
            *half &= half.checked_sub(1)?;
            Some(byte + first)
        })
    }

    /// The bytes of the set as ranges, in order.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u8>> + use<> {
        let mut bytes = self.iter().peekable();
        std::iter::from_fn(move || {
            let start = bytes.next()?;
            let mut end = start;
            while let Some(byte) = bytes.next_if(|byte| *byte - 1 == end) {
                end = byte;
            }
            Some(start..=end)
        })
    }

    /// This set and, for each ASCII letter in it, the letter of the other case.
    #[must_use]
    pub const fn in_both_cases(&self) -> Self {
        let (upper, lower) = (between(b'A', b'Z'), between(b'a', b'z'));
        Self { low: self.low | (self.low & upper) << 32 | (self.low & lower) >> 32, ..*self }
    }
}

/// The bits of the bytes from `start` to `end`, which are below 128.
const fn between(start: u8, end: u8) -> u128 {
    if start > end { 0 } else { u128::MAX >> (127 - (end - start)) << start }
}

impl fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = self.iter().collect();
        write!(f, "ByteSet({})", bytes.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        const SET: ByteSet = ByteSet::of(b"%+").with(b'A'..=b'Z').with(250..=255);
        let held: Vec<u8> = SET.iter().collect();
        let expected: Vec<u8> = b"%+".iter().copied().chain(b'A'..=b'Z').chain(250..=255).collect();
        assert_eq!(held, expected);
        assert_eq!(SET.len(), expected.len());
        assert!(SET.occurs_in(b"a%b") && !SET.occurs_in(b"abc") && !SET.occurs_in(b""));
    }

    #[test]
    fn ranges_go_in_and_come_out_whole() {
        for (start, end) in [(0, 255), (0, 0), (5, 9), (127, 128), (100, 200), (128, 255), (255, 255)] {
            let set = ByteSet::new().with(start..=end);
            assert_eq!(set.iter().collect::<Vec<_>>(), (start..=end).collect::<Vec<_>>());
            assert_eq!(set.ranges().collect::<Vec<_>>(), [start..=end]);
        }
        let set = ByteSet::of(b"az09").with(b'b'..=b'd').with(200..=201);
        assert_eq!(
            set.ranges().collect::<Vec<_>>(),
            [b'0'..=b'0', b'9'..=b'9', b'a'..=b'd', b'z'..=b'z', 200..=201]
        );
        assert_eq!(ByteSet::of(b"aZ0@[").in_both_cases(), ByteSet::of(b"AazZ0@["));
        assert_eq!(ByteSet::new().ranges().count(), 0);
    }

    #[test]
    fn sets_meet_where_they_share_a_byte() {
        for byte in 0..=255u8 {
            let single = ByteSet::of(&[byte]);
            assert!(single.intersects(&ByteSet::all()) && !single.intersects(&ByteSet::new()));
            assert!(single.union(&ByteSet::of(b"x")).contains(b'x'));
        }
        assert_eq!(ByteSet::new().with(0..=255), ByteSet::all());
    }
}
