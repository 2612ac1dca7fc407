//! Copying with replacements: the loop that most decoders share.
//!
//! Invariant: nothing is written before the first byte of interest, so that values without one cost one search. Does
//! not know any encoding.

use super::Changed;

/// Copies `input` to `out` and lets `decode` replace what begins at each byte that `next` finds. `decode` is given the
/// input from there on; it writes the replacement and says how many bytes it stands for, or writes nothing and says
/// `None`, and the byte is copied.
pub(super) fn rewrite(
    input: &[u8],
    out: &mut Vec<u8>,
    next: impl Fn(&[u8]) -> Option<usize>,
    mut decode: impl FnMut(&[u8], &mut Vec<u8>) -> Option<usize>,
) -> Changed {
    let mut rest = input;
    let mut changed = Changed::Unchanged;
    while let Some(at) = next(rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        let read = decode(from, out);
        match read {
            Some(_) => changed = Changed::Changed,
            None => out.extend(from.first()),
        }
        rest = from.get(read.unwrap_or(1)..).unwrap_or_default();
    }
    out.extend_from_slice(if changed == Changed::Changed { rest } else { &[] });
    changed
}

/// The value of two hexadecimal digits at the beginning of `text`.
pub(super) fn hex_pair(text: &[u8]) -> Option<u8> {
    match text {
        [high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// The value of a hexadecimal digit.
pub(super) const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte that `HHHH` stands for: the lower one, and full-width forms (`FF01` to `FF5E`) as their ASCII.
pub(super) fn unicode_low(text: &[u8]) -> Option<u8> {
    let high = hex_pair(text)?;
    let low = hex_pair(text.get(2..)?)?;
    Some(narrow(high, low))
}

/// `low`, or the ASCII of the full-width form `high` `low`.
pub(super) const fn narrow(high: u8, low: u8) -> u8 {
    match (high, low) {
        (0xff, 0x01..=0x5e) => low + 0x20,
        _ => low,
    }
}

/// What C's `isspace` takes for white space.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}
