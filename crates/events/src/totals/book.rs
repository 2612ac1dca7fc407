//! The book of totals: gathers what the lanes counted, into minutes for the archive and slices for live figures.
//!
//! Invariants: a minute is written as a whole, under a number of its own (its *part*), so writing it again after a
//! doubtful commit, or after a restart within the minute, never counts anything twice; minutes the archive has not
//! taken are kept up to a bound, and given up from the oldest on.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hashbrown::HashMap;
use portcullis_model::Timestamp;

use super::callers::{CallerCount, Callers};
use super::gathering::Gathering;
use super::line::{Counts, Line};
use super::lines::Top;
use super::tally::Counted;

/// Callers kept apart for one minute or slice.
const CALLERS: usize = 128;
/// Lines kept apart for one minute, and for one slice.
const MINUTE_LINES: usize = 8192;
const SLICE_LINES: usize = 1024;
/// Minutes kept for an archive that does not take them.
const MINUTES: usize = 120;
/// A finished minute is kept open this long for stragglers.
const OPEN: Duration = Duration::from_mins(2);
/// A slice of live figures, and how many there are.
const SLICE: Duration = Duration::from_secs(5);
const SLICES: usize = 60;

/// Minutes and slices.
#[derive(Debug)]
pub(crate) struct Book {
    minutes: BTreeMap<Timestamp, Minute>,
    slices: VecDeque<Slice>,
    began: Timestamp,
    next_part: i64,
    given_up: u64,
}

/// One minute, as far as this process counted it.
#[derive(Debug)]
struct Minute {
    part: i64,
    lines: HashMap<Line, (Counts, Kept)>,
    callers: Callers,
    kept: Kept,
}

/// Whether the archive has what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Not,
    /// Handed over and not yet confirmed.
    Handed,
    Safely,
}

#[derive(Debug)]
struct Slice {
    from: Timestamp,
    lines: HashMap<Line, Counts>,
    callers: Callers,
}

/// A minute to be written: the lines that changed, with their counts since the part began.
#[derive(Clone, Debug)]
pub(crate) struct MinuteTotals {
    pub(crate) minute: Timestamp,
    pub(crate) part: i64,
    pub(crate) lines: Vec<(Line, Counts)>,
    pub(crate) callers: Vec<CallerCount>,
}

impl Book {
    /// An empty book; `now` also makes its parts differ from those of earlier processes.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            minutes: BTreeMap::new(),
            slices: VecDeque::new(),
            began: now,
            next_part: now.as_micros(),
            given_up: 0,
        }
    }

    /// Gathers what was counted, at `now`.
    pub(crate) fn gather(&mut self, counted: Vec<Counted>, now: Timestamp) {
        self.slice_at(now);
        for counted in counted {
            if let Some(slice) = self.slices.back_mut() {
                slice.gather(&counted);
            }
            let next_part = &mut self.next_part;
            let minute = self.minutes.entry(counted.minute).or_insert_with(|| {
                *next_part += 1;
                Minute::new(*next_part)
            });
            minute.gather(counted);
        }
        while self.minutes.len() > MINUTES {
            if self.minutes.pop_first().is_some_and(|(_, minute)| minute.kept != Kept::Safely) {
                self.given_up += 1;
            }
        }
    }

    /// Every minute that the archive does not have as it is now.
    pub(crate) fn hand_over(&mut self) -> Vec<MinuteTotals> {
        let waiting = self.minutes.iter_mut().filter(|(_, minute)| minute.kept != Kept::Safely);
        waiting.map(|(at, minute)| minute.hand_over(*at)).collect()
    }

    /// The archive has everything handed over; finished minutes can be forgotten.
    pub(crate) fn kept(&mut self, now: Timestamp) {
        for minute in self.minutes.values_mut() {
            minute.confirm();
        }
        let open = now.minus(OPEN);
        self.minutes.retain(|at, minute| minute.kept != Kept::Safely || *at >= open);
    }

    /// Without an archive: finished minutes are forgotten unwritten.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let open = now.minus(OPEN);
        self.minutes.retain(|at, _| *at >= open);
    }

    /// How many minutes were given up, never written.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What happened within the last `span` before `now`, to the slice.
    pub(crate) fn top(&self, span: Duration, now: Timestamp) -> Top {
        let since = self.began.max(slice_start(now.minus(span)));
        let mut gathering = Gathering::default();
        for slice in self.slices.iter().filter(|slice| slice.from >= slice_start(since)) {
            for (line, counts) in &slice.lines {
                gathering.add(line, counts);
            }
            gathering.add_callers(&slice.callers);
        }
        gathering.finish(since, now.max(since))
    }

    fn slice_at(&mut self, now: Timestamp) {
        let from = slice_start(now);
        if self.slices.back().is_some_and(|last| last.from > now.plus(SLICE)) {
            // The clock stepped back: what was counted then has no place in the span that is asked for.
            self.slices.clear();
            self.began = now;
        }
        if self.slices.back().is_none_or(|last| last.from < from) {
            self.slices.push_back(Slice { from, lines: HashMap::new(), callers: Callers::new(CALLERS) });
        }
        let first = from.minus(SLICE * SLICES as u32);
        while self.slices.front().is_some_and(|slice| slice.from <= first) {
            self.slices.pop_front();
        }
    }
}

fn slice_start(at: Timestamp) -> Timestamp {
    let slice = SLICE.as_micros() as i64;
    Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(slice))
}

impl Slice {
    fn gather(&mut self, counted: &Counted) {
        for (line, counts) in &counted.lines {
            let line = if self.lines.len() < SLICE_LINES || self.lines.contains_key(line) {
                line.clone()
            } else {
                line.other()
            };
            self.lines.entry(line).or_default().merge(counts);
        }
        self.callers.merge(&counted.callers);
    }
}

impl Minute {
    fn new(part: i64) -> Self {
        Self { part, lines: HashMap::new(), callers: Callers::new(CALLERS), kept: Kept::Not }
    }

    fn gather(&mut self, counted: Counted) {
        for (line, counts) in counted.lines {
            let line = if self.lines.len() < MINUTE_LINES || self.lines.contains_key(&line) {
                line
            } else {
                line.other()
            };
            let (held, kept) = self.lines.entry(line).or_insert_with(|| (Counts::default(), Kept::Not));
            held.merge(&counts);
            *kept = Kept::Not;
        }
        self.callers.merge(&counted.callers);
        self.kept = Kept::Not;
    }

    fn hand_over(&mut self, minute: Timestamp) -> MinuteTotals {
        self.kept = Kept::Handed;
        let changed = self.lines.iter_mut().filter(|(_, (_, kept))| *kept != Kept::Safely);
        let lines = changed.map(|(line, (counts, kept))| {
            *kept = Kept::Handed;
            (line.clone(), counts.clone())
        });
        let lines = lines.collect();
        let callers = self.callers.iter().cloned().collect();
        MinuteTotals { minute, part: self.part, lines, callers }
    }

    fn confirm(&mut self) {
        for kept in self.lines.values_mut().map(|(_, kept)| kept).chain([&mut self.kept]) {
            if *kept == Kept::Handed {
                *kept = Kept::Safely;
            }
        }
    }
}

#[cfg(test)]
mod tests;
