//! `application/x-www-form-urlencoded` over bytes: pairs as they were sent, and their decoding.
//!
//! Invariants: decoding happens once; an escape that is none stays as it was sent, and is reported; what is decoded
//! need not be UTF-8. Splitting is that of `ModSecurity` and the URL Standard: at every separator, empty pairs left
//! out, at the first equals sign. Does not know what a name means.

use std::borrow::Cow;

use crate::grammar::hex_digit;

/// A name and a value as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// In front of the first equals sign, or all of the pair.
    pub name: &'a [u8],
    /// Behind the first equals sign.
    pub value: &'a [u8],
    /// Whether either has bytes that stand for others.
    pub coded: Coded,
}

/// Whether a text decodes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// It stands for itself.
    Plain,
    /// It has a plus or percent sign.
    Coded,
}

/// Whether every percent sign began an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// Every one.
    Valid,
    /// At least one is not followed by two hexadecimal digits (`URLENCODED_ERROR`).
    Invalid,
}

/// Every pair in order, undecoded.
pub fn pairs(text: &[u8], separator: u8) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while let [first, after @ ..] = rest
            && *first == separator
        {
            rest = after;
        }
        let (pair, after) = next_pair(rest, separator)?;
        rest = after;
        Some(pair)
    })
}

/// The pair that `text` begins with, and what follows it. `None` at the end.
fn next_pair(text: &[u8], separator: u8) -> Option<(Pair<'_>, &[u8])> {
    let mark = memchr::memchr2(separator, b'=', text).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(mark)?;
    let (value, rest) = match rest {
        [first, rest @ ..] if *first != separator => {
            rest.split_at_checked(memchr::memchr(separator, rest).unwrap_or(rest.len()))?
        }
        _ => (&[][..], rest),
    };
    let pair = text.get(..text.len() - rest.len()).filter(|pair| !pair.is_empty())?;
    let coded = if memchr::memchr2(b'%', b'+', pair).is_some() { Coded::Coded } else { Coded::Plain };
    Some((Pair { name, value, coded }, rest))
}

/// Decodes a name or value; borrowed where nothing is escaped.
pub fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    decode_into(text, &mut decoded);
    Cow::Owned(decoded)
}

/// Appends the decoded text: `+` is a space, a stray percent sign stands for itself.
pub fn decode_into(text: &[u8], out: &mut Vec<u8>) -> Escapes {
    let mut escapes = Escapes::Valid;
    let mut bytes = text.iter();
    out.reserve(text.len());
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => match bytes.as_slice() {
                [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.nth(1);
                    hex_digit(*high).unwrap_or(0) << 4 | hex_digit(*low).unwrap_or(0)
                }
                _ => {
                    escapes = Escapes::Invalid;
                    b'%'
                }
            },
            plain => *plain,
        };
        out.push(decoded);
    }
    escapes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> (String, Escapes) {
        let mut out = Vec::new();
        let escapes = decode_into(text.as_bytes(), &mut out);
        assert_eq!(decode(text.as_bytes()), out);
        (out.escape_ascii().to_string(), escapes)
    }

    #[test]
    fn decoding() {
        for (text, expected, escapes) in [
            ("plain", "plain", Escapes::Valid),
            ("a+b%20c", "a b c", Escapes::Valid),
            ("%e9%00", "\\xe9\\x00", Escapes::Valid),
            ("%2541", "%41", Escapes::Valid),
            ("100%", "100%", Escapes::Invalid),
            ("%zz%4", "%zz%4", Escapes::Invalid),
            ("%%41", "%A", Escapes::Invalid),
        ] {
            assert_eq!(decoded(text), (expected.to_owned(), escapes), "{text:?}");
        }
    }

    #[test]
    fn splitting() {
        let split = |text: &'static str, separator| {
            let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            pairs(text.as_bytes(), separator)
                .map(|pair| format!("{}|{}", text_of(pair.name), text_of(pair.value)))
                .collect::<Vec<_>>()
        };
        assert_eq!(split("a=1&&b&=v&c==d&a=%26", b'&'), ["a|1", "b|", "|v", "c|=d", "a|%26"]);
        assert_eq!(split("a=1;b=2&c", b';'), ["a|1", "b|2&c"]);
        assert!(split("", b'&').is_empty());
    }
}
