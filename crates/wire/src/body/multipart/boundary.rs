//! The boundary a `Content-Type` names, read from the field as it was sent, and how it is written.
//!
//! Invariants: a boundary is read where any lenient server would find one; what is unusual about it is a flaw.

use crate::body::facts::{Flaw, Multipart};
use crate::grammar::trim;

/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES: usize = 70;
const NAME: &[u8] = b"boundary";

/// The boundary of a `multipart/…` field value; `None` if there is none, more than one, or a malformed one.
pub(super) fn read<'a>(content_type: &'a [u8], facts: &mut Multipart) -> Option<&'a [u8]> {
    let found = parameter(content_type, facts).filter(|boundary| is_boundary(boundary));
    if found.is_none() {
        facts.note(Flaw::InvalidBoundary);
    }
    found
}

fn parameter<'a>(content_type: &'a [u8], facts: &mut Multipart) -> Option<&'a [u8]> {
    let at = find_name(content_type)?;
    let (before, rest) = content_type.split_at_checked(at)?;
    let mut rest = rest.get(NAME.len()..)?;
    if names_again(rest) {
        return None;
    }
    if !before.trim_ascii_end().ends_with(b";") {
        facts.note(Flaw::MissingSemicolon);
    }
    let behind_name = rest.trim_ascii_start();
    let value = behind_name.strip_prefix(b"=")?;
    if behind_name.len() != rest.len() || value.first().is_some_and(u8::is_ascii_whitespace) {
        facts.note(Flaw::BoundaryWhitespace);
    }
    rest = value.trim_ascii_start();
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        facts.note(Flaw::BoundaryQuoted);
        let end = memchr::memchr(b'"', quoted)?;
        return quoted.get(..end);
    }
    let end = memchr::memchr2(b';', b',', rest).unwrap_or(rest.len());
    rest.get(..end).map(trim)
}

/// Where the word stands, in any case.
fn find_name(text: &[u8]) -> Option<usize> {
    text.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))
}

/// Whether the parameter is there again: the word with an equals sign, since browsers write it into boundaries too.
fn names_again(mut rest: &[u8]) -> bool {
    while let Some(at) = find_name(rest) {
        rest = rest.get(at + NAME.len()..).unwrap_or_default();
        if rest.trim_ascii_start().starts_with(b"=") {
            return true;
        }
    }
    false
}

/// `bcharsnospace` and inner spaces, not more than seventy.
fn is_boundary(boundary: &[u8]) -> bool {
    !boundary.is_empty()
        && boundary.len() <= BOUNDARY_BYTES
        && !boundary.ends_with(b" ")
        && boundary.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries() {
        use Flaw::{BoundaryQuoted, BoundaryWhitespace, InvalidBoundary, MissingSemicolon};
        for (text, boundary, flaws) in [
            ("multipart/form-data; boundary=B", Some("B"), &[][..]),
            ("multipart/form-data; charset=x; Boundary=a=b; x=y", Some("a=b"), &[]),
            ("multipart/form-data; boundary=\"a b\"", Some("a b"), &[BoundaryQuoted]),
            ("multipart/form-data; boundary = B", Some("B"), &[BoundaryWhitespace]),
            ("multipart/form-data boundary=B", Some("B"), &[MissingSemicolon]),
            ("multipart/form-data; boundary=----WebKitFormBoundaryx", Some("----WebKitFormBoundaryx"), &[]),
            ("multipart/form-data", None, &[InvalidBoundary]),
            ("multipart/form-data; boundary=", None, &[InvalidBoundary]),
            ("multipart/form-data; boundary=a\"b", None, &[InvalidBoundary]),
            ("multipart/form-data; boundary=a; boundary=b", None, &[InvalidBoundary]),
        ] {
            let mut facts = Multipart::default();
            let read = read(text.as_bytes(), &mut facts);
            assert_eq!(read, boundary.map(str::as_bytes), "{text}");
            let mut expected = Multipart::default();
            for flaw in flaws {
                expected.note(*flaw);
            }
            assert_eq!(facts, expected, "{text}");
        }
    }
}
