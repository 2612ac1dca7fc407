//! The queue between the hot path and the recording thread: two lanes, each bounded, never waited for.
//!
//! Invariants: putting in never blocks longer than moving one row; a full lane drops the newcomer and counts it;
//! passes never take a refusal's room. The recording thread is woken once a batch, not once an event.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::archive::row::Row;

/// Which lane an event waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Pass,
    Refusal,
}

/// Two bounded lanes.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// The recording thread waits on this one.
    wake: Condvar,
    /// Whoever asked for everything to be written waits on this one.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    room: usize,
    passes: VecDeque<Row>,
    refusals: VecDeque<Row>,
    dropped_passes: u64,
    dropped_refusals: u64,
    /// Everything put in before the ask of this number is to be written at once.
    asked: u64,
    answered: u64,
    ending: bool,
}

/// What the recording thread is to do.
#[derive(Debug)]
pub(crate) struct Work {
    /// The asks to answer once this is done; none are new if equal to the last.
    pub(crate) asked: u64,
    /// Whether to write now whatever the pace.
    pub(crate) urgent: bool,
    /// Whether this is the end.
    pub(crate) ending: bool,
}

/// How much waits and how much was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) waiting: u64,
    pub(crate) dropped_passes: u64,
    pub(crate) dropped_refusals: u64,
}

impl Queue {
    /// Lanes with room for so many events each.
    pub(crate) fn new(room: usize) -> Self {
        let waiting = Waiting { room: room.max(1), ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), wake: Condvar::new(), written: Condvar::new() }
    }

    /// Changes the room of each lane; what waits already stays.
    pub(crate) fn resize(&self, room: usize) {
        self.waiting.lock().room = room.max(1);
    }

    /// Whether a lane has room now.
    pub(crate) fn has_room(&self, lane: Lane) -> bool {
        let waiting = self.waiting.lock();
        waiting.lane(lane).len() < waiting.room
    }

    /// Puts an event's row in its lane, or drops it if that is full.
    pub(crate) fn put(&self, row: Row, lane: Lane) {
        let mut waiting = self.waiting.lock();
        let was_empty = waiting.is_empty();
        if waiting.lane(lane).len() >= waiting.room {
            return waiting.drop_one(lane);
        }
        waiting.lane_mut(lane).push_back(row);
        drop(waiting);
        if was_empty {
            self.wake.notify_one();
        }
    }

    /// Counts an event for which there was no room.
    pub(crate) fn drop_one(&self, lane: Lane) {
        self.waiting.lock().drop_one(lane);
    }

    /// Waits until there is something to do: an ask, the end, an event (then for `gather` more, so that a batch
    /// comes together), or for `idle` at most.
    pub(crate) fn wait(&self, gather: Duration, idle: Duration) -> Work {
        let mut waiting = self.waiting.lock();
        if !waiting.is_pressing() && waiting.is_empty() {
            self.wake.wait_for(&mut waiting, idle);
        }
        let until = Instant::now() + gather;
        while !waiting.is_pressing() && !waiting.is_empty() {
            if self.wake.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        Work { asked: waiting.asked, urgent: waiting.is_pressing(), ending: waiting.ending }
    }

    /// Takes up to `most` events, refusals first.
    pub(crate) fn take(&self, most: usize) -> Vec<Row> {
        let mut waiting = self.waiting.lock();
        let refusals = waiting.refusals.len().min(most);
        let passes = waiting.passes.len().min(most - refusals);
        let mut taken: Vec<_> = waiting.refusals.drain(..refusals).collect();
        taken.extend(waiting.passes.drain(..passes));
        taken
    }

    /// Says that everything up to an ask was written, or tried.
    pub(crate) fn answer(&self, asked: u64) {
        self.waiting.lock().answered = asked;
        self.written.notify_all();
    }

    /// Asks for everything put in so far to be written, and waits for that; returns early once the queue has ended.
    pub(crate) fn flush(&self) {
        let mut waiting = self.waiting.lock();
        waiting.asked += 1;
        let asked = waiting.asked;
        self.wake.notify_one();
        while waiting.answered < asked {
            self.written.wait(&mut waiting);
        }
    }

    /// Asks the recording thread to write what waits and end.
    pub(crate) fn end(&self) {
        self.waiting.lock().ending = true;
        self.wake.notify_one();
    }

    pub(crate) fn depth(&self) -> Depth {
        let waiting = self.waiting.lock();
        Depth {
            waiting: (waiting.passes.len() + waiting.refusals.len()) as u64,
            dropped_passes: waiting.dropped_passes,
            dropped_refusals: waiting.dropped_refusals,
        }
    }
}

impl Waiting {
    fn lane(&self, lane: Lane) -> &VecDeque<Row> {
        match lane {
            Lane::Pass => &self.passes,
            Lane::Refusal => &self.refusals,
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut VecDeque<Row> {
        match lane {
            Lane::Pass => &mut self.passes,
            Lane::Refusal => &mut self.refusals,
        }
    }

    fn drop_one(&mut self, lane: Lane) {
        match lane {
            Lane::Pass => self.dropped_passes += 1,
            Lane::Refusal => self.dropped_refusals += 1,
        }
    }

    fn is_empty(&self) -> bool {
        self.passes.is_empty() && self.refusals.is_empty()
    }

    fn is_pressing(&self) -> bool {
        self.asked > self.answered || self.ending
    }
}
