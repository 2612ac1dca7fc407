//! HTML entities: numbers, and the five names that ModSecurity knows.

use memchr::memchr;

use super::Changed;
use super::rewrite::{digit, rewrite};

/// Entities to the byte they stand for, with or without the semicolon.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr(b'&', text),
        |from, out| {
            let (byte, read) = match from {
                [_, b'#', b'x' | b'X', digits @ ..] => {
                    number(digits, 16).map(|(byte, read)| (byte, read + 3))?
                }
                [_, b'#', digits @ ..] => number(digits, 10).map(|(byte, read)| (byte, read + 2))?,
                [_, name @ ..] => named(name).map(|(byte, read)| (byte, read + 1))?,
                [] => return None,
            };
            out.push(byte);
            Some(read + usize::from(from.get(read) == Some(&b';')))
        },
    )
}

/// The largest number that C's `strtol` gives.
const LARGEST: u64 = i64::MAX as u64;

/// The lower byte of a number (one that fits no 63 bits counts as the largest that does), and its length.
fn number(digits: &[u8], base: u8) -> Option<(u8, usize)> {
    let mut value = 0u64;
    let mut read = 0;
    for digit in digits.iter().map_while(|byte| digit(*byte).filter(|digit| *digit < base)) {
        value = value.saturating_mul(u64::from(base)).saturating_add(u64::from(digit)).min(LARGEST);
        read += 1;
    }
    (read > 0).then_some(((value & 0xff) as u8, read))
}

fn named(text: &[u8]) -> Option<(u8, usize)> {
    let len = text.iter().take(5).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = text.get(..len)?;
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let byte = match len {
        2 if is("lt") => b'<',
        2 if is("gt") => b'>',
        3 if is("amp") => b'&',
        4 if is("quot") => b'"',
        4 if is("nbsp") => 0xa0,
        _ => return None,
    };
    Some((byte, len))
}
