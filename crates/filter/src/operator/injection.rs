//! Injection by grammar instead of patterns: what `@detectSQLi` and `@detectXSS` say.

use super::Work;

/// What is injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// SQL.
    Sql,
    /// HTML.
    Html,
}

/// Whether `value` injects; the fingerprint of SQL is captured, of HTML the whole value.
pub(super) fn find(language: Language, value: &[u8], work: &mut Work) -> bool {
    match language {
        Language::Sql => {
            let result = libinjectionrs::detect_sqli(value);
            if result.is_injection()
                && let Some(fingerprint) = &result.fingerprint
            {
                work.captured.note_text(fingerprint.as_str().into());
            }
            result.is_injection()
        }
        Language::Html => {
            let is_injection = libinjectionrs::detect_xss(value).is_injection();
            if is_injection {
                work.captured.note(0..value.len());
            }
            is_injection
        }
    }
}
