//! The handle on learning: where observations go in and what was learned comes out.
//!
//! Invariant: nothing here waits for a disk or for the learning thread, but [`Learner::settle`] and
//! [`Learner::finish`], which say so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use portcullis_events::Findings;
use portcullis_inventory::Decision;
use portcullis_model::guess::Guess;
use portcullis_model::observation::Observation;
use smol_str::SmolStr;
use tokio::sync::{mpsc, oneshot};

use crate::config::LearnConfig;
use crate::drawn::Drawn;
use crate::keeper::Keeping;
use crate::thread::{self, Inlets};

/// Observations that may wait; a full queue loses them, learning does not need every one.
const WAITING: usize = 4096;
/// Asks that may wait.
const ASKS: usize = 16;

/// What was learned of sites and is in no file yet, as bytes.
pub type Parts = Vec<(SmolStr, Vec<u8>)>;

/// Every site, as it was drawn last.
pub type Inventories = BTreeMap<SmolStr, Arc<Drawn>>;

/// Where what was learned goes.
pub trait Publish: Send + Sync + 'static {
    /// A site was drawn anew.
    fn learned(&self, site: &SmolStr, drawn: &Arc<Drawn>);
}

/// Learning could not start.
#[derive(Debug, thiserror::Error)]
#[error("the learning thread cannot be started: {0}")]
pub struct StartError(#[from] std::io::Error);

/// Running learning.
#[derive(Debug)]
pub struct Learner {
    observations: mpsc::Sender<Observation>,
    guesses: mpsc::Sender<Guess>,
    asks: mpsc::Sender<Ask>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Fold what waits, draw it, publish it, write it down; then answer.
    Settle(oneshot::Sender<()>),
    /// Remember a person's decision, draw, write down; then answer whether the site is known.
    Decide(SmolStr, Decision, oneshot::Sender<bool>),
    /// Write everything down and leave the file alone; then answer.
    Lend(oneshot::Sender<()>),
    /// The file is this one's again.
    Reclaim,
    /// Learn this too, which another process observed.
    TakeIn(Parts),
    /// Learn under another configuration.
    Reconfigure(Box<LearnConfig>),
    /// Write everything down and end; answer what the file, lent to another process, could not take.
    Finish(oneshot::Sender<Parts>),
}

/// What the thread shows.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) folded: AtomicU64,
    pub(crate) inventories: ArcSwap<Inventories>,
    pub(crate) keeping: Mutex<Keeping>,
}

impl Learner {
    /// Starts learning. A file that fails does not keep it from starting: see [`Self::keeping`].
    pub fn start(
        config: LearnConfig,
        publish: Arc<dyn Publish>,
        findings: Findings,
    ) -> Result<Self, StartError> {
        let (observations, waiting) = mpsc::channel(WAITING);
        let (guesses, guessed) = mpsc::channel(WAITING);
        let (asks, asked) = mpsc::channel(ASKS);
        let shared = Arc::new(Shared {
            folded: AtomicU64::new(0),
            inventories: ArcSwap::default(),
            keeping: Mutex::new(Keeping::Off),
        });
        let shown = Arc::clone(&shared);
        // Driven by a runtime of its own, which never leaves this thread.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("portcullis-learn".to_owned()).spawn(move || {
            let inlets = Inlets { waiting, guessed, asked };
            runtime.block_on(thread::run(config, inlets, &shown, &*publish, &findings));
        })?;
        Ok(Self { observations, guesses, asks, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Where observations go; full means that one is dropped.
    pub fn observations(&self) -> mpsc::Sender<Observation> {
        self.observations.clone()
    }

    /// Where credentials go that may have been guessed; full means that one is not counted.
    pub fn guesses(&self) -> mpsc::Sender<Guess> {
        self.guesses.clone()
    }

    /// Every site's operations as they were drawn last.
    pub fn inventories(&self) -> Arc<Inventories> {
        self.shared.inventories.load_full()
    }

    /// How many exchanges were folded since the start.
    pub fn folded(&self) -> u64 {
        self.shared.folded.load(Ordering::Relaxed)
    }

    /// How keeping over restarts is.
    pub fn keeping(&self) -> Keeping {
        self.shared.keeping.lock().clone()
    }

    /// Learns under another configuration from now on.
    pub async fn reconfigure(&self, config: LearnConfig) {
        // The thread ends only with the process or a panic, which its hook reports.
        let _ = self.asks.send(Ask::Reconfigure(Box::new(config))).await;
    }

    /// Remembers what a person decided about a site's operations, and draws the site anew; whether it is a site.
    pub async fn decide(&self, site: SmolStr, decision: Decision) -> bool {
        let (done, decided) = oneshot::channel();
        let asked = self.asks.send(Ask::Decide(site, decision, done)).await;
        asked.is_ok() && decided.await.unwrap_or(false)
    }

    /// Waits until everything observed so far is folded, drawn, published and written down as far as the file bears.
    pub async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.asks.send(Ask::Settle(done)).await.is_ok() {
            let _ = settled.await;
        }
    }

    /// Writes everything down and leaves the file to another process: what is learned from now on waits in memory.
    pub async fn lend(&self) {
        let (done, lent) = oneshot::channel();
        if self.asks.send(Ask::Lend(done)).await.is_ok() {
            let _ = lent.await;
        }
    }

    /// Uses the file again: the other process came to nothing.
    pub async fn reclaim(&self) {
        let _ = self.asks.send(Ask::Reclaim).await;
    }

    /// Learns what another process observed, as its [`Self::finish`] answered.
    pub async fn take_in(&self, parts: Parts) {
        let _ = self.asks.send(Ask::TakeIn(parts)).await;
    }

    /// Writes down what waits and ends learning; waits for the disk. Answers what could not be written because the
    /// file is lent.
    pub fn finish(&self) -> Parts {
        let Some(thread) = self.thread.lock().take() else { return Parts::new() };
        let (done, left) = oneshot::channel();
        let asked = self.asks.blocking_send(Ask::Finish(done));
        let left = if asked.is_ok() { left.blocking_recv().unwrap_or_default() } else { Parts::new() };
        // A panic there has been reported by its hook.
        let _ = thread.join();
        left
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use portcullis_inventory::Limits;
    use portcullis_model::{EventId, Timestamp};

    use super::*;

    struct Nobody;

    impl Publish for Nobody {
        fn learned(&self, _: &SmolStr, _: &Arc<Drawn>) {}
    }

    fn config() -> LearnConfig {
        LearnConfig { path: None, key: 1, limits: Limits::default(), sites: Vec::new() }
    }

    fn observation() -> Observation {
        Observation {
            id: EventId::new(Timestamp::default(), 0),
            time: Timestamp::default(),
            site: "shop".into(),
            weight: 1,
            host: "shop.test".into(),
            operation: None,
            method: "GET".into(),
            segments: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            cookies: Vec::new(),
            credentials: Vec::new(),
            proof: None,
            calls: Vec::new(),
            speaking: None,
            versions: Vec::new(),
            request_body: None,
            status: 200,
            response_type: None,
            response_body: None,
            identifiers: Vec::new(),
            data: Vec::new(),
            farewell: None,
            caller: 0,
            request_bytes: 0,
            response_bytes: 0,
            duration_us: 0,
        }
    }

    #[tokio::test]
    async fn whoever_asks_is_answered_while_exchanges_go_on_without_end() {
        let findings = Findings::start(None).expect("in memory").0;
        let learner = Learner::start(config(), Arc::new(Nobody), findings).expect("started");
        let (observations, over) = (learner.observations(), Arc::new(AtomicBool::new(false)));
        let (ended, sent) = (Arc::clone(&over), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&sent);
        let load = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                match observations.try_send(observation()) {
                    Ok(()) => _ = counted.fetch_add(1, Ordering::Relaxed),
                    Err(_) => std::thread::yield_now(),
                }
            }
        });
        for _ in 0..3 {
            let before = sent.load(Ordering::Relaxed);
            let asked = async {
                learner.reconfigure(config()).await;
                learner.settle().await;
            };
            tokio::time::timeout(Duration::from_secs(20), asked).await.expect("answered");
            let meanwhile = sent.load(Ordering::Relaxed) - before;
            assert!(meanwhile < 100 * WAITING as u64, "{meanwhile} observations went before");
        }
        over.store(true, Ordering::Relaxed);
        load.join().expect("ended");
    }
}
