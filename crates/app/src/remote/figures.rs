//! How fetching goes, and what came of lists, as metrics.
//!
//! Invariants: read when scraped, and only from memory; labels come from policy, and hold nothing secret of URLs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use portcullis_engine::Snapshot;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use smol_str::SmolStr;

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Changed,
    Unchanged,
    Failed,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// A kind of document, its name, and how asking for it ended.
type Key = (&'static str, SmolStr, Outcome);

/// Fetches while the gateway runs, counted.
#[derive(Debug, Default)]
pub(crate) struct Fetches(Mutex<BTreeMap<Key, u64>>);

impl Fetches {
    pub(super) fn count(&self, kind: &'static str, name: SmolStr, outcome: Outcome) {
        *self.0.lock().entry((kind, name, outcome)).or_default() += 1;
    }
}

/// What lists hold, and how fetching goes.
pub(crate) struct ListFigures {
    pub(crate) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) fetches: Arc<Fetches>,
}

impl fmt::Debug for ListFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListFigures")
    }
}

impl Collector for ListFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help =
            "Documents asked for by URL again, by how it ended; after a failure the last good copy is used";
        let mut metric = encoder.encode_descriptor("fetches", help, None, MetricType::Counter)?;
        for ((kind, name, outcome), count) in &*self.fetches.0.lock() {
            let labels = [("kind", *kind), ("document", name.as_str()), ("outcome", outcome.as_str())];
            ConstCounter::new(*count).encode(metric.encode_family(&labels)?)?;
        }
        let help = "Ranges and words a list has now";
        let mut metric = encoder.encode_descriptor("list_entries", help, None, MetricType::Gauge)?;
        for list in self.snapshot.load().lists() {
            let entries = i64::try_from(list.len()).unwrap_or(i64::MAX);
            ConstGauge::new(entries).encode(metric.encode_family(&[("list", list.name.as_str())])?)?;
        }
        Ok(())
    }
}
