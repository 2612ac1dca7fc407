//! Adds counts up to the lines people read.
//!
//! Invariant: every exchange is in exactly one operation's line, whatever name it had at its time; the callers named and the others together are all
//! of them, because of a named caller only what is certain is subtracted.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use portcullis_model::Timestamp;
use portcullis_model::observation::SegmentKind::{Date, Email, Hash, Number, Opaque, Uuid};
use smol_str::SmolStr;

use super::callers::{CallerCount, Callers};
use super::latency::Latency;
use super::line::{Counts, Line};
use super::lines::{CallerLine, OperationLine, Top};

/// Adds lines and callers up to what people read.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// By site and the shape of the operation's template.
    lines: HashMap<(SmolStr, String), (OperationLine, Latency)>,
    callers: Option<Callers>,
}

impl Gathering {
    pub(crate) fn add(&mut self, line: &Line, counts: &Counts) {
        let place = self.lines.entry((line.site.clone(), shape(&line.operation)));
        let (total, latency) = place.or_insert_with(|| (OperationLine::new(line), Latency::default()));
        if looks(&line.operation) < looks(&total.operation) {
            total.operation = line.operation.clone();
        }
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

/// A template without the names of its parameters: what an operation is called changes as it is learned, this does not.
fn shape(operation: &str) -> String {
    let mut pieces = operation.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + "{}" + piece.split_once('}').map_or("", |(_, rest)| rest))
}

/// How many parameters are named by the look of their values alone.
fn looks(operation: &str) -> usize {
    let kinds = [Number, Uuid, Hash, Date, Email, Opaque].iter().filter_map(|kind| kind.placeholder());
    kinds.map(|placeholder| operation.matches(placeholder).count()).sum()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::lines::StatusClass;
    use portcullis_model::Action;

    #[test]
    fn an_operation_that_got_a_better_name_stays_one() {
        let mut gathering = Gathering::default();
        let counts = Counts { count: 2, ..Counts::default() };
        for name in ["GET /users/{number}", "GET /users/{userId}", "GET /users/login"] {
            let line = Line {
                site: "shop".into(),
                operation: name.into(),
                standing: None,
                action: Action::Pass,
                would_have: Action::Pass,
                class: StatusClass::Success,
            };
            gathering.add(&line, &counts);
        }
        let top = gathering.finish(Timestamp::default(), Timestamp::default());
        let lines: Vec<_> = top.operations.iter().map(|line| (line.operation.as_str(), line.count)).collect();
        assert_eq!(lines, [("GET /users/{userId}", 4), ("GET /users/login", 2)]);
    }
}
