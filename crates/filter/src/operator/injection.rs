//! Injection by grammar instead of patterns: what `@detectSQLi` and `@detectXSS` say.
//!
//! Both reproduce the verdicts of libinjection 3.9.2, the release inside ModSecurity 3, which rules were tuned with; how
//! many were compared is in RATIONALE.md. Invariants: linear in the value; nothing allocated but a fingerprint.

mod html;
mod sql;

use super::Work;
use crate::scan::Necessary;

/// What is injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// SQL.
    Sql,
    /// HTML.
    Html,
}

impl Language {
    /// Whether `value` injects; the fingerprint of SQL is captured, of HTML the whole value.
    pub(super) fn find(self, value: &[u8], work: &mut Work) -> bool {
        match self {
            Self::Sql => {
                sql::fingerprint(value).map(|fingerprint| work.captured.note_text(fingerprint)).is_some()
            }
            Self::Html => {
                let found = html::is_injection(value);
                if found {
                    work.captured.note(0..value.len());
                }
                found
            }
        }
    }

    /// Whether one pass tells that `value` does not inject SQL.
    pub(super) fn is_plain_sql(value: &[u8]) -> bool {
        sql::is_plain(value)
    }

    /// What must hold of a value for this to match it.
    pub(super) fn necessary(self) -> Necessary {
        match self {
            Self::Sql => sql::necessary(),
            Self::Html => html::necessary(),
        }
    }
}
