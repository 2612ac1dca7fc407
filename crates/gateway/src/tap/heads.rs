//! The heads the tap has passed on, in order, until the service takes them; what was answered; and whether all that
//! went through the tap has come to its end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::head::HeadRecord;

/// What became of a request for another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// The connection goes on in the other protocol.
    Switched,
    /// It goes on in HTTP.
    Stayed,
}

/// One connection's queue; shared by its tap and its service, which the same task polls.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    state: Mutex<State>,
    /// Whether the tap stood between two messages when it had nothing to give.
    between: AtomicBool,
    /// Whether the client takes nothing of what is written for now.
    blocked: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<HeadRecord>,
    /// Heads queued and not answered yet.
    unanswered: usize,
    last: Option<Switch>,
    waiting: Option<Waker>,
}

impl Heads {
    /// Queues the record of a head hyper is about to get.
    pub(super) fn queue(&self, record: HeadRecord) {
        let mut state = self.state.lock();
        state.unanswered += 1;
        state.last = None;
        state.queue.push_back(record);
    }

    /// Takes the record of the request hyper handed over.
    pub(crate) fn take(&self) -> Option<HeadRecord> {
        self.state.lock().queue.pop_front()
    }

    /// Tells what was answered to the request taken last.
    pub(crate) fn answered(&self, switch: Switch) {
        let mut state = self.state.lock();
        state.unanswered = state.unanswered.saturating_sub(1);
        state.last = Some(switch);
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
    }

    /// Whether everything read was passed on and everything written was taken.
    pub(crate) fn are_settled(&self) -> bool {
        self.between.load(Ordering::Relaxed) && !self.blocked.load(Ordering::Relaxed)
    }

    /// Notes whether the tap stands between two messages, with nothing to give.
    pub(super) fn note_between(&self, between: bool) {
        self.between.store(between, Ordering::Relaxed);
    }

    /// Notes whether the client takes what is written.
    pub(super) fn note_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// What was answered to the last head queued.
    pub(super) fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Switch> {
        let mut state = self.state.lock();
        match state.last {
            Some(switch) if state.unanswered == 0 => Poll::Ready(switch),
            _ => {
                state.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
