//! Passwords looked at away from the event loops, a bounded number at once.
//!
//! Invariants: at most half the cores compute hashes, however many passwords come; at most [`WAITING`] wait, of one
//! address at most [`PER_CALLER`], and none longer than [`PATIENCE`]; what is beyond is not looked at and said not to be.
//! A client that goes away gives up its place in the queue, though a hash that was begun is computed to its end, and
//! holds its place until then. Deliberately absent: who was proved before, which the engine asks first.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use portcullis_engine::{CredentialReply, PasswordCheck};
use portcullis_model::CallerKey;
use tokio::sync::Semaphore;

use crate::places::Places;

/// Passwords that wait or are looked at, at most.
const WAITING: usize = 64;

/// Those of one address.
const PER_CALLER: usize = 4;

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct PasswordChecks {
    running: Arc<Semaphore>,
    places: Arc<Places>,
}

impl Default for PasswordChecks {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_threads((cores / 2).max(1))
    }
}

impl PasswordChecks {
    fn with_threads(threads: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(threads)), places: Places::new(WAITING, PER_CALLER) }
    }

    /// Whether the password holds, once it is its turn.
    pub(crate) async fn look(&self, caller: CallerKey, check: Arc<PasswordCheck>) -> CredentialReply {
        let Some(place) = self.places.take(caller) else { return CredentialReply::Unavailable };
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
