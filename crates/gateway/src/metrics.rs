//! What the gateway counts, in Prometheus' text form.
//!
//! Invariants: label values come from policy or from fixed sets of words, never from a request, so hostile
//! traffic cannot make the number of series grow. Deliberately absent: what other crates count; they register
//! collectors of their own.

mod exchanges;
mod exemplars;
mod label;
mod record;
mod state;

use std::fmt;

use parking_lot::Mutex;
use portcullis_model::event::{NotInspected, Summary};
use portcullis_model::trace::TraceId;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use exchanges::Exchanges;
pub(crate) use label::Word;
use label::{AtListener, ListenerAndWhy, Named, Unread};
pub(crate) use record::Recorded;

/// The registry of one gateway and the counters its own code moves.
pub struct Metrics {
    registry: Mutex<Registry>,
    connections_open: Family<AtListener, Gauge>,
    connections_resting: Gauge,
    connections: Family<AtListener, Counter>,
    connections_refused: Family<ListenerAndWhy, Counter>,
    handshakes_failed: Family<ListenerAndWhy, Counter>,
    timeouts: Family<Named, Counter>,
    defects: Family<Named, Counter>,
    holds_cut: Family<Named, Counter>,
    not_inspected: Family<Unread, Counter>,
    streams_reset: Counter,
    streams_full: Counter,
    connections_cut: Family<Named, Counter>,
    observations_dropped: Counter,
    guesses_dropped: Counter,
    crawler_lookups: Family<Named, Counter>,
    delayed: Gauge,
    not_delayed: Counter,
    overload_memory: Counter,
    exchanges: Exchanges,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("portcullis")),
            connections_open: Family::default(),
            connections_resting: Gauge::default(),
            connections: Family::default(),
            connections_refused: Family::default(),
            handshakes_failed: Family::default(),
            timeouts: Family::default(),
            defects: Family::default(),
            holds_cut: Family::default(),
            not_inspected: Family::default(),
            streams_reset: Counter::default(),
            streams_full: Counter::default(),
            connections_cut: Family::default(),
            observations_dropped: Counter::default(),
            guesses_dropped: Counter::default(),
            crawler_lookups: Family::default(),
            delayed: Gauge::default(),
            not_delayed: Counter::default(),
            overload_memory: Counter::default(),
            exchanges: Exchanges::default(),
        };
        metrics.register_connections();
        metrics.register_collector(Box::new(metrics.exchanges.clone()));
        metrics
    }
}

/// One that a gauge counts while this lives.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    fn register_connections(&self) {
        let mut registry = self.registry.lock();
        registry.register("connections_open", "Client connections open now", self.connections_open.clone());
        registry.register(
            "connections_resting",
            "Client connections of HTTP/1 that have carried nothing for a while and hold no buffers",
            self.connections_resting.clone(),
        );
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
        registry.register(
            "holds_cut",
            "Bodies that were not held to their end, by body and bound",
            self.holds_cut.clone(),
        );
        registry.register(
            "not_inspected",
            "Parts of exchanges that were not looked at, by part and why: `budget` is a bound on reading bodies",
            self.not_inspected.clone(),
        );
        registry.register("streams_reset", "HTTP/2 streams a client reset early", self.streams_reset.clone());
        registry.register(
            "streams_full",
            "Times an HTTP/2 connection came to carry as many streams as it may",
            self.streams_full.clone(),
        );
        registry.register(
            "connections_cut",
            "Client connections ended by the gateway for what the client did",
            self.connections_cut.clone(),
        );
        registry.register(
            "observations_dropped",
            "Exchanges learning did not see because its queue was full",
            self.observations_dropped.clone(),
        );
        registry.register(
            "guesses_dropped",
            "Credentials that failed and were not counted because the queue was full",
            self.guesses_dropped.clone(),
        );
        registry.register(
            "crawler_lookups",
            "Addresses of crawlers asked about in the DNS, by what came of it: `full` is a bound on asking",
            self.crawler_lookups.clone(),
        );
        registry.register("delayed", "Exchanges that limits hold now", self.delayed.clone());
        registry.register(
            "not_delayed",
            "Exchanges refused because limits hold as many as they may already",
            self.not_delayed.clone(),
        );
        registry.register(
            "overload_memory",
            "Exchanges refused because the process has more memory than `connections.memory`",
            self.overload_memory.clone(),
        );
    }

    /// Counts a connection among those that rest, until what this gives is dropped.
    pub(crate) fn rests(&self) -> Counted {
        self.connections_resting.inc();
        Counted(self.connections_resting.clone())
    }

    /// Counts an exchange among those that limits hold, until what it gives is dropped.
    pub(crate) fn held(&self) -> Counted {
        self.delayed.inc();
        Counted(self.delayed.clone())
    }

    /// Counts an exchange that could not be held.
    pub(crate) fn not_delayed(&self) {
        self.not_delayed.inc();
    }

    /// Adds figures counted elsewhere: the archive's, the store's.
    pub fn register_collector(&self, collector: Box<dyn Collector>) {
        self.registry.lock().register_collector(collector);
    }

    /// Counts one exchange that ended.
    pub fn exchange(&self, summary: &Summary) {
        self.exchanges.count(summary);
    }

    /// Notes an exchange whose trace shows what exchanges as slow as it are like.
    pub(crate) fn exemplar(&self, summary: &Summary, trace: TraceId) {
        self.exchanges.exemplar(summary, trace);
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

    /// Counts a body that exceeded a bound on holding it.
    pub(crate) fn hold_cut(&self, what: &'static str) {
        self.holds_cut.get_or_create(&Named { what }).inc();
    }

    /// Counts a part of an exchange that was not looked at; both words come from a fixed set.
    pub(crate) fn not_inspected(&self, part: &NotInspected) {
        let at = Unread { what: Word(part.what.clone()), why: Word(part.why.clone()) };
        self.not_inspected.get_or_create(&at).inc();
    }

    /// Counts an HTTP/2 stream its client reset before it was answered.
    pub(crate) fn stream_reset(&self) {
        self.streams_reset.inc();
    }

    /// Counts an HTTP/2 connection that carries as many streams as it may.
    pub(crate) fn streams_full(&self) {
        self.streams_full.inc();
    }

    /// Counts an exchange learning did not see.
    pub(crate) fn observation_dropped(&self) {
        self.observations_dropped.inc();
    }

    /// Counts a credential that failed and was not counted for its caller and account.
    pub(crate) fn guess_dropped(&self) {
        self.guesses_dropped.inc();
    }

    /// Counts what came of looking for an address's names.
    pub(crate) fn crawler_lookup(&self, what: &'static str) {
        self.crawler_lookups.get_or_create(&Named { what }).inc();
    }

    /// Counts an exchange there was no memory for.
    pub(crate) fn shed_for_memory(&self) {
        self.overload_memory.inc();
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

    /// The same with exemplars: for each bucket of the latency the trace of its latest exchange that has one.
    pub fn text_with_exemplars(&self) -> Result<String, fmt::Error> {
        self.text().map(|text| self.exchanges.with_exemplars(&text))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
