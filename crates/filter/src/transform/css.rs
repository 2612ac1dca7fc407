//! CSS escapes.

use memchr::memchr;

use super::Changed;
use super::rewrite::{digit, hex_pair, is_space, narrow, rewrite};

/// `\` with up to six hexadecimal digits (of which the last two count) and one white space, or with any other byte,
/// which stays; a line feed after it goes. A NUL counts as the digit 0, as the language's tests have it.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let next = |text: &[u8]| memchr(b'\\', text);
    rewrite(input, out, next, |from, out| {
        let text = from.get(1..)?;
        let digits = match text.first() {
            Some(0) => 1,
            _ => text.iter().take(6).take_while(|byte| digit(**byte).is_some()).count(),
        };
        let (number, after) = text.split_at(digits);
        if !number.is_empty() {
            out.push(value(number));
            let space = after.first().is_some_and(|byte| is_space(*byte));
            return Some(1 + digits + usize::from(space));
        }
        out.extend(after.first().filter(|byte| **byte != b'\n'));
        Some(1 + after.len().min(1))
    })
}

/// The byte that one to six digits stand for.
fn value(digits: &[u8]) -> u8 {
    let last = |count: usize| digits.len().checked_sub(count).and_then(|at| digits.get(at..));
    let Some(low) = last(2).and_then(hex_pair) else {
        return digits.first().and_then(|byte| digit(*byte)).unwrap_or_default();
    };
    let leading_zeros = digits.len() < 5 || digits.iter().take(digits.len() - 4).all(|byte| *byte == b'0');
    match last(4).and_then(hex_pair) {
        Some(high) if leading_zeros => narrow(high, low),
        _ => low,
    }
}
