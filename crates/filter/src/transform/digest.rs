//! What stands for a whole value: its length, digests, parity bits.

use md5::Digest as _;

use super::Changed;

/// The length as a decimal number.
pub(super) fn length(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let mut rest = input.len();
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.reverse();
    if out.as_slice() == input { Changed::Unchanged } else { Changed::Changed }
}

/// The 16 bytes of MD5.
pub(super) fn md5(input: &[u8], out: &mut Vec<u8>) -> Changed {
    out.extend_from_slice(&md5::Md5::digest(input));
    Changed::Changed
}

/// The 20 bytes of SHA-1.
pub(super) fn sha1(input: &[u8], out: &mut Vec<u8>) -> Changed {
    out.extend_from_slice(&sha1::Sha1::digest(input));
    Changed::Changed
}

/// What bit 8 becomes.
#[derive(Clone, Copy)]
pub(super) enum Parity {
    /// That which makes the number of ones even.
    Even,
    /// That which makes it odd.
    Odd,
    /// Zero.
    Zero,
}

/// Seven bits of each byte, and the eighth as `parity` says.
pub(super) fn parity(input: &[u8], out: &mut Vec<u8>, parity: Parity) -> Changed {
    out.extend(input.iter().map(|&byte| {
        let low = byte & 0x7f;
        let is_odd = low.count_ones() % 2 == 1;
        match parity {
            Parity::Even if is_odd => low | 0x80,
            Parity::Odd if !is_odd => low | 0x80,
            _ => low,
        }
    }));
    if out.as_slice() == input { Changed::Unchanged } else { Changed::Changed }
}
