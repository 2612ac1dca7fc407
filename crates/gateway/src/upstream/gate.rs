//! How many exchanges an upstream is given at once when that is found out rather than written down.
//!
//! Every tenth of a second the time that answers took is held against the time they usually take. Where it is more than
//! policy tolerates, fewer are let through, in proportion; otherwise more, as long as there are as many. What is usual is
//! the least of what was measured; it follows upwards while there is little to do, or once nothing is gained any more by
//! letting fewer through.
//!
//! Invariants: what was let through is never given up; the worth of an exchange decides how full it may be for it; no
//! caller has more than its share while it is nearly full; everything kept is bounded by what is under way. It knows
//! neither requests nor who a caller is.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_engine::{Shed, Worth};
use portcullis_model::{CallerKey, Tick};
use smol_str::SmolStr;

/// How long answers come together before anything is concluded.
const WINDOW: Duration = Duration::from_millis(100);
/// And how many at least, unless it takes much longer.
const ENOUGH: u32 = 10;
/// How many are let through before anything is known.
const AT_FIRST: usize = 100;
/// So many windows with the least let through in vain, and what answers take then is what is usual.
const IN_VAIN: u32 = 50;
/// Percent of the limit that the exchanges of unknown callers, and those of undeclared operations among them, may fill.
const FOR_UNKNOWN: usize = 90;
const FOR_STRANGERS: usize = 75;
/// Percent of the limit from which on callers are held to their share.
const CROWDED: usize = 80;

/// What policy says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overload {
    /// How many times as long as usual answers may take.
    pub(crate) tolerance: u32,
    /// The least let through at once.
    pub(crate) minimum: usize,
    /// The most.
    pub(crate) maximum: usize,
    /// Paths that are let through in any case.
    pub(crate) spare: Vec<SmolStr>,
}

/// Lets exchanges through to an upstream.
#[derive(Debug)]
pub(crate) struct Gate {
    overload: Overload,
    limit: AtomicUsize,
    active: AtomicUsize,
    callers: Mutex<HashMap<u64, usize, foldhash::fast::RandomState>>,
    hasher: foldhash::fast::RandomState,
    window: Mutex<Window>,
    shed: [AtomicU64; 2],
}

/// What was measured since the last conclusion.
#[derive(Debug, Default)]
struct Window {
    began: Option<Tick>,
    answers: u32,
    taken: Duration,
    /// The most that were under way at once.
    peak: usize,
    /// Seconds that answers usually take; 0 while nothing is known.
    usual: f64,
    in_vain: u32,
}

/// One exchange under way; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    gate: Arc<Gate>,
    caller: u64,
    began: Tick,
}

/// An exchange that wants to go through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanting<'a> {
    /// What it is worth.
    pub(crate) worth: Worth,
    /// Who calls, as [`Gate::caller`] says.
    pub(crate) caller: u64,
    /// Its path.
    pub(crate) path: &'a str,
}

impl Gate {
    /// One that has let nothing through yet.
    pub(crate) fn new(overload: Overload) -> Self {
        let limit = AT_FIRST.clamp(overload.minimum, overload.maximum);
        Self {
            overload,
            limit: AtomicUsize::new(limit),
            active: AtomicUsize::new(0),
            callers: Mutex::default(),
            hasher: foldhash::fast::RandomState::default(),
            window: Mutex::default(),
            shed: [const { AtomicU64::new(0) }; 2],
        }
    }

    /// How many may be under way.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// How many are under way.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// How many were given up, and why.
    pub(crate) fn shed(&self) -> [(Shed, u64); 2] {
        let [full, caller] = &self.shed;
        [(Shed::Full, full.load(Ordering::Relaxed)), (Shed::Caller, caller.load(Ordering::Relaxed))]
    }

    /// A caller as it is counted here.
    pub(crate) fn caller(&self, caller: &CallerKey) -> u64 {
        self.hasher.hash_one(caller)
    }

    /// Whether an exchange goes through, or why not.
    pub(crate) fn admits(&self, wanting: Wanting<'_>) -> Result<(), Shed> {
        let (active, limit) = (self.active(), self.limit());
        if self.overload.spare.iter().any(|path| path == wanting.path)
            && active < limit + self.overload.minimum
        {
            return Ok(());
        }
        let room = match wanting.worth {
            Worth::Known => limit,
            Worth::Unknown => limit * FOR_UNKNOWN / 100,
            Worth::Stranger => limit * FOR_STRANGERS / 100,
        };
        let refused = if active >= room.max(1) {
            Some(Shed::Full)
        } else if active * 100 >= limit * CROWDED && self.has_its_share(wanting.caller, limit) {
            Some(Shed::Caller)
        } else {
            None
        };
        let Some(why) = refused else { return Ok(()) };
        let [full, caller] = &self.shed;
        if why == Shed::Caller { caller } else { full }.fetch_add(1, Ordering::Relaxed);
        Err(why)
    }

    /// Whether a caller has as much under way as each of all callers could have; one alone may have everything.
    fn has_its_share(&self, caller: u64, limit: usize) -> bool {
        let callers = self.callers.lock();
        let own = callers.get(&caller).copied().unwrap_or(0);
        let others = callers.len() - usize::from(own > 0);
        others > 0 && own >= limit.div_ceil(others + 1)
    }

    /// Counts an exchange that is sent to the upstream now.
    pub(crate) fn enter(self: &Arc<Self>, caller: u64, now: Tick) -> Ticket {
        let active = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        *self.callers.lock().entry(caller).or_insert(0) += 1;
        let mut window = self.window.lock();
        window.peak = window.peak.max(active);
        Ticket { gate: Arc::clone(self), caller, began: now }
    }

    fn measure(&self, taken: Duration, now: Tick) {
        let mut window = self.window.lock();
        window.answers += 1;
        window.taken += taken;
        let passed = now.since(*window.began.get_or_insert(now));
        if passed < WINDOW || (window.answers < ENOUGH && passed < 10 * WINDOW) {
            return;
        }
        let limit = window.conclude(self.limit(), &self.overload);
        self.limit.store(limit, Ordering::Relaxed);
        *window = Window {
            began: Some(now),
            peak: self.active(),
            usual: window.usual,
            in_vain: window.in_vain,
            ..Window::default()
        };
    }
}

impl Window {
    /// The limit from now on.
    fn conclude(&mut self, limit: usize, overload: &Overload) -> usize {
        let took = self.taken.as_secs_f64() / f64::from(self.answers.max(1));
        let is_used = self.peak * 2 >= limit;
        if self.usual == 0.0 || took < self.usual {
            self.usual = took;
        } else if !is_used {
            self.usual += (took - self.usual) / 10.0;
        }
        let allowed = self.usual * f64::from(overload.tolerance);
        if took > allowed && is_used {
            self.in_vain = if limit == overload.minimum { self.in_vain + 1 } else { 0 };
            if self.in_vain > IN_VAIN {
                self.usual = took;
                self.in_vain = 0;
            }
            let micros = |seconds: f64| Duration::from_secs_f64(seconds).as_micros().max(1);
            let fewer = limit as u128 * micros(allowed) / micros(took);
            return usize::try_from(fewer).unwrap_or(limit).max(limit / 2).max(overload.minimum);
        }
        self.in_vain = 0;
        if is_used && took * 4.0 < allowed * 3.0 {
            return (limit + (limit.isqrt() / 2).max(1)).min(overload.maximum);
        }
        limit
    }
}

impl Ticket {
    /// The upstream answered, or took too long to.
    pub(crate) fn answered(&self, now: Tick) {
        self.gate.measure(now.since(self.began), now);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.gate.active.fetch_sub(1, Ordering::Relaxed);
        let mut callers = self.gate.callers.lock();
        if let Some(own) = callers.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(limit: usize) -> Arc<Gate> {
        let overload = Overload {
            tolerance: 2,
            minimum: 4,
            maximum: 1000,
            spare: vec![SmolStr::new_static("/healthz")],
        };
        let gate = Gate::new(overload);
        gate.limit.store(limit, Ordering::Relaxed);
        Arc::new(gate)
    }

    fn wanting(worth: Worth, caller: u64) -> Wanting<'static> {
        Wanting { worth, caller, path: "/" }
    }

    #[test]
    fn what_is_worth_least_is_given_up_first_and_probes_last() {
        let gate = gate(20);
        let mut under_way = Vec::new();
        let mut admitted = Vec::new();
        for caller in 0..30 {
            let through = |worth| gate.admits(wanting(worth, caller)).is_ok();
            let probe = gate.admits(Wanting { path: "/healthz", ..wanting(Worth::Stranger, caller) }).is_ok();
            admitted.push((through(Worth::Stranger), through(Worth::Unknown), through(Worth::Known), probe));
            under_way.push(gate.enter(caller, Tick(0)));
        }
        let last = |of: fn(&(bool, bool, bool, bool)) -> bool| admitted.iter().filter(|one| of(one)).count();
        assert_eq!(
            (last(|one| one.0), last(|one| one.1), last(|one| one.2), last(|one| one.3)),
            (15, 18, 20, 24)
        );
        drop(under_way);
        assert_eq!(gate.active(), 0);
        assert!(gate.callers.lock().is_empty());
    }

    #[test]
    fn nobody_has_more_than_a_share_while_it_is_crowded() {
        let gate = gate(20);
        let greedy: Vec<_> = (0..17).map(|_| gate.enter(1, Tick(0))).collect();
        assert!(gate.admits(wanting(Worth::Known, 1)).is_ok(), "alone it may have everything");
        let other = gate.enter(2, Tick(0));
        assert_eq!(gate.admits(wanting(Worth::Known, 1)), Err(Shed::Caller));
        assert!(gate.admits(wanting(Worth::Known, 2)).is_ok());
        assert!(gate.admits(wanting(Worth::Known, 3)).is_ok(), "and so may one that has nothing yet");
        drop((greedy, other));
        assert!(gate.admits(wanting(Worth::Known, 1)).is_ok());
    }

    /// An upstream that answers so many at once in ten milliseconds, and others one after the other.
    fn run(gate: &Arc<Gate>, wanted: usize, capacity: usize, from: u64, windows: u64) -> u64 {
        let millis = |n: u64| Tick(n * 1_000_000);
        for window in 0..windows {
            let now = from + window * 100;
            let tickets: Vec<_> = (0..wanted)
                .map_while(|caller| {
                    let caller = caller as u64;
                    gate.admits(wanting(Worth::Known, caller))
                        .is_ok()
                        .then(|| gate.enter(caller, millis(now)))
                })
                .collect();
            let taken = 10 * tickets.len().div_ceil(capacity).max(1) as u64;
            for _ in &tickets {
                gate.measure(Duration::from_millis(taken), millis(now + 100));
            }
        }
        from + windows * 100
    }

    #[test]
    fn it_finds_what_an_upstream_bears_and_gives_back() {
        let gate = gate(100);
        let now = run(&gate, 20, 40, 0, 30);
        assert_eq!(gate.limit(), 100, "nobody used it, so nothing is known of more");
        let now = run(&gate, 800, 40, now, 100);
        assert!((40..=100).contains(&gate.limit()), "{}", gate.limit());
        let now = run(&gate, 800, 10, now, 30);
        assert!((4..=24).contains(&gate.limit()), "a slower one gets less: {}", gate.limit());
        run(&gate, 800, 400, now, 300);
        assert!(gate.limit() >= 300, "one that came back gets more: {}", gate.limit());
    }
}
