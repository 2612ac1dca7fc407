//! Redaction: what of a request may stand in an event.
//!
//! Invariants: values of `Authorization`, cookies, API keys and names policy lists never pass; whatever looks like a
//! token or a key does not pass anywhere; every text is bounded. Redacting twice changes nothing.

use smol_str::SmolStr;

use crate::identity::keys;

/// What stands for a hidden value.
pub(crate) const HIDDEN: &str = "[redacted]";

/// The longest text kept of one value, in bytes.
const LONGEST: usize = 1024;

/// The longest path and query kept, in bytes.
const LONGEST_TARGET: usize = 4096;

/// Header fields whose values are credentials.
const HEADERS: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
    "x-vault-token",
];

/// Query parameters whose values are credentials.
const QUERY: [&str; 22] = [
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "auth",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "password",
    "passwd",
    "pwd",
    "pass",
    "pin",
    "otp",
    "secret",
    "client_secret",
    "code",
    "sig",
    "signature",
    "session",
    "x-amz-signature",
];

/// What well-known keys and tokens begin with.
const MARKS: [&str; 15] = [
    keys::MARK,
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
];

/// The names one site hides besides those that are always hidden.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactor {
    /// Header fields, lower case.
    pub(crate) headers: Vec<SmolStr>,
    pub(crate) query: Vec<SmolStr>,
    /// Cookies whose names are hidden too.
    pub(crate) cookies: Vec<SmolStr>,
}

impl Redactor {
    /// A header field's value as events keep it; `name` in any case.
    pub(crate) fn header(&self, name: &str, value: &[u8]) -> String {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        if HEADERS.iter().any(|known| is(known)) || self.headers.iter().any(|known| is(known)) {
            return HIDDEN.to_owned();
        }
        let value = String::from_utf8_lossy(value);
        if is("cookie") || is("set-cookie") {
            return self.cookies(&value);
        }
        if is("referer") || is("location") || is("x-original-url") || is("x-rewrite-url") {
            return self.address(&value);
        }
        cut(scrub(&value), LONGEST)
    }

    /// Cookie names in order, values hidden.
    fn cookies(&self, value: &str) -> String {
        let mut out = String::new();
        for pair in value.split(';') {
            let name = pair.split_once('=').map_or("", |(name, _)| name.trim());
            let hidden =
                name.is_empty() || self.cookies.iter().any(|known| known == name) || looks_secret(name);
            let separator = if out.is_empty() { "" } else { "; " };
            out.extend([separator, if hidden { HIDDEN } else { name }, "=", HIDDEN]);
        }
        cut(out, LONGEST)
    }

    /// A URL's path and query, each as they stand in events.
    fn address(&self, value: &str) -> String {
        match value.split_once('?') {
            Some((path, query)) => format!("{}?{}", redact_path(path), self.query(query)),
            None => redact_path(value),
        }
    }

    /// A query with the values of sensitive names hidden, and of any name where they look like a secret.
    pub(crate) fn query(&self, raw: &str) -> String {
        let mut out = String::with_capacity(raw.len().min(LONGEST_TARGET));
        for pair in raw.split('&') {
            if !out.is_empty() {
                out.push('&');
            }
            match pair.split_once('=') {
                Some((name, value)) if self.hides_query(name) || hides_value(value) => {
                    out.extend([name, "=", HIDDEN]);
                }
                None if looks_secret(pair) => out.push_str(HIDDEN),
                _ => out.push_str(pair),
            }
            if out.len() > LONGEST_TARGET {
                break;
            }
        }
        cut(out, LONGEST_TARGET)
    }

    fn hides_query(&self, name: &str) -> bool {
        let name = portcullis_wire::Query::new(name);
        let decoded = name.pairs().next().map(|(name, _)| name.to_ascii_lowercase()).unwrap_or_default();
        QUERY.contains(&decoded.as_str())
            || self.query.iter().any(|known| known.eq_ignore_ascii_case(&decoded))
    }
}

fn hides_value(value: &str) -> bool {
    looks_secret(value) || (value.contains('%') && looks_secret(&decoded(value)))
}

fn decoded(value: &str) -> String {
    let query = portcullis_wire::Query::new(value);
    query.pairs().map(|(name, value)| if value.is_empty() { name } else { value }).collect()
}

/// A path whose segments that look like secrets are hidden.
pub(crate) fn redact_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len().min(LONGEST_TARGET));
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            out.push('/');
        }
        out.push_str(if looks_secret(segment) { HIDDEN } else { segment });
        if out.len() > LONGEST_TARGET {
            break;
        }
    }
    cut(out, LONGEST_TARGET)
}

/// Text with the words that look like secrets hidden.
pub(crate) fn scrub(text: &str) -> String {
    let breaks =
        |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '=' | '&' | '"' | '\'' | '(' | ')' | '/');
    if !text.split(breaks).any(looks_secret) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(breaks) {
        let word = piece.trim_end_matches(breaks);
        out.push_str(if looks_secret(word) { HIDDEN } else { word });
        out.push_str(piece.get(word.len()..).unwrap_or_default());
    }
    out
}

/// Bounded, for people and the archive.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

/// A JSON Web Token, a key with a well-known mark, or a long run of letters in both cases and digits, as random
/// tokens are. UUIDs and hexadecimal hashes are not: they name things.
pub(crate) fn looks_secret(word: &str) -> bool {
    if word.len() < 16 {
        return false;
    }
    if word.starts_with("eyJ") && word.split('.').count() >= 2 {
        return true;
    }
    MARKS.iter().any(|mark| word.starts_with(mark)) || is_random(word)
}

fn is_random(word: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'~' | b'.');
    let count = |class: fn(&u8) -> bool| word.as_bytes().iter().filter(|byte| class(byte)).count();
    let (upper, lower, digits) =
        (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
    word.len() >= 32 && word.bytes().all(token) && upper >= 4 && lower >= 4 && digits >= 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl";

    fn redactor() -> Redactor {
        Redactor { headers: vec!["x-tenant".into()], query: vec!["Card".into()], cookies: vec!["sid".into()] }
    }

    #[test]
    fn credentials_in_headers_are_hidden() {
        for (name, value, shown) in [
            ("Authorization", "Bearer abc", HIDDEN),
            ("X-TENANT", "acme", HIDDEN),
            ("Cookie", "theme=dark; sid=1", "theme=[redacted]; [redacted]=[redacted]"),
            ("Accept", "text/html", "text/html"),
            ("X-Note", &format!("see {JWT}, ok"), "see [redacted], ok"),
            ("Referer", "https://a.example/x?token=1&page=2", "https://a.example/x?token=[redacted]&page=2"),
        ] {
            assert_eq!(redactor().header(name, value.as_bytes()), shown, "{name}");
        }
    }

    #[test]
    fn secrets_in_queries_and_paths_are_hidden() {
        for (raw, shown) in [
            ("page=2&access_token=abc", "page=2&access_token=[redacted]"),
            ("PASSWORD=x", "PASSWORD=[redacted]"),
            ("%70assword=x", "%70assword=[redacted]"),
            ("card=4111", "card=[redacted]"),
            (&format!("state={JWT}"), "state=[redacted]"),
            (JWT, HIDDEN),
            (
                "q=hello+world&id=6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f",
                "q=hello+world&id=6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f",
            ),
        ] {
            assert_eq!(redactor().query(raw), shown, "{raw}");
        }
        assert_eq!(redact_path(&format!("/reset/{JWT}/x")), "/reset/[redacted]/x");
        assert_eq!(
            redact_path("/files/d41d8cd98f00b204e9800998ecf8427e"),
            "/files/d41d8cd98f00b204e9800998ecf8427e"
        );
    }

    #[test]
    fn what_is_long_is_cut() {
        let path = "/a".repeat(LONGEST_TARGET);
        assert!(redact_path(&path).len() <= LONGEST_TARGET + '…'.len_utf8());
        assert!(redactor().header("x", "é".repeat(5000).as_bytes()).len() <= LONGEST + '…'.len_utf8());
    }

    proptest! {
        #[test]
        fn redacting_twice_changes_nothing(text in "[ -~é]{0,200}") {
            let once = redactor().query(&text);
            prop_assert_eq!(redactor().query(&once), once);
            let once = scrub(&text);
            prop_assert_eq!(scrub(&once), once);
        }

        #[test]
        fn a_token_never_passes(before in "[a-z/ ]{0,20}", name in "[a-z]{1,8}") {
            let text = scrub(&format!("{before} {JWT}"));
            prop_assert!(!text.contains("eyJ"), "{}", text);
            let query = redactor().query(&format!("{name}={JWT}"));
            prop_assert!(!query.contains("eyJ"), "{}", query);
            let path = redact_path(&format!("/{before}/{JWT}"));
            prop_assert!(!path.contains("eyJ"), "{}", path);
        }
    }
}
