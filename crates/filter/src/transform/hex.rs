//! Hexadecimal digits to bytes and back.

use memchr::memchr;

use super::Changed;
use super::rewrite::{hex_pair, rewrite};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Pairs of digits to bytes; a last single one goes. Other characters count as ModSecurity's arithmetic has them.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let (pairs, _) = input.as_chunks::<2>();
    out.extend(pairs.iter().map(|[high, low]| loose(*high).wrapping_mul(16).wrapping_add(loose(*low))));
    if input.is_empty() { Changed::Unchanged } else { Changed::Changed }
}

/// A digit's value; of letters past `f` and other characters what the distance from `A` or `0` gives.
const fn loose(byte: u8) -> u8 {
    if byte >= b'A' { (byte & 0xdf).wrapping_sub(b'A').wrapping_add(10) } else { byte.wrapping_sub(b'0') }
}

/// Two small digits for every byte.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    for &byte in input {
        push_byte(byte, out);
    }
    if input.is_empty() { Changed::Unchanged } else { Changed::Changed }
}

/// Two small digits for one byte.
pub(super) fn push_byte(byte: u8, out: &mut Vec<u8>) {
    push_nibble(byte >> 4, out);
    push_nibble(byte & 15, out);
}

/// One small digit for the lower four bits.
pub(super) fn push_nibble(nibble: u8, out: &mut Vec<u8>) {
    out.extend(DIGITS.get(usize::from(nibble & 15)));
}

/// SQL's literals: `0x` and at least one pair of digits.
pub(super) fn decode_sql(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr(b'0', text),
        |from, out| {
            let [b'0', b'x' | b'X', digits @ ..] = from else { return None };
            hex_pair(digits)?;
            let (pairs, _) = digits.as_chunks::<2>();
            let before = out.len();
            out.extend(pairs.iter().map_while(|pair| hex_pair(pair)));
            Some(2 + 2 * (out.len() - before))
        },
    )
}
