//! The running node: what the parts share, and how a new policy is taken up.

mod succession;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use anyhow::Result;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use portcullis_admin::Operator;
use portcullis_admin::api::{Learning, PolicyStatus, Reach, Reloaded, ServerView, Status};
use portcullis_document::{Problem, Style, render};
use portcullis_engine::Snapshot;
use portcullis_events::alerts::Alerts;
use portcullis_events::traces::Traces;
use portcullis_events::{FindingKeeper, Findings, Recorder, Recording};
use portcullis_gateway::{Clock, Gateway, Handed, HandedSocket, KeyUses, Metrics, Ports, ServerStanding};
use portcullis_inventory::Decision;
use portcullis_learn::{Inventories, Keeping, Learner};
use portcullis_model::Timestamp;
use portcullis_policy::Policy;
use portcullis_store::Store;
use portcullis_store::server::Reloading;
use smol_str::SmolStr;
use tracing::{error, info, warn};

use super::bans::BanFile;
use super::learning::{self, Publisher};
use super::metrics::{OpenFindings, Watched};
use super::state::NodeState;
use super::{now, recording};
use crate::acme::{OrderFigures, Ordering, Orders};
use crate::findings;
use crate::key_uses;
use crate::load::{self, Loaded, Purpose};
use crate::remote::{Fetches, ListFigures};
use crate::shared;

/// A started gateway and everything around it.
pub(super) struct RunningNode {
    config: PathBuf,
    started: Timestamp,
    policy: ArcSwap<Policy>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    fetches: Arc<Fetches>,
    orders: Arc<Orders>,
    state: Mutex<PolicyState>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    kept: NodeState,
    bans: BanFile,
    key_uses: Arc<KeyUses>,
    recorder: Recorder,
    recording: Mutex<Option<Recording>>,
    findings: Findings,
    finding_keeper: Mutex<Option<FindingKeeper>>,
    open_findings: Arc<OpenFindings>,
    alerts: Arc<Mutex<Option<Alerts>>>,
    traces: Mutex<Option<Traces>>,
    gateway: Gateway,
    learner: Arc<Learner>,
    /// When files were lent to another process, in microseconds since 1970.
    lent_at: AtomicI64,
    stepped_down: AtomicBool,
}

/// What a node begins with.
pub(super) struct Beginning {
    /// Its policy.
    pub(super) loaded: Loaded,
    /// Sockets that listen already.
    pub(super) sockets: Vec<HandedSocket>,
    /// Where it says that a token's key is not known.
    pub(super) strange_keys: tokio::sync::mpsc::Sender<SmolStr>,
}

struct PolicyState {
    since: Timestamp,
    rejected: Option<String>,
}

impl RunningNode {
    /// Writes down when API keys were last used, if any was since.
    pub(super) fn keep_key_uses(&self) {
        if let Some(later) = self.key_uses.changed() {
            key_uses::keep(&key_uses::path(&self.policy.load()), later);
        }
    }

    /// Starts everything that runs under this policy, but for [`Self::tell_findings`].
    pub(super) async fn start(config: &Path, beginning: Beginning) -> Result<Self> {
        let Beginning { loaded, sockets, strange_keys } = beginning;
        let policy = loaded.policy;
        let metrics = Arc::new(Metrics::default());
        let kept = NodeState::start(loaded.server, shared::memory_limits(&policy), &metrics);
        kept.fit().await?;
        let bans = BanFile::of(&policy);
        bans.restore(kept.ban_book());
        kept.share_bans();
        let (recorder, recording) = Recorder::start(&recording::recorder(&policy))?;
        let (findings, finding_keeper) = Findings::start(findings::path(&policy))?;
        let alerts = Arc::default();
        let snapshot = Arc::new(ArcSwap::from(loaded.snapshot));
        let learner = Arc::new(Learner::start(
            learning::config(&policy, &snapshot.load()),
            Arc::new(Publisher(Arc::clone(&snapshot))),
            findings.clone(),
        )?);
        let open_findings = Arc::new(OpenFindings::default());
        let traces = Traces::start(loaded.traces)?;
        metrics.register_collector(Box::new(Watched {
            findings: findings.clone(),
            open: Arc::clone(&open_findings),
            alerts: Arc::clone(&alerts),
            learner: Arc::clone(&learner),
            spans: traces.spans(),
            runtime: tokio::runtime::Handle::current(),
        }));
        let fetches = Arc::<Fetches>::default();
        let lists = ListFigures { snapshot: Arc::clone(&snapshot), fetches: Arc::clone(&fetches) };
        metrics.register_collector(Box::new(lists));
        let orders = Arc::<Orders>::default();
        metrics.register_collector(Box::new(OrderFigures(Arc::clone(&orders))));
        let key_uses = Arc::<KeyUses>::default();
        let ports = Ports {
            key_uses: Arc::clone(&key_uses),
            snapshot: Arc::clone(&snapshot),
            store: kept.store(),
            recorder: recorder.clone(),
            observations: Some(learner.observations()),
            guesses: Some(learner.guesses()),
            strange_keys: Some(strange_keys),
            spans: Some(traces.spans()),
            files: Arc::new(|path: &str| std::fs::read(path).map(Into::into)),
            clock: Clock::start(),
            metrics,
        };
        let gateway = Gateway::start(ports, Handed::new(sockets))?;
        Ok(Self {
            config: config.to_owned(),
            started: now(),
            policy: ArcSwap::from(policy),
            snapshot,
            fetches,
            orders,
            state: Mutex::new(PolicyState { since: now(), rejected: None }),
            reloading: tokio::sync::Mutex::new(()),
            kept,
            bans,
            key_uses,
            recorder,
            recording: Mutex::new(Some(recording)),
            findings,
            finding_keeper: Mutex::new(Some(finding_keeper)),
            open_findings,
            alerts,
            traces: Mutex::new(Some(traces)),
            gateway,
            learner,
            lent_at: AtomicI64::new(i64::MAX),
            stepped_down: AtomicBool::new(false),
        })
    }

    /// Where it listens.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.gateway.addresses().iter().map(ToString::to_string).collect()
    }

    /// Where metrics and health are, if anywhere.
    pub(super) fn metrics_address(&self) -> Option<String> {
        self.gateway.metrics_address().map(|address| address.to_string())
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Where fetches are counted.
    pub(super) fn fetches(&self) -> Arc<Fetches> {
        Arc::clone(&self.fetches)
    }

    /// Begins to order the certificates that policy wants by ACME.
    pub(super) fn order_certificates(self: &Arc<Self>) -> Ordering {
        let asked = Arc::clone(self);
        Ordering::start(move || asked.policy(), self.gateway.challenges(), Arc::clone(&self.orders))
    }

    pub(super) fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    pub(super) fn findings(&self) -> Findings {
        self.findings.clone()
    }

    /// Hears that another gateway wants policies to be read again, if there can be any.
    pub(super) fn reloading(&self) -> Option<Reloading> {
        self.kept.reloading()
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.kept.store()
    }

    /// Reads the policy again and swaps it in if it is whole; answers the files to watch from now on.
    pub(super) async fn take_up_policy(&self) -> Vec<String> {
        let _alone = self.reloading.lock().await;
        if self.has_stepped_down() {
            return Vec::new();
        }
        let (config, before) = (self.config.clone(), self.snapshot.load_full());
        let read =
            tokio::task::spawn_blocking(move || load::load_after(&config, Purpose::Serve, Some(&before)));
        let read = read.await;
        match read {
            Ok(Ok(loaded)) => self.swap_in(loaded).await,
            Ok(Err(rejected)) => {
                self.reject(&rejected.problems);
                rejected.files
            }
            Err(panicked) => {
                error!(%panicked, "reading the policy was broken off; the one in force stays");
                Vec::new()
            }
        }
    }

    async fn swap_in(&self, loaded: Loaded) -> Vec<String> {
        if let Err(refused) = self.gateway.reload(loaded.snapshot) {
            warn!(%refused, "the new policy cannot be carried out; the one in force stays");
            self.state.lock().rejected = Some(refused.to_string());
            return loaded.files;
        }
        self.recorder.reconfigure(&recording::recorder(&loaded.policy));
        let learning = learning::config(&loaded.policy, &self.snapshot.load());
        self.learner.reconfigure(learning).await;
        if let Some(alerts) = &*self.alerts.lock() {
            alerts.reconfigure(loaded.alerts);
        }
        if let Some(traces) = &*self.traces.lock() {
            traces.reconfigure(loaded.traces);
        }
        self.policy.store(loaded.policy);
        *self.state.lock() = PolicyState { since: now(), rejected: None };
        info!("the new policy is in force");
        loaded.files
    }

    fn reject(&self, problems: &[Problem]) {
        let explained = render(problems, Style::Plain);
        warn!("the policy on disk has mistakes and changes nothing:\n{explained}");
        self.state.lock().rejected = Some(explained);
    }

    /// Forgets counters that have run out.
    pub(super) fn forget_old_counters(&self) {
        self.kept.sweep();
    }

    /// Tells the gateway how much memory the process has.
    pub(super) fn weigh(&self) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        self.gateway.weigh(kib.unwrap_or(0).saturating_mul(1024));
    }

    /// Counts open findings for the metrics, without waiting for the disk here.
    pub(super) fn count_findings(self: &Arc<Self>) {
        let node = Arc::clone(self);
        drop(tokio::task::spawn_blocking(move || node.open_findings.recount(&node.findings)));
    }

    fn learning(&self) -> Learning {
        let inventories = self.learner.inventories();
        let operations = inventories.values().map(|site| site.inventory.operations.len() as u64).sum();
        let failing = match self.learner.keeping() {
            Keeping::Failing(why) => Some(why),
            Keeping::Off | Keeping::Working => None,
        };
        Learning { exchanges: self.learner.folded(), operations, failing }
    }
}

fn view(standing: ServerStanding) -> ServerView {
    let ServerStanding { site, upstream, server, state, active } = standing;
    ServerView { site, upstream, server, state: SmolStr::new_static(state.as_str()), active }
}

impl Operator for RunningNode {
    fn status(&self) -> Status {
        let state = self.state.lock();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            policy: PolicyStatus {
                file: self.config.display().to_string(),
                since: state.since,
                sites: self.policy.load().sites.iter().map(|site| site.name.clone()).collect(),
                rejected: state.rejected.clone(),
            },
            listening: self.addresses(),
            connections: self.gateway.connections() as u64,
            recording: self.recorder.figures(),
            learning: self.learning(),
            findings: self.findings.figures(),
            alerts: self.alerts.lock().as_ref().map(Alerts::figures).unwrap_or_default(),
            servers: self.gateway.servers().into_iter().map(view).collect(),
        }
    }

    fn reload(&self, reach: Reach) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>> {
        Box::pin(async move {
            self.take_up_policy().await;
            let rejected = self.state.lock().rejected.clone();
            let told = match reach {
                Reach::Everywhere if rejected.is_none() => Some(self.kept.tell_reload().await),
                // A policy with mistakes here is hardly better elsewhere.
                Reach::Everywhere => Some(false),
                Reach::Here => None,
            };
            Reloaded { rejected, told }
        })
    }

    fn keep_bans(&self) {
        self.bans.keep(self.kept.ban_book());
    }

    fn settle(&self) {
        if let Some(recording) = &*self.recording.lock() {
            recording.flush();
        }
    }

    fn inventories(&self) -> Pin<Box<dyn Future<Output = Option<Arc<Inventories>>> + Send + '_>> {
        Box::pin(async {
            self.policy.load().inventory.as_ref()?;
            self.learner.settle().await;
            Some(self.learner.inventories())
        })
    }

    fn decide(&self, site: SmolStr, decision: Decision) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async move { self.learner.decide(site, decision).await })
    }

    fn archive(&self) -> Option<PathBuf> {
        recording::archive(&self.policy.load()).map(|config| config.path)
    }

    fn now(&self) -> Timestamp {
        now()
    }
}
