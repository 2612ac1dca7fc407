//! The stage every test plays on: a gateway under a policy, the upstream behind it, raw clients in front.

mod certificates;
mod client;
mod upstream;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use portcullis_document::MemorySources;
use portcullis_engine::{Snapshot, compile};
use portcullis_events::{Follower, Recorder, RecorderConfig, Recording};
use portcullis_gateway::{Clock, Gateway, Metrics, Ports};
use portcullis_model::Event;
use portcullis_model::observation::Observation;
use portcullis_store::{MemoryLimits, MemoryStore};
use tokio::sync::mpsc;

pub(crate) use certificates::{Authority, Dial, Leaf, Versions};
pub(crate) use client::{Wire, get, plain, raw};
pub(crate) use upstream::Upstream;

/// Long enough for anything that happens at all; a test that waits longer fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway and what belongs to it.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    pub(crate) metrics: Arc<Metrics>,
    events: tokio::sync::Mutex<Follower>,
    observations: tokio::sync::Mutex<mpsc::Receiver<Observation>>,
    files: Files,
    _recording: Recording,
}

/// Files policy may name; a test may change them while the gateway runs.
pub(crate) type Files = Arc<Mutex<HashMap<String, Bytes>>>;

/// The policy most tests run under, `more` added at its top level. Without the content filter: it would hold every
/// body, and these tests are of how bodies stream.
pub(crate) fn policy(listen: &str, more: &str) -> String {
    format!("listen: {listen}\n{more}\n{SITE}")
}

const SITE: &str = "
secret: env:SECRET
archive: off
control: off
sites:
  shop: { hosts: [shop.example, '*.shop.example'], filter: off, upstream: { servers: [UPSTREAM] } }
";

impl Stage {
    /// A gateway in clear under the defaults.
    pub(crate) async fn plain() -> Self {
        Self::start(&policy("127.0.0.1:0", ""), Files::default()).await
    }

    /// A gateway under this policy; `UPSTREAM` in it becomes the upstream's address.
    pub(crate) async fn start(policy: &str, files: Files) -> Self {
        let upstream = Upstream::start().await;
        let snapshot = compiled(policy, &upstream);
        let (recorder, recording) = Recorder::start(&RecorderConfig::default()).unwrap();
        let metrics = Arc::new(Metrics::default());
        let events = tokio::sync::Mutex::new(recorder.follow());
        let (observe, observations) = mpsc::channel(64);
        let mut ports = ports(snapshot, recorder, &metrics, &files);
        ports.observations = Some(observe);
        let gateway = Gateway::start(ports, portcullis_gateway::Handed::default()).unwrap();
        let observations = tokio::sync::Mutex::new(observations);
        Self { gateway, upstream, metrics, events, observations, files, _recording: recording }
    }

    /// Where the gateway listens first.
    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.addresses()[0]
    }

    /// The policy compiled against this stage's upstream.
    pub(crate) fn compiled(&self, policy: &str) -> Arc<Snapshot> {
        compiled(policy, &self.upstream)
    }

    /// Changes a file that policy names.
    pub(crate) fn write(&self, name: &str, bytes: impl Into<Bytes>) {
        self.files.lock().insert(name.to_owned(), bytes.into());
    }

    /// The next event.
    pub(crate) async fn event(&self) -> Arc<Event> {
        let mut events = self.events.lock().await;
        let next = tokio::time::timeout(PATIENCE, events.next()).await;
        next.expect("an event comes").expect("recording goes on").expect("no event is lost")
    }

    /// What learning is told next.
    pub(crate) async fn observation(&self) -> Observation {
        let mut observations = self.observations.lock().await;
        let next = tokio::time::timeout(PATIENCE, observations.recv()).await;
        next.expect("an observation comes").expect("the gateway runs")
    }

    /// The value of a metric's line that begins so.
    pub(crate) fn metric(&self, line: &str) -> Option<String> {
        let text = self.metrics.text().unwrap();
        text.lines().find_map(|each| each.strip_prefix(line).map(|value| value.trim().to_owned()))
    }

    /// Waits until a metric's line shows that value.
    pub(crate) async fn metric_becomes(&self, line: &str, value: &str) {
        let shown = async {
            while self.metric(line).as_deref() != Some(value) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, shown).await.is_ok();
        assert!(in_time, "{line} is {:?}, not {value}\n{}", self.metric(line), self.metrics.text().unwrap());
    }
}

fn compiled(policy: &str, upstream: &Upstream) -> Arc<Snapshot> {
    let text = policy.replace("UPSTREAM", &format!("http://{}", upstream.address));
    let sources =
        MemorySources::new().file("portcullis.yaml", text).variable("SECRET", "a secret of the tests");
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let Some(policy) = loaded.policy else { panic!("{:#?}", loaded.problems) };
    match compile(Arc::new(policy), &sources) {
        Ok(compiled) => Arc::new(compiled.snapshot),
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn ports(snapshot: Arc<Snapshot>, recorder: Recorder, metrics: &Arc<Metrics>, files: &Files) -> Ports {
    let files = Arc::clone(files);
    Ports {
        snapshot: Arc::new(ArcSwap::new(snapshot)),
        store: Arc::new(MemoryStore::new(MemoryLimits::default())),
        recorder,
        strange_keys: None,
        observations: None,
        guesses: None,
        key_uses: Arc::default(),
        spans: None,
        files: Arc::new(move |name: &str| {
            files.lock().get(name).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
        }),
        clock: Clock::start(),
        metrics: Arc::clone(metrics),
    }
}
