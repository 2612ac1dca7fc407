//! SQL cut into tokens, as leniently as `MySQL`, `PostgreSQL`, SQL Server, Oracle and SQLite together.
//!
//! Comments between words are space; `MySQL`'s `/*! … */` is code. Does not know grammar.

use crate::builtin::detector::words::{at, is_one_of, is_word, part, skip};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// Closed or running to the end.
    Text,
    Word,
    /// `@x`, `@@x`, `:x`.
    Variable,
    /// `=`, `<`, `>`, `<>`, `!=`, …
    Compare,
    /// `||`, `&&`.
    Logic,
    /// `+ - * / % ^ | & ~ !`
    Operator,
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    /// `--` or `#` up to the end of the line.
    Comment,
    Other,
}

/// One token and its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a [u8],
    pub(super) start: usize,
}

impl Token<'_> {
    /// Whether it is one of these words, given in lower case.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && is_one_of(self.text, words)
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The no-break space in UTF-8.
const NO_BREAK: &[u8] = b"\xc2\xa0";

/// At most so many tokens of a text, from an offset on.
pub(super) fn tokens(text: &[u8], from: usize, most: usize) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at_byte = from;
    while at_byte < text.len() && found.len() < most {
        let (kind, length) = next(text, at_byte);
        if let Some(kind) = kind {
            found.push(Token { kind, text: part(text, at_byte..at_byte + length), start: at_byte });
        }
        at_byte += length.max(1);
    }
    found
}

/// The token at an index and its length; no kind for what is only space.
fn next(text: &[u8], index: usize) -> (Option<Kind>, usize) {
    let (byte, behind) = (at(text, index), at(text, index + 1));
    let single = |kind| (Some(kind), 1);
    match byte {
        b'0'..=b'9' => (Some(Kind::Number), number(text, index)),
        b'.' if behind.is_ascii_digit() => (Some(Kind::Number), number(text, index)),
        b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => word(text, index),
        b'\'' | b'"' => (Some(Kind::Text), string(text, index)),
        b'`' => (Some(Kind::Word), string(text, index)),
        b'@' => (Some(Kind::Variable), skip(text, index + 1, |byte| is_word(byte) || byte == b'@') - index),
        b'-' if behind == b'-' && !at(text, index + 2).is_ascii_digit() => {
            (Some(Kind::Comment), line(text, index))
        }
        b'#' => (Some(Kind::Comment), line(text, index)),
        b'/' if behind == b'*' => (None, comment(text, index)),
        b'*' if behind == b'/' => (None, 2),
        b'|' | b'&' if behind == byte => (Some(Kind::Logic), 2),
        b'=' if behind == b'>' => (Some(Kind::Other), 2),
        b'=' | b'<' | b'>' => {
            (Some(Kind::Compare), skip(text, index, |byte| matches!(byte, b'=' | b'<' | b'>')) - index)
        }
        b'!' if behind == b'=' => (Some(Kind::Compare), 2),
        b':' if behind == b'=' || behind == b':' => (Some(Kind::Operator), 2),
        b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'|' | b'&' | b'~' | b'!' => single(Kind::Operator),
        b'(' => single(Kind::Open),
        b')' => single(Kind::Close),
        b',' => single(Kind::Comma),
        b';' => single(Kind::Semicolon),
        b'.' => single(Kind::Dot),
        0..=32 | 127 => (None, 1),
        _ => single(Kind::Other),
    }
}

fn number(text: &[u8], index: usize) -> usize {
    let hexadecimal = at(text, index) == b'0' && matches!(at(text, index + 1), b'x' | b'X' | b'b' | b'B');
    let end = if hexadecimal {
        skip(text, index + 2, |byte| byte.is_ascii_hexdigit())
    } else {
        let end = skip(text, index, |byte| byte.is_ascii_digit() || byte == b'.');
        let exponent = matches!(at(text, end), b'e' | b'E')
            && (at(text, end + 1).is_ascii_digit() || matches!(at(text, end + 1), b'+' | b'-'));
        if exponent { skip(text, end + 2, |byte| byte.is_ascii_digit()) } else { end }
    };
    end - index
}

fn word(text: &[u8], index: usize) -> (Option<Kind>, usize) {
    // MySQL: `un/**/ion` is two words, but a no-break space ends one.
    let rest = part(text, index..text.len());
    if rest.starts_with(NO_BREAK) {
        return (None, NO_BREAK.len());
    }
    let ends = |(at, byte): (usize, &u8)| {
        let is_part = is_word(*byte) || *byte == b'$' || *byte >= 0x80;
        !is_part || *byte == 0xc2 && rest.get(at..).is_some_and(|rest| rest.starts_with(NO_BREAK))
    };
    let end = index + rest.iter().enumerate().position(ends).unwrap_or(rest.len());
    let name = part(text, index..end);
    // A prefixed string: N'…', X'…', E'…', _utf8'…'.
    if matches!(at(text, end), b'\'') && is_one_of(name, &["n", "x", "b", "e", "q", "u"]) {
        return (Some(Kind::Text), end + string(text, end) - index);
    }
    (Some(Kind::Word), end - index)
}

/// The length of a string that opens at an index, to its closing quote or the end.
fn string(text: &[u8], index: usize) -> usize {
    let quote = at(text, index);
    let mut next = index + 1;
    while next < text.len() {
        match at(text, next) {
            b'\\' => next += 1,
            byte if byte == quote && at(text, next + 1) == quote && next + 2 < text.len() => next += 1,
            byte if byte == quote => return next + 1 - index,
            _ => {}
        }
        next += 1;
    }
    text.len() - index
}

fn line(text: &[u8], index: usize) -> usize {
    skip(text, index, |byte| byte != b'\n') - index
}

/// The length of a comment; of one that MySQL executes only its opening, with the version.
fn comment(text: &[u8], index: usize) -> usize {
    if matches!(at(text, index + 2), b'!') {
        return skip(text, index + 3, |byte| byte.is_ascii_digit()) - index;
    }
    let rest = text.get(index + 2..).unwrap_or_default();
    rest.windows(2).position(|pair| pair == b"*/").map_or(text.len() - index, |end| end + 4)
}
