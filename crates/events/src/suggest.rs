//! Limits proposed from what callers did: by operation, from the busiest minute of each caller.
//!
//! First all events are observed, then the same are tried against what is proposed. Invariants: events come the oldest
//! first; what was refused proposes nothing and is not tried; memory is bounded, and what found no room is counted. It does
//! not know where events come from.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use portcullis_model::{CallerKey, Event};
use serde::Serialize;
use smol_str::SmolStr;

/// How many callers of operations are looked at.
const MOST: usize = 500_000;
/// No limit below this many a minute is proposed: people open a few pages at once.
const LEAST: u64 = 10;

/// A site's name and an operation's.
type Name = (SmolStr, SmolStr);

/// What callers did.
#[derive(Debug, Default)]
pub struct Observed {
    callers: HashMap<(Name, CallerKey), Minutes, RandomState>,
    uncounted: u64,
}

/// One caller's calls of one operation.
#[derive(Debug, Default)]
struct Minutes {
    exchanges: u64,
    /// The minute that is counted, in minutes since 1970.
    now: i64,
    in_it: u64,
    busiest: u64,
}

/// A limit for one operation, counted by caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The site.
    pub site: SmolStr,
    /// The operation.
    pub operation: SmolStr,
    /// How many called it.
    pub callers: u64,
    /// How often.
    pub exchanges: u64,
    /// What 99 of 100 callers did not exceed in any minute.
    pub p99: u64,
    /// What nobody did.
    pub most: u64,
    /// How many a minute are proposed.
    pub rate: u64,
    /// What it would have refused.
    pub would_refuse: Refused,
}

/// What a limit would have refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Exchanges.
    pub exchanges: u64,
    /// Callers that had one refused.
    pub callers: u64,
}

impl Observed {
    /// Takes an event into account.
    pub fn observe(&mut self, event: &Event) {
        let Some(key) = of(event) else { return };
        if self.callers.len() >= MOST && !self.callers.contains_key(&key) {
            self.uncounted += 1;
            return;
        }
        let minutes = self.callers.entry(key).or_default();
        let minute = event.time.as_secs().div_euclid(60);
        if minute > minutes.now {
            (minutes.now, minutes.in_it) = (minute, 0);
        }
        minutes.exchanges += 1;
        minutes.in_it += 1;
        minutes.busiest = minutes.busiest.max(minutes.in_it);
    }

    /// Exchanges for which there was no room.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// A limit for every operation that was called at least so often.
    pub fn proposals(&self, at_least: u64) -> Vec<Proposal> {
        let mut operations: BTreeMap<&Name, Vec<&Minutes>> = BTreeMap::new();
        for ((name, _), minutes) in &self.callers {
            operations.entry(name).or_default().push(minutes);
        }
        let proposals = operations.into_iter().map(|(name, callers)| propose(name, &callers));
        proposals.filter(|proposal| proposal.exchanges >= at_least).collect()
    }
}

fn propose((site, operation): &Name, callers: &[&Minutes]) -> Proposal {
    let mut busiest: Vec<u64> = callers.iter().map(|minutes| minutes.busiest).collect();
    busiest.sort_unstable();
    // The nearest rank.
    let rank = (busiest.len() * 99).div_ceil(100).saturating_sub(1);
    let p99 = busiest.get(rank).copied().unwrap_or(0);
    Proposal {
        site: site.clone(),
        operation: operation.clone(),
        callers: callers.len() as u64,
        exchanges: callers.iter().map(|minutes| minutes.exchanges).sum(),
        p99,
        most: busiest.last().copied().unwrap_or(0),
        rate: round(p99.saturating_add(p99 / 2)).max(LEAST),
        would_refuse: Refused::default(),
    }
}

/// Up to a multiple of 5, above 100 of 50, above 1000 of 500, and so on.
fn round(count: u64) -> u64 {
    let mut step: u64 = 5;
    while step.saturating_mul(20) < count {
        step = step.saturating_mul(10);
    }
    count.div_ceil(step).saturating_mul(step)
}

/// Tries events against proposals.
#[derive(Debug)]
pub struct Trial {
    proposals: Vec<Proposal>,
    places: HashMap<Name, usize, RandomState>,
    /// When each bucket would be full again, in microseconds since 1970 times the rate.
    buckets: HashMap<(usize, CallerKey), i128, RandomState>,
    refused: HashSet<(usize, CallerKey), RandomState>,
}

impl Trial {
    /// Begins with empty counters.
    pub fn new(proposals: Vec<Proposal>) -> Self {
        let name = |proposal: &Proposal| (proposal.site.clone(), proposal.operation.clone());
        let places = proposals.iter().enumerate().map(|(place, proposal)| (name(proposal), place)).collect();
        Self { proposals, places, buckets: HashMap::default(), refused: HashSet::default() }
    }

    /// Counts an event as the limit would have: a token bucket as large as the rate.
    pub fn observe(&mut self, event: &Event) {
        let Some((name, caller)) = of(event) else { return };
        let Some(place) = self.places.get(&name).copied() else { return };
        let Some(proposal) = self.proposals.get_mut(place) else { return };
        if self.buckets.len() >= MOST && !self.buckets.contains_key(&(place, caller.clone())) {
            return;
        }
        let (rate, minute) = (i128::from(proposal.rate), 60_000_000);
        let now = i128::from(event.time.as_micros()) * rate;
        let full = self.buckets.entry((place, caller.clone())).or_insert(now);
        let after = (*full).max(now) + minute;
        if after - now <= rate * minute {
            *full = after;
            return;
        }
        proposal.would_refuse.exchanges += 1;
        if self.refused.insert((place, caller)) {
            proposal.would_refuse.callers += 1;
        }
    }

    /// What came of it.
    pub fn end(self) -> Vec<Proposal> {
        self.proposals
    }
}

/// What an event counts for; nothing where it was refused or belongs to no operation.
fn of(event: &Event) -> Option<(Name, CallerKey)> {
    let whole = event.progress.is_none() && !event.verdict.action.refuses();
    let name = (event.site.clone()?, event.operation.as_ref()?.name.clone());
    whole.then(|| (name, event.caller.key.clone()))
}

impl Proposal {
    /// The limit as it stands in a policy, on one line. `name` tells it from other limits.
    pub fn line(&self, name: &str) -> String {
        let quoted = self.operation.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "''");
        format!(
            "- {{ name: {name}, when: 'operation == \"{quoted}\"', key: caller, rate: {}/min }}",
            self.rate
        )
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::Action;

    use super::*;
    use crate::sample;

    #[test]
    fn numbers_are_round() {
        let rounded = [0, 3, 9, 11, 37, 99, 100, 123, 1501].map(round);
        assert_eq!(rounded, [0, 5, 10, 15, 40, 100, 100, 150, 2000]);
    }

    #[test]
    fn the_busiest_minutes_of_callers_give_the_limit_and_one_who_does_far_more_is_refused() {
        let call = |caller: u64, second: i64| sample::event(second, caller, Action::Pass);
        let mut events: Vec<Event> =
            (0..150).flat_map(|caller| (0..12).map(move |at| call(caller, at * 5))).collect();
        events.extend((0..60).map(|at| call(199, at)));
        events.sort_by_key(|event| event.time);
        let mut observed = Observed::default();
        for event in &events {
            observed.observe(event);
        }
        let proposals = observed.proposals(100);
        assert_eq!(proposals.len(), 1);
        let only = &proposals[0];
        assert_eq!((only.callers, only.exchanges, only.p99, only.most, only.rate), (151, 1860, 12, 60, 20));
        let mut trial = Trial::new(proposals);
        for event in &events {
            trial.observe(event);
        }
        let tried = trial.end();
        // 20 at once and one each three seconds, of 60 in as many seconds.
        assert_eq!(tried[0].would_refuse, Refused { exchanges: 60 - 20 - 19, callers: 1 });
        assert!(observed.proposals(2000).is_empty(), "too little to go by");
    }
}
