//! What values must have for one of a few items, asked without looking the items up.
//!
//! For texts that hardly ever are candidates and look different every time, such as what comes of decoding any word.
//! Immutable. Invariant: what a scanner would let through to one of its items, the sieve lets through.

use super::Shape;
use super::gates::Demands;

/// The demands of a few items.
#[derive(Clone, Debug)]
pub struct Sieve {
    demands: Box<[Demands]>,
    /// How many ASCII bytes stand next to each other in every value that is let through.
    run: usize,
}

impl Sieve {
    /// The most demands of one sieve: to try more would cost what it saves.
    const MOST: usize = 16;

    /// A sieve of these demands, each with the run of ASCII bytes that comes with it, if those that no other implies
    /// are few.
    pub(super) fn of<'a>(gates: impl Iterator<Item = (&'a Demands, usize)>) -> Option<Self> {
        let mut kept: Vec<Demands> = Vec::new();
        let mut run = usize::MAX;
        for (demands, its_run) in gates {
            run = run.min(its_run);
            if !kept.iter().any(|known| known.are_implied_by(demands)) {
                kept.retain(|known| !demands.are_implied_by(known));
                kept.push(*demands);
            }
        }
        (kept.len() <= Self::MOST).then(|| Self { demands: kept.into_boxed_slice(), run })
    }

    /// Whether a value whose shape has bits of `shape` only could be let through.
    pub fn lets_through(&self, shape: Shape) -> bool {
        self.demands.iter().any(|demands| demands.could_be_met_within(shape))
    }

    /// Whether this very value has as many ASCII bytes next to each other as it takes to be let through.
    pub fn has_run(&self, value: &[u8]) -> bool {
        let mut rest = value;
        while let Some(window) = rest.get(..self.run) {
            // From its end: no run goes over another byte, so most bytes of what is no text are never looked at.
            let Some(other) = window.iter().rposition(|byte| !byte.is_ascii()) else { return true };
            rest = rest.get(other + 1..).unwrap_or_default();
        }
        self.run <= 1
    }
}
