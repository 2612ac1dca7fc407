//! Tallies: what the hot path adds to. One for each of a few lanes; a thread keeps to its lane, so that its lock is
//! free whenever it wants it.
//!
//! Invariants: adding allocates only for a line or caller not met in this minute; a lane counts into one minute at
//! a time and seals it when the next begins.

use std::cell::Cell;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;
use portcullis_model::Timestamp;
use portcullis_model::event::Summary;

use super::callers::Callers;
use super::latency::Dense;
use super::line::{Counts, Line};
use super::lines::StatusClass;

/// Lines one lane counts apart within a minute; further operations are counted together.
const LINES: usize = 2048;
/// Callers one lane counts apart.
const CALLERS: usize = 256;
/// Sealed minutes a lane keeps for the book; the oldest is given up beyond.
const SEALED: usize = 16;
/// A clock that steps back further than this begins a minute anew.
const STEP_BACK_MICROS: i64 = 5 * 60 * 1_000_000;

/// What was counted in one lane within one minute since the last look.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(super) minute: Timestamp,
    pub(super) lines: Vec<(Line, Counts)>,
    pub(super) callers: Callers,
}

impl Counted {
    pub(crate) fn exchanges(&self) -> u64 {
        self.lines.iter().map(|(_, counts)| counts.count).sum()
    }
}

/// Every lane.
#[derive(Debug)]
pub(crate) struct Tallies {
    lanes: Vec<Mutex<Tally>>,
}

thread_local! {
    /// Which lane this thread keeps to, once it has chosen.
    static LANE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The next thread's lane.
static NEXT_LANE: AtomicUsize = AtomicUsize::new(0);

impl Tallies {
    /// As many lanes as threads may count at once.
    pub(crate) fn new(lanes: usize) -> Self {
        Self { lanes: std::iter::repeat_with(Mutex::default).take(lanes.max(1)).collect() }
    }

    /// Counts one exchange.
    pub(crate) fn fold(&self, summary: &Summary) {
        let lane = LANE.get().unwrap_or_else(|| {
            let lane = NEXT_LANE.fetch_add(1, Ordering::Relaxed);
            LANE.set(Some(lane));
            lane
        });
        if let Some(tally) = self.lanes.get(lane % self.lanes.len()) {
            tally.lock().add(summary);
        }
    }

    /// What was counted since the last call, and how many minutes were given up.
    pub(crate) fn take(&self) -> (Vec<Counted>, u64) {
        let mut given_up = 0;
        let counted = self.lanes.iter().flat_map(|lane| {
            let mut tally = lane.lock();
            given_up += std::mem::take(&mut tally.given_up);
            tally.take()
        });
        (counted.collect(), given_up)
    }
}

/// One lane.
#[derive(Debug)]
struct Tally {
    minute: Timestamp,
    lines: Vec<(Line, Open)>,
    index: HashTable<u32>,
    hasher: RandomState,
    callers: Callers,
    sealed: Vec<Counted>,
    given_up: u64,
}

/// A line being counted.
#[derive(Debug, Default)]
struct Open {
    count: u64,
    request_bytes: u64,
    response_bytes: u64,
    latency: Dense,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            minute: Timestamp::default(),
            lines: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
            callers: Callers::new(CALLERS),
            sealed: Vec::new(),
            given_up: 0,
        }
    }
}

impl Tally {
    fn add(&mut self, summary: &Summary) {
        self.turn_to(summary.time.plus(summary.duration).minute());
        let place = self.place(summary);
        if let Some((_, open)) = self.lines.get_mut(place) {
            open.count += 1;
            open.request_bytes = open.request_bytes.saturating_add(summary.request_bytes);
            open.response_bytes = open.response_bytes.saturating_add(summary.response_bytes);
            open.latency.add(summary.duration);
        }
        self.callers.add(&summary.site, &summary.caller, u64::from(summary.action.refuses()));
    }

    /// Seals the minute where another has begun. An exchange told late counts in the minute at hand.
    fn turn_to(&mut self, minute: Timestamp) {
        let late = self.minute.as_micros().saturating_sub(minute.as_micros());
        if late == 0 || (late > 0 && late <= STEP_BACK_MICROS) {
            return;
        }
        if let Some(counted) = self.seal() {
            self.sealed.push(counted);
        }
        if self.sealed.len() > SEALED {
            self.sealed.remove(0);
            self.given_up += 1;
        }
        self.lines.clear();
        self.index.clear();
        self.minute = minute;
    }

    fn place(&mut self, summary: &Summary) -> usize {
        let hash = hash(&self.hasher, &summary.site, &summary.operation, packed(summary));
        let lines = &self.lines;
        let is = |place: &u32| lines.get(*place as usize).is_some_and(|(line, _)| line.takes(summary));
        if let Some(place) = self.index.find(hash, is) {
            return *place as usize;
        }
        self.open(Line::of(summary))
    }

    fn open(&mut self, line: Line) -> usize {
        let line = if self.lines.len() < LINES { line } else { line.other() };
        let hash = rehash(&self.hasher, &line);
        let is = |place: &u32| self.lines.get(*place as usize).is_some_and(|(held, _)| *held == line);
        if let Some(place) = self.index.find(hash, is) {
            return *place as usize;
        }
        let place = self.lines.len();
        self.lines.push((line, Open::default()));
        let (lines, hasher) = (&self.lines, &self.hasher);
        self.index.insert_unique(hash, place as u32, |place| {
            lines.get(*place as usize).map_or(0, |(line, _)| rehash(hasher, line))
        });
        place
    }

    /// What was counted in this minute; its lines stay, at zero.
    fn seal(&mut self) -> Option<Counted> {
        let counted = self.lines.iter_mut().filter(|(_, open)| open.count > 0);
        let lines: Vec<_> = counted.map(|(line, open)| (line.clone(), open.take())).collect();
        let callers = std::mem::replace(&mut self.callers, Callers::new(CALLERS));
        (!lines.is_empty()).then_some(Counted { minute: self.minute, lines, callers })
    }

    fn take(&mut self) -> Vec<Counted> {
        let mut counted = std::mem::take(&mut self.sealed);
        counted.extend(self.seal());
        counted
    }
}

impl Open {
    fn take(&mut self) -> Counts {
        Counts {
            count: std::mem::take(&mut self.count),
            request_bytes: std::mem::take(&mut self.request_bytes),
            response_bytes: std::mem::take(&mut self.response_bytes),
            latency: self.latency.take(),
        }
    }
}

/// What tells lines of one operation apart, in one number.
fn packed(summary: &Summary) -> u32 {
    u32::from(summary.action as u8)
        | u32::from(summary.would_have as u8) << 8
        | (StatusClass::of(summary.status) as u32) << 16
}

fn rehash(hasher: &RandomState, line: &Line) -> u64 {
    let packed =
        u32::from(line.action as u8) | u32::from(line.would_have as u8) << 8 | (line.class as u32) << 16;
    hash(hasher, &line.site, &line.operation, packed)
}

fn hash(hasher: &RandomState, site: &str, operation: &str, packed: u32) -> u64 {
    hasher.hash_one((site, operation, packed))
}
