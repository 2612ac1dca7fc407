//! Traces: spans of exchanges, told to a collector by OTLP over HTTP.
//!
//! Invariants: nothing here is waited for: what a bounded queue does not take is counted and dropped; a collector that is away is
//! asked again less and less often, and what was sent too often in vain is dropped and counted; a span says nothing its
//! event does not. Deliberately absent: which traces are looked at, which was decided when the exchange began.

mod otlp;
mod sender;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_model::event::Summary;
use portcullis_model::trace::TraceRecord;
use portcullis_model::{Event, Secret};
use serde_json::Value;
use tokio::sync::Notify;

use crate::alerts::Trust;

/// How long what waits at the end has to be taken.
const FAREWELL: Duration = Duration::from_secs(3);

/// Where spans go.
#[derive(Clone, Debug)]
pub struct TracesConfig {
    /// The collector's URL for traces; may itself be a secret.
    pub url: Secret<String>,
    /// The value of `Authorization`, if it asks for one.
    pub authorization: Option<Secret<String>>,
    /// Who may vouch for it, where the URL is one of `https`.
    pub trust: Trust,
    /// What this gateway is called among services.
    pub service: String,
    /// Whether refusals are told of in traces, too, that nobody looks at otherwise.
    pub refusals: Refusals,
    /// Exchanges that may wait to be told of.
    pub queue: usize,
}

/// Which refused exchanges are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    /// Every one.
    Always,
    /// Those of traces that are looked at.
    Sampled,
}

/// Counts since the start, and how the collector is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracesFigures {
    /// Exchanges the collector took.
    pub exported: u64,
    /// Exchanges lost: too many waited, or the collector did not take them.
    pub dropped: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Exchanges waiting now.
    pub waiting: u64,
    /// Why the last try failed; absent once one succeeded.
    pub failing: Option<String>,
}

/// The running side. Dropping it tells what waits, for a moment, and ends.
#[derive(Debug)]
pub struct Traces {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Takes exchanges to be told of. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Spans(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    on: AtomicBool,
    refusals: AtomicBool,
    queue: Mutex<Queue>,
    wake: Notify,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    failing: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Queue {
    waiting: VecDeque<Vec<Value>>,
    config: Option<Arc<TracesConfig>>,
    is_ending: bool,
}

impl Traces {
    /// Starts telling; what changes later is taken over by [`Traces::reconfigure`].
    pub fn start(config: Option<TracesConfig>) -> std::io::Result<Self> {
        Self::start_at(sender::Pace::USUAL, config)
    }

    fn start_at(pace: sender::Pace, config: Option<TracesConfig>) -> std::io::Result<Self> {
        let queue = Queue { waiting: VecDeque::new(), config: None, is_ending: false };
        let shared = Arc::new(Shared {
            on: AtomicBool::new(false),
            refusals: AtomicBool::new(false),
            queue: Mutex::new(queue),
            wake: Notify::new(),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failing: Mutex::new(None),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("portcullis-traces".to_owned()).spawn(move || {
            runtime.block_on(sender::run(&running, pace));
            // A name that is being looked up keeps nobody waiting.
            runtime.shutdown_background();
        })?;
        let traces = Self { shared, thread: Some(thread) };
        traces.reconfigure(config);
        Ok(traces)
    }

    /// Goes on like this; what waits goes to the new collector.
    pub fn reconfigure(&self, config: Option<TracesConfig>) {
        let refusals = config.as_ref().is_some_and(|config| config.refusals == Refusals::Always);
        self.shared.refusals.store(refusals, Ordering::Relaxed);
        self.shared.on.store(config.is_some(), Ordering::Relaxed);
        let mut queue = self.shared.queue.lock();
        if config.is_none() {
            queue.waiting.clear();
        }
        queue.config = config.map(Arc::new);
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// What takes exchanges.
    pub fn spans(&self) -> Spans {
        Spans(Arc::clone(&self.shared))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.shared.queue.lock().is_ending = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its hook.
            let _ = thread.join();
        }
    }
}

impl Spans {
    /// Whether an exchange that ended so is to be told of.
    pub fn wants(&self, trace: &TraceRecord, summary: &Summary) -> bool {
        self.0.on.load(Ordering::Relaxed)
            && (trace.sampled || (self.0.refusals.load(Ordering::Relaxed) && summary.action.refuses()))
    }

    /// Takes an exchange, if there is room for it.
    pub fn offer(&self, event: &Event, trace: &TraceRecord, state: &str) {
        let has_room =
            |queue: &Queue| queue.config.as_ref().is_some_and(|config| queue.waiting.len() < config.queue);
        if !has_room(&self.0.queue.lock()) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let spans = otlp::spans(event, trace, state);
        let mut queue = self.0.queue.lock();
        if !has_room(&queue) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = queue.waiting.is_empty();
        queue.waiting.push_back(spans);
        drop(queue);
        if was_empty {
            self.0.wake.notify_one();
        }
    }

    /// Counts, and how the collector is.
    pub fn figures(&self) -> TracesFigures {
        let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        TracesFigures {
            exported: count(&self.0.exported),
            dropped: count(&self.0.dropped),
            failed: count(&self.0.failed),
            waiting: self.0.queue.lock().waiting.len() as u64,
            failing: self.0.failing.lock().clone(),
        }
    }
}

#[cfg(test)]
mod tests;
