//! The recording thread: gathers totals once a second and commits events within 200 ms.
//!
//! Invariants: a batch is held until it is committed; while the archive fails, events wait in the queue, whose bound
//! is theirs, and totals in the book; nothing here can stop the hot path.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_model::Timestamp;

use super::Shared;
use crate::archive::row::Row;
use crate::archive::{Keeper, Kept};
use crate::figures::ArchiveState;
use crate::totals::MinuteTotals;

/// How long a batch comes together: with the commit itself, an event is kept within 200 ms.
const GATHER: Duration = Duration::from_millis(100);
/// How often totals are gathered and written.
const TOTALS: Duration = Duration::from_secs(1);
/// Events in one commit.
const BATCH: usize = 4096;

/// The time now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Records until the queue ends.
pub(super) fn run(shared: &Shared) {
    let mut round = Round { shared, keeper: None, batch: Vec::new(), totals_due: Timestamp::default() };
    round.take_over();
    round.keep(Pace::Due);
    loop {
        let work = shared.queue.wait(GATHER, TOTALS);
        round.take_over();
        round.keep(if work.urgent { Pace::AtOnce } else { Pace::Due });
        if work.ending {
            round.say_what_is_lost();
            // Whoever asks from now on is answered at once.
            return shared.queue.answer(u64::MAX);
        }
        shared.queue.answer(work.asked);
    }
}

/// Whether to keep to the pace at which totals are written and a failing archive is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Due,
    AtOnce,
}

/// What the thread holds from one round to the next.
struct Round<'a> {
    shared: &'a Shared,
    keeper: Option<Keeper>,
    /// Taken from the queue, not yet committed.
    batch: Vec<Row>,
    totals_due: Timestamp,
}

impl Round<'_> {
    /// Takes a changed configuration over.
    fn take_over(&mut self) {
        let Some(changed) = self.shared.changed.lock().take() else { return };
        self.keeper = match (self.keeper.take(), changed.archive) {
            (Some(mut keeper), Some(config)) => {
                keeper.reconfigure(config);
                Some(keeper)
            }
            (None, Some(config)) => Some(Keeper::new(config)),
            (_, None) => None,
        };
        self.totals_due = Timestamp::default();
    }

    /// Writes what waits, as far as the archive takes it.
    fn keep(&mut self, pace: Pace) {
        let now = now();
        let totals = pace == Pace::AtOnce || now >= self.totals_due;
        if totals {
            self.shared.gather(&mut self.shared.book.lock(), now);
            self.totals_due = now.plus(TOTALS);
        }
        let Some(mut keeper) = self.keeper.take() else { return self.keep_nothing(now) };
        if keeper.is_ready(now) || pace == Pace::AtOnce {
            let minutes = if totals { self.shared.book.lock().hand_over() } else { Vec::new() };
            self.write(&mut keeper, minutes);
            keeper.look_after(now);
        }
        self.shared.rejected.store(keeper.rejected(), Ordering::Relaxed);
        *self.shared.archive.lock() = keeper.state();
        self.keeper = Some(keeper);
    }

    fn write(&mut self, keeper: &mut Keeper, mut minutes: Vec<MinuteTotals>) {
        loop {
            if self.batch.is_empty() {
                self.batch = self.shared.queue.take(BATCH);
            }
            if self.batch.is_empty() && minutes.is_empty() {
                return;
            }
            let now = now();
            if keeper.write(&self.batch, &minutes, now) == Kept::NotYet {
                return;
            }
            self.shared.committed.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
            self.batch.clear();
            if !std::mem::take(&mut minutes).is_empty() {
                self.shared.book.lock().kept(now);
            }
        }
    }

    /// What a failing archive did not take by the end is gone.
    fn say_what_is_lost(&self) {
        let lost = self.batch.len() as u64 + self.shared.queue.depth().waiting;
        if lost > 0 {
            tracing::warn!(lost, "the archive does not take the last events: they are lost");
        }
    }

    fn keep_nothing(&mut self, now: Timestamp) {
        self.shared.book.lock().forget(now);
        self.batch.clear();
        while !self.shared.queue.take(BATCH).is_empty() {}
        *self.shared.archive.lock() = ArchiveState::Off;
    }
}
