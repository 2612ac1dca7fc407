//! Exemplars: for each bucket of a histogram the latest exchange in it that a trace tells of.
//!
//! Invariants: noting one never waits; an exemplar lies in its bucket. They are added to the text form once it is made,
//! because only those who ask for `OpenMetrics` can read them.

use std::fmt::Write;

use parking_lot::Mutex;
use portcullis_model::Timestamp;
use portcullis_model::event::Summary;
use portcullis_model::trace::TraceId;

/// The series whose buckets have them.
const SERIES: &str = "portcullis_exchange_seconds_bucket{";

/// One exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exemplar {
    trace: TraceId,
    seconds: f64,
    ended: Timestamp,
}

impl Exemplar {
    /// Of an exchange that ended.
    pub(super) fn of(summary: &Summary, trace: TraceId) -> Self {
        let (seconds, ended) = (summary.duration.as_secs_f64(), summary.time.plus(summary.duration));
        Self { trace, seconds, ended }
    }
}

/// The latest of each bucket.
#[derive(Debug)]
pub(super) struct Exemplars<const BUCKETS: usize>([Mutex<Option<Exemplar>>; BUCKETS]);

impl<const BUCKETS: usize> Default for Exemplars<BUCKETS> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(None)))
    }
}

impl<const BUCKETS: usize> Exemplars<BUCKETS> {
    /// Notes one; where somebody else notes one just now, theirs will do.
    pub(super) fn note(&self, bucket: usize, exemplar: Exemplar) {
        if let Some(mut latest) = self.0.get(bucket).and_then(Mutex::try_lock) {
            *latest = Some(exemplar);
        }
    }

    /// The latest of a bucket.
    pub(super) fn latest(&self, bucket: usize) -> Option<Exemplar> {
        *self.0.get(bucket)?.lock()
    }
}

/// Adds exemplars to the text form; buckets of a site stand in their order there.
pub(super) fn add(text: &str, latest: impl Fn(&str, usize) -> Option<Exemplar>) -> String {
    let mut with = String::with_capacity(text.len() + 4096);
    let (mut last, mut bucket) = ("", 0);
    for line in text.lines() {
        with.push_str(line);
        let site = line.strip_prefix(SERIES).and_then(|rest| rest.split_once("site=\"")?.1.split_once('"'));
        if let Some((site, _)) = site {
            bucket = if site == last { bucket + 1 } else { 0 };
            last = site;
            if let Some(Exemplar { trace, seconds, ended }) = latest(site, bucket) {
                let micros = ended.as_micros();
                let (whole, part) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
                // Writing to text cannot fail.
                let _ = write!(with, " # {{trace_id=\"{trace}\"}} {seconds} {whole}.{part:06}");
            }
        }
        with.push('\n');
    }
    with
}
