//! Findings as they are asked for and marked over the control socket.
//!
//! Invariant: a finding is told as it is kept.

use std::fmt::Write as _;

use portcullis_events::FindingQuery;
use portcullis_model::Timestamp;
use portcullis_model::finding::{Finding, FindingState};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::percent_encoded;

/// The answer to `GET /findings`, `GET /findings/{id}` and, with the one marked, to `POST /findings/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundFindings {
    /// What matters most first, then the latest.
    pub findings: Vec<Finding>,
}

/// The body of `POST /findings/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkFinding {
    /// What is said of it.
    pub mark: Mark,
    /// Who says so.
    pub by: SmolStr,
}

/// What a person says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// They want to hear of it.
    Open,
    /// They know.
    Acknowledge,
    /// They don't want to hear of it, for so many seconds or for good.
    Mute(Option<u64>),
}

impl MarkFinding {
    /// What is kept of it, said now.
    pub fn state(&self, now: Timestamp) -> FindingState {
        let by = self.by.clone();
        match self.mark {
            Mark::Open => FindingState::Open,
            Mark::Acknowledge => FindingState::Acknowledged { at: now, by },
            Mark::Mute(seconds) => FindingState::Muted {
                at: now,
                by,
                until: seconds.map(|seconds| now.plus(std::time::Duration::from_secs(seconds))),
            },
        }
    }
}

/// `GET /findings` with this query.
pub fn findings_target(query: &FindingQuery) -> String {
    let mut target = String::from("/findings");
    let parts = [
        ("state", query.state.map(|state| state.to_string())),
        ("site", query.site.as_ref().map(|site| percent_encoded(site))),
        ("kind", query.kind.map(|kind| kind.to_string())),
        ("severity", query.severity.map(|severity| severity.to_string())),
        ("since", query.since.map(|since| percent_encoded(&since.to_string()))),
    ];
    let said = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for ((name, value), joint) in said.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
        // Writing to a String cannot fail.
        let _ = write!(target, "{joint}{name}={value}");
    }
    target
}

#[cfg(test)]
mod tests {
    use portcullis_model::finding::{Attention, Severity};

    use super::*;

    #[test]
    fn a_query_becomes_a_target() {
        assert_eq!(findings_target(&FindingQuery::default()), "/findings");
        let query = FindingQuery {
            state: Some(Attention::Open),
            site: Some("a b".into()),
            severity: Some(Severity::High),
            ..FindingQuery::default()
        };
        assert_eq!(findings_target(&query), "/findings?state=open&site=a%20b&severity=high");
    }
}
