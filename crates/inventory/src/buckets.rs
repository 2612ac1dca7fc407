//! How numbers are distributed, in steps of a quarter of a power of two: what is told is at most a fifth off.
//!
//! Invariant: counts alone, at most 252 of them, so any two add up in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets(BTreeMap<u8, u64>);

impl Buckets {
    pub(crate) fn add(&mut self, number: u64) {
        *self.0.entry(bucket(number)).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The number that so many of a hundred are at most, rounded up to the end of its step.
    pub fn percentile(&self, percent: u32) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let wanted = (u128::from(all) * u128::from(percent)).div_ceil(100) as u64;
        let mut passed = 0;
        let found = self.0.iter().find(|(_, count)| {
            passed += **count;
            passed >= wanted
        });
        found.map(|(bucket, _)| end(*bucket))
    }
}

/// Up to 3 each number has its own; from there four to every doubling.
const fn bucket(number: u64) -> u8 {
    if number < 4 {
        return number as u8;
    }
    let doublings = number.ilog2();
    let quarter = (number >> (doublings - 2)) & 3;
    (doublings * 4 + quarter as u32 - 4) as u8
}

/// The greatest number of a bucket.
const fn end(bucket: u8) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (doublings, quarter) = ((bucket as u32 + 4) / 4, (bucket as u64 + 4) % 4);
    let next = ((4 + quarter + 1) as u128) << (doublings - 2);
    (next - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_at_most_a_fifth_below_the_end_of_its_bucket() {
        for number in (0..100).chain([1_000, 123_456, u64::MAX / 3, u64::MAX - 1, u64::MAX]) {
            let end = end(bucket(number));
            assert!(end >= number && end - number <= number / 4, "{number}: {end}");
        }
    }

    #[test]
    fn percentiles() {
        let mut buckets = Buckets::default();
        assert_eq!(buckets.percentile(50), None);
        (1..=100).for_each(|number| buckets.add(number));
        assert_eq!(
            (buckets.percentile(0), buckets.percentile(50), buckets.percentile(100)),
            (Some(1), Some(55), Some(111))
        );
    }
}
