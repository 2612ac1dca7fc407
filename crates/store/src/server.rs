//! The store on a Valkey or Redis server that several gateways share.
//!
//! Invariants: one batch is one flight, whatever the number of operations (one call of one script; in a cluster one
//! call a key, all at once); each operation is atomic; time is the server's; every key expires. A trip that is not
//! answered within its deadline, or finds no connection, is a [`StoreFailure`], unless the node is to count by
//! itself meanwhile; where policy allows, busy rate limits are counted from units taken ahead. Bans are looked up in memory, and told to the other nodes. It does not know what a failure means for an exchange.

mod call;
mod dial;
mod figures;
mod leases;
mod link;
mod notices;
mod reloads;
mod sharing;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use portcullis_model::counter::{Answer, Answers, Batch, Op, StoreFailure};
use portcullis_model::{Ban, BanKey, BanView, Timestamp};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use sha1::{Digest, Sha1};
use smol_str::{SmolStr, ToSmolStr};
use tokio::task::JoinHandle;

use crate::backend::{Reply, Store};
use crate::memory::{MemoryLimits, MemoryStore};
use call::Call;
pub use dial::{Address, Credentials, Encryption, Route, Servers};
pub use figures::{Counted, ServerFigures};
pub use leases::LeaseTerms;
use leases::{Ahead, Given, Leases};
use link::{Link, Live, Standing};
use notices::Notice;
pub use reloads::Reloading;
use sharing::{Outbox, Sharing};

/// What every operation runs by.
const SCRIPT: &str = include_str!("server/batch.lua");

/// Where the time of operations comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFrom {
    /// The server: all nodes count by one clock.
    #[default]
    Server,
    /// The batch, as when a recording is replayed.
    Batch,
}

/// Who counts while the server does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outage {
    /// Nobody: the batch fails.
    #[default]
    Fail,
    /// Each node by itself.
    CountLocally,
}

/// How a [`ServerStore`] works.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// How the server is reached.
    pub route: Route,
    /// What all keys begin with: deployments that share a server differ in it. Letters, digits, `-`, `_` and `.`.
    pub prefix: String,
    /// How long a batch may take, a retry included.
    pub deadline: Duration,
    /// Who counts while the server does not answer.
    pub outage: Outage,
    /// How much of rate limits the node takes ahead; nothing if absent.
    pub leases: Option<LeaseTerms>,
    /// Where time comes from.
    pub time: TimeFrom,
    /// How much is held on the node: bans, and counters while the server does not answer.
    pub memory: MemoryLimits,
}

/// Shared state on a server.
pub struct ServerStore {
    plan: ServerPlan,
    /// The script's name on the server.
    script: String,
    link: Arc<Link>,
    keeper: JoinHandle<()>,
    /// Bans, and counters while the server does not answer.
    local: MemoryStore,
    leases: Option<Leases>,
    /// Tells other nodes of bans.
    outbox: Outbox,
    figures: ServerFigures,
}

impl ServerStore {
    /// Begins to connect; has to be called on a runtime that outlives it.
    pub fn start(plan: ServerPlan) -> Self {
        let link = Link::new();
        let keeper = tokio::spawn(Arc::clone(&link).serve(plan.route.clone()));
        let script =
            Sha1::digest(SCRIPT).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let local = MemoryStore::new(plan.memory);
        let book = Arc::clone(local.ban_book());
        let outbox = Sharing::start(Arc::clone(&link), plan.route.clone(), &plan.prefix, book);
        let leases = plan.leases.map(Leases::new);
        Self { script, link, keeper, local, leases, outbox, figures: ServerFigures::default(), plan }
    }

    /// What the node keeps by itself: bans, and counters while the server does not answer.
    pub fn local(&self) -> &MemoryStore {
        &self.local
    }

    /// Waits for the first attempt to connect. Why the server cannot be used, if it answers and is too old; one that
    /// does not answer may yet.
    pub async fn fit(&self) -> Result<(), SmolStr> {
        self.link.fit().await
    }

    /// Tells the other nodes of bans that were put into [`Self::local`] by hand.
    pub fn share_bans(&self) {
        self.outbox.tell_all();
    }

    /// Has every node read its policy again, this one too; whether the server took it.
    pub async fn tell_reload(&self) -> bool {
        self.outbox.tell_reload().await
    }

    /// The server's clock, in whole seconds; nothing where it does not answer.
    pub async fn clock(&self) -> Option<Timestamp> {
        self.outbox.clock().await
    }

    /// Hears that a node wants policies to be read again.
    pub fn reloading(&self) -> Reloading {
        self.outbox.reloading()
    }

    /// What came of the trips so far.
    pub fn figures(&self) -> Counted {
        let connected = matches!(self.link.standing(), Standing::Live(_));
        let (notices, listening) = self.outbox.heard();
        Counted { notices, listening, ..self.figures.read(connected, self.link.connects()) }
    }

    async fn count(&self, batch: &Batch, given: Given) -> Result<Answers, StoreFailure> {
        let trip = self.trip(batch, &given);
        let answers = tokio::time::timeout(self.plan.deadline, trip).await.unwrap_or_else(|_| {
            self.link.unanswered();
            Err(StoreFailure::Timeout(self.plan.deadline))
        });
        self.figures.count(answers.as_ref().err());
        match answers {
            Err(failure) if self.plan.outage == Outage::CountLocally => self.count_locally(batch, &failure),
            answers => answers,
        }
    }

    fn count_locally(&self, batch: &Batch, failure: &StoreFailure) -> Result<Answers, StoreFailure> {
        self.figures.counted_locally();
        match self.local.apply(batch) {
            Reply::Ready(Ok(answers)) => {
                Err(StoreFailure::CountedLocally { answers: Box::new(answers), why: failure.to_smolstr() })
            }
            Reply::Ready(Err(failure)) => Err(failure),
            Reply::Waiting(_) => Err(StoreFailure::Unavailable(SmolStr::new_static("memory had to wait"))),
        }
    }

    /// One flight; a second one where the connection broke under the first.
    async fn trip(&self, batch: &Batch, given: &Given) -> Result<Answers, StoreFailure> {
        let calls = self.calls(batch, given);
        let live = self.link.live().await.map_err(StoreFailure::Unavailable)?;
        match self.fly(&live, &calls).await {
            Ok(values) => self.settle(batch, given, &calls, &values),
            Err(error) if is_broken(&error) && self.plan.route.is_cluster() => {
                // The others go on, and it is the connection itself that finds who takes the place of one.
                self.link.unanswered();
                Err(failed(&error))
            }
            Err(error) if is_broken(&error) => {
                self.link.give_up(&live);
                self.figures.retried();
                let live = self.link.live().await.map_err(StoreFailure::Unavailable)?;
                let values = self.fly(&live, &calls).await.map_err(|error| failed(&error))?;
                self.settle(batch, given, &calls, &values)
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Every operation in one call; in a cluster, whose calls stay within a slot, one for each key.
    fn calls(&self, batch: &Batch, given: &Given) -> Vec<Call> {
        let now = match self.plan.time {
            TimeFrom::Server => SmolStr::default(),
            TimeFrom::Batch => batch.now.as_micros().max(0).to_smolstr(),
        };
        let mut calls: Vec<Call> = Vec::new();
        let mut keys = Vec::new();
        let asked = batch.ops.iter().enumerate().filter(|(place, _)| !given.answers(*place));
        for (place, op) in asked {
            let key = self.plan.route.is_cluster().then(|| op.key());
            let at = keys.iter().position(|held| *held == key).unwrap_or_else(|| {
                keys.push(key);
                calls.push(Call::at(&now));
                keys.len() - 1
            });
            if let Some(call) = calls.get_mut(at) {
                call.add(place, op, given.ahead(place), &self.plan.prefix);
            }
        }
        calls
    }

    /// The answers in the batch's order.
    fn settle(
        &self,
        batch: &Batch,
        given: &Given,
        calls: &[Call],
        values: &[Value],
    ) -> Result<Answers, StoreFailure> {
        let mut answers: Vec<Option<Answer>> =
            (0..batch.ops.len()).map(|place| given.answer(place).cloned()).collect();
        for (call, value) in calls.iter().zip(values) {
            let Value::Array(values) = value else { continue };
            for (place, value) in call.places.iter().zip(values) {
                if let (Some(op), Some(answer)) = (batch.ops.get(*place), answers.get_mut(*place)) {
                    *answer = self.answer(op, batch.now, value, given.ahead(*place));
                }
            }
        }
        let whole: Option<Answers> = answers.into_iter().collect();
        whole.ok_or(StoreFailure::Unavailable(SmolStr::new_static("the server answered something else")))
    }

    fn answer(&self, op: &Op, now: Timestamp, value: &Value, wanted: u64) -> Option<Answer> {
        let answer = call::answer(op, value)?;
        let given = if wanted > 0 && call::was_leased(value) { wanted } else { 0 };
        Some(match &self.leases {
            Some(leases) => leases.settle(op, now, answer, Ahead { wanted, given }),
            None => answer,
        })
    }

    async fn fly(&self, live: &Live, calls: &[Call]) -> RedisResult<Vec<Value>> {
        let values = match calls {
            [call] => vec![self.call(live, call).await],
            calls => join_all(calls.iter().map(|call| self.call(live, call))).await,
        };
        let values: RedisResult<Vec<Value>> = values.into_iter().collect();
        if !values.as_ref().is_err_and(is_broken) {
            self.link.answered();
        }
        values
    }

    /// By the script's name; by its text where the server does not know it yet.
    async fn call(&self, live: &Live, call: &Call) -> RedisResult<Value> {
        match live.connection.send(&command("EVALSHA", &self.script, call)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                live.connection.send(&command("EVAL", SCRIPT, call)).await
            }
            answer => answer,
        }
    }
}

fn command(name: &str, script: &str, call: &Call) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(call.keys.len()).arg(&call.keys);
    for arg in &call.args {
        command.arg(arg.as_str());
    }
    command
}

/// Whether the connection is of no more use: it broke, or leads to a server that is not the primary any more.
fn is_broken(error: &RedisError) -> bool {
    let demoted = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    error.is_connection_dropped()
        || error.is_io_error()
        || demoted.into_iter().any(|kind| error.kind() == ErrorKind::Server(kind))
}

fn failed(error: &RedisError) -> StoreFailure {
    StoreFailure::Unavailable(error.to_smolstr())
}

impl Store for ServerStore {
    fn apply<'a>(&'a self, batch: &'a Batch) -> Reply<'a> {
        if batch.ops.is_empty() {
            return Reply::Ready(Ok(Answers::new()));
        }
        let given = self.leases.as_ref().map(|leases| leases.give(batch)).unwrap_or_default();
        if let Some(answers) = given.whole(batch) {
            self.figures.leased();
            return Reply::Ready(Ok(answers));
        }
        Reply::Waiting(Box::pin(self.count(batch, given)))
    }

    fn ban(&self, ban: Ban) {
        let ban = self.local.ban_book().grown(ban);
        if self.local.ban_book().set(ban.clone()) {
            self.outbox.tell(Notice::Set(ban));
        }
    }

    fn unban(&self, key: &BanKey, site: Option<&str>, now: Timestamp) -> bool {
        let pardon = self.local.ban_book().pardoned(key, site, now);
        let lifted = pardon.is_some();
        if let Some(pardon) = pardon {
            self.outbox.tell(Notice::Lift(pardon));
        }
        lifted
    }

    fn bans(&self, now: Timestamp) -> Vec<Ban> {
        self.local.bans(now)
    }

    fn ban_view(&self) -> Arc<dyn BanView + Send + Sync> {
        self.local.ban_view()
    }
}

impl Drop for ServerStore {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl std::fmt::Debug for ServerStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerStore").field("plan", &self.plan).finish_non_exhaustive()
    }
}
