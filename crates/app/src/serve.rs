//! `portcullis serve`: wires store, recording, gateway and control socket, and runs until told to stop.
//!
//! Invariants: nothing listens before the policy is whole; a reload swaps one whole snapshot or nothing; a stop lets
//! requests in flight finish and writes down what waits.

mod bans;
pub(crate) mod learning;
mod metrics;
mod node;
mod state;
mod watch;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use portcullis_admin::{ControlSocket, Desk, Operator};
use portcullis_model::Timestamp;
use portcullis_policy::{Policy, Workers};
use portcullis_store::server::Reloading;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::load::{self, Loaded, Purpose};
use crate::output::{self, Audience};
use crate::remote::Refreshing;
use crate::{Exit, Misuse, check, cli};
use node::RunningNode;
use watch::Watch;

/// How often bans that rules set are written down.
const KEEP_BANS_EVERY: Duration = Duration::from_secs(1);

/// How often counters that have run out are forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How often open findings are counted for the metrics.
const COUNT_FINDINGS_EVERY: Duration = Duration::from_secs(5);

/// How many tokens with keys nobody knows wait to be told of.
const STRANGE_KEYS: usize = 16;

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// Runs the gateway.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Serve) -> Result<Exit> {
    start_logging(&options.log)?;
    let loaded = match load::load(config, Purpose::Serve) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            output::say(&check::rendered(&rejected.problems));
            return Ok(Exit::No);
        }
    };
    if !loaded.warnings.is_empty() {
        output::say(&check::rendered(&loaded.warnings));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers(&loaded.policy))
        .enable_all()
        .build()
        .context("cannot start worker threads")?;
    runtime.block_on(serve(config, audience, options, loaded))
}

/// As many workers as the policy says, else one a core.
fn workers(policy: &Policy) -> usize {
    match policy.workers {
        Workers::PerCore => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        Workers::Count(count) => usize::from(count.get()),
    }
}

fn start_logging(directives: &str) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(directives)
        .map_err(|error| Misuse(format!("--log {directives}: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}

async fn serve(config: &Path, audience: Audience, options: &cli::Serve, loaded: Loaded) -> Result<Exit> {
    let socket = match &loaded.policy.control {
        Some(control) => Some(ControlSocket::open(Path::new(&*control.socket.path)).await?),
        None => None,
    };
    // Taken before anything is announced: a signal must never find its default, which ends the process at once.
    let mut signals = Signals::take()?;
    // Before anything is announced, so that no change after that goes unseen.
    let mut watch = if options.no_watch { Watch::nothing() } else { Watch::over(config, &loaded.files) };
    let (strange_keys, told_of_keys) = tokio::sync::mpsc::channel(STRANGE_KEYS);
    let node = Arc::new(RunningNode::start(config, loaded, strange_keys).await?);
    let desk = Desk {
        recorder: node.recorder(),
        findings: node.findings(),
        store: node.store(),
        operator: Arc::<RunningNode>::clone(&node),
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let served =
        socket.map(|socket| socket.serve(portcullis_admin::router(desk), stop.clone().cancelled_owned()));
    let control = tokio::spawn(async {
        let Some(served) = served else { return };
        if let Err(error) = served.await {
            warn!(%error, "the control socket ended early");
        }
    });
    announce(audience, &node);
    let asked = Arc::clone(&node);
    let mut remote = Refreshing::start(move || asked.policy(), told_of_keys);
    let mut elsewhere = node.reloading();
    let mut keep_bans = tokio::time::interval(KEEP_BANS_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut count_findings = tokio::time::interval(COUNT_FINDINGS_EVERY);
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Stop => break,
                Told::Reload => watch.follow(&node.take_up_policy().await),
            },
            () = watch.changed() => watch.follow(&node.take_up_policy().await),
            () = told(elsewhere.as_mut()) => watch.follow(&node.take_up_policy().await),
            () = remote.changed() => watch.follow(&node.take_up_policy().await),
            _ = keep_bans.tick() => node.keep_bans(),
            _ = sweep.tick() => node.forget_old_counters(),
            _ = count_findings.tick() => node.count_findings(),
        }
    }
    drop(remote);
    info!("stopping: requests in flight may finish");
    node.stop().await;
    stop.cancel();
    // A panic there has been reported by its hook.
    let _ = control.await;
    Ok(Exit::Done)
}

/// Returns once another gateway has said that policies are to be read again.
async fn told(elsewhere: Option<&mut Reloading>) {
    match elsewhere {
        Some(reloading) => reloading.told().await,
        None => std::future::pending().await,
    }
}

fn announce(audience: Audience, node: &RunningNode) {
    let addresses = node.addresses();
    let metrics = node.metrics_address();
    if audience == Audience::Programs {
        output::json(&json!({ "listening": addresses, "metrics": metrics }));
    }
    if let Some(address) = metrics {
        info!(%address, "metrics and health");
    }
}

/// What a signal asks for.
enum Told {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn take() -> Result<Self> {
        let take = |kind| signal(kind).context("cannot take signals");
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }
}
