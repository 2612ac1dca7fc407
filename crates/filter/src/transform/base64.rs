//! Base64, as forgiving as the two decoders of ModSecurity are.
//!
//! Linear; never fails: what is no Base64 ends the result or is skipped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Changed;

/// What stands before the first byte that is none of the alphabet's.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let sextets = input.iter().map_while(|&byte| sextet(byte));
    decode_sextets(sextets, out);
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

const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
