//! Versions named in fields and media types, as they are told.
//!
//! Invariant: what was learned is copied, never worked out here.

use portcullis_inventory::{Operation, VersionAssessment, VersionFacts};
use portcullis_model::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A version of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// The version: `2`, `v2`, `2026-01-31`.
    pub version: SmolStr,
    /// Where it is named: `header api-version`, `media type`, `query parameter api-version`.
    #[serde(rename = "in")]
    pub place: SmolStr,
    /// `zombie` where a newer one is called as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<SmolStr>,
    /// Since when it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many exchanges were of it, estimated where not all were looked at.
    pub exchanges: u64,
    /// How many callers there were, estimated where they were many.
    pub callers: u64,
    /// The last exchange looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

impl VersionView {
    pub(super) fn of(assessments: &[VersionAssessment], operation: Option<&Operation>) -> Vec<Self> {
        let all = operation.map(|operation| operation.facts.versions.all()).unwrap_or_default();
        let of = |assessment: &VersionAssessment| {
            let facts = all.get(&assessment.named);
            Self {
                version: assessment.named.version.clone(),
                place: assessment.named.place.to_string().into(),
                standing: assessment.standing.map(|standing| standing.as_str().into()),
                since: assessment.since,
                why: assessment.why.clone(),
                exchanges: facts.map_or(0, |facts| facts.exchanges),
                callers: facts.map_or(0, VersionFacts::callers),
                last_seen: facts.and_then(|facts| facts.seen).map(|(_, last)| last),
            }
        };
        assessments.iter().map(of).collect()
    }
}
