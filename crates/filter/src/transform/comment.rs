//! Comments of C, HTML and SQL, taken out in ModSecurity's three ways.
//!
//! One quirk is kept because rules were written against it: after a comment the next byte is copied without being looked
//! at, and a NUL where there is none.

use memchr::{memchr, memchr2, memmem};

use super::Changed;
use super::rewrite::rewrite;

/// Comments go, `--` and `#` end the value, a comment that does not end becomes a space.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let mut rest = input;
    while let Some(at) = next_mark(rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        match Mark::at(from) {
            Some(Mark::Open(len)) => {
                let Some(after) = end_of_comment(from.get(len..).unwrap_or_default()) else {
                    out.push(b' ');
                    return Changed::Changed;
                };
                out.push(after.first().copied().unwrap_or(0));
                rest = after.get(1..).unwrap_or_default();
            }
            Some(Mark::ToTheEnd) => return Changed::Changed,
            None => {
                out.extend(from.first());
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(rest);
    if out.as_slice() == input { Changed::Unchanged } else { Changed::Changed }
}

/// What begins a comment.
enum Mark {
    /// One that has an end, and how long its beginning is.
    Open(usize),
    /// One that goes to the end.
    ToTheEnd,
}

impl Mark {
    const fn at(text: &[u8]) -> Option<Self> {
        match text {
            [b'/', b'*', ..] => Some(Self::Open(2)),
            [b'<', b'!', b'-', b'-', ..] => Some(Self::Open(4)),
            [b'-', b'-', ..] | [b'#', ..] => Some(Self::ToTheEnd),
            _ => None,
        }
    }
}

fn next_mark(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| matches!(byte, b'/' | b'<' | b'-' | b'#'))
}

/// What follows the first end of a comment, of either kind.
fn end_of_comment(text: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    loop {
        let at = from + memchr2(b'*', b'-', text.get(from..)?)?;
        match text.get(at..)? {
            [b'*', b'/', after @ ..] | [b'-', b'-', b'>', after @ ..] => return Some(after),
            _ => from = at + 1,
        }
    }
}

/// What marks comments goes, what they say stays.
pub(super) fn remove_marks(input: &[u8], out: &mut Vec<u8>) -> Changed {
    // One search for all five: with two, what the one passes over again and again for the other would be quadratic.
    let next = |text: &[u8]| text.iter().position(|byte| matches!(byte, b'/' | b'*' | b'#' | b'<' | b'-'));
    rewrite(input, out, next, |from, _| match from {
        [b'<', b'!', b'-', b'-', ..] => Some(4),
        [b'-', b'-', b'>', ..] => Some(3),
        [b'/', b'*', ..] | [b'*', b'/', ..] | [b'-', b'-', ..] => Some(2),
        [b'#', ..] => Some(1),
        _ => None,
    })
}

/// Each C comment becomes a space, also one that does not end.
pub(super) fn replace(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let next = |text: &[u8]| memchr(b'/', text);
    rewrite(input, out, next, |from, out| {
        let inside = from.strip_prefix(b"/*")?;
        out.push(b' ');
        Some(memmem::find(inside, b"*/").map_or(from.len(), |at| at + 4))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a megabyte of what could begin a mark took as many searches of all the rest.
    #[test]
    fn what_only_begins_like_a_mark_is_passed_once() {
        let mut out = Vec::new();
        let value = b"<".repeat(1 << 19);
        assert_eq!(remove_marks(&value, &mut out), Changed::Unchanged);
        out.clear();
        assert_eq!(remove_marks(b"<!--a-->b/*c*/d#e--<f-", &mut out), Changed::Changed);
        assert_eq!(out, b"abcde<f-");
    }
}
