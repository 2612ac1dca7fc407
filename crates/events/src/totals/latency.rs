//! How long exchanges took: counts in buckets eight to the octave, so any quantile is known within 7%.
//!
//! Invariants: merging is adding, in any order; durations past 71 minutes count as 71 minutes. [`Dense`] is what
//! the hot path adds to in a few nanoseconds; [`Latency`] keeps only the buckets in use.

use std::time::Duration;

/// Buckets to the octave, as a power of two.
const STEP: u32 = 3;
const BUCKETS: usize = ((32 - STEP as usize) << STEP) + (1 << STEP);

/// The bucket of a duration.
fn bucket(duration: Duration) -> u8 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    let octave = (micros >> STEP).checked_ilog2().map_or(0, |log| log + 1);
    let within = if octave == 0 { micros } else { (micros >> (octave - 1)) & ((1 << STEP) - 1) };
    ((octave << STEP) + within) as u8
}

/// The middle of a bucket, microseconds.
fn middle(bucket: u8) -> u64 {
    let (octave, within) = (u32::from(bucket) >> STEP, u64::from(bucket) & ((1 << STEP) - 1));
    match octave.checked_sub(1) {
        None => within,
        Some(shift) => ((within + (1 << STEP)) << shift) + ((1_u64 << shift) >> 1),
    }
}

/// Counts of all buckets.
#[derive(Clone, Debug)]
pub(super) struct Dense(Box<[u32; BUCKETS]>);

impl Default for Dense {
    fn default() -> Self {
        Self(Box::new([0; BUCKETS]))
    }
}

impl Dense {
    pub(super) fn add(&mut self, duration: Duration) {
        if let Some(count) = self.0.get_mut(usize::from(bucket(duration))) {
            *count = count.saturating_add(1);
        }
    }

    /// What was counted since the last call.
    pub(super) fn take(&mut self) -> Latency {
        let counted = self.0.iter_mut().enumerate().filter(|(_, count)| **count > 0);
        Latency(counted.map(|(bucket, count)| (bucket as u8, u64::from(std::mem::take(count)))).collect())
    }
}

/// Counts of the buckets in use, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latency(Vec<(u8, u64)>);

impl Latency {
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            match self.0.binary_search_by_key(bucket, |(held, _)| *held) {
                Ok(place) => {
                    if let Some((_, held)) = self.0.get_mut(place) {
                        *held += count;
                    }
                }
                Err(place) => self.0.insert(place, (*bucket, *count)),
            }
        }
    }

    /// The duration in microseconds that `part` (0 to 1) of all stay below; 0 if there are none.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        let total: u64 = self.0.iter().map(|(_, count)| count).sum();
        #[expect(clippy::cast_sign_loss, reason = "a part of a count")]
        let rank = ((total as f64 * part).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        let at = self.0.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        at.map_or(0, |(bucket, _)| middle(*bucket))
    }

    /// Nine bytes a bucket in use: the bucket, then its count (little endian).
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(bucket, count)| std::iter::once(*bucket).chain(count.to_le_bytes()))
            .collect()
    }

    /// Reads what [`Self::to_bytes`] wrote; buckets that are none are left out.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut latency = Self::default();
        for [bucket, count @ ..] in bytes.as_chunks::<9>().0 {
            if usize::from(*bucket) < BUCKETS {
                latency.merge(&Self(vec![(*bucket, u64::from_le_bytes(*count))]));
            }
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_seven_percent_of_what_it_holds() {
        let mut last = 0;
        for micros in (0..5000_u64).chain((13..32).map(|power| 1 << power)).chain([u64::from(u32::MAX)]) {
            let bucket = bucket(Duration::from_micros(micros));
            assert!(bucket >= last && usize::from(bucket) < BUCKETS, "{micros}");
            last = bucket;
            let error = middle(bucket).abs_diff(micros) as f64 / (micros.max(1)) as f64;
            assert!(error < 0.07, "{micros} became {}", middle(bucket));
        }
        assert_eq!(bucket(Duration::MAX), last);
    }

    #[test]
    fn quantiles_survive_merging_and_bytes() {
        let (mut even, mut odd) = (Dense::default(), Dense::default());
        for micros in 1..=10_000 {
            if micros % 2 == 0 { &mut even } else { &mut odd }.add(Duration::from_micros(micros));
        }
        let mut all = even.take();
        assert_eq!(even.take(), Latency::default());
        all.merge(&odd.take());
        assert_eq!(Latency::from_bytes(&all.to_bytes()), all);
        for (part, expected) in [(0.5, 5000.0), (0.9, 9000.0), (0.99, 9900.0), (0.0, 1.0), (1.0, 10_000.0)] {
            let found = all.quantile(part) as f64;
            assert!((found - expected).abs() / expected < 0.07, "{part}: {found}");
        }
        assert_eq!(Latency::default().quantile(0.5), 0);
    }
}
