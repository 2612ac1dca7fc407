//! Sends what waits to the collector, a batch at a time.
//!
//! Invariants: one batch is on its way at a time; what OTLP says can be tried again is, a bounded number of times with growing
//! pauses; what it says cannot is dropped and counted.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::Full;
use serde_json::Value;
use tokio::time::Instant;

use super::{FAREWELL, Shared, TracesConfig, otlp};
use crate::post::Receiver;

/// Exchanges in one message.
const BATCH: usize = 512;

/// How the sender takes its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long a batch comes together.
    pub(super) gather: Duration,
    /// Between tries, at first.
    pub(super) first_pause: Duration,
    /// Between tries, at most, also where a collector asks for more.
    pub(super) longest_pause: Duration,
    /// How long a message may take to be taken.
    pub(super) patience: Duration,
    /// Tries of one batch.
    pub(super) tries: u32,
}

impl Pace {
    pub(super) const USUAL: Self = Self {
        gather: Duration::from_secs(1),
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(30),
        patience: Duration::from_secs(10),
        tries: 5,
    };
}

/// Why a message was not taken.
enum Failure {
    /// It may be tried again, not before so long if the collector says so.
    Again(String, Option<Duration>),
    /// It is not worth it.
    Never(String),
}

/// Sends until the end, and for a moment longer.
pub(super) async fn run(shared: &Arc<Shared>, pace: Pace) {
    let mut last = None;
    loop {
        gather(shared, pace).await;
        let batch = take(shared);
        if batch.is_empty() && shared.queue.lock().is_ending {
            return;
        }
        let mut sending = pin!(send_batch(shared, pace, &batch));
        tokio::select! {
            () = &mut sending => continue,
            () = ended(shared) => {}
        }
        let last = *last.get_or_insert_with(|| Instant::now() + FAREWELL);
        if tokio::time::timeout_at(last, sending).await.is_err() {
            tracing::warn!("the collector does not take the last traces: they are lost");
            return;
        }
    }
}

/// Returns once the end has come.
async fn ended(shared: &Shared) {
    while !shared.queue.lock().is_ending {
        shared.wake.notified().await;
    }
}

/// Waits for something to send, and a little for more, unless the end comes first.
async fn gather(shared: &Shared, pace: Pace) {
    while !shared.queue.lock().is_ending {
        if !shared.queue.lock().waiting.is_empty() {
            // The end cuts it short.
            let _ = tokio::time::timeout(pace.gather, ended(shared)).await;
            return;
        }
        shared.wake.notified().await;
    }
}

fn take(shared: &Shared) -> Vec<Vec<Value>> {
    let mut queue = shared.queue.lock();
    let count = queue.waiting.len().min(BATCH);
    queue.waiting.drain(..count).collect()
}

/// Sends a batch until it is taken, or given up.
async fn send_batch(shared: &Shared, pace: Pace, batch: &[Vec<Value>]) {
    let mut pause = pace.first_pause;
    for tried in 1..=pace.tries {
        let Some(config) = shared.queue.lock().config.clone() else { return };
        if batch.is_empty() {
            return;
        }
        let sent = tokio::time::timeout(pace.patience, send(&config, batch)).await;
        let late = || Err(Failure::Again(format!("no answer within {:?}", pace.patience), None));
        match sent.unwrap_or_else(|_| late()) {
            Ok(refused) => return succeed(shared, batch.len() as u64, refused),
            Err(Failure::Never(why)) => {
                fail(shared, why);
                break;
            }
            Err(Failure::Again(why, asked)) => {
                fail(shared, why);
                if tried < pace.tries {
                    tokio::time::sleep(asked.unwrap_or(pause).min(pace.longest_pause)).await;
                    pause = (pause * 2).min(pace.longest_pause);
                }
            }
        }
    }
    shared.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
}

/// What the collector says it did not take of a message it took.
struct Refused(Option<String>);

async fn send(config: &TracesConfig, batch: &[Vec<Value>]) -> Result<Refused, Failure> {
    let receiver = Receiver::new(config.url.reveal(), &config.trust).map_err(Failure::Never)?;
    let mut request = receiver.request().header("content-type", "application/json");
    if let Some(value) = &config.authorization {
        request = request.header("authorization", value.reveal().trim());
    }
    let request = request
        .body(Full::new(otlp::message(&config.service, batch).into()))
        .map_err(|_| Failure::Never("`authorization` cannot be sent in a header".to_owned()))?;
    let answer = receiver.send(request).await.map_err(|why| Failure::Again(why, None))?;
    let status = answer.status();
    let why = format!("it answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Ok(Refused(refused(answer.body()))),
        // Those that OTLP says are worth another try.
        429 | 502 | 503 | 504 => {
            let after =
                answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Failure::Again(why, after.map(Duration::from_secs)))
        }
        _ => Err(Failure::Never(why)),
    }
}

/// What a partial success says, if it is one.
fn refused(body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let partial = said.get("partialSuccess")?;
    let count = partial
        .get("rejectedSpans")
        .map(|count| count.as_str().map_or_else(|| count.to_string(), str::to_owned));
    let count = count.filter(|count| count != "0")?;
    let why = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    Some(format!("it did not take {count} spans: {why}"))
}

fn succeed(shared: &Shared, count: u64, Refused(refused): Refused) {
    match refused {
        Some(why) => fail(shared, why),
        None if shared.failing.lock().take().is_some() => tracing::info!("the collector takes traces again"),
        None => {}
    }
    // Last: whoever sees the count sees as well that it works.
    shared.exported.fetch_add(count, Ordering::Release);
}

fn fail(shared: &Shared, why: String) {
    shared.failed.fetch_add(1, Ordering::Relaxed);
    let mut failing = shared.failing.lock();
    if failing.is_none() {
        tracing::warn!("the collector does not take traces: {why}");
    }
    *failing = Some(why);
}
