//! Literals that can never equal what they are compared with, and literals that are read when loaded.

use std::time::Duration;

use portcullis_model::nearest;

use crate::typed::Typed;
use crate::vocabulary::{Type, Var};

/// Why a text can never equal that value, and what would be right.
pub(super) fn never_equal(value: &Typed, text: &str) -> Option<(String, String)> {
    if let Type::Word(words) = value.ty {
        if words.contains(&text) {
            return None;
        }
        let said = match nearest(text, words.iter().copied()) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("it is one of {}", words.map_quoted()),
        };
        return Some((format!("\"{text}\" is none of the words it can be"), said));
    }
    let lower = text.to_ascii_lowercase();
    match value.var()? {
        Var::Method => {
            let upper = text.to_ascii_uppercase();
            let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
            (upper != text && known.contains(&upper.as_str()))
                .then(|| ("methods are in upper case".to_owned(), format!("write \"{upper}\"")))
        }
        Var::Host | Var::TlsServerName | Var::ContentType | Var::ResponseContentType if lower != text => {
            Some(("it is always in lower case".to_owned(), format!("write \"{lower}\"")))
        }
        Var::Path => (!text.starts_with('/') && text != "*")
            .then(|| ("a path begins with `/`".to_owned(), format!("write \"/{text}\""))),
        Var::Caller => (!text.starts_with("identity:") && !text.starts_with("ip:")).then(|| {
            let remedy = "write \"identity:PROVIDER/SUBJECT\", or compare `ip` or `identity.subject`";
            ("a caller is written `identity:…` or `ip:…`".to_owned(), remedy.to_owned())
        }),
        _ => None,
    }
}

/// Why a text can never be the beginning of that value, and what would be right.
pub(super) fn never_begins(value: &Typed, text: &str) -> Option<(String, String)> {
    let lower = text.to_ascii_lowercase();
    match value.var()? {
        Var::Path if !text.starts_with('/') && !text.is_empty() => {
            Some(("a path begins with `/`".to_owned(), format!("write \"/{text}\"")))
        }
        Var::Host if lower != text => {
            Some(("it is always in lower case".to_owned(), format!("write \"{lower}\"")))
        }
        _ => None,
    }
}

trait Quoted {
    fn map_quoted(&self) -> String;
}

impl Quoted for [&str] {
    fn map_quoted(&self) -> String {
        self.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
    }
}

/// Reads `1h30m`, `1.5s`, `250ms`; units `h`, `m`, `s`, `ms`, `us`, `ns`, each at most once in any order.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_what_is_none_is_refused() {
        for (text, expected) in [("1h30m", 5_400_000), ("1.5s", 1_500), ("250ms", 250), ("0s", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1d", "1..5s", "9999999999999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
