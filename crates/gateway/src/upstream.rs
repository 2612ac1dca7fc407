//! The upstream half: which servers a site has, and connections to them.
//!
//! Invariants: a policy and the servers it names change together, so that an exchange finishes with those it
//! began with; a site whose upstream did not change keeps its connections and what is known of its servers.
//! Deliberately absent: exchanges. Who asks, with what and how often, is [`crate::exchange`]'s.

mod connection;
mod figures;
mod heads;
mod health;
mod http1;
mod http2;
mod plan;
mod resolve;
mod server;
mod set;
mod strict;
mod tls;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_engine::Snapshot;
use portcullis_policy::Site;
use smol_str::SmolStr;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ports::ReadFile;
use crate::proofs::KeptProofs;
use plan::Plan;
use server::Names;

pub(crate) use connection::{Asking, Connection};
pub(crate) use figures::Figures;
pub(crate) use http1::AskFailure;
pub use plan::PlanError;
pub(crate) use plan::{Endpoint, Need, Security};
pub(crate) use server::Lease;
pub(crate) use set::{Kept, ServerSet, Tried};
pub(crate) use strict::Strict;
pub use tls::TlsPlanError;
pub(crate) use transport::Transport;

/// Between two looks at connections that grew old.
const TEND_EVERY: Duration = Duration::from_secs(5);

/// Between two reports on an exchange, where nothing is archived but events may be followed.
const REPORT_EVERY: Duration = Duration::from_mins(1);

/// A policy and the servers it names.
pub(crate) struct Generation {
    /// The policy, compiled.
    pub(crate) snapshot: Arc<Snapshot>,
    /// How often an exchange that goes on is reported on.
    pub(crate) report_every: Duration,
    /// Tokens that were verified under it.
    pub(crate) proofs: Arc<KeptProofs>,
    sets: Vec<NamedSet>,
}

struct NamedSet {
    site: SmolStr,
    set: Arc<ServerSet>,
}

impl Generation {
    fn new(snapshot: Arc<Snapshot>, sets: Vec<NamedSet>) -> Self {
        let archive = snapshot.policy().archive.as_ref();
        let report_every = archive.map_or(REPORT_EVERY, |archive| archive.progress);
        Self { snapshot, report_every, proofs: Arc::default(), sets }
    }

    /// The servers of the site at that place of the policy's list.
    pub(crate) fn set(&self, site: usize) -> Option<Arc<ServerSet>> {
        self.sets.get(site).map(|named| Arc::clone(&named.set))
    }

    fn kept(&self, site: &str, plan: &Plan) -> Option<Arc<ServerSet>> {
        let same = |named: &&NamedSet| named.site == site && named.set.plan() == plan;
        self.sets.iter().find(same).map(|named| Arc::clone(&named.set))
    }
}

/// The generation in force.
pub(crate) struct Upstreams {
    current: ArcSwap<Generation>,
}

impl Upstreams {
    /// Servers for a policy; nothing is connected to yet.
    pub(crate) fn start(snapshot: Arc<Snapshot>, files: &ReadFile) -> Result<Self, PlanError> {
        let none = Generation::new(Arc::clone(&snapshot), Vec::new());
        let sets = sets(&snapshot.policy().sites, files, &none)?;
        Ok(Self { current: ArcSwap::from_pointee(Generation::new(snapshot, sets)) })
    }

    /// The policy and servers for an exchange that begins now.
    pub(crate) fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Makes everything a policy needs, changing nothing yet.
    pub(crate) fn prepare(&self, snapshot: Arc<Snapshot>, files: &ReadFile) -> Result<Generation, PlanError> {
        let sets = sets(&snapshot.policy().sites, files, &self.current.load())?;
        Ok(Generation::new(snapshot, sets))
    }

    /// Lets exchanges begin under a policy from now on.
    pub(crate) fn put_in_force(&self, generation: Generation) {
        self.current.store(Arc::new(generation));
    }

    /// Closes connections that grew old and looks names up again, until `stop`.
    pub(crate) async fn tend(&self, clock: Clock, stop: &CancellationToken) {
        let mut looked_up: Vec<(SmolStr, Instant)> = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TEND_EVERY) => {}
            }
            let generation = self.current();
            looked_up.retain(|(site, _)| generation.sets.iter().any(|named| named.site == *site));
            for named in &generation.sets {
                let names = names_due(&mut looked_up, &named.site, named.set.plan().dns_refresh);
                named.set.tend(clock.tick(), names).await;
            }
        }
    }
}

/// Whether a site's names are to be looked up again, and notes it if so.
fn names_due(looked_up: &mut Vec<(SmolStr, Instant)>, site: &SmolStr, every: Duration) -> Names {
    let now = Instant::now();
    match looked_up.iter_mut().find(|(known, _)| known == site) {
        Some((_, at)) if now.duration_since(*at) < every => return Names::Leave,
        Some((_, at)) => *at = now,
        None => looked_up.push((site.clone(), now)),
    }
    Names::Refresh
}

/// Whether an upstream's files can be read and used.
pub(crate) fn check(upstream: &portcullis_policy::Upstream, files: &ReadFile) -> Result<(), PlanError> {
    let plan = Plan::read(upstream, files)?;
    tls::connectors(&plan.tls)?;
    Ok(())
}

fn sets(sites: &[Site], files: &ReadFile, old: &Generation) -> Result<Vec<NamedSet>, PlanError> {
    let named = |site: &Site| {
        let plan = Plan::read(&site.upstream, files)?;
        let set = match old.kept(&site.name, &plan) {
            Some(set) => set,
            None => Arc::new(ServerSet::new(plan)?),
        };
        Ok(NamedSet { site: site.name.clone(), set })
    };
    sites.iter().map(named).collect()
}
