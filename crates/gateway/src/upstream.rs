//! The upstream half: which servers a site has, and connections to them.
//!
//! Invariants: a policy and the servers it names change together, so that an exchange finishes with those it
//! began with; a site whose upstream did not change keeps its connections and what is known of its servers.
//! Deliberately absent: exchanges. Who asks, with what and how often, is [`crate::exchange`]'s.

mod checks;
mod connection;
mod crowd;
mod figures;
mod gate;
mod heads;
mod health;
mod http1;
mod http2;
mod plan;
mod rate;
mod resolve;
mod server;
mod set;
mod share;
mod standing;
mod strict;
mod tls;
mod transport;

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_engine::{Destination, Snapshot};
use portcullis_model::Tick;
use portcullis_policy::{self as policy, Site};
use smol_str::SmolStr;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::ports::ReadFile;
use crate::proofs::KeptProofs;
use plan::Plan;
use server::{Names, Server};

pub(crate) use connection::{Asking, Connection};
pub(crate) use figures::Figures;
pub(crate) use gate::{Ticket, Wanting};
pub(crate) use http1::AskFailure;
pub use plan::PlanError;
pub(crate) use plan::{Endpoint, Need, Security};
pub(crate) use server::Lease;
pub(crate) use set::{Kept, Seeking, ServerSet, Tried};
pub use standing::{ServerStanding, ServerState};
pub(crate) use strict::Strict;
pub use tls::TlsPlanError;
pub(crate) use tls::roots;
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
    sites: Vec<SiteSets>,
}

/// The servers of a site, by upstream.
struct SiteSets {
    site: SmolStr,
    own: Option<Arc<ServerSet>>,
    by_path: Vec<Arc<ServerSet>>,
}

impl SiteSets {
    fn all(&self) -> impl Iterator<Item = &Arc<ServerSet>> {
        self.own.iter().chain(&self.by_path)
    }
}

impl Generation {
    fn new(snapshot: Arc<Snapshot>, sites: Vec<SiteSets>) -> Self {
        let archive = snapshot.policy().archive.as_ref();
        let report_every = archive.map_or(REPORT_EVERY, |archive| archive.progress);
        Self { snapshot, report_every, proofs: Arc::default(), sites }
    }

    /// The servers of an upstream of the site at that place of the policy's list.
    pub(crate) fn set(&self, site: usize, destination: Destination) -> Option<Arc<ServerSet>> {
        let sets = self.sites.get(site)?;
        match destination {
            Destination::Own => sets.own.clone(),
            Destination::ByPath(place) => sets.by_path.get(place).cloned(),
        }
    }

    /// Every set of servers, with its site's name.
    fn sets(&self) -> impl Iterator<Item = (&SmolStr, &Arc<ServerSet>)> {
        self.sites.iter().flat_map(|sets| sets.all().map(|set| (&sets.site, set)))
    }

    fn named(&self, site: &str, name: Option<&SmolStr>) -> Option<&Arc<ServerSet>> {
        let same = |set: &ServerSet| set.plan().name.as_ref() == name;
        self.sets().find(|(known, set)| *known == site && same(set)).map(|(_, set)| set)
    }

    fn kept(&self, site: &str, plan: &Plan) -> Option<Arc<ServerSet>> {
        self.sets().find(|(named, set)| *named == site && set.plan() == plan).map(|(_, set)| Arc::clone(set))
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

    /// Begins to check servers that are to be checked and are not yet, until `stop`.
    pub(crate) fn check(&self, clock: Clock, tasks: &TaskTracker, stop: &CancellationToken) {
        self.current().sets().for_each(|(_, set)| checks::begin(set, clock, tasks, stop));
    }

    /// Every server, with how it stands.
    pub(crate) fn standings(&self, now: Tick) -> Vec<ServerStanding> {
        let generation = self.current();
        let standing = |site: &SmolStr, set: &Arc<ServerSet>| {
            let (site, upstream) = (site.clone(), set.plan().name.clone());
            let of =
                move |server: &Arc<Server>| ServerStanding::of(site.clone(), upstream.clone(), server, now);
            set.servers().iter().map(of).collect::<Vec<_>>()
        };
        generation.sets().flat_map(|(site, set)| standing(site, set)).collect()
    }

    /// Closes connections that grew old and looks names up again, until `stop`.
    pub(crate) async fn tend(&self, clock: Clock, stop: &CancellationToken) {
        let mut looked_up: Vec<(Weak<ServerSet>, Instant)> = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TEND_EVERY) => {}
            }
            let generation = self.current();
            looked_up.retain(|(set, _)| set.strong_count() > 0);
            for (_, set) in generation.sets() {
                let names = names_due(&mut looked_up, set);
                set.tend(clock.tick(), names).await;
            }
        }
    }
}

/// Whether the names of servers are to be looked up again, and notes it if so.
fn names_due(looked_up: &mut Vec<(Weak<ServerSet>, Instant)>, set: &Arc<ServerSet>) -> Names {
    let (now, every) = (Instant::now(), set.plan().dns_refresh);
    match looked_up.iter_mut().find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(set))) {
        Some((_, at)) if now.duration_since(*at) < every => return Names::Leave,
        Some((_, at)) => *at = now,
        None => looked_up.push((Arc::downgrade(set), now)),
    }
    Names::Refresh
}

/// Whether an upstream's files can be read and used.
pub(crate) fn check(upstream: &policy::Upstream, files: &ReadFile) -> Result<(), PlanError> {
    let plan = Plan::read(None, upstream, files)?;
    tls::connectors(&plan.tls)?;
    Ok(())
}

fn sets(sites: &[Site], files: &ReadFile, old: &Generation) -> Result<Vec<SiteSets>, PlanError> {
    let set = |site: &Site, name: Option<&SmolStr>, upstream: &policy::Upstream| {
        let plan = Plan::read(name, upstream, files)?;
        if let Some(set) = old.kept(&site.name, &plan) {
            return Ok(set);
        }
        let set = ServerSet::new(plan)?;
        if let Some(before) = old.named(&site.name, name) {
            set.learn_from(before);
        }
        Ok(Arc::new(set))
    };
    let of_site = |site: &Site| {
        let by_path = site.upstreams.iter().map(|one| set(site, Some(&one.name), &one.upstream));
        Ok(SiteSets {
            site: site.name.clone(),
            own: site.upstream.as_ref().map(|own| set(site, None, own)).transpose()?,
            by_path: by_path.collect::<Result<_, PlanError>>()?,
        })
    };
    sites.iter().map(of_site).collect()
}
