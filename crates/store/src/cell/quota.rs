//! A quota over a UTC day, a UTC month or a rolling window.
//!
//! A rolling window is counted in sixty slices, so it forgets up to a sixtieth of itself early; calendar windows
//! are exact. Time that steps back counts in the window already begun.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use portcullis_model::counter::{Answer, Window};

use super::instant::{Instant, micros};

const SLICES: usize = 60;
const DAY: u64 = 86_400_000_000;

/// What was used of a window.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    window: Window,
    /// Calendar: what was used is in the first slice. Rolling: a ring, one slice each.
    used: [u64; SLICES],
    /// Calendar: when the window began. Rolling: the number of the newest slice since the epoch.
    newest: u64,
    ends: Instant,
}

impl Quota {
    pub(super) fn new(window: Window) -> Self {
        Self { window, used: [0; SLICES], newest: 0, ends: Instant::PAST }
    }

    /// Whether it counts that window (a policy may have changed it).
    pub(super) fn counts(&self, window: Window) -> bool {
        self.window == window
    }

    pub(super) fn ends(&self) -> Instant {
        self.ends
    }

    pub(super) fn add(&mut self, now: Instant, limit: u64, cost: u64) -> Answer {
        match self.window {
            Window::Day => {
                self.add_in_calendar(now, limit, cost, |now| Instant((now.0 / DAY + 1).saturating_mul(DAY)))
            }
            Window::Month => self.add_in_calendar(now, limit, cost, month_end),
            Window::Rolling(span) => {
                self.add_rolling(now, (micros(span) / SLICES as u64).max(1), limit, cost)
            }
        }
    }

    fn add_in_calendar(
        &mut self,
        now: Instant,
        limit: u64,
        cost: u64,
        end: fn(Instant) -> Instant,
    ) -> Answer {
        if now >= self.ends {
            self.used = [0; SLICES];
            self.ends = end(now);
        }
        let [used, ..] = &mut self.used;
        let after = used.saturating_add(cost);
        let admitted = after <= limit;
        if admitted {
            *used = after;
        }
        Answer::Quota { admitted, used: *used, reset: self.ends.since(now) }
    }

    fn add_rolling(&mut self, now: Instant, slice: u64, limit: u64, cost: u64) -> Answer {
        self.roll_to(now.0 / slice);
        let before = self.used.iter().fold(0, |sum: u64, used| sum.saturating_add(*used));
        let admitted = before.saturating_add(cost) <= limit;
        if admitted && cost > 0 {
            if let Some(used) = self.used.get_mut(place(self.newest)) {
                *used = used.saturating_add(cost);
            }
            self.ends = Instant((self.newest + SLICES as u64).saturating_mul(slice));
        }
        let oldest = (0..SLICES as u64)
            .rev()
            .map(|age| self.newest.saturating_sub(age))
            .find(|number| self.used.get(place(*number)).is_some_and(|used| *used > 0));
        let leaves = oldest.map_or(now, |number| Instant((number + SLICES as u64).saturating_mul(slice)));
        let used = if admitted { before.saturating_add(cost) } else { before };
        Answer::Quota { admitted, used, reset: leaves.since(now) }
    }

    /// Empties the slices that have left the window.
    fn roll_to(&mut self, number: u64) {
        let gone = number.saturating_sub(self.newest).min(SLICES as u64);
        for step in 0..gone {
            if let Some(used) = self.used.get_mut(place(number - step)) {
                *used = 0;
            }
        }
        self.newest = self.newest.max(number);
    }
}

fn place(number: u64) -> usize {
    (number % SLICES as u64) as usize
}

/// When the UTC month of `now` ends; a day later where the calendar does not reach.
fn month_end(now: Instant) -> Instant {
    let next = || {
        let at = jiff::Timestamp::from_microsecond(i64::try_from(now.0).ok()?).ok()?;
        let first: Date = at.to_zoned(TimeZone::UTC).date().first_of_month();
        let next = first.checked_add(jiff::Span::new().months(1)).ok()?.to_zoned(TimeZone::UTC).ok()?;
        u64::try_from(next.timestamp().as_microsecond()).ok().map(Instant)
    };
    next().unwrap_or_else(|| now.plus(Duration::from_micros(DAY)))
}
