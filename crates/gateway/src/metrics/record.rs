//! What the recorder and the store say of themselves, as metrics.
//!
//! Invariant: read when scraped, so counting them costs the traffic nothing.

use std::fmt;

use portcullis_events::{ArchiveState, Recorder};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The recorder's figures.
pub(crate) struct Recorded(pub(crate) Recorder);

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorded")
    }
}

impl Collector for Recorded {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = self.0.figures();
        let log = figures.access_log.unwrap_or_default();
        for (name, help, count) in [
            ("events_offered", "Events handed over to be kept", figures.offered),
            ("events_committed", "Events committed to the archive", figures.committed),
            ("events_sampled_away", "Passes the sample left out", figures.sampled_away),
            ("events_dropped_passes", "Passes lost because their queue was full", figures.dropped_passes),
            (
                "events_dropped_refusals",
                "Refusals lost because their queue was full",
                figures.dropped_refusals,
            ),
            ("events_rejected", "Events the archive could not take", figures.rejected),
            ("access_log_written", "Lines written to the access log", log.written),
            ("access_log_dropped", "Lines of the access log lost because too much waited", log.dropped),
            ("totals_dropped_minutes", "Minutes of totals given up", figures.dropped_minutes),
        ] {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let failing = matches!(figures.archive, ArchiveState::Failing { .. });
        for (name, help, value) in [
            (
                "events_waiting",
                "Events waiting for the archive",
                i64::try_from(figures.waiting).unwrap_or(i64::MAX),
            ),
            (
                "access_log_failing",
                "1 while the access log cannot be written",
                i64::from(log.failing.is_some()),
            ),
            ("archive_failing", "1 while the archive does not take events", i64::from(failing)),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
