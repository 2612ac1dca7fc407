//! What a gateway is joined to: the values and services its host hands in.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use portcullis_engine::Snapshot;
use portcullis_events::Recorder;
use portcullis_events::traces::Spans;
use portcullis_model::guess::Guess;
use portcullis_model::observation::Observation;
use portcullis_store::Store;
use smol_str::SmolStr;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::key_uses::KeyUses;
use crate::metrics::Metrics;

/// Reads a file that policy names (a certificate, a key, roots), by the name policy gives it.
pub type ReadFile = dyn Fn(&str) -> io::Result<Bytes> + Send + Sync;

/// Everything a [`Gateway`](crate::Gateway) needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// The compiled policy; every exchange takes the one of its beginning. Changed by
    /// [`Gateway::reload`](crate::Gateway::reload) only.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Counters and bans.
    pub store: Arc<dyn Store>,
    /// Where exchanges are recorded.
    pub recorder: Recorder,
    /// Where learning gets its observations, if anything learns. Full means the observation is dropped.
    pub observations: Option<mpsc::Sender<Observation>>,
    /// Where credentials go that may have been guessed, if anything counts them. Full means that one is not counted.
    pub guesses: Option<mpsc::Sender<Guess>>,
    /// Where it is told which providers' keys are worth asking for again, if anything asks. Full means that somebody is
    /// asking already.
    pub strange_keys: Option<mpsc::Sender<SmolStr>>,
    /// Where it is noted when API keys were used.
    pub key_uses: Arc<KeyUses>,
    /// Where exchanges are told as traces, if anywhere.
    pub spans: Option<Spans>,
    /// Reads the files policy names.
    pub files: Arc<ReadFile>,
    /// The clock that dates exchanges.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}
