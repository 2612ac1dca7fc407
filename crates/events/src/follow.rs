//! Followers: whoever watches events as they happen (`events --follow`).
//!
//! Invariants: an event is shared, never copied; a follower that is too slow loses the oldest and is told how
//! many; nobody following costs one atomic load an exchange.

use std::sync::Arc;

use portcullis_model::Event;
use tokio::sync::broadcast;

/// How many events a follower may lag behind.
const ROOM: usize = 1024;

/// Where events are shown as they happen.
#[derive(Clone, Debug)]
pub(crate) struct Shown(broadcast::Sender<Arc<Event>>);

impl Shown {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(ROOM))
    }

    /// Whether anyone looks.
    pub(crate) fn is_followed(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn show(&self, event: Arc<Event>) {
        // An error says that the last follower has just left.
        let _ = self.0.send(event);
    }

    pub(crate) fn follow(&self) -> Follower {
        Follower(self.0.subscribe())
    }
}

/// One who watches events as they happen; dropping it ends the watching.
#[derive(Debug)]
pub struct Follower(broadcast::Receiver<Arc<Event>>);

/// A follower was too slow: this many events passed it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} events passed by too fast to be shown")]
pub struct Lost(pub u64);

impl Follower {
    /// The next event, how many were lost before the next one, or `None` once every recorder is gone.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>, Lost>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Err(Lost(lost))),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
