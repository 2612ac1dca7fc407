//! The shape of a value: which kinds of bytes it holds and about how long it is, in one word.
//!
//! Letters count as one kind, whatever their case, digits as one, every ASCII mark as its own. Invariants: a value that
//! holds a byte of a set shares a kind with it, and has every length bit that is not above its length; values that differ
//! in the case of letters have one shape.

use super::bytes::ByteSet;
use super::derive::plainest_marks;
use super::fold::{RARE_CODE, code, fold};

/// The first bit that tells a length; the bits below are kinds of bytes.
const FIRST_LENGTH_BIT: usize = 46;
/// Lengths that are told apart: bit `FIRST_LENGTH_BIT + i` is set from the i-th on.
const LENGTHS: [usize; 10] = [1, 2, 3, 4, 6, 9, 12, 16, 24, LONGEST];
/// From it on all lengths are one.
const LONGEST: usize = 40;
/// The bit that every shape has.
pub(super) const ALWAYS: u64 = 1 << 63;
/// From here on, the table entry of a byte holds its code.
const CODE_SHIFT: u32 = 56;
/// The bits of a table entry that are its kind.
const KIND_BITS: u64 = (1 << FIRST_LENGTH_BIT) - 1;

/// The kind of each byte, as a bit, and in the upper bits its code.
static KINDS: [u64; 256] = kinds();

const fn kinds() -> [u64; 256] {
    let mut kinds = [0; 256];
    let mut mark = 12;
    let mut byte = 0;
    while byte < 256 {
        let kind = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => 0,
            b'0'..=b'9' => 2,
            b'\t' => 3,
            b'\n' => 4,
            b'\r' => 5,
            0 => 6,
            0x80..=0xbf => 7,
            0xc0..=0xdf => 8,
            0xe0..=0xef => 9,
            0xf0..=0xff => 10,
            1..=8 | 11 | 12 | 14..=31 | 127 => 11,
            _ => {
                mark += 1;
                mark
            }
        };
        #[allow(
            clippy::indexing_slicing,
            reason = "the loop ends before the array does; checked when compiled"
        )]
        {
            kinds[byte] = 1 << kind | (code(fold(byte as u8)) as u64) << CODE_SHIFT;
        }
        byte += 1;
    }
    assert!(mark < FIRST_LENGTH_BIT, "kinds and lengths share one word");
    kinds
}

/// Kinds of bytes and lengths, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub(super) u64);

impl Shape {
    /// The shape of a value.
    #[inline]
    pub fn of(value: &[u8]) -> Self {
        let kinds = value.iter().fold(0, |kinds, &byte| kinds | entry(byte));
        Self(kinds & KIND_BITS | lengths(value.len()) | ALWAYS)
    }

    /// What values of a set's bytes have.
    pub fn of_set(set: &ByteSet) -> Self {
        Self::kinds_of(set)
    }

    /// What either has.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Do the two share a kind of bytes?
    #[inline]
    pub const fn shares_kinds(self, other: Self) -> bool {
        self.0 & other.0 & KIND_BITS != 0
    }

    /// A number that tells most shapes apart.
    #[inline]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The kinds that plain values have no byte of.
    pub(super) fn marked() -> Self {
        Self::kinds_of(&plainest_marks())
    }

    /// The kinds of the bytes in `set`.
    pub(super) fn kinds_of(set: &ByteSet) -> Self {
        Self(set.iter().fold(0, |kinds, byte| kinds | entry(byte) & KIND_BITS))
    }

    /// The length bits of every value of at least `least` bytes.
    pub(super) fn of_length(least: usize) -> Self {
        Self(lengths(least))
    }
}

/// The bit of the kind of a byte.
pub(super) const fn kind_of(byte: u8) -> u64 {
    #[allow(clippy::indexing_slicing, reason = "a byte is always below 256")]
    {
        KINDS[byte as usize] & KIND_BITS
    }
}

/// The bits that tell lengths.
pub(super) const LENGTH_BITS: u64 = ((1 << LENGTHS.len()) - 1) << FIRST_LENGTH_BIT;

/// Writes the codes of a value's bytes, with `PADDING` more of the rarest, where `codes` begins; what is behind is left
/// from longer values. `look` takes what it made of the bytes before to what it makes of one more: by value, as what is
/// behind a reference would be written with every byte. The shape, and what `look` made of all.
#[inline]
pub(super) fn write_codes<Seen, const PADDING: usize>(
    value: &[u8],
    codes: &mut Vec<u8>,
    mut seen: Seen,
    look: impl Fn(Seen, u8) -> Seen,
) -> (Shape, Seen) {
    let mut kinds = 0;
    if codes.len() < value.len() + PADDING {
        codes.resize(value.len() + PADDING, RARE_CODE);
    }
    let (mine, free) = codes.split_at_mut(value.len());
    // By fours: half of what a byte by itself would cost goes into counting bytes.
    let (fours, rest) = value.as_chunks::<4>();
    let (four_codes, rest_codes) = mine.as_chunks_mut::<4>();
    for (four, codes) in fours.iter().zip(four_codes) {
        for (&byte, code) in four.iter().zip(codes) {
            seen = look(seen, byte);
            let entry = entry(byte);
            kinds |= entry;
            *code = (entry >> CODE_SHIFT) as u8;
        }
    }
    for (&byte, code) in rest.iter().zip(rest_codes) {
        seen = look(seen, byte);
        let entry = entry(byte);
        kinds |= entry;
        *code = (entry >> CODE_SHIFT) as u8;
    }
    if let Some(behind) = free.first_chunk_mut() {
        *behind = [RARE_CODE; PADDING];
    }
    (Shape(kinds & KIND_BITS | lengths(value.len()) | ALWAYS), seen)
}

#[inline]
fn entry(byte: u8) -> u64 {
    #[allow(clippy::indexing_slicing, reason = "a byte is always below 256")]
    KINDS[byte as usize]
}

#[inline]
fn lengths(len: usize) -> u64 {
    REACHED.get(len).copied().unwrap_or(LENGTH_BITS)
}

/// The bits of each length below the longest that is told apart.
static REACHED: [u64; LONGEST] = {
    let mut reached = [0; LONGEST];
    let mut rest: &mut [u64] = &mut reached;
    let mut len = 0;
    while let [bits, after @ ..] = rest {
        let mut lengths: &[usize] = &LENGTHS;
        let mut bit = 1 << FIRST_LENGTH_BIT;
        while let [least, longer @ ..] = lengths
            && *least <= len
        {
            *bits |= bit;
            bit <<= 1;
            lengths = longer;
        }
        len += 1;
        rest = after;
    }
    reached
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_tells_kinds_and_lengths() {
        let mut codes = Vec::new();
        let (shape, bytes) = write_codes::<_, 3>(b"O'Neil 42", &mut codes, Vec::new(), |mut bytes, byte| {
            bytes.push(byte);
            bytes
        });
        let shape = shape.0;
        assert_eq!((bytes.as_slice(), shape), (&b"O'Neil 42"[..], Shape::of(b"O'Neil 42").0));
        let folded: Vec<u8> = b"o'neil 42".iter().map(|byte| code(*byte)).chain([RARE_CODE; 3]).collect();
        assert_eq!(codes, folded);
        for set in ["'", " ", "a", "0", "N"] {
            assert_ne!(shape & Shape::kinds_of(&ByteSet::of(set.as_bytes())).0, 0, "{set}");
        }
        for set in ["\"", "(", "\t", "\u{e9}"] {
            assert_eq!(shape & Shape::kinds_of(&ByteSet::of(set.as_bytes())).0, 0, "{set}");
        }
        let short = Shape::of(b"Neil").0;
        assert_ne!(short & Shape::of_length(9).0, Shape::of_length(9).0);
        let reached = |len| shape & Shape::of_length(len).0 == Shape::of_length(len).0;
        assert!(reached(0) && reached(6) && reached(9));
    }

    #[test]
    fn no_kind_is_a_length() {
        let kinds = KINDS.iter().fold(0, |all, kind| all | kind & KIND_BITS);
        assert_eq!(kinds & (Shape::of_length(1_000).0 | ALWAYS), 0);
        assert_eq!(Shape::of_length(1_000).0 & ALWAYS, 0);
        let marks = (0..=255u8).filter(u8::is_ascii_punctuation).map(|mark| entry(mark) & KIND_BITS);
        assert_eq!(marks.collect::<std::collections::BTreeSet<_>>().len(), 32);
    }
}
