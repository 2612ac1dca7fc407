//! Credentials that failed, counted for each caller and for each account: stuffing, spraying and guessing, as findings.
//!
//! Invariants: memory is bounded, and what was seen once gives way to what was seen often; credentials are counted by
//! keyed hashes and never told; few callers and accounts are told of one by one, so that an attack from everywhere does
//! not bury other findings. It has no clock: time is that of the guesses. Nothing of it outlives a restart.

mod tell;
mod trail;

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use portcullis_model::finding::Finding;
use portcullis_model::guess::{Guess, Tried};
use portcullis_model::{CallerKey, Timestamp};
use smol_str::SmolStr;

use self::tell::{account_finding, caller_finding};
use self::trail::{Step, Trail};

/// How long guesses of one caller, or on one account, count together, from the first.
const WINDOW: Duration = Duration::from_hours(1);

/// Callers, and accounts, counted at once.
const MOST: usize = 8192;

/// How long a full table rests before it is looked through for what can go.
const REST: Duration = Duration::from_secs(1);

/// Everything counted.
#[derive(Debug, Default)]
pub(crate) struct Guessing {
    callers: Table<Caller>,
    accounts: Table<Account>,
}

/// A caller at a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Caller {
    site: SmolStr,
    key: CallerKey,
}

/// An account of a provider, asked for at a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Account {
    site: SmolStr,
    provider: SmolStr,
    hash: u64,
    /// Where the provider has it.
    known: Option<SmolStr>,
}

/// What is counted by one kind of key.
#[derive(Debug)]
struct Table<K> {
    trails: HashMap<K, Trail>,
    swept: Timestamp,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { trails: HashMap::new(), swept: Timestamp::from_secs(0) }
    }
}

impl Guessing {
    /// Counts a guess.
    pub(crate) fn take(&mut self, guess: &Guess) {
        let (thing, secret) = match &guess.tried {
            Tried::Account { account, password, .. } => (*account, *password),
            // A key is name and password in one.
            Tried::Text(hash) => (*hash, *hash),
        };
        let caller = Caller { site: guess.site.clone(), key: guess.caller.clone() };
        self.callers.take(caller, guess, Step { other: thing, secret });
        if let Tried::Account { account, known, password } = &guess.tried {
            let (site, provider) = (guess.site.clone(), guess.provider.clone());
            let caller = trail::hash_of(&guess.caller);
            let account = Account { site, provider, hash: *account, known: known.clone() };
            self.accounts.take(account, guess, Step { other: caller, secret: *password });
        }
    }

    /// What there is to tell since it was asked last.
    pub(crate) fn conclude(&mut self) -> Vec<Finding> {
        let mut found = self
            .callers
            .conclude(Trail::is_many_things, |caller, news| caller_finding(&caller.site, &caller.key, news));
        found.extend(self.accounts.conclude(Trail::is_guessed_at, account_finding));
        found
    }
}

impl<K: Hash + Eq> Table<K> {
    fn take(&mut self, key: K, guess: &Guess, step: Step) {
        if self.trails.len() >= MOST && !self.trails.contains_key(&key) {
            self.sweep(guess.time);
            if self.trails.len() >= MOST {
                return;
            }
        }
        let trail = self.trails.entry(key).or_insert_with(|| Trail::begin(guess));
        if guess.time >= trail.since.plus(WINDOW) {
            *trail = Trail::begin(guess);
        }
        trail.take(guess, step);
    }

    /// Drops what is over; where that is not enough, what was seen least.
    fn sweep(&mut self, now: Timestamp) {
        if now < self.swept.plus(REST) {
            return;
        }
        self.swept = now;
        self.trails.retain(|_, trail| now < trail.since.plus(WINDOW));
        if self.trails.len() >= MOST {
            self.trails.retain(|_, trail| trail.attempts > 1);
        }
    }

    fn conclude(
        &mut self,
        is_over: impl Fn(&Trail) -> bool,
        finding: impl Fn(&K, tell::News<'_>) -> Finding,
    ) -> Vec<Finding> {
        let mut named = self.trails.values().filter(|trail| trail.named).count();
        let mut found = Vec::new();
        for (key, trail) in &mut self.trails {
            if trail.untold == 0 || !is_over(trail) {
                continue;
            }
            if !trail.named && named < tell::MOST_NAMED {
                trail.named = true;
                named += 1;
            }
            found.push(finding(key, tell::News { trail, count: trail.untold }));
            trail.untold = 0;
        }
        found
    }
}

#[cfg(test)]
mod tests;
