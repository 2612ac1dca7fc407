//! What is known of the upstream servers, as metrics.
//!
//! Invariant: read when scraped, from what balancing and health keep anyway, so it costs the traffic nothing.

use std::fmt;
use std::sync::Arc;

use portcullis_engine::Shed;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::server::Standing;
use super::{Generation, Upstreams};
use crate::clock::Clock;

/// The figures of every server of the policy in force.
pub(crate) struct Figures {
    /// The servers.
    pub(crate) upstreams: Arc<Upstreams>,
    /// Tells whether a pause is over.
    pub(crate) clock: Clock,
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

/// One figure: its name, its help, its type, and where it is read.
type Figure = (&'static str, &'static str, MetricType, fn(&Standing) -> u64);

const FIGURES: [Figure; 7] = [
    ("upstream_attempts", "Requests sent to a server, repeated ones included", MetricType::Counter, |s| {
        s.attempts
    }),
    ("upstream_failures", "Attempts a server failed", MetricType::Counter, |s| s.failures),
    ("upstream_active", "Exchanges going on at a server", MetricType::Gauge, |s| s.active),
    ("upstream_idle_connections", "Connections kept to a server", MetricType::Gauge, |s| s.idle),
    ("upstream_paused", "1 while a failing server is left alone", MetricType::Gauge, |s| s.paused),
    ("upstream_down", "1 while a server does not answer its checks", MetricType::Gauge, |s| s.down),
    ("upstream_failed_checks", "Checks without a good answer", MetricType::Counter, |s| s.failed_checks),
];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let generation = self.upstreams.current();
        let now = self.clock.tick();
        let standings: Vec<_> = generation
            .sets()
            .flat_map(|(site, set)| {
                let upstream = set.plan().name.as_deref().unwrap_or_default();
                set.servers().iter().map(move |server| ((site.as_str(), upstream), server.standing(now)))
            })
            .collect();
        for (name, help, kind, read) in FIGURES {
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for ((site, upstream), standing) in &standings {
                let labels = [("site", *site), ("server", standing.name.as_str()), ("upstream", *upstream)];
                // An empty label is none to Prometheus; a site with one upstream shows none.
                let shown = labels.get(..if upstream.is_empty() { 2 } else { 3 }).unwrap_or_default();
                let one = family.encode_family(&shown)?;
                match kind {
                    MetricType::Counter => ConstCounter::new(read(standing)).encode(one)?,
                    _ => ConstGauge::new(i64::try_from(read(standing)).unwrap_or(i64::MAX)).encode(one)?,
                }
            }
        }
        let mut family = encoder.encode_descriptor(
            "upstream_waiting",
            "Exchanges that wait for their turn",
            None,
            MetricType::Gauge,
        )?;
        for (site, set) in generation.sets().filter(|(_, set)| set.plan().capacity.is_some()) {
            let labels =
                [("site", site.as_str()), ("upstream", set.plan().name.as_deref().unwrap_or_default())];
            let shown = labels.get(..if set.plan().name.is_none() { 1 } else { 2 }).unwrap_or_default();
            let waiting = i64::try_from(set.waiting()).unwrap_or(i64::MAX);
            ConstGauge::new(waiting).encode(family.encode_family(&shown)?)?;
        }
        encode_gates(&generation, &mut encoder)
    }
}

/// What is let through where that is found out.
fn encode_gates(generation: &Generation, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let gates: Vec<_> = generation
        .sets()
        .filter_map(|(site, set)| {
            Some((site.as_str(), set.plan().name.as_deref().unwrap_or_default(), set.gate()?))
        })
        .collect();
    let help = "Exchanges an upstream may be given at once, as found out";
    let mut family = encoder.encode_descriptor("overload_limit", help, None, MetricType::Gauge)?;
    for (site, upstream, gate) in &gates {
        let limit = i64::try_from(gate.limit()).unwrap_or(i64::MAX);
        ConstGauge::new(limit).encode(family.encode_family(&[("site", *site), ("upstream", *upstream)])?)?;
    }
    let help = "Exchanges refused because an upstream has too much to do, and why them";
    let mut family = encoder.encode_descriptor("overload_shed", help, None, MetricType::Counter)?;
    for (site, upstream, gate) in &gates {
        for (why, count) in gate.shed() {
            let why = if why == Shed::Caller { "caller" } else { "full" };
            let labels = [("site", *site), ("upstream", *upstream), ("why", why)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
