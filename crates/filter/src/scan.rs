//! Rules values out: one pass over a value says which of many rules could match it.
//!
//! What a rule needs is a [`Necessary`] condition: bytes that must be present, texts of which one must occur, a least
//! length. A [`Scanner`] holds the conditions of many rules and answers with the set of candidates. Invariant: a rule
//! whose operator matches a value is always among that value's candidates; a candidate need not match. What it does not
//! know: rules, variables, transformations, and how a candidate is then tried.

mod bits;
pub mod bytes;

mod derive;
mod fold;
mod gates;
mod necessary;
mod pattern;
mod scanner;
mod scratch;
mod shape;
mod sieve;
mod sorted;
mod text;
mod texts;

#[cfg(test)]
mod tests;

pub use bits::Bits;
pub use necessary::Necessary;
pub use scanner::Scanner;
pub use scratch::Scratch;
pub use shape::Shape;
pub use sieve::Sieve;
pub use sorted::Sorted;
