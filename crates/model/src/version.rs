//! Versions of an API as exchanges name them, in fields and media types.
//!
//! Invariant: only what looks like a version is one. Knows nothing of the path, and of which version is newer.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Where an exchange names the version it is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionPlace {
    /// A header field of this name.
    Header(SmolStr),
    /// A media type: `application/vnd.acme.v2+json`, `;version=2`.
    MediaType,
    /// A query parameter of this name.
    Query(SmolStr),
}

impl fmt::Display for VersionPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::MediaType => f.write_str("media type"),
            Self::Query(name) => write!(f, "query parameter {name}"),
        }
    }
}

/// A version that an exchange names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedVersion {
    /// The version, lower case: `2`, `v2`, `2026-01-31`.
    pub version: SmolStr,
    /// Where it is named.
    pub place: VersionPlace,
}

impl fmt::Display for NamedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} ({})", self.version, self.place)
    }
}

/// The version of an exchange as learning sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenVersion {
    /// What was named.
    pub named: NamedVersion,
    /// A keyed hash of it.
    pub hash: u64,
    /// Who named it.
    pub by: NamedBy,
}

/// Who names a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The request alone: the server may not know it at all.
    Request,
    /// The answer.
    Answer,
}
