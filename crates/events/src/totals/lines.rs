//! Totals as people read them: one line an operation, one line a caller.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_model::event::Standing;
use portcullis_model::{CallerKey, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What happened within a span of time: live (`portcullis top`) or read back from the archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Top {
    /// From when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Exchanges that ended in it.
    pub exchanges: u64,
    /// What was done with them.
    pub verdicts: BTreeMap<SmolStr, u64>,
    /// How they were answered.
    pub statuses: BTreeMap<StatusClass, u64>,
    /// Operations, the most called first.
    pub operations: Vec<OperationLine>,
    /// Callers, the busiest first.
    pub callers: Vec<CallerLine>,
    /// Exchanges of callers that have no line of their own.
    pub other_callers: u64,
}

impl Top {
    /// How long the span is.
    pub fn span(&self) -> Duration {
        self.until.since(self.since)
    }

    /// Exchanges a second.
    pub fn rate(&self) -> f64 {
        per_second(self.exchanges, self.span())
    }
}

/// A count as a rate; zero for an empty span.
pub fn per_second(count: u64, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { count as f64 / span.as_secs_f64() }
}

/// One operation within a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationLine {
    /// The site.
    pub site: SmolStr,
    /// `METHOD /path/{template}`, or `(other)` for those past the bound on lines.
    pub operation: SmolStr,
    /// Where it stands against the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Exchanges.
    pub count: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Of these, let through that would have been refused without monitor mode.
    pub would_refuse: u64,
    /// What was done, where it was anything.
    pub verdicts: BTreeMap<SmolStr, u64>,
    /// How they were answered.
    pub statuses: BTreeMap<StatusClass, u64>,
    /// Request body bytes.
    pub request_bytes: u64,
    /// Response body bytes.
    pub response_bytes: u64,
    /// The median duration, microseconds, within 7%.
    pub p50_us: u64,
    /// The duration nine in ten stay below, microseconds.
    pub p90_us: u64,
    /// The duration ninety-nine in a hundred stay below, microseconds.
    pub p99_us: u64,
}

/// One caller within a span.
///
/// The busiest callers are found with bounded memory: `count` may be too high by at most `over`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallerLine {
    /// The site called.
    pub site: SmolStr,
    /// Who.
    pub caller: CallerKey,
    /// Exchanges.
    pub count: u64,
    /// By how much `count` may be too high.
    pub over: u64,
    /// Of these, refused.
    pub refused: u64,
}

/// The class of a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StatusClass {
    /// No answer was sent.
    #[serde(rename = "none")]
    None,
    /// 100 to 199.
    #[serde(rename = "1xx")]
    Informational,
    /// 200 to 299.
    #[serde(rename = "2xx")]
    Success,
    /// 300 to 399.
    #[serde(rename = "3xx")]
    Redirection,
    /// 400 to 499.
    #[serde(rename = "4xx")]
    ClientError,
    /// 500 and above.
    #[serde(rename = "5xx")]
    ServerError,
}

impl StatusClass {
    /// Every class, in order.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Informational,
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
    ];

    /// The class of a status; 0 is none.
    pub const fn of(status: u16) -> Self {
        match status {
            0..100 => Self::None,
            100..200 => Self::Informational,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    /// `none`, `1xx`, … `5xx`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Informational => "1xx",
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }
}
