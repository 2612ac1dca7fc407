//! The one place of this crate that reads clocks.
//!
//! Invariant: wall time and ticks of one [`Clock`] advance together, so durations taken from moments never go
//! backwards even when the system's clock is set.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use portcullis_model::{Moment, Tick, Timestamp};

/// Reads the wall clock and a monotonic clock whose zero is this value's making.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose ticks begin now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Both clocks, read together.
    pub fn now(&self) -> Moment {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Moment { wall: Timestamp::from_micros(micros), tick: self.tick() }
    }

    /// The instant of a tick, for timers.
    pub(crate) fn instant(&self, tick: Tick) -> tokio::time::Instant {
        (self.origin + std::time::Duration::from_nanos(tick.0)).into()
    }

    /// The monotonic clock alone.
    pub fn tick(&self) -> Tick {
        Tick(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}
