//! What a recorder is told: how much to keep, where, and for how long.
//!
//! Plain values: the policy that they come from is another crate's.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_model::EventId;

use crate::access_log::AccessLogConfig;

/// How events are recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct RecorderConfig {
    /// Where events are kept; nothing is kept if absent (totals, live figures and followers go on).
    pub archive: Option<ArchiveConfig>,
    /// Which part of the passes is kept. Refusals and marked exchanges always are.
    pub passes: Share,
    /// How many events may wait for the archive; refusals have as much room again of their own.
    pub queue: usize,
    /// A line for every exchange, if wanted.
    pub access_log: Option<AccessLogConfig>,
}

impl Default for RecorderConfig {
    fn default() -> Self {
        Self { archive: None, passes: Share::ALL, queue: 16_384, access_log: None }
    }
}

/// An archive in one SQLite file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The file; its folder is made if absent.
    pub path: PathBuf,
    /// Events and totals older than this are deleted.
    pub retain: Duration,
    /// The bytes the file may take; the oldest events give way. Unbounded if absent.
    pub size: Option<u64>,
}

/// A part of the whole, from none to all, that picks the same exchanges on every node and at every try.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// Everything.
    pub const ALL: Self = Self(1.0);
    /// Nothing.
    pub const NONE: Self = Self(0.0);

    /// From a fraction, cut to 0..=1.
    pub fn fraction(part: f64) -> Self {
        Self(if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) })
    }

    /// From a percentage, cut to 0..=100.
    pub fn percent(percent: f64) -> Self {
        Self::fraction(percent / 100.0)
    }

    /// Ids whose low 63 bits lie below this are in the share.
    pub(crate) fn threshold(self) -> u64 {
        #[expect(clippy::cast_sign_loss, reason = "between 0 and 2^63")]
        let threshold = (self.0 * (1_u64 << 63) as f64) as u64;
        threshold
    }

    /// Whether an event is in the share.
    pub fn takes(self, id: EventId) -> bool {
        in_share(id, self.threshold())
    }
}

/// Whether an id's random bits lie below a share's threshold.
pub(crate) fn in_share(id: EventId, threshold: u64) -> bool {
    (id.as_u128() as u64) >> 1 < threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_takes_its_part_and_always_the_same() {
        let ids = |n: u64| EventId::from_u128(u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        for (share, expected) in [(Share::ALL, 10_000), (Share::NONE, 0), (Share::percent(1.0), 100)] {
            let taken = (0..10_000).filter(|n| share.takes(ids(*n))).count();
            assert!(taken.abs_diff(expected) < 20, "{share:?}: {taken}");
        }
        assert!(Share::percent(f64::NAN) == Share::NONE && Share::percent(250.0) == Share::ALL);
        assert!(Share::ALL.takes(EventId::from_u128(u128::MAX)));
    }
}
