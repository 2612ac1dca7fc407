//! Byte ranges of a `Range` field (RFC 9110 §14.1.2).

use smallvec::SmallVec;

use crate::grammar::list;

/// The most ranges read from one field; a field with more is read as absent, as servers may (§14.2).
const RANGES: usize = 16;

/// One range of bytes, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to the last offset, inclusive.
    Between(u64, u64),
    /// From an offset to the end.
    From(u64),
    /// The last bytes.
    Last(u64),
}

impl ByteRange {
    /// Where the range lies in a representation of `length` bytes: offset and length; `None` if outside of it.
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::Between(first, last) => (first, last.saturating_add(1).min(length)),
            Self::From(first) => (first, length),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        (start < end).then(|| (start, end - start))
    }
}

/// The ranges of a `Range` value; `None` if it is malformed or of another unit, and so to be ignored.
pub fn byte_ranges(value: &[u8]) -> Option<SmallVec<[ByteRange; 2]>> {
    let (unit, ranges) = value.split_at_checked(6)?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut read = SmallVec::new();
    for range in list(ranges) {
        if read.len() == RANGES {
            return None;
        }
        read.push(parse_range(range)?);
    }
    (!read.is_empty()).then_some(read)
}

fn parse_range(range: &[u8]) -> Option<ByteRange> {
    let dash = memchr::memchr(b'-', range)?;
    let (first, last) = (range.get(..dash)?, range.get(dash + 1..)?);
    match (first.is_empty(), last.is_empty()) {
        (true, false) => number(last).map(ByteRange::Last),
        (false, true) => number(first).map(ByteRange::From),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::Between(first, last))
        }
        (true, true) => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_where_they_lie() {
        let read = byte_ranges(b"bytes=0-4, 6-, -3").unwrap();
        assert_eq!(read.as_slice(), [ByteRange::Between(0, 4), ByteRange::From(6), ByteRange::Last(3)]);
        let places: Vec<_> = read.iter().map(|range| range.within(8)).collect();
        assert_eq!(places, [Some((0, 5)), Some((6, 2)), Some((5, 3))]);
        assert_eq!(ByteRange::From(8).within(8), None);
        assert_eq!(ByteRange::Last(0).within(8), None);
        assert_eq!(ByteRange::Between(2, u64::MAX).within(8), Some((2, 6)));
        for bad in
            ["", "bytes=", "bytes", "lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes=1", "bytes=+1-2"]
        {
            assert_eq!(byte_ranges(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
