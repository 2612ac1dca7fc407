//! What the gateway counts, in Prometheus' text form.
//!
//! Invariants: label values come from policy or from fixed sets of words, never from a request, so hostile
//! traffic cannot make the number of series grow. Deliberately absent: what other crates count; they register
//! collectors of their own.

mod label;
mod record;

use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_model::event::Summary;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use label::Word;
use label::{Answered, AtListener, AtSite, ListenerAndWhy, Named, Refused};
pub(crate) use record::Recorded;

/// The latency buckets, in seconds: what people set objectives on.
const LATENCY: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Histograms = Family<AtSite, Histogram, fn() -> Histogram>;

/// The registry of one gateway and the counters its own code moves.
pub struct Metrics {
    registry: Mutex<Registry>,
    connections_open: Family<AtListener, Gauge>,
    connections: Family<AtListener, Counter>,
    connections_refused: Family<ListenerAndWhy, Counter>,
    handshakes_failed: Family<ListenerAndWhy, Counter>,
    timeouts: Family<Named, Counter>,
    defects: Family<Named, Counter>,
    streams_reset: Counter,
    connections_cut: Family<Named, Counter>,
    exchanges: Family<Answered, Counter>,
    refusals: Family<Refused, Counter>,
    request_bytes: Family<AtSite, Counter>,
    response_bytes: Family<AtSite, Counter>,
    duration: Histograms,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("portcullis")),
            connections_open: Family::default(),
            connections: Family::default(),
            connections_refused: Family::default(),
            handshakes_failed: Family::default(),
            timeouts: Family::default(),
            defects: Family::default(),
            streams_reset: Counter::default(),
            connections_cut: Family::default(),
            exchanges: Family::default(),
            refusals: Family::default(),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(LATENCY)),
        };
        metrics.register_connections();
        metrics.register_exchanges();
        metrics
    }
}

impl Metrics {
    fn register_connections(&self) {
        let mut registry = self.registry.lock();
        registry.register("connections_open", "Client connections open now", self.connections_open.clone());
        registry.register("connections", "Client connections accepted", self.connections.clone());
        registry.register(
            "connections_refused",
            "Client connections closed on arrival because a bound was reached",
            self.connections_refused.clone(),
        );
        registry.register("handshakes_failed", "TLS handshakes that failed", self.handshakes_failed.clone());
        registry.register(
            "client_timeouts",
            "Clients too slow, by what was waited for",
            self.timeouts.clone(),
        );
        registry.register("framing_defects", "Requests refused for their framing", self.defects.clone());
        registry.register("streams_reset", "HTTP/2 streams a client reset early", self.streams_reset.clone());
        registry.register(
            "connections_cut",
            "Client connections ended by the gateway for what the client did",
            self.connections_cut.clone(),
        );
    }

    fn register_exchanges(&self) {
        let mut registry = self.registry.lock();
        registry.register(
            "exchanges",
            "Exchanges ended, by site, action and status class",
            self.exchanges.clone(),
        );
        registry.register("refusals", "Exchanges refused, by the stage that decided", self.refusals.clone());
        registry.register("request_body_bytes", "Request body bytes received", self.request_bytes.clone());
        registry.register("response_body_bytes", "Response body bytes sent", self.response_bytes.clone());
        registry.register(
            "exchange_seconds",
            "From first byte read to last byte sent",
            self.duration.clone(),
        );
    }

    /// Adds figures counted elsewhere: the archive's, the store's.
    pub fn register_collector(&self, collector: Box<dyn Collector>) {
        self.registry.lock().register_collector(collector);
    }

    /// Lets a part of this crate register its own metrics.
    pub(crate) fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock());
    }

    /// Counts one exchange that ended.
    pub fn exchange(&self, summary: &Summary) {
        let site = Word(summary.site.clone());
        let answered =
            Answered { site: site.clone(), action: summary.action.as_str(), status: class(summary.status) };
        self.exchanges.get_or_create(&answered).inc();
        if let Some(stage) = summary.decided_by {
            self.refusals.get_or_create(&Refused { site: site.clone(), stage: stage.as_str() }).inc();
        }
        let at = AtSite { site };
        self.request_bytes.get_or_create(&at).inc_by(summary.request_bytes);
        self.response_bytes.get_or_create(&at).inc_by(summary.response_bytes);
        self.duration.get_or_create(&at).observe(seconds(summary.duration));
    }

    /// Counts a connection that was let in.
    pub(crate) fn connection_opened(&self, listener: &Word) {
        let at = AtListener { listener: listener.clone() };
        self.connections.get_or_create(&at).inc();
        self.connections_open.get_or_create(&at).inc();
    }

    /// Counts its end.
    pub(crate) fn connection_closed(&self, listener: &Word) {
        self.connections_open.get_or_create(&AtListener { listener: listener.clone() }).dec();
    }

    /// Counts a connection that was not let in.
    pub(crate) fn connection_refused(&self, listener: &Word, why: &'static str) {
        self.connections_refused.get_or_create(&ListenerAndWhy { listener: listener.clone(), why }).inc();
    }

    /// Counts a handshake that came to nothing.
    pub(crate) fn handshake_failed(&self, listener: &Word, why: &'static str) {
        self.handshakes_failed.get_or_create(&ListenerAndWhy { listener: listener.clone(), why }).inc();
    }

    /// Counts a client that took too long.
    pub(crate) fn timed_out(&self, what: &'static str) {
        self.timeouts.get_or_create(&Named { what }).inc();
    }

    /// Counts a defect in a message's framing.
    pub(crate) fn defect(&self, code: &'static str) {
        self.defects.get_or_create(&Named { what: code }).inc();
    }

    /// Counts an HTTP/2 stream its client reset before it was answered.
    pub(crate) fn stream_reset(&self) {
        self.streams_reset.inc();
    }

    /// Counts a connection the gateway ended.
    pub(crate) fn connection_cut(&self, why: &'static str) {
        self.connections_cut.get_or_create(&Named { what: why }).inc();
    }

    /// Everything, in the `OpenMetrics` text form.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock())?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "none",
    }
}
