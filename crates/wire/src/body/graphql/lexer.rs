//! The tokens of GraphQL (October 2021 specification §2.1).
//!
//! Invariant: every call moves on or is at the end.

/// A token with its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) what: What,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Name,
    Integer,
    Number,
    /// Quotes included.
    String,
    /// Three quotes at each end.
    Block,
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Mark(u8),
    /// `...`
    Spread,
    End,
    /// Anything else.
    Broken,
}

/// The token at or behind an offset; white space, commas and comments go before it.
pub(super) fn next(text: &[u8], from: usize) -> Token {
    let start = skip_ignored(text, from);
    let rest = text.get(start..).unwrap_or_default();
    let (what, length) = match rest {
        [] => (What::End, 0),
        [b'.', b'.', b'.', ..] => (What::Spread, 3),
        [b'"', b'"', b'"', behind @ ..] => match block_end(behind) {
            Some(length) => (What::Block, length + 6),
            None => (What::Broken, rest.len()),
        },
        [b'"', behind @ ..] => match string_end(behind) {
            Some(length) => (What::String, length + 2),
            None => (What::Broken, rest.len()),
        },
        [b'-' | b'0'..=b'9', ..] => number(rest),
        [first, ..] if first.is_ascii_alphabetic() || *first == b'_' => {
            let name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
            (What::Name, rest.iter().take_while(name).count())
        }
        [mark, ..] if b"!$&():=@[]{|}".contains(mark) => (What::Mark(*mark), 1),
        _ => (What::Broken, 1),
    };
    Token { what, start, end: start + length }
}

fn skip_ignored(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        match text.get(at..).unwrap_or_default() {
            [b' ' | b'\t' | b'\r' | b'\n' | b',', ..] => at += 1,
            [0xef, 0xbb, 0xbf, ..] => at += 3,
            [b'#', rest @ ..] => at += 1 + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
            _ => return at,
        }
    }
}

fn number(rest: &[u8]) -> (What, usize) {
    let part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let length = rest.iter().take_while(part).count();
    let digits = rest.get(1..length).unwrap_or_default();
    let whole = digits.iter().all(u8::is_ascii_digit);
    (if whole { What::Integer } else { What::Number }, length)
}

/// The length of a string behind its opening quote, up to its closing one; it may not hold a line end.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            b'\n' | b'\r' => return None,
            _ => at += 1,
        }
    }
}

/// The same of a block string; `\"""` does not end it.
fn block_end(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memmem::find(text.get(from..)?, b"\"\"\"")?;
        if at == 0 || text.get(at - 1) != Some(&b'\\') {
            return Some(at);
        }
        from = at + 3;
    }
}
