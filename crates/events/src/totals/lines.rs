//! Totals as people read them: one line an operation, one line a caller.

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;
use portcullis_model::event::Standing;
use portcullis_model::{CallerKey, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::callers::{CallerCount, Callers};
use super::latency::Latency;
use super::line::{Counts, Line};

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

/// Adds lines and callers up to what people read.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    lines: HashMap<(SmolStr, SmolStr), (OperationLine, Latency)>,
    callers: Option<Callers>,
}

impl Gathering {
    pub(crate) fn add(&mut self, line: &Line, counts: &Counts) {
        let place = self.lines.entry((line.site.clone(), line.operation.clone()));
        let (total, latency) = place.or_insert_with(|| (OperationLine::new(line), Latency::default()));
        total.count += counts.count;
        total.standing = line.standing.or(total.standing);
        if line.action.refuses() {
            total.refused += counts.count;
        } else if line.would_have.refuses() {
            total.would_refuse += counts.count;
        }
        *total.verdicts.entry(SmolStr::new_static(line.action.as_str())).or_default() += counts.count;
        *total.statuses.entry(line.class).or_default() += counts.count;
        total.request_bytes = total.request_bytes.saturating_add(counts.request_bytes);
        total.response_bytes = total.response_bytes.saturating_add(counts.response_bytes);
        latency.merge(&counts.latency);
    }

    pub(crate) fn add_callers(&mut self, callers: &Callers) {
        self.callers.get_or_insert_with(|| Callers::new(CALLERS)).merge(callers);
    }

    pub(crate) fn finish(self, since: Timestamp, until: Timestamp) -> Top {
        let lines = self.lines.into_values().map(|(mut line, latency)| {
            (line.p50_us, line.p90_us, line.p99_us) =
                (latency.quantile(0.5), latency.quantile(0.9), latency.quantile(0.99));
            line
        });
        let mut operations: Vec<OperationLine> = lines.collect();
        operations.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.site, &a.operation).cmp(&(&b.site, &b.operation)))
        });
        let exchanges = operations.iter().map(|line| line.count).sum();
        let (callers, named) = caller_lines(self.callers.as_ref());
        Top {
            since,
            until,
            exchanges,
            verdicts: sum(operations.iter().map(|line| &line.verdicts)),
            statuses: sum(operations.iter().map(|line| &line.statuses)),
            operations,
            callers,
            other_callers: exchanges.saturating_sub(named),
        }
    }
}

/// Callers kept apart in what people read.
const CALLERS: usize = 128;

/// The callers' lines, the busiest first, and how many exchanges are certainly theirs.
fn caller_lines(callers: Option<&Callers>) -> (Vec<CallerLine>, u64) {
    let all: Vec<&CallerCount> = callers.into_iter().flat_map(Callers::iter).collect();
    let named = all.iter().map(|held| held.certain()).sum();
    let mut lines: Vec<CallerLine> = all
        .into_iter()
        .map(|held| CallerLine {
            site: held.site.clone(),
            caller: held.caller.clone(),
            count: held.count,
            over: held.over,
            refused: held.refused,
        })
        .collect();
    lines.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.caller.to_string().cmp(&b.caller.to_string())));
    (lines, named)
}

fn sum<'a, K: Ord + Clone + 'a>(maps: impl Iterator<Item = &'a BTreeMap<K, u64>>) -> BTreeMap<K, u64> {
    let mut total = BTreeMap::new();
    for (key, count) in maps.flatten() {
        *total.entry(key.clone()).or_default() += count;
    }
    total
}

impl OperationLine {
    fn new(line: &Line) -> Self {
        Self {
            site: line.site.clone(),
            operation: line.operation.clone(),
            standing: line.standing,
            count: 0,
            refused: 0,
            would_refuse: 0,
            verdicts: BTreeMap::new(),
            statuses: BTreeMap::new(),
            request_bytes: 0,
            response_bytes: 0,
            p50_us: 0,
            p90_us: 0,
            p99_us: 0,
        }
    }
}
