//! What values must have for one of a few items, asked without looking the items up.
//!
//! For texts that hardly ever are candidates and look different every time, such as what comes of decoding any word.
//! Immutable. Invariant: what a scanner would let through to one of its items, the sieve lets through.

use super::Shape;
use super::gates::Demands;

/// The demands of a few items.
#[derive(Clone, Debug)]
pub struct Sieve(Box<[Demands]>);

impl Sieve {
    /// The most demands of one sieve: to try more would cost what it saves.
    const MOST: usize = 16;

    /// A sieve of these demands, if those that no other implies are few.
    pub(super) fn of<'a>(demands: impl Iterator<Item = &'a Demands>) -> Option<Self> {
        let mut kept: Vec<Demands> = Vec::new();
        for demands in demands {
            if !kept.iter().any(|known| known.are_implied_by(demands)) {
                kept.retain(|known| !demands.are_implied_by(known));
                kept.push(*demands);
            }
        }
        (kept.len() <= Self::MOST).then(|| Self(kept.into_boxed_slice()))
    }

    /// Whether a value whose shape has bits of `shape` only could be let through.
    pub fn lets_through(&self, shape: Shape) -> bool {
        self.0.iter().any(|demands| demands.could_be_met_within(shape))
    }
}
