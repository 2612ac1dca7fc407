//! `portcullis serve`: wires store, recording, gateway and control socket, and runs until told to stop.
//!
//! Invariants: nothing listens before the policy is whole; a reload swaps one whole snapshot or nothing; a stop lets
//! requests in flight finish and writes down what waits.

mod bans;
pub(crate) mod learning;
mod metrics;
mod node;
mod recording;
mod state;
mod supervisor;
mod takeover;
mod upgrade;
mod watch;

pub(crate) use bans::{beside_state, write_whole};

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use portcullis_admin::{ControlSocket, Desk, Operator};
use portcullis_gateway::{HandedSocket, Leaving};
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
use node::{Beginning, RunningNode};
use takeover::{Giving, Predecessor, Successor};
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
    // Before there is any other thread.
    let given = supervisor::given()?;
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
    let sockets = supervisor::sockets(given, &loaded.policy);
    runtime.block_on(serve(config, audience, options, Start { loaded, sockets }))
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

/// Everything a gateway listens on for its operators, and the gateway it goes on for.
struct Doors {
    control: Option<ControlSocket>,
    giving: Option<ControlSocket>,
    predecessor: Option<Predecessor>,
    sockets: Vec<HandedSocket>,
}

impl Doors {
    /// Opens them; those of a gateway that is to be taken over stay in place until this one serves.
    async fn open(policy: &Policy, options: &cli::Serve, mut sockets: Vec<HandedSocket>) -> Result<Self> {
        let control = policy.control.as_ref().map(|control| Path::new(&*control.socket.path));
        let (Some(control), Some(place)) = (control, takeover::place(policy)) else {
            if options.takeover {
                return Err(Misuse("--takeover needs `control` in the policy".to_owned()).into());
            }
            return Ok(Self { control: None, giving: None, predecessor: None, sockets });
        };
        let asked = if options.takeover { Predecessor::ask(&place).await? } else { None };
        let Some((predecessor, lent)) = asked else {
            let control = ControlSocket::open(control).await?;
            let giving = ControlSocket::open(&place).await?;
            return Ok(Self { control: Some(control), giving: Some(giving), predecessor: None, sockets });
        };
        sockets.extend(lent);
        Ok(Self {
            control: Some(ControlSocket::prepare(control)?),
            giving: Some(ControlSocket::prepare(&place)?),
            predecessor: Some(predecessor),
            sockets,
        })
    }

    /// Says that this gateway serves, and is found from now on where the other one was.
    async fn step_in(&mut self, node: &Arc<RunningNode>) -> Result<()> {
        let Some(mut predecessor) = self.predecessor.take() else { return Ok(()) };
        predecessor.succeed().await.context("the gateway that runs keeps its sockets")?;
        for socket in [&self.control, &self.giving].into_iter().flatten() {
            if let Err(error) = socket.put_in_place() {
                warn!("commands do not reach this gateway: {error}");
            }
        }
        tokio::spawn(predecessor.inherit(Arc::clone(node)));
        Ok(())
    }
}

/// Why a gateway ends.
enum Ending {
    Stopped,
    Succeeded(Successor),
}

/// What is there before anything runs.
struct Start {
    loaded: Loaded,
    sockets: Vec<HandedSocket>,
}

async fn serve(config: &Path, audience: Audience, options: &cli::Serve, start: Start) -> Result<Exit> {
    let Start { mut loaded, sockets } = start;
    // Taken before anything is announced: a signal must never find its default, which ends the process at once.
    let mut signals = Signals::take()?;
    let mut doors = Doors::open(&loaded.policy, options, sockets).await?;
    // Before anything is announced, so that no change after that goes unseen.
    let mut watch = if options.no_watch { Watch::nothing() } else { Watch::over(config, &loaded.files) };
    let (strange_keys, told_of_keys) = tokio::sync::mpsc::channel(STRANGE_KEYS);
    let channels = std::mem::take(&mut loaded.alerts);
    let sockets = std::mem::take(&mut doors.sockets);
    let node = Arc::new(RunningNode::start(config, Beginning { loaded, sockets, strange_keys }).await?);
    doors.step_in(&node).await?;
    node.tell_findings(channels);
    let stop = tokio_util::sync::CancellationToken::new();
    let control = tokio::spawn(answer_commands(doors.control.take(), Arc::clone(&node), stop.clone()));
    let mut giving = Giving::start(doors.giving.take(), &node);
    announce(audience, &node);
    supervisor::ready();
    let ending = run_until_told(&node, &mut signals, &mut watch, &mut giving, told_of_keys).await;
    drop((giving, watch));
    match ending {
        Ending::Stopped => {
            info!("stopping: requests in flight may finish");
            supervisor::stopping();
            node.stop(Leaving::ForGood).await;
        }
        Ending::Succeeded(successor) => {
            info!(process = successor.process, "another gateway serves: requests in flight may finish");
            supervisor::succeeded_by(successor.process);
            let estate = node.stop(Leaving::Succeeded).await;
            successor.leave(estate).await;
        }
    }
    stop.cancel();
    // A panic there has been reported by its hook.
    let _ = control.await;
    Ok(Exit::Done)
}

/// Answers on the control socket, if there is one, until told to stop.
async fn answer_commands(
    socket: Option<ControlSocket>,
    node: Arc<RunningNode>,
    stop: tokio_util::sync::CancellationToken,
) {
    let Some(socket) = socket else { return };
    let desk = Desk {
        recorder: node.recorder(),
        findings: node.findings(),
        store: node.store(),
        operator: Arc::<RunningNode>::clone(&node),
    };
    if let Err(error) = socket.serve(portcullis_admin::router(desk), stop.cancelled_owned()).await {
        warn!(%error, "the control socket ended early");
    }
}

/// Keeps the node's books and follows its policy until it is told to stop or another process serves.
async fn run_until_told(
    node: &Arc<RunningNode>,
    signals: &mut Signals,
    watch: &mut Watch,
    giving: &mut Giving,
    told_of_keys: tokio::sync::mpsc::Receiver<smol_str::SmolStr>,
) -> Ending {
    let asked = Arc::clone(node);
    let mut remote = Refreshing::start(move || asked.policy(), told_of_keys, node.fetches());
    let mut certificates = node.order_certificates();
    let mut elsewhere = node.reloading();
    let mut keep_bans = tokio::time::interval(KEEP_BANS_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut count_findings = tokio::time::interval(COUNT_FINDINGS_EVERY);
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Stop => return Ending::Stopped,
                Told::Reload => take_up(node, watch).await,
                Told::Replace => upgrade::start_successor(),
            },
            successor = giving.given() => return Ending::Succeeded(successor),
            () = watch.changed() => take_up(node, watch).await,
            () = told(elsewhere.as_mut()) => take_up(node, watch).await,
            () = remote.changed() => take_up(node, watch).await,
            () = certificates.changed() => take_up(node, watch).await,
            _ = keep_bans.tick() => {
                node.keep_bans();
                node.keep_key_uses();
                node.weigh();
            }
            _ = sweep.tick() => node.forget_old_counters(),
            _ = count_findings.tick() => node.count_findings(),
        }
    }
}

async fn take_up(node: &RunningNode, watch: &mut Watch) {
    supervisor::reloading();
    watch.follow(&node.take_up_policy().await);
    supervisor::ready();
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
    Replace,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    replace: Signal,
}

impl Signals {
    fn take() -> Result<Self> {
        let take = |kind| signal(kind).context("cannot take signals");
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
            replace: take(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
            _ = self.replace.recv() => Told::Replace,
        }
    }
}
