//! Base64, as forgiving as the two decoders of ModSecurity are.
//!
//! Linear; never fails: what is no Base64 ends the result or is skipped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Changed;

/// What stands before the first byte that is none of the alphabet's.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    out.reserve(input.len() / 4 * 3);
    let mut rest = input;
    while let [first, second, third, fourth, after @ ..] = rest {
        let (first, second, third, fourth) = (value(*first), value(*second), value(*third), value(*fourth));
        if first | second | third | fourth > LARGEST {
            break;
        }
        out.extend_from_slice(&[first << 2 | second >> 4, second << 4 | third >> 2, third << 6 | fourth]);
        rest = after;
    }
    decode_sextets(rest.iter().map_while(|&byte| sextet(byte)), out);
    changed(input)
}

/// Everything up to the first `=`, without bytes that are none of the alphabet's.
pub(super) fn decode_skipping(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let sextets = input.iter().take_while(|&&byte| byte != b'=').filter_map(|&byte| sextet(byte));
    decode_sextets(sextets, out);
    changed(input)
}

/// To Base64 with padding.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    out.extend_from_slice(STANDARD.encode(input).as_bytes());
    changed(input)
}

const fn changed(input: &[u8]) -> Changed {
    if input.is_empty() { Changed::Unchanged } else { Changed::Changed }
}

fn decode_sextets(sextets: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let mut held = 0u32;
    let mut bits = 0u32;
    for sextet in sextets {
        held = (held << 6 | u32::from(sextet)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
}

/// The largest value of a byte of the alphabet; those of others are larger.
const LARGEST: u8 = 63;
const NO_SEXTET: u8 = 0xff;

/// The value of each byte: any word can be decoded, and most values are.
static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NO_SEXTET; 256];
    let mut rest: &mut [u8] = &mut values;
    let mut byte: u8 = 0;
    while let [value, after @ ..] = rest {
        *value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => NO_SEXTET,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    values
}

#[inline]
fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_SEXTET)
}

fn sextet(byte: u8) -> Option<u8> {
    Some(value(byte)).filter(|value| *value <= LARGEST)
}
