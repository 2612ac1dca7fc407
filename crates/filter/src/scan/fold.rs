//! Bytes that texts do not tell apart: a letter's two cases, white space, and quotes.
//!
//! A pattern that allows any white space or any quote at some place would otherwise stand for many texts. A folded byte
//! has a [`code`] of six bits, so that three of them index a table of every gram of three. Invariants: folding keeps
//! lengths, and keeps what is part of a word apart from what is not; equal folded bytes have equal codes.

use super::bytes::ByteSet;

/// Bits of a code.
pub(super) const CODE_BITS: u32 = 6;
/// The code of bytes that texts hardly ever hold.
pub(super) const RARE_CODE: u8 = 63;

/// The byte that stands for `byte` and those it is not told apart from.
#[inline]
pub(super) const fn fold(byte: u8) -> u8 {
    #[allow(clippy::indexing_slicing, reason = "a byte is always below 256")]
    FOLDED[byte as usize]
}

/// The folded byte of each.
static FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(
            clippy::indexing_slicing,
            reason = "the loop ends before the array does; checked when compiled"
        )]
        {
            folded[byte] = folded_byte(byte as u8);
        }
        byte += 1;
    }
    folded
};

const fn folded_byte(byte: u8) -> u8 {
    match byte {
        b'\t'..=b'\r' => b' ',
        b'"' | b'`' => b'\'',
        _ => byte.to_ascii_lowercase(),
    }
}

/// The code of a folded byte: two digits share one, and so do all bytes that are not ASCII, and all controls.
pub(super) const fn code(folded: u8) -> u8 {
    match folded {
        b'a'..=b'z' => folded - b'a',
        b'0'..=b'9' => 26 + (folded - b'0') / 2,
        b' ' => 31,
        0x80..=0xff => 32,
        b'!' => 33,
        b'#'..=b'/' => 34 + (folded - b'#'),
        b':'..=b'@' => 47 + (folded - b':'),
        b'['..=b'_' => 54 + (folded - b'['),
        b'{'..=b'~' => 59 + (folded - b'{'),
        _ => RARE_CODE,
    }
}

/// Whether no other folded byte has the code of this one.
pub(super) const fn code_tells(folded: u8) -> bool {
    !matches!(folded, b'0'..=b'9' | 0x80..=0xff) && code(folded) != RARE_CODE
}

/// The bytes for which a folded byte stands.
pub(super) fn unfold(folded: u8) -> ByteSet {
    match folded {
        b' ' => ByteSet::of(b" ").with(b'\t'..=b'\r'),
        b'\'' => ByteSet::of(b"'\"`"),
        _ => ByteSet::of(&[folded, folded.to_ascii_uppercase()]),
    }
}

/// The bytes that stand for those of a set.
pub(super) fn folded_set(set: &ByteSet) -> ByteSet {
    const SPACES: ByteSet = ByteSet::new().with(b'\t'..=b'\r');
    const QUOTES: ByteSet = ByteSet::of(b"\"`");
    const UPPER: ByteSet = ByteSet::new().with(b'A'..=b'Z');
    let told_apart = SPACES.union(&QUOTES).union(&UPPER).complement();
    let mut folded = set.in_both_cases().intersection(&told_apart);
    for (from, to) in [(SPACES, b' '), (QUOTES, b'\'')] {
        if set.intersects(&from) {
            folded = folded.with(to..=to);
        }
    }
    folded
}

/// `value` folded.
pub(super) fn folded(value: &[u8]) -> Vec<u8> {
    value.iter().map(|&byte| fold(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfolding_gives_what_is_folded_to_a_byte() {
        for byte in 0..=255u8 {
            assert!(unfold(fold(byte)).contains(byte));
            assert_eq!(fold(fold(byte)), fold(byte));
            assert!(unfold(fold(byte)).iter().all(|other| fold(other) == fold(byte)));
            assert_eq!(folded_set(&ByteSet::of(&[byte])), ByteSet::of(&[fold(byte)]));
        }
    }

    #[test]
    fn codes_fit_and_keep_marks_and_letters_apart() {
        assert!((0..=255u8).all(|byte| code(byte) >> CODE_BITS == 0));
        let told_apart =
            |byte: &u8| byte.is_ascii_lowercase() || (byte.is_ascii_punctuation() && fold(*byte) == *byte);
        let apart: Vec<u8> = (0..=255u8).filter(told_apart).collect();
        let mut codes: Vec<u8> = apart.iter().map(|byte| code(*byte)).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), apart.len());
        for byte in (0..=255u8).filter(|byte| fold(*byte) == *byte && code_tells(*byte)) {
            let same = |other: &u8| code(fold(*other)) == code(byte);
            assert!((0..=255u8).filter(same).all(|other| fold(other) == byte), "{byte}");
        }
    }
}
