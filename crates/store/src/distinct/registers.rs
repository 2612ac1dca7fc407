//! HyperLogLog: 4096 registers, each the longest run of zero bits its share of the values showed.
//!
//! Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation
//! algorithm" (2007); estimated after Ertl, "New cardinality estimation algorithms for `HyperLogLog` sketches"
//! (2017), section 4, which needs no tables of corrections and no switching between ranges.

use super::Added;

/// Bits of a value that choose its register.
const PRECISION: u32 = 12;
const COUNT: usize = 1 << PRECISION;
/// Bits of a value whose leading zeros are counted.
const REST: usize = 64 - PRECISION as usize;
/// The largest a register gets: all of the rest zero.
const MOST: usize = REST + 1;

/// The registers, and how many hold each value (derived, so that estimating does not walk them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registers {
    values: [u8; COUNT],
    holding: [u16; MOST + 1],
}

impl Default for Registers {
    fn default() -> Self {
        let mut holding = [0; MOST + 1];
        holding[0] = COUNT as u16;
        Self { values: [0; COUNT], holding }
    }
}

impl Registers {
    pub(super) fn add(&mut self, value: u64) -> Added {
        let mixed = mix(value);
        let place = (mixed >> REST) as usize;
        let zeros = (mixed << PRECISION | 1 << (PRECISION - 1)).leading_zeros() as u8;
        self.raise(place, zeros + 1)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (place, value) in other.values.iter().enumerate() {
            self.raise(place, *value);
        }
    }

    fn raise(&mut self, place: usize, to: u8) -> Added {
        let Some(held) = self.values.get_mut(place).filter(|held| **held < to) else { return Added::Known };
        let before = std::mem::replace(held, to);
        if let Some(fewer) = self.holding.get_mut(usize::from(before)) {
            *fewer -= 1;
        }
        if let Some(more) = self.holding.get_mut(usize::from(to)) {
            *more += 1;
        }
        Added::New
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.values
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != COUNT || bytes.iter().any(|value| usize::from(*value) > MOST) {
            return None;
        }
        let mut registers = Self::default();
        for (place, value) in bytes.iter().enumerate() {
            registers.raise(place, *value);
        }
        Some(registers)
    }

    pub(super) fn estimate(&self) -> u64 {
        let registers = COUNT as f64;
        let part = |value: usize| self.holding.get(value).map_or(0.0, |count| f64::from(*count) / registers);
        let mut sum = registers * tau(1.0 - part(MOST));
        for value in (1..=REST).rev() {
            sum = f64::midpoint(sum, part(value) * registers);
        }
        sum += registers * sigma(part(0));
        #[expect(clippy::cast_sign_loss, reason = "a quotient of positive numbers")]
        let estimate = (registers * registers / (2.0 * std::f64::consts::LN_2 * sum)).round() as u64;
        estimate
    }
}

/// Spreads a value's bits (the finaliser of `SplitMix64`; one to one), so that any value does as a hash.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Ertl's correction for registers still at zero: x + Σ x^(2^k)·2^(k−1).
#[expect(clippy::float_cmp, reason = "summed until nothing more is added")]
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// Ertl's correction for registers at their most: (1 − x − Σ (1 − x^(2^−k))²·2^−k) / 3.
#[expect(clippy::float_cmp, reason = "summed until nothing more is added")]
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}
