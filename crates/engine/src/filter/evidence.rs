//! What of a match may stand in an event: bounded, secrets and personal data replaced.

use crate::redact::{HIDDEN, Redactor, cut, scrub};
use smol_str::SmolStr;

/// The longest evidence kept, in bytes.
const LONGEST: usize = 120;

/// Digits in a row, blanks and dashes between them allowed, from which they may be a card, an account or a telephone.
const DIGITS: usize = 9;

/// The matched part at a place as events keep it.
pub(crate) fn evidence(redactor: &Redactor, place: &str, matched: &[u8]) -> SmolStr {
    if hides_place(redactor, place) {
        return SmolStr::new_static(HIDDEN);
    }
    let text: String = matched.escape_ascii().map(char::from).collect();
    let text = std::str::from_utf8(matched).map_or(text, visible);
    cut(without_digits(&without_mailboxes(&scrub(&text))), LONGEST).into()
}

/// Line breaks and the like written out, the rest as it is.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Cookies' values, credentials' headers, and names that hold secrets.
fn hides_place(redactor: &Redactor, place: &str) -> bool {
    let (part, name) = place.split_once('.').unwrap_or((place, ""));
    let name = name.split(' ').next().unwrap_or_default();
    let value_hidden = |shown: String| shown == HIDDEN;
    match part {
        "cookies" => true,
        "headers" => value_hidden(redactor.header(name, b"-")) || name.eq_ignore_ascii_case("cookie"),
        _ => redactor.hides_name(name),
    }
}

/// `anna@shop.example` as `[redacted]@shop.example`.
fn without_mailboxes(text: &str) -> String {
    let mailbox = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let kept = before.trim_end_matches(mailbox);
        let host = after.get(1..).is_some_and(|host| host.starts_with(char::is_alphanumeric));
        if kept.len() < before.len() && host {
            out.extend([kept, HIDDEN, "@"]);
        } else {
            out.extend([before, "@"]);
        }
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Long numbers replaced.
fn without_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end =
            number.find(|c: char| !(c.is_ascii_digit() || matches!(c, ' ' | '-'))).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let trimmed = number.trim_end_matches([' ', '-']);
        let digits = trimmed.bytes().filter(u8::is_ascii_digit).count();
        out.push_str(before);
        out.push_str(if digits >= DIGITS { HIDDEN } else { trimmed });
        out.push_str(number.get(trimmed.len()..).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_shows_the_attack_and_hides_people() {
        let redactor = Redactor { headers: vec!["x-tenant".into()], ..Redactor::default() };
        for (place, matched, shown) in [
            ("query.q", "1' OR '1'='1", "1' OR '1'='1"),
            ("query.password", "' OR 1=1", HIDDEN),
            ("body.user.password", "' OR 1=1", HIDDEN),
            ("cookies.theme", "<script>", HIDDEN),
            ("headers.x-tenant", "<script>", HIDDEN),
            ("headers.authorization", "<script>", HIDDEN),
            (
                "body.note",
                "call 0049 170 1234567 or anna.b@shop.example'--",
                "call [redacted] or [redacted]@shop.example'--",
            ),
            ("body.card", "4111-1111-1111-1111' --", "[redacted]' --"),
            ("query.q", "a\r\nSet-Cookie: x=1", "a\\r\\nSet-Cookie: x=1"),
            ("query.id", "10 AND 11=11", "10 AND 11=11"),
        ] {
            assert_eq!(evidence(&redactor, place, matched.as_bytes()), shown, "{place}");
        }
        assert_eq!(evidence(&redactor, "body", b"\xff\x00'"), "\\xff\\x00\\'");
        assert!(evidence(&redactor, "body", "x".repeat(900).as_bytes()).len() <= LONGEST + '…'.len_utf8());
    }
}
