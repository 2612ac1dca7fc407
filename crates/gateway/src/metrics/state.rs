//! What came of the trips to the server that holds the state, as metrics.
//!
//! Invariant: read when scraped, from what the store counts anyway.

use std::fmt;
use std::sync::Arc;

use portcullis_store::ServerStore;
use portcullis_store::server::Counted;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;

#[derive(Debug)]
struct StateFigures(Arc<ServerStore>);

/// One counter: its name, its help, and where it is read.
type Figure = (&'static str, &'static str, fn(&Counted) -> u64);

const FIGURES: [Figure; 8] = [
    ("state_answered", "Batches of counters the state server answered", |c| c.answered),
    ("state_timed_out", "Batches of counters the state server did not answer in time", |c| c.timed_out),
    ("state_failed", "Batches of counters that found no state server, or got no answer of use", |c| c.failed),
    ("state_retried", "Batches of counters sent again because the connection broke", |c| c.retried),
    ("state_counted_locally", "Batches this node counted by itself", |c| c.local),
    ("state_leased", "Batches of counters answered without a trip, from units taken ahead", |c| c.leased),
    ("state_connects", "Connections made to the state server", |c| c.connects),
    ("state_notices", "Bans set or lifted that were heard from the state server", |c| c.notices),
];

/// One fact: its name, its help, and where it is read.
type Fact = (&'static str, &'static str, fn(&Counted) -> bool);

const FACTS: [Fact; 2] = [
    ("state_connected", "1 while there is a connection to the state server", |c| c.connected),
    ("state_listening", "1 while bans of other nodes are heard", |c| c.listening),
];

impl Collector for StateFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counted = self.0.figures();
        for (name, help, read) in FIGURES {
            let one = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(read(&counted)).encode(one)?;
        }
        for (name, help, read) in FACTS {
            let one = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::from(read(&counted))).encode(one)?;
        }
        Ok(())
    }
}

impl Metrics {
    /// Shows what comes of the trips to the server that holds the state.
    pub fn watch_state(&self, store: Arc<ServerStore>) {
        self.register_collector(Box::new(StateFigures(store)));
    }
}
