//! What exchanges come to, counted by site without a lock and without building a label.
//!
//! Invariants: one count of an exchange is a handful of atomic additions; sites are those of policy and `-`, so
//! the table is as large as the largest policy was.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use portcullis_model::event::Summary;
use portcullis_model::trace::TraceId;
use portcullis_model::{Action, Stage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use smol_str::SmolStr;

use super::exemplars::{self, Exemplar, Exemplars};
use super::label::{Answered, AtSite, Refused, Word};

/// Upper bounds of the latency buckets, seconds: what people set objectives on.
const LATENCY: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Status classes; an exchange that was never answered is in the first.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
/// Every stage, in the order of its declaration.
const STAGES: [Stage; 15] = [
    Stage::Framing,
    Stage::Normalise,
    Stage::Locate,
    Stage::Bans,
    Stage::Authenticate,
    Stage::Authorise,
    Stage::Contract,
    Stage::Challenge,
    Stage::Rules,
    Stage::Limits,
    Stage::Body,
    Stage::Filter,
    Stage::Upstream,
    Stage::Response,
    Stage::Gateway,
];

/// The counts of every site.
#[derive(Clone, Default)]
pub(super) struct Exchanges(Arc<ArcSwap<Sites>>);

type Sites = HashMap<SmolStr, Arc<AtOneSite>, foldhash::fast::RandomState>;

/// The counts of one site.
#[derive(Default)]
struct AtOneSite {
    answered: [[AtomicU64; CLASSES.len()]; Action::ALL.len()],
    refused: [AtomicU64; STAGES.len()],
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    /// By bucket, the last one without an upper bound.
    durations: [AtomicU64; LATENCY.len() + 1],
    duration_us: AtomicU64,
    exemplars: Exemplars<{ LATENCY.len() + 1 }>,
}

impl Exchanges {
    /// Counts one that ended.
    pub(super) fn count(&self, summary: &Summary) {
        match self.0.load().get(&summary.site) {
            Some(site) => site.count(summary),
            None => self.add(&summary.site).count(summary),
        }
    }

    /// Notes the trace of one that was counted.
    pub(super) fn exemplar(&self, summary: &Summary, trace: TraceId) {
        if let Some(site) = self.0.load().get(&summary.site) {
            site.exemplars.note(bucket(summary), Exemplar::of(summary, trace));
        }
    }

    /// The text form with exemplars behind the buckets.
    pub(super) fn with_exemplars(&self, text: &str) -> String {
        let sites = self.0.load();
        exemplars::add(text, |site, bucket| sites.get(site)?.exemplars.latest(bucket))
    }

    fn add(&self, name: &SmolStr) -> Arc<AtOneSite> {
        let new = Arc::new(AtOneSite::default());
        let sites = self.0.rcu(|sites| {
            let mut sites = Sites::clone(sites);
            sites.entry(name.clone()).or_insert_with(|| Arc::clone(&new));
            sites
        });
        // What `rcu` returns is the table before; another thread may have added the site first.
        sites.get(name).or(self.0.load().get(name)).map_or(new, Arc::clone)
    }

    fn each(&self) -> Vec<(Word, Arc<AtOneSite>)> {
        let sites = self.0.load();
        let mut each: Vec<_> =
            sites.iter().map(|(name, site)| (Word(name.clone()), Arc::clone(site))).collect();
        each.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0));
        each
    }
}

impl AtOneSite {
    fn count(&self, summary: &Summary) {
        let class = usize::from(summary.status / 100);
        let by_class = self.answered.get(summary.action as usize);
        add(by_class.and_then(|classes| classes.get(class).or(classes.first())), 1);
        add(summary.decided_by.and_then(|stage| self.refused.get(stage as usize)), 1);
        add(Some(&self.request_bytes), summary.request_bytes);
        add(Some(&self.response_bytes), summary.response_bytes);
        add(self.durations.get(bucket(summary)), 1);
        add(Some(&self.duration_us), u64::try_from(summary.duration.as_micros()).unwrap_or(u64::MAX));
    }

    fn encode_answered(&self, site: &Word, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        for (action, classes) in Action::ALL.iter().zip(&self.answered) {
            for (status, count) in CLASSES.iter().zip(classes) {
                let labels = Answered { site: site.clone(), action: action.as_str(), status };
                encode_if_any(count, &labels, metric)?;
            }
        }
        Ok(())
    }

    fn encode_refused(&self, site: &Word, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        for (stage, count) in STAGES.iter().zip(&self.refused) {
            encode_if_any(count, &Refused { site: site.clone(), stage: stage.as_str() }, metric)?;
        }
        Ok(())
    }

    fn encode_durations(&self, site: &Word, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        let bounds = LATENCY.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.durations.iter().map(read)).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = read(&self.duration_us) as f64 / 1e6;
        let labels = AtSite { site: site.clone() };
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// The place of the bucket an exchange belongs to.
fn bucket(summary: &Summary) -> usize {
    let seconds = summary.duration.as_secs_f64();
    LATENCY.iter().position(|bound| seconds <= *bound).unwrap_or(LATENCY.len())
}

fn add(count: Option<&AtomicU64>, more: u64) {
    if let Some(count) = count {
        count.fetch_add(more, Ordering::Relaxed);
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

fn encode_if_any(
    count: &AtomicU64,
    labels: &impl EncodeLabelSet,
    metric: &mut MetricEncoder<'_>,
) -> fmt::Result {
    match read(count) {
        0 => Ok(()),
        count => ConstCounter::new(count).encode(metric.encode_family(labels)?),
    }
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchanges")
    }
}

impl Collector for Exchanges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let each = self.each();
        let about = "Exchanges ended, by site, action and status class";
        let mut metric = encoder.encode_descriptor("exchanges", about, None, MetricType::Counter)?;
        each.iter().try_for_each(|(site, counts)| counts.encode_answered(site, &mut metric))?;
        let about = "Exchanges refused, by the stage that decided";
        let mut metric = encoder.encode_descriptor("refusals", about, None, MetricType::Counter)?;
        each.iter().try_for_each(|(site, counts)| counts.encode_refused(site, &mut metric))?;
        let about = "Request body bytes received";
        let mut metric = encoder.encode_descriptor("request_body_bytes", about, None, MetricType::Counter)?;
        for (site, counts) in &each {
            encode_if_any(&counts.request_bytes, &AtSite { site: site.clone() }, &mut metric)?;
        }
        let about = "Response body bytes sent";
        let mut metric =
            encoder.encode_descriptor("response_body_bytes", about, None, MetricType::Counter)?;
        for (site, counts) in &each {
            encode_if_any(&counts.response_bytes, &AtSite { site: site.clone() }, &mut metric)?;
        }
        let about = "From first byte read to last byte sent";
        let mut metric = encoder.encode_descriptor("exchange_seconds", about, None, MetricType::Histogram)?;
        each.iter().try_for_each(|(site, counts)| counts.encode_durations(site, &mut metric))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_model::{CallerKey, Timestamp};

    use super::*;
    use crate::metrics::Metrics;

    fn summary(site: &str, action: Action, status: u16, decided_by: Option<Stage>) -> Summary {
        Summary {
            time: Timestamp::default(),
            site: site.into(),
            operation: "-".into(),
            standing: None,
            action,
            would_have: action,
            decided_by,
            status,
            duration: Duration::from_millis(3),
            request_bytes: 0,
            response_bytes: 10,
            caller: CallerKey::address([203, 0, 113, 9].into()),
        }
    }

    #[test]
    fn stages_stand_where_their_numbers_say() {
        assert!(STAGES.iter().enumerate().all(|(place, stage)| *stage as usize == place));
        assert!(Action::ALL.iter().enumerate().all(|(place, action)| *action as usize == place));
    }

    #[test]
    fn counts_show_by_site_and_kind() {
        let metrics = Metrics::default();
        metrics.exchange(&summary("shop", Action::Pass, 200, None));
        metrics.exchange(&summary("shop", Action::Pass, 204, None));
        metrics.exchange(&summary("-", Action::Block, 404, Some(Stage::Locate)));
        metrics.exchange(&summary("shop", Action::Pass, 0, None));
        let text = metrics.text().unwrap();
        for line in [
            "portcullis_exchanges_total{site=\"shop\",action=\"pass\",status=\"2xx\"} 2",
            "portcullis_exchanges_total{site=\"shop\",action=\"pass\",status=\"none\"} 1",
            "portcullis_exchanges_total{site=\"-\",action=\"block\",status=\"4xx\"} 1",
            "portcullis_refusals_total{site=\"-\",stage=\"locate\"} 1",
            "portcullis_response_body_bytes_total{site=\"shop\"} 30",
            "portcullis_exchange_seconds_bucket{le=\"0.0025\",site=\"shop\"} 0",
            "portcullis_exchange_seconds_bucket{le=\"0.005\",site=\"shop\"} 3",
            "portcullis_exchange_seconds_count{site=\"shop\"} 3",
        ] {
            assert!(text.lines().any(|each| each == line), "{line}\n{text}");
        }
    }

    #[test]
    fn slow_exchanges_lead_to_their_traces() {
        let metrics = Metrics::default();
        let one = summary("shop", Action::Pass, 200, None);
        metrics.exchange(&one);
        metrics.exemplar(&one, TraceId::new(0xAB).unwrap());
        metrics.exchange(&summary("blog", Action::Pass, 200, None));
        let (plain, text) = (metrics.text().unwrap(), metrics.text_with_exemplars().unwrap());
        let added: Vec<_> = text.lines().filter(|line| !plain.lines().any(|known| known == *line)).collect();
        assert_eq!(
            added,
            ["portcullis_exchange_seconds_bucket{le=\"0.005\",site=\"shop\"} 1 # \
              {trace_id=\"000000000000000000000000000000ab\"} 0.003 0.003000"]
        );
        assert!(text.ends_with("# EOF\n") && !plain.contains("trace_id"));
    }
}
