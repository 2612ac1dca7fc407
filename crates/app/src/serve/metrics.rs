//! What was found, told and learned, as metrics.
//!
//! Invariants: read when scraped, and only from memory, so a slow disk delays no scrape; labels come from policy and
//! fixed sets of words. Open findings are counted in their file now and then, by [`OpenFindings::recount`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_events::Findings;
use portcullis_events::alerts::{Alerts, ChannelFigures};
use portcullis_events::findings::OpenCounts;
use portcullis_events::traces::Spans;
use portcullis_learn::{Keeping, Learner};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::now;

/// Open findings by kind and severity, as they were counted last.
#[derive(Debug, Default)]
pub(super) struct OpenFindings {
    counted: Mutex<OpenCounts>,
    counting: Mutex<()>,
}

impl OpenFindings {
    /// Counts them anew; waits for the disk, but never for another count. What was counted stays where it fails.
    pub(super) fn recount(&self, findings: &Findings) {
        let Some(_alone) = self.counting.try_lock() else { return };
        if let Ok(counted) = findings.count_open(now()) {
            *self.counted.lock() = counted;
        }
    }
}

/// One figure of a channel.
type Count = fn(&ChannelFigures) -> u64;

/// Where the figures come from.
pub(super) struct Watched {
    pub(super) findings: Findings,
    pub(super) open: Arc<OpenFindings>,
    pub(super) alerts: Arc<Mutex<Option<Alerts>>>,
    pub(super) learner: Arc<Learner>,
    pub(super) spans: Spans,
    /// What the gateway runs on.
    pub(super) runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_findings(&mut encoder)?;
        self.encode_alerts(&mut encoder)?;
        let help = "Tasks the gateway runs now: some for each connection, and a few of its own";
        encode_gauge(&mut encoder, "tasks", help, self.runtime.metrics().num_alive_tasks() as u64)?;
        self.encode_traces(&mut encoder)?;
        self.encode_learning(&mut encoder)
    }
}

impl Watched {
    fn encode_findings(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let open = self.open.counted.lock().clone();
        let help = "Open findings, by kind and severity";
        let mut metric = encoder.encode_descriptor("findings_open", help, None, MetricType::Gauge)?;
        for ((kind, severity), count) in open {
            let labels = [("kind", kind.as_str()), ("severity", severity.as_str())];
            gauge(count).encode(metric.encode_family(&labels)?)?;
        }
        let figures = self.findings.figures();
        let help = "Findings waiting to be written down";
        encode_gauge(encoder, "findings_waiting", help, figures.waiting)?;
        let help = "1 while findings cannot be written down";
        encode_gauge(encoder, "findings_failing", help, u64::from(figures.failing.is_some()))?;
        let help = "Findings lost because too many waited";
        encode_counter(encoder, "findings_dropped", help, figures.dropped)
    }

    fn encode_alerts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let channels = self.alerts.lock().as_ref().map(Alerts::figures).unwrap_or_default();
        let counts: [(&str, &str, Count); 3] = [
            ("alerts_delivered", "Messages a channel took", |figures| figures.delivered),
            ("alerts_failed", "Tries to tell a channel that failed", |figures| figures.failed),
            ("alerts_dropped", "Findings a channel was not told, for want of room", |figures| {
                figures.dropped
            }),
        ];
        for (name, help, count) in counts {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (channel, figures) in &channels {
                let labels = [("channel", channel.as_str())];
                ConstCounter::new(count(figures)).encode(metric.encode_family(&labels)?)?;
            }
        }
        let help = "Findings a channel has still to look at";
        let mut metric = encoder.encode_descriptor("alerts_waiting", help, None, MetricType::Gauge)?;
        for (channel, figures) in &channels {
            gauge(figures.waiting).encode(metric.encode_family(&[("channel", channel.as_str())])?)?;
        }
        Ok(())
    }

    fn encode_traces(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.spans.figures();
        let help = "Exchanges the collector of traces took";
        encode_counter(encoder, "traces_exported", help, figures.exported)?;
        let help = "Exchanges lost to traces: too many waited, or the collector did not take them";
        encode_counter(encoder, "traces_dropped", help, figures.dropped)?;
        let help = "Tries to tell the collector of traces that failed";
        encode_counter(encoder, "traces_failed", help, figures.failed)?;
        let help = "Exchanges waiting for the collector of traces";
        encode_gauge(encoder, "traces_waiting", help, figures.waiting)?;
        let help = "1 while the collector does not take traces";
        encode_gauge(encoder, "traces_failing", help, u64::from(figures.failing.is_some()))
    }

    fn encode_learning(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Exchanges learning has taken in";
        encode_counter(encoder, "observations_folded", help, self.learner.folded())?;
        let is_failing = matches!(self.learner.keeping(), Keeping::Failing(_));
        let help = "1 while what was learned cannot be written down";
        encode_gauge(encoder, "inventory_failing", help, u64::from(is_failing))?;
        let help = "Operations known, by site and standing; `none` where there is no contract";
        let mut metric = encoder.encode_descriptor("operations", help, None, MetricType::Gauge)?;
        for (site, drawn) in &*self.learner.inventories() {
            let mut counted = BTreeMap::<&str, u64>::new();
            for assessment in &drawn.assessments {
                *counted
                    .entry(assessment.standing.map_or("none", |standing| standing.as_str()))
                    .or_default() += 1;
            }
            for (standing, count) in counted {
                let labels = [("site", site.as_str()), ("standing", standing)];
                gauge(count).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn encode_gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    gauge(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn encode_counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, count: u64) -> fmt::Result {
    ConstCounter::new(count).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}
