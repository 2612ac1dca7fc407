//! Points in time as states keep them: whole microseconds, never negative.

use std::time::Duration;

use portcullis_model::Timestamp;

/// The longest time an answer names; stands for "never" as well.
pub(super) const FOREVER: Duration = Duration::from_hours(366 * 24);

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(super) u64);

impl Instant {
    /// Before everything.
    pub(crate) const PAST: Self = Self(0);
    /// After everything.
    pub(super) const NEVER: Self = Self(u64::MAX);

    pub(super) fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0)).min(FOREVER)
    }
}

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(u64::try_from(at.as_micros()).unwrap_or(0))
    }
}

/// A length of time in whole microseconds, rounded down; saturates.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
