//! Adds counts up to the lines people read.
//!
//! Invariant: every exchange is in exactly one operation's line; the callers named and the others together are all
//! of them, because of a named caller only what is certain is subtracted.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use portcullis_model::Timestamp;
use smol_str::SmolStr;

use super::callers::{CallerCount, Callers};
use super::latency::Latency;
use super::line::{Counts, Line};
use super::lines::{CallerLine, OperationLine, Top};

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
