//! Redaction: what of a request may stand in an event.
//!
//! Invariants: values of `Authorization`, cookies, API keys and names policy lists never pass; whatever looks like a
//! token or a key does not pass anywhere; every text is bounded. Redacting twice changes nothing.

use std::borrow::Cow;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::identity::keys;

/// What stands for a hidden value.
pub(crate) const HIDDEN: &str = "[redacted]";

/// The longest text kept of one value, in bytes.
const LONGEST: usize = 1024;

/// The longest path and query kept, in bytes.
const LONGEST_TARGET: usize = 4096;

/// A header field or query parameter whose name has one of these in it, `_` read as `-`, holds a credential.
const WORDS: [&str; 13] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "api-key",
    "apikey",
    "access-key",
    "credential",
    "session",
    "signature",
    "assertion",
    "authoriz",
    "jwt",
];

/// Header fields that hold credentials under other names.
const HEADERS: [&str; 3] = ["authentication-info", "x-auth-key", "x-auth"];

/// Query parameters that hold credentials under other names.
const QUERY: [&str; 13] = [
    "auth",
    "key",
    "pwd",
    "pass",
    "pin",
    "otp",
    "code",
    "sig",
    "sid",
    "ticket",
    "samlresponse",
    "samlrequest",
    "hmac",
];

/// What a credential begins with where a header field says its scheme (RFC 9110 §11.4).
const SCHEMES: [&str; 7] =
    ["basic ", "bearer ", "digest ", "negotiate ", "ntlm ", "dpop ", "aws4-hmac-sha256 "];

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

/// A word shorter than this is not taken for a secret, in bytes.
const SHORTEST_SECRET: usize = 16;

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
        let value = String::from_utf8_lossy(value);
        if is("cookie") || is("set-cookie") {
            return self.cookies(&value);
        }
        let begins =
            |scheme: &&str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if HEADERS.iter().any(|known| is(known))
            || self.headers.iter().any(|known| is(known))
            || names_secret(name)
            || name.to_ascii_lowercase().contains("cookie")
            || SCHEMES.iter().any(begins)
        {
            return HIDDEN.to_owned();
        }
        if is("referer") || value.starts_with('/') || value.contains("://") {
            return self.address(&value);
        }
        cut(scrub(&value).into_owned(), LONGEST)
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

    /// A URL's path and query, each as they stand in events; who is named before its host is hidden, and where it
    /// points to within the page.
    fn address(&self, value: &str) -> String {
        let value = value.split('#').next().unwrap_or_default();
        let (path, query) = match value.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (value, None),
        };
        let mut text = redact_path(&without_userinfo(path));
        if let Some(query) = query {
            text.extend(["?", &self.query(query)]);
        }
        cut(text, LONGEST_TARGET)
    }

    /// A query with the values of sensitive names hidden, and of any name where they look like a secret.
    pub(crate) fn query(&self, raw: &str) -> String {
        let mut out = String::with_capacity(raw.len().min(LONGEST_TARGET));
        for piece in raw.split_inclusive(['&', ';']) {
            let pair = piece.trim_end_matches(['&', ';']);
            match pair.split_once('=') {
                Some((name, value)) if !hides_value(name) => {
                    let hidden = self.hides_query(name) || hides_value(value);
                    out.extend([name, "=", if hidden { HIDDEN } else { value }]);
                }
                _ if hides_value(pair) => out.push_str(HIDDEN),
                _ => out.push_str(pair),
            }
            out.push_str(piece.get(pair.len()..).unwrap_or_default());
            if out.len() > LONGEST_TARGET {
                break;
            }
        }
        cut(out, LONGEST_TARGET)
    }

    /// Whether values of such a name are hidden, wherever they stand: `user.password`, `items[2].pin`.
    pub(crate) fn hides_name(&self, name: &str) -> bool {
        self.hides_query(name)
    }

    fn hides_query(&self, name: &str) -> bool {
        let name = portcullis_wire::Query::new(name);
        let decoded = name.pairs().next().map(|(name, _)| name).unwrap_or_default();
        // `user[password]` and `user.pin` are names of forms' fields.
        let inner = decoded.trim_end_matches(']');
        let begins = inner.bytes().rposition(|byte| matches!(byte, b'[' | b'.')).map_or(0, |at| at + 1);
        let last = inner.get(begins..).unwrap_or_default();
        QUERY.iter().any(|known| known.eq_ignore_ascii_case(last))
            || names_secret(&decoded)
            || self.query.iter().any(|known| known.eq_ignore_ascii_case(&decoded))
    }
}

/// Whether a field of that name holds a credential.
fn names_secret(name: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    let name: SmallVec<[u8; 64]> = name.bytes().map(fold).collect();
    (0..name.len())
        .filter_map(|at| name.get(at..))
        .any(|rest| WORDS.iter().any(|word| rest.starts_with(word.as_bytes())))
}

/// `https://name:word@host/` without name and word.
fn without_userinfo(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((userinfo, _)) => {
            Cow::Owned(format!("{scheme}://{HIDDEN}{}", rest.get(userinfo.len()..).unwrap_or_default()))
        }
        None => Cow::Borrowed(url),
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
    let long = |segment: &[u8]| segment.len() >= SHORTEST_SECRET;
    if path.len() <= LONGEST_TARGET && !path.as_bytes().split(|byte| *byte == b'/').any(long) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len().min(LONGEST_TARGET));
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            out.push('/');
        }
        out.push_str(if hides_value(segment) { HIDDEN } else { segment });
        if out.len() > LONGEST_TARGET {
            break;
        }
    }
    cut(out, LONGEST_TARGET)
}

/// Text with the words that look like secrets hidden.
pub(crate) fn scrub(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_whitespace() || (c.is_ascii() && breaks_words(c as u8));
    if !has_long_word(text) || !text.split(breaks).any(looks_secret) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(breaks) {
        let word = piece.trim_end_matches(breaks);
        out.push_str(if looks_secret(word) { HIDDEN } else { word });
        out.push_str(piece.get(word.len()..).unwrap_or_default());
    }
    Cow::Owned(out)
}

fn breaks_words(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',' | b';' | b'=' | b'&' | b'"' | b'\'' | b'(' | b')' | b'/')
}

/// Whether any word is as long as a secret is; most texts have none, which this finds out quickly.
fn has_long_word(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if breaks_words(byte) { 0 } else { run + 1 };
        run >= SHORTEST_SECRET
    })
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
    if word.len() < SHORTEST_SECRET {
        return false;
    }
    if word.find("eyJ").is_some_and(|at| word.get(at..).is_some_and(|token| token.contains('.'))) {
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
            ("Referer", "https://u:p@a.example/x#t=1", "https://[redacted]@a.example/x"),
            ("X-Forwarded-Uri", "/x?password=1", "/x?password=[redacted]"),
            ("X-Original-Authorization", "abc", HIDDEN),
            ("X-Upstream", "Bearer abc", HIDDEN),
            ("X-Note", "basic dTpw", HIDDEN),
            ("x_session_id", "7", HIDDEN),
            ("X-Gitlab-Token", "7", HIDDEN),
            ("Cookie2", "$Version=1", HIDDEN),
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
            ("a=1;token=abc;b=2", "a=1;token=[redacted];b=2"),
            ("user[password]=x&user%5Bpin%5D=1", "user[password]=[redacted]&user%5Bpin%5D=[redacted]"),
            ("reset_token=x&X-Amz-Credential=y", "reset_token=[redacted]&X-Amz-Credential=[redacted]"),
            ("page=session&author=anna&keyword=x", "page=session&author=anna&keyword=x"),
            (&format!("{JWT}=1"), HIDDEN),
            (JWT, HIDDEN),
            (
                "q=hello+world&id=6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f",
                "q=hello+world&id=6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f",
            ),
        ] {
            assert_eq!(redactor().query(raw), shown, "{raw}");
        }
        for segment in [JWT, &format!("token={JWT}"), &format!("v1:{JWT}"), &format!("a;t={JWT};b")] {
            assert_eq!(redact_path(&format!("/reset/{segment}/x")), "/reset/[redacted]/x");
        }
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
            let once = scrub(&text).into_owned();
            prop_assert_eq!(scrub(&once), once.as_str());
        }

        #[test]
        fn a_token_never_passes(before in "[a-z/ ]{0,20}", name in "[a-z]{1,8}") {
            let text = scrub(&format!("{before} {JWT}")).into_owned();
            prop_assert!(!text.contains("eyJ"), "{}", text);
            let query = redactor().query(&format!("{name}={JWT}"));
            prop_assert!(!query.contains("eyJ"), "{}", query);
            let path = redact_path(&format!("/{before}/{JWT}"));
            prop_assert!(!path.contains("eyJ"), "{}", path);
        }
    }
}
