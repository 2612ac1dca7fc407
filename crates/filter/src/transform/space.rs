//! White space, NULs and the case of letters.

use memchr::memchr;

use super::Changed;
use super::rewrite::{is_space, rewrite};

/// Every run of white space to one space.
pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let next = |text: &[u8]| text.iter().position(|byte| is_space(*byte));
    rewrite(input, out, next, |from, out| {
        let run = from.iter().take_while(|byte| is_space(**byte)).count();
        if run == 1 && from.first() == Some(&b' ') {
            return None;
        }
        out.push(b' ');
        Some(run)
    })
}

/// Without white space, and without the byte of Latin-1's no-break space.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let is_removed = |byte: u8| is_space(byte) || byte == 0xa0;
    let next = |text: &[u8]| text.iter().position(|byte| is_removed(*byte));
    rewrite(input, out, next, |from, _| Some(from.iter().take_while(|byte| is_removed(**byte)).count()))
}

/// Without NUL bytes.
pub(super) fn remove_nulls(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(input, out, |text| memchr(0, text), |_, _| Some(1))
}

/// With spaces for NUL bytes.
pub(super) fn replace_nulls(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr(0, text),
        |_, out| {
            out.push(b' ');
            Some(1)
        },
    )
}

/// Without white space at both ends.
pub(super) fn trim(input: &[u8], out: &mut Vec<u8>) -> Changed {
    keep(input, without_end(without_begin(input)), out)
}

/// Without white space at the beginning.
pub(super) fn trim_left(input: &[u8], out: &mut Vec<u8>) -> Changed {
    keep(input, without_begin(input), out)
}

/// Without white space at the end.
pub(super) fn trim_right(input: &[u8], out: &mut Vec<u8>) -> Changed {
    keep(input, without_end(input), out)
}

fn without_begin(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    text.get(begin..).unwrap_or_default()
}

fn without_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

fn keep(input: &[u8], part: &[u8], out: &mut Vec<u8>) -> Changed {
    if part.len() == input.len() {
        return Changed::Unchanged;
    }
    out.extend_from_slice(part);
    Changed::Changed
}

/// Capital ASCII letters to small ones.
pub(super) fn lower(input: &[u8], out: &mut Vec<u8>) -> Changed {
    if !has_any(input, |byte| byte.is_ascii_uppercase()) {
        return Changed::Unchanged;
    }
    out.extend_from_slice(input);
    out.make_ascii_lowercase();
    Changed::Changed
}

/// Small ASCII letters to capital ones.
pub(super) fn upper(input: &[u8], out: &mut Vec<u8>) -> Changed {
    if !has_any(input, |byte| byte.is_ascii_lowercase()) {
        return Changed::Unchanged;
    }
    out.extend_from_slice(input);
    out.make_ascii_uppercase();
    Changed::Changed
}

/// Whether any byte is one of those; by blocks without early exit inside, which compiles to vector code.
fn has_any(input: &[u8], is: impl Fn(u8) -> bool) -> bool {
    input.chunks(32).any(|block| block.iter().fold(false, |any, &byte| any | is(byte)))
}
