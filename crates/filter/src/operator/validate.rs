//! Encodings that a value should keep to: byte ranges, percent-encoding, UTF-8.
//!
//! These operators match where something is wrong; each gives the place.

use std::ops::Range;

use memchr::memchr;

use super::compare::number;
use crate::scan::bytes::ByteSet;

/// The bytes that `32-126,10` allows. What is no number counts as 0, as in ModSecurity.
pub(super) fn allowed(argument: &[u8]) -> Result<ByteSet, String> {
    let mut set = ByteSet::new();
    for part in argument.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()) {
        let (low, high) = match memchr(b'-', part) {
            Some(at) => (part.get(..at).unwrap_or_default(), part.get(at + 1..).unwrap_or_default()),
            None => (part, part),
        };
        match (u8::try_from(number(low)), u8::try_from(number(high))) {
            (Ok(low), Ok(high)) if low <= high => set = set.with(low..=high),
            _ => return Err(format!("`{}` is no range of bytes", String::from_utf8_lossy(part))),
        }
    }
    Ok(set)
}

/// The first byte that is not allowed.
pub(super) fn other_than(value: &[u8], allowed: &ByteSet) -> Option<Range<usize>> {
    value.iter().position(|byte| !allowed.contains(*byte)).map(|at| at..at + 1)
}

/// The first `%` that no two hexadecimal digits follow.
pub(super) fn broken_percent(value: &[u8]) -> Option<Range<usize>> {
    let mut from = 0;
    loop {
        let at = from + memchr(b'%', value.get(from..)?)?;
        match value.get(at + 1..at + 3) {
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => from = at + 3,
            _ => return Some(at..value.len().min(at + 3)),
        }
    }
}

/// The first bytes that are no UTF-8: broken, overlong, surrogates, or beyond what is assigned.
pub(super) fn broken_utf8(value: &[u8]) -> Option<Range<usize>> {
    let error = std::str::from_utf8(value).err()?;
    let at = error.valid_up_to();
    Some(at..at + error.error_len().unwrap_or(value.len() - at))
}
