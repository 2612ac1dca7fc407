//! What observations said last of each operation: shapes, counts and keyed hashes, in memory and nowhere else.
//!
//! Invariants: bounded in operations and in waiting observations; what does not fit is left out. It concludes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use portcullis_admin::api::Observed;
use portcullis_model::observation::{Observation, Segment};
use smol_str::SmolStr;
use tokio::sync::mpsc;

/// Observations that may wait; a full queue loses them, learning does not need every one.
const WAITING: usize = 1024;

/// Operations kept.
const OPERATIONS: usize = 10_000;

/// The last observation of each operation.
#[derive(Default)]
pub(super) struct Shapes {
    last: Mutex<HashMap<Key, Observation>>,
    taken: std::sync::atomic::AtomicU64,
}

/// An operation as far as shapes tell: site, method, and the words and kinds of its path.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    site: SmolStr,
    method: SmolStr,
    path: String,
}

impl Shapes {
    /// Starts keeping; the sender is the gateway's.
    pub(super) fn keep() -> (mpsc::Sender<Observation>, Arc<Self>) {
        let (sender, mut waiting) = mpsc::channel(WAITING);
        let shapes = Arc::new(Self::default());
        let keeper = Arc::clone(&shapes);
        // Ends once the gateway has dropped the sender.
        tokio::spawn(async move {
            while let Some(observation) = waiting.recv().await {
                keeper.take(observation);
            }
        });
        (sender, shapes)
    }

    fn take(&self, observation: Observation) {
        self.taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let key = Key {
            site: observation.site.clone(),
            method: observation.method.clone(),
            path: observation.segments.iter().map(segment).collect(),
        };
        let mut last = self.last.lock();
        if last.len() < OPERATIONS || last.contains_key(&key) {
            last.insert(key, observation);
        }
    }

    /// How many were taken, and of how many operations.
    pub(super) fn observed(&self) -> Observed {
        Observed {
            exchanges: self.taken.load(std::sync::atomic::Ordering::Relaxed),
            operations: self.last.lock().len() as u64,
        }
    }
}

fn segment(segment: &Segment) -> String {
    let text = segment.word.as_deref().or(segment.kind.placeholder()).unwrap_or("{word}");
    format!("/{text}")
}
