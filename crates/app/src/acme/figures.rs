//! How orders went and how long certificates are good, as metrics.
//!
//! Invariant: labels are hosts that policy names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_model::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use smol_str::SmolStr;

#[derive(Default)]
struct Figures {
    ends: Option<Timestamp>,
    issued: u64,
    failed: u64,
}

/// One figure of a host.
type Count = fn(&Figures) -> u64;

/// What is known of every host's certificate.
#[derive(Default)]
pub(crate) struct Orders(Mutex<BTreeMap<SmolStr, Figures>>);

impl Orders {
    pub(super) fn issued(&self, host: &SmolStr) {
        self.0.lock().entry(host.clone()).or_default().issued += 1;
    }

    pub(super) fn failed(&self, host: &SmolStr) {
        self.0.lock().entry(host.clone()).or_default().failed += 1;
    }

    pub(super) fn ends(&self, host: &SmolStr, at: Timestamp) {
        self.0.lock().entry(host.clone()).or_default().ends = Some(at);
    }

    /// Forgets hosts that are no longer wanted.
    pub(super) fn retain(&self, is_wanted: impl Fn(&SmolStr) -> bool) {
        self.0.lock().retain(|host, _| is_wanted(host));
    }
}

/// The orders, as they are told to whoever scrapes.
pub(crate) struct OrderFigures(pub(crate) Arc<Orders>);

impl fmt::Debug for OrderFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderFigures")
    }
}

impl Collector for OrderFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let hosts = self.0.0.lock();
        let help = "When a host's certificate from ACME ends, in seconds since 1970";
        let mut metric = encoder.encode_descriptor("acme_certificate_ends", help, None, MetricType::Gauge)?;
        for (host, figures) in &*hosts {
            if let Some(ends) = figures.ends {
                let gauge = ConstGauge::new(ends.as_micros() / 1_000_000);
                gauge.encode(metric.encode_family(&[("host", host.as_str())])?)?;
            }
        }
        let counts: [(&str, &str, Count); 2] = [
            ("acme_issued", "Certificates issued by ACME", |figures| figures.issued),
            ("acme_failures", "Orders by ACME that failed", |figures| figures.failed),
        ];
        for (name, help, count) in counts {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (host, figures) in &*hosts {
                ConstCounter::new(count(figures))
                    .encode(metric.encode_family(&[("host", host.as_str())])?)?;
            }
        }
        Ok(())
    }
}
