//! How many exchanges go on at an upstream at once, and those that wait for their turn.
//!
//! Invariants: whoever waits is counted for as long as it does; a place that becomes free wakes the first in line. It
//! exists only where policy bounds something, so other upstreams pay nothing for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many may go on, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// At one server.
    pub(crate) server: usize,
    /// At all of them.
    pub(crate) total: usize,
    /// How many wait.
    pub(crate) queue: usize,
    /// How long one waits.
    pub(crate) wait: Duration,
}

/// The exchanges of one upstream.
#[derive(Debug)]
pub(crate) struct Crowd {
    capacity: Capacity,
    active: AtomicUsize,
    waiting: AtomicUsize,
    freed: Notify,
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { capacity, active: AtomicUsize::new(0), waiting: AtomicUsize::new(0), freed: Notify::new() }
    }

    /// How many may go on, and wait.
    pub(crate) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Whether somebody waits already.
    pub(crate) fn has_line(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts one more exchange at a server and at all of them, if both have room.
    pub(crate) fn enter(&self, at_server: &AtomicUsize) -> bool {
        if !one_more(&self.active, self.capacity.total) {
            return false;
        }
        let entered = one_more(at_server, self.capacity.server);
        if !entered {
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
        entered
    }

    /// One of them has ended, and was taken off its server's count.
    pub(crate) fn leave(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        self.freed.notify_one();
    }

    /// A place in line, if there is one.
    pub(crate) fn line_up(&self) -> Option<InLine<'_>> {
        one_more(&self.waiting, self.capacity.queue).then_some(InLine { crowd: self })
    }
}

fn one_more(count: &AtomicUsize, most: usize) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < most).then_some(now + 1)).is_ok()
}

/// A place in line.
pub(crate) struct InLine<'a> {
    crowd: &'a Crowd,
}

impl InLine<'_> {
    /// Resolves with what `attempt` brings once there is room for it, trying again whenever one leaves.
    pub(crate) async fn wait<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> T {
        loop {
            let mut freed = std::pin::pin!(self.crowd.freed.notified());
            // Listening from before the attempt, so that no place is missed that becomes free meanwhile.
            freed.as_mut().enable();
            if let Some(found) = attempt() {
                return found;
            }
            freed.await;
        }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.crowd.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
