//! How many of the events a contestant offered to its archive were kept, by its own metrics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result};

/// Events offered and not kept, since the contestant started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Handed over to be kept.
    pub(crate) offered: u64,
    /// Lost because the queue was full, or refused by the archive.
    pub(crate) dropped: u64,
}

impl Kept {
    /// Asks a gateway's metrics.
    pub(crate) fn ask(metrics: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(metrics)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Self::parse(&text).with_context(|| format!("the metrics say nothing of events:\n{text}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let count = |name: &str| {
            let prefix = format!("portcullis_events_{name}_total ");
            text.lines().find_map(|line| line.strip_prefix(&prefix))?.trim().parse::<u64>().ok()
        };
        let dropped = count("dropped_passes")? + count("dropped_refusals")? + count("rejected")?;
        Some(Self { offered: count("offered")?, dropped })
    }

    /// Both counts together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { offered: self.offered + other.offered, dropped: self.dropped + other.dropped }
    }

    /// For the report: the share that was kept.
    pub(crate) fn describe(self) -> String {
        match self {
            Self { offered: 0, .. } => "–".to_owned(),
            Self { dropped: 0, .. } => "all".to_owned(),
            Self { offered, dropped } => {
                format!("{:.2}%", 100.0 * (offered - dropped.min(offered)) as f64 / offered as f64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_metrics() {
        let text = "# TYPE x counter\nportcullis_events_offered_total 400\nportcullis_events_dropped_passes_total 1\n\
                    portcullis_events_dropped_refusals_total 0\nportcullis_events_rejected_total 0\n";
        let kept = Kept::parse(text).expect("has all of them");
        assert_eq!((kept.describe().as_str(), Kept::default().describe().as_str()), ("99.75%", "–"));
        assert_eq!(Kept::parse("portcullis_events_offered_total 400"), None);
    }
}
