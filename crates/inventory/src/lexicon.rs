//! What a path's word says by itself, before any evidence.
//!
//! Invariant: pure text; the lists are of words any API may use, not of any API's. Knows nothing of traffic.

/// Names that APIs put beside a parameter: the caller itself, collections' views, common actions.
const RESERVED: &[&str] = &[
    "activate",
    "all",
    "archive",
    "batch",
    "bulk",
    "callback",
    "cancel",
    "check",
    "config",
    "confirm",
    "copy",
    "count",
    "current",
    "default",
    "delete",
    "disable",
    "download",
    "enable",
    "export",
    "feed",
    "health",
    "history",
    "import",
    "info",
    "latest",
    "list",
    "login",
    "logout",
    "logs",
    "lookup",
    "me",
    "metadata",
    "metrics",
    "mine",
    "new",
    "password",
    "ping",
    "preview",
    "profile",
    "query",
    "recent",
    "refresh",
    "register",
    "reset",
    "restart",
    "restore",
    "revoke",
    "schema",
    "search",
    "self",
    "session",
    "settings",
    "share",
    "start",
    "stats",
    "status",
    "stop",
    "suggest",
    "suggestions",
    "summary",
    "sync",
    "test",
    "token",
    "tokens",
    "trending",
    "update",
    "upload",
    "validate",
    "verify",
    "version",
];

/// Endings that name the format an instance is answered in rather than being part of its name.
const FORMATS: &[&str] = &[".json", ".xml", ".csv", ".yaml", ".yml"];

/// Header fields that any client sends, that say how a message is carried, or that carry what is told elsewhere.
const USUAL_HEADERS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
];

/// Whether a header field (lower case) tells nothing of the operation it is sent to.
pub(crate) fn is_usual_header(name: &str) -> bool {
    let carried = ["sec-", "access-control-", "cf-", "x-amzn-", "x-b3-", "trace"];
    USUAL_HEADERS.binary_search(&name).is_ok() || carried.iter().any(|prefix| name.starts_with(prefix))
}

/// What a word looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Look {
    /// It names something whatever the evidence: `v2`, `search`, `_meta`.
    Name,
    /// Nothing is known: `acme`, `billing`.
    Open,
    /// More often a value: a slug of several words, a locale, a code, letters beside digits.
    Value,
}

/// What a word looks like, its format left out.
pub(crate) fn look(word: &str) -> Look {
    let (stem, _) = split_format(word);
    if stem.is_empty()
        || is_version(stem)
        || stem.starts_with(['_', '.', '$'])
        || RESERVED.binary_search(&stem.to_ascii_lowercase().as_str()).is_ok()
    {
        Look::Name
    } else if is_locale(stem) || is_code(stem) || is_slug(stem) || !stem.is_ascii() {
        Look::Value
    } else {
        Look::Open
    }
}

/// `v1`, `v2.1`, `v1beta3`; also a bare `2` or `2.0`.
pub(crate) fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let numbered = digits.starts_with(|first: char| first.is_ascii_digit());
    let rest = digits.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let stage = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
    numbered && word.len() <= 12 && matches!(stage, "" | "alpha" | "beta" | "rc" | "-alpha" | "-beta" | "-rc")
}

/// The stem and the format of `42.json`; an empty format elsewhere.
pub(crate) fn split_format(word: &str) -> (&str, &str) {
    let ending = FORMATS.iter().find(|ending| word.len() > ending.len() && word.ends_with(**ending));
    ending.map_or((word, ""), |ending| word.split_at(word.len() - ending.len()))
}

/// `en-US`, `pt_BR`, `zh-Hans`.
fn is_locale(word: &str) -> bool {
    let Some((language, region)) = word.split_once(['-', '_']) else { return false };
    let language_fits = language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase());
    let region_fits = (region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()))
        || (region.len() == 4 && region.starts_with(|first: char| first.is_ascii_uppercase()));
    language_fits && region_fits && region.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Two or three capitals: a country, a currency, an airport.
fn is_code(word: &str) -> bool {
    matches!(word.len(), 2 | 3) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Five words and more, a word and a number, a file with a number in its name: `a-day-in-my-life`, `order-17`,
/// `web01`, `backup-3.zip`.
fn is_slug(word: &str) -> bool {
    let stem = word.trim_end_matches(|last: char| last.is_ascii_digit());
    let digits = word.len() - stem.len();
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    word.split('-').count() >= 5
        || (digits > 0 && stem.ends_with(['-', '_']))
        || (digits > 1 && stem.len() > 2)
        || (has_digit && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks() {
        for (words, wanted) in [
            (&["v1", "v2.1", "v1beta1", "2", "2.0", "me", "search", "Search", "_meta", ""][..], Look::Name),
            (
                &["customers", "acme", "phone-numbers", "oauth2", "s3", "two-factor-auth", "Acme.Billing"],
                Look::Open,
            ),
            (
                &["en-US", "zh-Hans", "DE", "EUR", "a-day-in-my-life", "web-01", "web01", "old-3.zip"],
                Look::Value,
            ),
        ] {
            for word in words {
                assert_eq!(look(word), wanted, "{word}");
            }
        }
    }

    #[test]
    fn the_lists_can_be_searched() {
        assert!(RESERVED.is_sorted() && USUAL_HEADERS.is_sorted());
    }

    #[test]
    fn formats() {
        assert_eq!(split_format("42.json"), ("42", ".json"));
        assert_eq!(split_format(".json"), (".json", ""));
        assert_eq!(split_format("a.b"), ("a.b", ""));
    }
}
