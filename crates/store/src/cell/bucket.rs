//! A token bucket kept as one number: the generic cell rate algorithm (GCRA, ITU-T I.371).
//!
//! Invariant: what is admitted in any window is at most burst + rate × elapsed, exactly: times are scaled by the
//! rate, so nothing is ever rounded in favour of the caller.

use std::time::Duration;

use portcullis_model::counter::Answer;

use super::instant::{FOREVER, Instant, micros};

/// What a bucket gives.
pub(super) struct Terms {
    /// Units given back in a period.
    pub(super) rate: u64,
    /// The period.
    pub(super) per: Duration,
    /// The bucket's capacity.
    pub(super) burst: u64,
}

/// When the bucket is full again, in microseconds times `rate`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    full: u128,
    rate: u64,
}

impl Bucket {
    pub(super) fn take(&mut self, now: Instant, terms: &Terms, cost: u64) -> Answer {
        self.rescale(terms.rate);
        let per = micros(terms.per);
        let scaled_now = u128::from(now.0) * u128::from(terms.rate);
        let capacity = u128::from(terms.burst) * u128::from(per);
        let after = self.full.max(scaled_now).saturating_add(u128::from(cost) * u128::from(per));
        let lacking = (after - scaled_now).saturating_sub(capacity);
        let admitted = lacking == 0;
        if admitted {
            self.full = after;
        }
        let used = self.full.saturating_sub(scaled_now);
        let retry_after = if cost > terms.burst { FOREVER } else { span(lacking, terms.rate) };
        Answer::Take {
            admitted,
            remaining: capacity
                .saturating_sub(used)
                .checked_div(u128::from(per))
                .map_or(terms.burst, |units| u64::try_from(units).unwrap_or(u64::MAX)),
            retry_after: if admitted { Duration::ZERO } else { retry_after },
            reset: span(used, terms.rate),
        }
    }

    /// When it is full again, and so the same as a bucket never used.
    pub(super) fn full_at(&self) -> Instant {
        match self.full.checked_div(u128::from(self.rate)) {
            Some(at) => Instant(u64::try_from(at.saturating_add(1)).unwrap_or(u64::MAX)),
            None if self.full == 0 => Instant::PAST,
            None => Instant::NEVER,
        }
    }

    /// Keeps the time at which the bucket is full when a policy changes its rate.
    fn rescale(&mut self, rate: u64) {
        if self.rate != rate {
            let at = self.full.checked_div(u128::from(self.rate)).unwrap_or(0);
            *self = Self { full: at.saturating_mul(u128::from(rate)), rate };
        }
    }
}

/// A scaled time as a duration, rounded up.
fn span(scaled: u128, rate: u64) -> Duration {
    if scaled == 0 {
        return Duration::ZERO;
    }
    match scaled
        .checked_add(u128::from(rate).saturating_sub(1))
        .and_then(|up| up.checked_div(u128::from(rate)))
    {
        Some(span) => Duration::from_micros(u64::try_from(span).unwrap_or(u64::MAX)).min(FOREVER),
        None => FOREVER,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admitted(answer: &Answer) -> bool {
        matches!(answer, Answer::Take { admitted: true, .. })
    }

    proptest! {
        #[test]
        fn no_window_admits_more_than_burst_and_rate_allow(
            rate in 1_u64..50,
            per_ms in 1_u64..2_000,
            burst in 0_u64..20,
            gaps in prop::collection::vec((0_u64..200_000, 1_u64..4), 1..120),
        ) {
            let terms = Terms { rate, per: Duration::from_millis(per_ms), burst };
            let mut bucket = Bucket::default();
            let mut now = Instant(1_000_000);
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (gap, cost) in gaps {
                now = Instant(now.0 + gap);
                if admitted(&bucket.take(now, &terms, cost)) {
                    taken.push((now.0, cost));
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut sum = 0_u128;
                for (at, cost) in &taken[first..] {
                    sum += u128::from(*cost);
                    let elapsed = u128::from(at - from);
                    let scale = u128::from(per_ms) * 1000;
                    prop_assert!(sum * scale <= u128::from(burst) * scale + u128::from(rate) * elapsed);
                }
            }
        }

        #[test]
        fn a_refused_cost_is_admitted_once_retry_after_has_passed_and_not_before(
            rate in 1_u64..1000,
            per_ms in 1_u64..100_000,
            burst in 1_u64..20,
            cost in 1_u64..20,
        ) {
            let terms = Terms { rate, per: Duration::from_millis(per_ms), burst };
            let cost = cost.min(burst);
            let mut bucket = Bucket::default();
            let now = Instant(5_000_000);
            while admitted(&bucket.take(now, &terms, 1)) {}
            let Answer::Take { admitted: false, retry_after, .. } = bucket.take(now, &terms, cost) else {
                return Ok(());
            };
            let mut early = bucket;
            let wait = micros(retry_after);
            prop_assert!(!admitted(&early.take(Instant(now.0 + wait - 1), &terms, cost)));
            prop_assert!(admitted(&bucket.take(Instant(now.0 + wait), &terms, cost)));
        }
    }

    #[test]
    fn extremes_neither_overflow_nor_divide_by_zero() {
        for (rate, per, burst, cost) in [
            (0, 1, 1, 1),
            (1, 0, 1, 1),
            (u64::MAX, u64::MAX, u64::MAX, u64::MAX),
            (1, u64::MAX, u64::MAX, u64::MAX),
            (0, 0, 0, 0),
        ] {
            let terms = Terms { rate, per: Duration::from_micros(per), burst };
            let mut bucket = Bucket::default();
            for now in [0, 1, u64::MAX] {
                bucket.take(Instant(now), &terms, cost);
                bucket.full_at();
            }
        }
    }
}
