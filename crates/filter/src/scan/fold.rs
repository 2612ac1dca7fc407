//! Bytes that texts do not tell apart: a letter's two cases, white space, and quotes.
//!
//! A pattern that allows any white space or any quote at some place would otherwise stand for many texts. Invariant:
//! folding keeps lengths, and keeps what is part of a word apart from what is not.

use super::bytes::ByteSet;

/// The byte that stands for `byte` and those it is not told apart from.
pub(super) const fn fold(byte: u8) -> u8 {
    match byte {
        b'\t'..=b'\r' => b' ',
        b'"' | b'`' => b'\'',
        _ => byte.to_ascii_lowercase(),
    }
}

/// The bytes for which a folded byte stands.
pub(super) fn unfold(folded: u8) -> ByteSet {
    match folded {
        b' ' => ByteSet::of(b" ").with(b'\t'..=b'\r'),
        b'\'' => ByteSet::of(b"'\"`"),
        _ => ByteSet::of(&[folded, folded.to_ascii_uppercase()]),
    }
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
        }
    }
}
