//! Passwords looked at away from the event loops, a bounded number at once.
//!
//! Invariants: at most half the cores compute hashes, however many passwords come; at most [`WAITING`] wait, of one
//! address at most [`PER_CALLER`], and none longer than [`PATIENCE`]; what is beyond is not looked at and said not to be.
//! A client that goes away gives up its place in the queue, though a hash that was begun is computed to its end, and
//! holds its place until then. Deliberately absent: who was proved before, which the engine asks first.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_engine::{CredentialReply, PasswordCheck};
use portcullis_model::CallerKey;
use tokio::sync::Semaphore;

/// Passwords that wait or are looked at, at most.
const WAITING: usize = 64;

/// Those of one address.
const PER_CALLER: usize = 4;

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct PasswordChecks {
    running: Arc<Semaphore>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    by_caller: Mutex<HashMap<CallerKey, usize>>,
}

/// A place among those that wait or are looked at.
struct Place {
    queue: Arc<Queue>,
    caller: CallerKey,
}

impl Default for PasswordChecks {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_threads((cores / 2).max(1))
    }
}

impl PasswordChecks {
    fn with_threads(threads: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(threads)), queue: Arc::default() }
    }

    /// Whether the password holds, once it is its turn.
    pub(crate) async fn look(&self, caller: CallerKey, check: Arc<PasswordCheck>) -> CredentialReply {
        let Some(place) = Queue::enter(&self.queue, caller) else { return CredentialReply::Unavailable };
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.running).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return CredentialReply::Unavailable };
        let held = tokio::task::spawn_blocking(move || {
            let held = check.run();
            drop((turn, place));
            held
        });
        match held.await {
            Ok(true) => CredentialReply::Holds,
            Ok(false) => CredentialReply::Fails,
            Err(_) => CredentialReply::Unavailable,
        }
    }
}

impl Queue {
    fn enter(queue: &Arc<Self>, caller: CallerKey) -> Option<Place> {
        let mut by_caller = queue.by_caller.lock();
        let all: usize = by_caller.values().sum();
        let own = by_caller.get(&caller).copied().unwrap_or_default();
        if all >= WAITING || own >= PER_CALLER {
            return None;
        }
        by_caller.insert(caller.clone(), own + 1);
        Some(Place { queue: Arc::clone(queue), caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_caller = self.queue.by_caller.lock();
        if let Some(own) = by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn caller(last: u8) -> CallerKey {
        CallerKey::address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn an_address_has_few_places_and_all_together_have_some() {
        let queue = Arc::<Queue>::default();
        let mut places: Vec<Place> =
            (0..PER_CALLER).filter_map(|_| Queue::enter(&queue, caller(0))).collect();
        assert_eq!(places.len(), PER_CALLER);
        assert!(Queue::enter(&queue, caller(0)).is_none(), "one address has no more");
        places.extend((1..=255).filter_map(|last| Queue::enter(&queue, caller(last))));
        assert_eq!(places.len(), WAITING);
        places.truncate(1);
        assert!(Queue::enter(&queue, caller(0)).is_some());
        drop(places);
        assert!(queue.by_caller.lock().is_empty(), "nothing is kept of who is gone");
    }
}
