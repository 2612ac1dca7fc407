//! Whether a value injects active HTML, as libinjection 3.9.2 judges it.
//!
//! The value is read as text, as the inside of a tag, and as an attribute's value in each kind of quotes. Tags and
//! attributes that can run something are known. Invariants: linear in the value, nothing allocated.

mod tokens;

use memchr::memchr;

use crate::scan::Necessary;
use crate::scan::bytes::ByteSet;
use tokens::{Context, Kind, Tokens};

/// Tags that run or load something, beside all that begin with `SVG` and `XSL`.
const TAGS: [&str; 20] = [
    "APPLET", "BASE", "COMMENT", "EMBED", "FRAME", "FRAMESET", "HANDLER", "IFRAME", "IMPORT", "ISINDEX",
    "LINK", "LISTENER", "META", "NOSCRIPT", "OBJECT", "SCRIPT", "STYLE", "VMLFRAME", "XML", "XSS",
];

/// What an attribute can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    /// Nothing of interest.
    None,
    /// Run something whatever its value.
    Always,
    /// Load what its value names.
    Url,
    /// Be the attribute that its value names.
    Named,
}

const ATTRIBUTES: [(&str, Power); 20] = [
    ("ACTION", Power::Url),
    ("ATTRIBUTENAME", Power::Named),
    ("BACKGROUND", Power::Url),
    ("BY", Power::Url),
    ("DATAFORMATAS", Power::Always),
    ("DATASRC", Power::Always),
    ("DYNSRC", Power::Url),
    ("FILTER", Power::Always),
    ("FOLDER", Power::Url),
    ("FORMACTION", Power::Url),
    ("FROM", Power::Url),
    ("HANDLER", Power::Url),
    ("HREF", Power::Url),
    ("LOWSRC", Power::Url),
    ("POSTER", Power::Url),
    ("SRC", Power::Url),
    ("STYLE", Power::Always),
    ("TO", Power::Url),
    ("VALUES", Power::Url),
    ("XLINK:HREF", Power::Url),
];

/// Schemes that run something; `JAVA` stands for `javascript`.
const SCHEMES: [&str; 4] = ["DATA", "VIEW-SOURCE", "JAVA", "VBSCRIPT"];

/// Whether `value` injects.
pub(super) fn is_injection(value: &[u8]) -> bool {
    Context::ALL.into_iter().any(|context| injects_into(value, context))
}

/// Every tag and comment begins with `<`, and every attribute that counts has a value after `=`.
pub(super) fn necessary() -> Necessary {
    Necessary::of_set(ByteSet::of(b"<="))
}

fn injects_into(value: &[u8], context: Context) -> bool {
    let mut power = Power::None;
    for token in Tokens::new(value, context) {
        let found = match token.kind {
            Kind::Doctype => true,
            Kind::TagName => is_active_tag(token.text),
            Kind::Comment => is_active_comment(token.text),
            Kind::AttributeValue => is_active_value(power, token.text),
            Kind::AttributeName | Kind::Other => false,
        };
        if found {
            return true;
        }
        power = if token.kind == Kind::AttributeName { power_of(token.text) } else { Power::None };
    }
    false
}

fn is_active_tag(name: &[u8]) -> bool {
    let begins = |with: &[u8]| name.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    name.len() >= 3 && (begins(b"SVG") || begins(b"XSL") || TAGS.iter().any(|tag| is(name, tag)))
}

fn power_of(name: &[u8]) -> Power {
    let begin = name.get(..5).unwrap_or_default();
    if begin.get(..2).is_some_and(|on| on.eq_ignore_ascii_case(b"ON"))
        || is(begin, "XMLNS")
        || is(begin, "XLINK")
    {
        return Power::Always;
    }
    let known = ATTRIBUTES.iter().find(|(known, _)| name.len() >= 2 && is(name, known));
    known.map_or(Power::None, |(_, power)| *power)
}

fn is_active_value(power: Power, value: &[u8]) -> bool {
    match power {
        Power::None => false,
        Power::Always => true,
        Power::Url => is_active_url(value),
        Power::Named => power_of(value) != Power::None,
    }
}

/// Conditional comments, declarations and what old browsers took for the end of a comment.
fn is_active_comment(text: &[u8]) -> bool {
    let begins = |with: &[u8]| text.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    let first_six = text.get(..6).unwrap_or_default();
    memchr(b'`', text).is_some()
        || (text.len() > 3 && (begins(b"[IF") || begins(b"XML")))
        || is(first_six, "IMPORT")
        || is(first_six, "ENTITY")
}

/// Whether `text` without NULs is `name`, in any case.
fn is(text: &[u8], name: &str) -> bool {
    let letters = text.iter().filter(|byte| **byte != 0).map(u8::to_ascii_uppercase);
    letters.eq(name.bytes())
}

fn is_active_url(value: &[u8]) -> bool {
    let begin = value.iter().position(|byte| matches!(byte, 33..=126)).unwrap_or(value.len());
    let url = value.get(begin..).unwrap_or_default();
    SCHEMES.iter().any(|scheme| begins_with(url, scheme))
}

/// Whether text with character references begins with `name`; white space in front, NULs and line feeds do not count.
fn begins_with(text: &[u8], name: &str) -> bool {
    let mut letters = name.bytes().peekable();
    let mut rest = text;
    let mut is_first = true;
    while !rest.is_empty() && letters.peek().is_some() {
        let (character, len) = character(rest);
        rest = rest.get(len..).unwrap_or_default();
        if is_first && character <= 32 {
            continue;
        }
        is_first = false;
        if matches!(character, 0 | 10) {
            continue;
        }
        let is_small = (u32::from(b'a')..=u32::from(b'z')).contains(&character);
        let capital = if is_small { character - 32 } else { character };
        if letters.next() != Some((capital & 0xff) as u8) {
            return false;
        }
    }
    letters.peek().is_none()
}

/// The first character and its length: a byte, or a reference by number.
fn character(text: &[u8]) -> (u32, usize) {
    const LARGEST: u32 = 0x0010_00ff;
    let (base, begin) = match text {
        [b'&', b'#', b'x' | b'X', ..] => (16, 3),
        [b'&', b'#', ..] => (10, 2),
        [byte, ..] => return (u32::from(*byte), 1),
        [] => return (0, 0),
    };
    let digits = text.get(begin..).unwrap_or_default();
    let mut value = 0;
    let mut len = 0;
    for digit in digits.iter().map_while(|byte| char::from(*byte).to_digit(base)) {
        value = value * base + digit;
        len += 1;
        if value > LARGEST {
            return (u32::from(b'&'), 1);
        }
    }
    let ends = usize::from(digits.get(len) == Some(&b';'));
    if len == 0 { (u32::from(b'&'), 1) } else { (value, begin + len + ends) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: &str, expected: bool) {
        assert_eq!(is_injection(value.as_bytes()), expected, "{value}");
    }

    #[test]
    fn what_can_run_is_found_in_every_context() {
        check("<script>", true);
        check("<a href=javascript:x>", true);
        check("<a href=\"&#x6a;ava&#115cript:x\">", true);
        check("x onerror=alert(1)", true);
        check("' onclick='x", true);
        check("\" style=\"x", true);
        check("<!-- ` -->", true);
        check("<!doctype html>", true);
        check("<?xml x>", true);
        check("<sv\0g>", false);
        check("<scr\0ipt>", true);
        check("<svg/x>", true);
    }

    #[test]
    fn plain_text_is_not() {
        check("", false);
        check("1 < 2 and 3 > 2", false);
        check("a=b", false);
        check("<b>bold</b>", false);
        check("<a href=https://example.org>", false);
        check("one = two", false);
    }

    #[test]
    fn what_is_found_holds_what_is_necessary() {
        for one in 0..=u8::MAX {
            for two in 0..=u8::MAX {
                let value = [one, two];
                assert!(necessary().holds(&value) || !is_injection(&value), "{}", value.escape_ascii());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(800))]

        /// The same for longer values, and nothing panics.
        #[test]
        fn long_values_hold_it_too(
            value in r"(script|svg|xml|onclick|href|style|java|data|:|&#x6a|[<>=/!?%'`&# -]|[\x00-\xff]|-->|xlink){0,12}",
        ) {
            prop_assert!(necessary().holds(value.as_bytes()) || !is_injection(value.as_bytes()));
        }
    }
}
