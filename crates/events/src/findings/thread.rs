//! The thread that commits findings.
//!
//! Invariants: a batch that was not committed goes back to what waits, and is tried again, at first after a second,
//! then less and less often; who waits for it is answered at once either way.

use std::time::Duration;

use portcullis_model::finding::Finding;

use super::follow::Moves;
use super::{Desk, FindingsError, Shared};

/// How long a batch comes together.
const GATHER: Duration = Duration::from_millis(100);
/// The first and the longest pause between tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Keeps findings until the keeper is dropped.
pub(super) fn run(shared: &Shared) {
    let mut pause = Duration::ZERO;
    loop {
        let mut desk = shared.desk.lock();
        await_work(shared, &mut desk, pause);
        let batch = Batch {
            moves: std::mem::take(&mut desk.moves),
            findings: std::mem::take(&mut desk.waiting).into_values().collect(),
        };
        let (asked, ending) = (desk.asked, desk.ending);
        drop(desk);
        let kept = commit(shared, &batch);
        let mut desk = shared.desk.lock();
        pause = if kept.is_ok() { Duration::ZERO } else { (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) };
        settle(&mut desk, batch, kept, if ending { u64::MAX } else { asked });
        shared.settled.notify_all();
        if ending {
            return;
        }
    }
}

/// Waits until there is something to commit and it has come together, or somebody asks for it, or it is the end.
fn await_work(shared: &Shared, desk: &mut parking_lot::MutexGuard<'_, Desk>, pause: Duration) {
    let urgent = |desk: &Desk| desk.ending || desk.asked > desk.answered;
    while !urgent(desk) && desk.waiting.is_empty() && desk.moves.is_empty() {
        shared.called.wait(desk);
    }
    let until = std::time::Instant::now() + pause.max(GATHER);
    while !urgent(desk) && !shared.called.wait_until(desk, until).timed_out() {}
}

/// What is committed at once.
struct Batch {
    moves: Moves,
    findings: Vec<Finding>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.findings.is_empty()
    }
}

fn commit(shared: &Shared, batch: &Batch) -> Result<(), FindingsError> {
    if batch.is_empty() {
        return Ok(());
    }
    shared.with_file(|file| {
        file.follow(&batch.moves)?;
        file.raise(&batch.findings)
    })
}

fn settle(desk: &mut Desk, batch: Batch, kept: Result<(), FindingsError>, answered: u64) {
    desk.answered = desk.answered.max(answered);
    if let Err(error) = kept {
        if desk.failing.is_none() {
            tracing::warn!("{error}");
        }
        desk.failing = Some(error);
        for (former, now) in batch.moves {
            desk.moves.entry(former).or_insert(now);
        }
        for finding in batch.findings {
            // What was raised meanwhile is newer.
            if let Some(newer) = desk.waiting.remove(&finding.id) {
                let mut older = finding;
                older.meet_again(newer);
                desk.waiting.insert(older.id.clone(), older);
            } else {
                desk.waiting.insert(finding.id.clone(), finding);
            }
        }
    } else if !batch.is_empty() && desk.failing.take().is_some() {
        tracing::info!("findings are kept again");
    }
}
