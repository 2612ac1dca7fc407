//! What one caller tried, or what was tried on one account, within the window.
//!
//! Invariant: bounded, whatever is tried; sets hold keyed hashes alone. It does not know whether it is a caller's or an
//! account's.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use portcullis_model::guess::Guess;
use portcullis_model::{CallerKey, EventId, Timestamp};
use smol_str::SmolStr;

/// Different accounts, keys or tokens one caller may fail with in a window without being told of.
pub(super) const MANY_THINGS: usize = 20;

/// Different callers that may fail with one account.
pub(super) const MANY_CALLERS: usize = 10;

/// Different passwords that may be tried on one account.
pub(super) const MANY_SECRETS: usize = 20;

/// Many callers with so few passwords are a service whose password was changed.
const FEW_SECRETS: usize = 3;

/// How many are told apart.
pub(super) const MOST_APART: usize = 64;

/// What is kept of it.
#[derive(Debug)]
pub(super) struct Trail {
    pub(super) since: Timestamp,
    pub(super) last: Timestamp,
    pub(super) provider: SmolStr,
    pub(super) first_event: EventId,
    pub(super) attempts: u64,
    /// Attempts nobody has heard of.
    pub(super) untold: u64,
    /// Whether it is told of by its own name.
    pub(super) named: bool,
    /// A caller's accounts, keys and tokens; an account's callers.
    pub(super) others: Apart,
    /// Passwords, keys and tokens.
    pub(super) secrets: Apart,
}

/// What a guess adds to the sets, as hashes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) other: u64,
    pub(super) secret: u64,
}

/// Different values, up to a number.
#[derive(Debug, Default)]
pub(super) struct Apart(Vec<u64>);

impl Trail {
    pub(super) fn begin(guess: &Guess) -> Self {
        Self {
            since: guess.time,
            last: guess.time,
            provider: guess.provider.clone(),
            first_event: guess.id,
            attempts: 0,
            untold: 0,
            named: false,
            others: Apart::default(),
            secrets: Apart::default(),
        }
    }

    pub(super) fn take(&mut self, guess: &Guess, step: Step) {
        self.last = self.last.max(guess.time);
        self.attempts += 1;
        self.untold += 1;
        self.others.add(step.other);
        self.secrets.add(step.secret);
    }

    /// Of a caller: more accounts, keys and tokens than mistakes explain.
    pub(super) fn is_many_things(&self) -> bool {
        self.others.len() >= MANY_THINGS
    }

    /// Of such a caller: the same few passwords again and again.
    pub(super) fn is_spraying(&self) -> bool {
        self.secrets.len() * 4 <= self.others.len()
    }

    /// Of an account: more callers or passwords than mistakes explain.
    pub(super) fn is_guessed_at(&self) -> bool {
        let by_many = self.others.len() >= MANY_CALLERS && self.secrets.len() >= FEW_SECRETS;
        by_many || self.secrets.len() >= MANY_SECRETS
    }
}

impl Apart {
    fn add(&mut self, hash: u64) {
        if self.0.len() < MOST_APART && !self.0.contains(&hash) {
            self.0.push(hash);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Tells callers apart within this process; it is no secret who calls.
pub(super) fn hash_of(caller: &CallerKey) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(caller)
}
