//! What a recorder says of itself: counts since the start, and how the archive is.

use std::path::PathBuf;

use portcullis_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access_log::AccessLogFigures;

/// Counts since the start, and the archive's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Exchanges folded into totals.
    pub folded: u64,
    /// Events handed over to be kept.
    pub offered: u64,
    /// Events committed to the archive.
    pub committed: u64,
    /// Passes that the sample left out.
    pub sampled_away: u64,
    /// Passes lost because their queue was full.
    pub dropped_passes: u64,
    /// Refusals lost because their queue was full.
    pub dropped_refusals: u64,
    /// Events the archive could not take for what they are (too large for a row).
    pub rejected: u64,
    /// Minutes of totals given up because the archive was away for too long.
    pub dropped_minutes: u64,
    /// Events waiting now.
    pub waiting: u64,
    /// The archive.
    pub archive: ArchiveState,
    /// The access log, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLogFigures>,
}

/// How the archive is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ArchiveState {
    /// None is configured.
    #[default]
    Off,
    /// It takes events.
    Working(Working),
    /// It does not; it is tried again, and the gateway goes on.
    Failing {
        /// Since when.
        since: Timestamp,
        /// What is wrong.
        fault: Fault,
        /// In words, for the operator.
        detail: String,
        /// Tries since then.
        tries: u32,
    },
}

/// A working archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The file.
    pub path: PathBuf,
    /// Bytes in use in it.
    pub bytes: u64,
    /// The oldest event kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// Corrupt files that were set aside since the start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<PathBuf>,
}

/// What can be wrong with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No room on the disk, or the file may not grow.
    Full,
    /// Another process holds it.
    Locked,
    /// Its content is damaged; it is set aside.
    Corrupt,
    /// The file is gone, or another one is in its place.
    Gone,
    /// It belongs to something else, or to a newer version; it is left alone.
    Foreign,
    /// It cannot be opened, read or written.
    Unreachable,
}

impl Fault {
    /// The word used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Locked => "locked",
            Self::Corrupt => "corrupt",
            Self::Gone => "gone",
            Self::Foreign => "foreign",
            Self::Unreachable => "unreachable",
        }
    }
}
