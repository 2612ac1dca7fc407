//! What a path segment, or any short string, looks like by itself.
//!
//! Shadow operations are grouped by these kinds until enough has been learned; so words stay literal, and what names
//! one instance among many becomes a placeholder. Knows nothing of other segments or of contracts.

use portcullis_model::observation::SegmentKind;

/// The longest word kept literally, in bytes.
const WORD_BYTES: usize = 48;
/// Fewer hexadecimal digits than this are not taken for a hash.
const HASH_DIGITS: usize = 12;

/// Endings that name the format something is answered in.
const FORMATS: &[&str] = &[".json", ".xml", ".csv", ".yaml", ".yml"];

/// The value and the format of a segment such as `42.json`, where what stands before the format is no word.
pub fn split_format(segment: &str) -> (&str, Option<&str>) {
    let ending = FORMATS.iter().find(|ending| segment.len() > ending.len() && segment.ends_with(**ending));
    let split = ending.map(|ending| segment.split_at(segment.len() - ending.len()));
    match split {
        Some((value, format)) if classify(value) != SegmentKind::Word => (value, Some(format)),
        _ => (segment, None),
    }
}

/// The kind of a decoded segment.
pub fn classify(segment: &str) -> SegmentKind {
    let bytes = segment.as_bytes();
    if is_number(bytes) {
        SegmentKind::Number
    } else if is_date(bytes) {
        SegmentKind::Date
    } else if is_uuid(bytes) {
        SegmentKind::Uuid
    } else if is_hash(bytes) {
        SegmentKind::Hash
    } else if is_email(segment) {
        SegmentKind::Email
    } else if is_word(segment) {
        SegmentKind::Word
    } else {
        SegmentKind::Opaque
    }
}

/// Counts over the bytes of a segment.
struct Shape {
    digits: usize,
    letters: usize,
    /// Only letters, digits, `-`, `_`, `.`, `~`, `$`, `:` and bytes of non-ASCII letters.
    plain: bool,
}

impl Shape {
    fn of(bytes: &[u8]) -> Self {
        let count = |class: fn(&u8) -> bool| bytes.iter().filter(|byte| class(byte)).count();
        Self {
            digits: count(u8::is_ascii_digit),
            letters: count(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()),
            plain: bytes.iter().all(|byte| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'$' | b':')
                    || !byte.is_ascii()
            }),
        }
    }
}

/// Hexadecimal digits, enough of them, and not all letters.
fn is_hash(bytes: &[u8]) -> bool {
    bytes.len() >= HASH_DIGITS
        && bytes.iter().all(u8::is_ascii_hexdigit)
        && bytes.iter().any(u8::is_ascii_digit)
}

/// Digits, also with a sign or one fraction.
fn is_number(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts.next().is_some_and(all_digits) && parts.next().is_none_or(all_digits)
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562), of any version, also in braces or without case rules.
fn is_uuid(bytes: &[u8]) -> bool {
    let bytes = match bytes {
        [b'{', inside @ .., b'}'] => inside,
        bytes => bytes,
    };
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `YYYY-MM-DD`, `YYYY-MM`, or an RFC 3339 date and time.
fn is_date(bytes: &[u8]) -> bool {
    let (date, time) = match bytes.iter().position(|byte| matches!(byte, b'T' | b't' | b' ')) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default()),
        None => (bytes, &[][..]),
    };
    let two = |a: &u8, b: &u8, most: u8| {
        a.is_ascii_digit() && b.is_ascii_digit() && (1..=most).contains(&((a - b'0') * 10 + (b - b'0')))
    };
    let year = |year: &[u8]| (year.starts_with(b"19") || year.starts_with(b"20")) && is_number(year);
    let dated = match date {
        [y @ .., b'-', m1, m2, b'-', d1, d2] if y.len() == 4 => year(y) && two(m1, m2, 12) && two(d1, d2, 31),
        [y @ .., b'-', m1, m2] if y.len() == 4 && time.is_empty() => year(y) && two(m1, m2, 12),
        _ => false,
    };
    dated && (time.is_empty() || is_time(time))
}

/// `HH:MM` and what may follow it: seconds, a fraction, an offset.
fn is_time(time: &[u8]) -> bool {
    matches!(time, [a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
        && time
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'+' | b'-' | b'Z' | b'z'))
}

/// One `@` between a local part and a domain with a dot.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let tame = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii());
    !local.is_empty()
        && tame(text)
        && !domain.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
}

/// Letters with separators; digits only where words have them: `v2`, `oauth2`, `report-2`, `index.html`.
fn is_word(segment: &str) -> bool {
    if segment.is_empty() || segment.len() > WORD_BYTES {
        return segment.is_empty();
    }
    let shape = Shape::of(segment.as_bytes());
    if !shape.plain || (shape.letters == 0 && shape.digits > 0) || is_scrambled(segment) {
        return false;
    }
    shape.digits == 0 || (shape.digits <= 3 && segment.split(['-', '_', '.']).all(digits_at_one_end))
}

/// A part of a word holds its digits, if any, together at its start or its end: `v2`, `2fa`, `s3`, not `a1b2`.
fn digits_at_one_end(part: &str) -> bool {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let inner = part.trim_end_matches(is_digit);
    let inner = if inner.len() == part.len() { part.trim_start_matches(is_digit) } else { inner };
    !inner.contains(is_digit)
}

/// Letters whose case jumps about as in random tokens rather than in `camelCase` or `APIKeys`; also behind a prefix, as
/// in `cus_hGqTbWzKpa`.
fn is_scrambled(segment: &str) -> bool {
    let (prefix, token) = segment.rsplit_once('_').unwrap_or(("", segment));
    if token.len() < 10 {
        return false;
    }
    let bytes = token.as_bytes();
    let capitals = bytes.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let small = bytes.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let runs = bytes.split(|byte| !byte.is_ascii_uppercase()).filter(|run| run.len() > 1).count();
    let humps = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
        .count();
    let mixed = capitals > 0 && small > 0;
    let prefixed = (2..=5).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_lowercase());
    mixed && (prefixed || runs > 1 || (runs == 1 && capitals * 2 > bytes.len()) || humps * 5 > bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_split_from_values_alone() {
        assert_eq!(split_format("12345.json"), ("12345", Some(".json")));
        assert_eq!(split_format("7.xml"), ("7", Some(".xml")));
        assert_eq!(split_format("users.json"), ("users.json", None));
        assert_eq!(split_format(".json"), (".json", None));
        assert_eq!(split_format("3.14"), ("3.14", None));
    }

    #[test]
    fn kinds() {
        use SegmentKind::{Date, Email, Hash, Number, Opaque, Uuid, Word};
        for (segment, kind) in [
            ("customers", Word),
            ("", Word),
            ("v1", Word),
            ("v2.1", Word),
            ("oauth2", Word),
            ("2fa", Word),
            ("phone-numbers", Word),
            ("listOfAllCustomerAccounts", Word),
            ("index.html", Word),
            (".well-known", Word),
            ("stra\u{df}e", Word),
            ("deadbeef", Word),
            ("42", Number),
            ("-1", Number),
            ("3.14", Number),
            ("20240131", Number),
            ("123456789012345", Number),
            ("6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f", Uuid),
            ("{6F1ED002-AB5C-4D3E-9A1F-3B1C0A5D7E9F}", Uuid),
            ("507f1f77bcf86cd799439011", Hash),
            ("d41d8cd98f00b204e9800998ecf8427e", Hash),
            ("2024-01-31", Date),
            ("2024-01", Date),
            ("2024-01-31T10:00:00Z", Date),
            ("2024-13-31", Opaque),
            ("a.b@example.org", Email),
            ("@example", Opaque),
            ("a1b2c3", Opaque),
            ("ORD-2024-000123", Opaque),
            ("eyJhbGciOiJIUzI1NiJ9.e30.abc", Opaque),
            ("qWeRtYuIoPaSdFgHjK", Opaque),
            ("cus_hGqTbWzKpa", Opaque),
            ("VTCSGcJzfFbECe", Opaque),
            ("APIKeysOfUsers", Word),
            ("~", Word),
            ("a b", Opaque),
            ("+491701234567", Opaque),
        ] {
            assert_eq!(classify(segment), kind, "{segment:?}");
        }
    }
}
