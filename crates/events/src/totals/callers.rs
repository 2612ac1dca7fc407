//! The busiest callers, in bounded memory.
//!
//! Space-saving (Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and top-k elements in data
//! streams", 2005), merged after Agarwal et al. ("Mergeable summaries", 2012). Invariants: a count is never too low,
//! and too high by at most its `over`; every caller busier than the smallest kept is kept; with fewer callers than
//! places everything is exact.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use portcullis_model::CallerKey;
use smol_str::SmolStr;

/// One caller at one site, and how often it called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallerCount {
    pub(crate) site: SmolStr,
    pub(crate) caller: CallerKey,
    pub(crate) count: u64,
    /// By how much `count` may be too high.
    pub(crate) over: u64,
    /// Refused ones that are certain.
    pub(crate) refused: u64,
}

impl CallerCount {
    /// How many are certain.
    pub(crate) fn certain(&self) -> u64 {
        self.count - self.over
    }
}

/// Callers by how often they called.
#[derive(Debug)]
pub(crate) struct Callers {
    places: usize,
    entries: Vec<CallerCount>,
    /// The entries' counts once more, close together: the smallest is looked for often.
    counts: Vec<u64>,
    /// No count is smaller than this, and none before the hand is as small.
    smallest: u64,
    hand: usize,
    index: HashTable<u32>,
    hasher: RandomState,
    /// The most a caller that is not kept can have called.
    missed: u64,
}

impl Callers {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places,
            entries: Vec::new(),
            counts: Vec::new(),
            smallest: 0,
            hand: 0,
            index: HashTable::new(),
            hasher: RandomState::default(),
            missed: 0,
        }
    }

    /// Exactly these.
    pub(crate) fn of(entries: Vec<CallerCount>) -> Self {
        let mut callers = Self::new(entries.len());
        callers.fill(entries, 0);
        callers
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &CallerCount> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.counts.clear();
        (self.smallest, self.hand) = (0, 0);
        self.index.clear();
        self.missed = 0;
    }

    /// Counts one exchange.
    pub(crate) fn add(&mut self, site: &SmolStr, caller: &CallerKey, refused: u64) {
        let hash = self.hasher.hash_one((site.as_str(), caller));
        let entries = &self.entries;
        let is = |place: &u32| {
            entries.get(*place as usize).is_some_and(|held| held.caller == *caller && held.site == *site)
        };
        if let Some(place) = self.index.find(hash, is).map(|place| *place as usize) {
            if let (Some(held), Some(count)) = (self.entries.get_mut(place), self.counts.get_mut(place)) {
                held.count += 1;
                held.refused += refused;
                *count += 1;
            }
            return;
        }
        let new = CallerCount { site: site.clone(), caller: caller.clone(), count: 1, over: 0, refused };
        if self.entries.len() < self.places {
            self.push(hash, new);
        } else {
            self.replace_smallest(hash, new);
        }
    }

    fn push(&mut self, hash: u64, new: CallerCount) {
        let place = self.entries.len() as u32;
        self.counts.push(new.count);
        self.entries.push(new);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(hash, place, |place| rehash(entries, hasher, *place));
    }

    fn replace_smallest(&mut self, hash: u64, new: CallerCount) {
        let Some(place) = self.find_smallest() else { return };
        let smallest = self.smallest;
        let old = rehash(&self.entries, &self.hasher, place as u32);
        if let Ok(entry) = self.index.find_entry(old, |held| *held as usize == place) {
            entry.remove();
        }
        self.missed = self.missed.max(smallest);
        if let (Some(held), Some(count)) = (self.entries.get_mut(place), self.counts.get_mut(place)) {
            *count = smallest + 1;
            *held = CallerCount { count: smallest + 1, over: smallest, ..new };
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(hash, place as u32, |place| rehash(entries, hasher, *place));
    }

    /// An entry than which none is smaller. Counts only grow, so one pass of the hand finds all that are as small,
    /// and a crowd of newcomers costs each a step or two, not a look at every entry.
    fn find_smallest(&mut self) -> Option<usize> {
        for _ in 0..2 {
            let rest = self.counts.get(self.hand..).unwrap_or_default();
            if let Some(step) = rest.iter().position(|count| *count == self.smallest) {
                self.hand += step;
                return Some(self.hand);
            }
            self.hand = 0;
            self.smallest = self.counts.iter().copied().min()?;
        }
        None
    }

    /// Adds another summary's callers: of one that is in only one of both, the other may have missed as many as
    /// its smallest.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut all: HashMap<(SmolStr, CallerKey), CallerCount> = HashMap::new();
        for held in self.iter().chain(other.iter()) {
            let both = all.entry((held.site.clone(), held.caller.clone()));
            let both = both.or_insert_with(|| CallerCount { count: 0, over: 0, refused: 0, ..held.clone() });
            both.count += held.count;
            both.over += held.over;
            both.refused += held.refused;
        }
        for (summary, missed) in [(&*self, self.missed), (other, other.missed)] {
            if missed > 0 {
                for both in all.values_mut().filter(|both| !summary.has(both)) {
                    both.count += missed;
                    both.over += missed;
                }
            }
        }
        let missed = self.missed + other.missed;
        self.fill(all.into_values().collect(), missed);
    }

    /// Whether that caller is kept.
    fn has(&self, wanted: &CallerCount) -> bool {
        let hash = self.hasher.hash_one((wanted.site.as_str(), &wanted.caller));
        let is = |place: &u32| {
            let held = self.entries.get(*place as usize);
            held.is_some_and(|held| held.caller == wanted.caller && held.site == wanted.site)
        };
        self.index.find(hash, is).is_some()
    }

    /// Keeps the busiest of these.
    fn fill(&mut self, mut all: Vec<CallerCount>, missed: u64) {
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| b.certain().cmp(&a.certain())));
        let beyond = all.get(self.places).map_or(0, |first| first.count);
        all.truncate(self.places);
        self.clear();
        self.missed = missed.max(beyond);
        for entry in all {
            self.push(self.hasher.hash_one((entry.site.as_str(), &entry.caller)), entry);
        }
    }
}

fn rehash(entries: &[CallerCount], hasher: &RandomState, place: u32) -> u64 {
    entries.get(place as usize).map_or(0, |held| hasher.hash_one((held.site.as_str(), &held.caller)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(n: u32) -> CallerKey {
        CallerKey::address(std::net::Ipv4Addr::from(0x0a00_0000 + n).into())
    }

    fn count(places: usize, calls: impl IntoIterator<Item = u32>) -> Callers {
        let mut callers = Callers::new(places);
        for n in calls {
            callers.add(&"shop".into(), &caller(n), u64::from(n == 1));
        }
        callers
    }

    /// Three busy callers within a crowd of which each calls once.
    fn crowd(seed: u32) -> impl Iterator<Item = u32> {
        (0..3000).map(move |n| if n % 3 == 0 { n / 3 % 3 + 1 } else { 1000 + n + seed * 10_000 })
    }

    fn check(callers: &Callers, exact: impl Fn(u32) -> u64) {
        for n in 1..=3 {
            let held = callers.iter().find(|held| held.caller == caller(n)).unwrap();
            let exact = exact(n);
            assert!(held.count >= exact && held.certain() <= exact, "{held:?}, in truth {exact}");
        }
    }

    #[test]
    fn few_callers_are_counted_exactly() {
        let callers = count(4, [1, 2, 2, 3, 3, 3]);
        for n in 1..=3 {
            let held = callers.iter().find(|held| held.caller == caller(n)).unwrap();
            assert_eq!((held.count, held.over, held.refused), (u64::from(n), 0, u64::from(n == 1)));
        }
    }

    #[test]
    fn the_busiest_are_found_in_a_crowd_and_their_bounds_hold() {
        check(&count(64, crowd(0)), |n| crowd(0).filter(|call| *call == n).count() as u64);
    }

    #[test]
    fn bounds_hold_after_merging() {
        let mut both = count(64, crowd(0));
        both.merge(&count(64, crowd(1)));
        both.merge(&count(64, [1, 2, 3]));
        assert_eq!(both.iter().count(), 64);
        check(&both, |n| crowd(0).chain(crowd(1)).filter(|call| *call == n).count() as u64 + 1);
    }
}
