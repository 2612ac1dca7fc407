//! Guesses: credentials that prove nothing and never did, as what counts them is told of them.
//!
//! Invariant: what was tried is here only as keyed hashes; a name stands in clear only where its provider knows it. It
//! does not know how many guesses are too many.

use smol_str::SmolStr;

use crate::caller::CallerKey;
use crate::id::EventId;
use crate::time::Timestamp;

/// One credential that may have been guessed, bought or stolen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The exchange's id, and its event's.
    pub id: EventId,
    /// When the exchange began.
    pub time: Timestamp,
    /// The site.
    pub site: SmolStr,
    /// The provider it was shown to.
    pub provider: SmolStr,
    /// Who showed it.
    pub caller: CallerKey,
    /// What was tried.
    pub tried: Tried,
}

/// What was tried, as keyed hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A name and a password.
    Account {
        /// Of the name.
        account: u64,
        /// The name itself, where the provider has it.
        known: Option<SmolStr>,
        /// Of the password.
        password: u64,
    },
    /// An API key or a token.
    Text(u64),
}
