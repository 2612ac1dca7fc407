//! The servers of one site, and whose turn it is.
//!
//! Invariants: a server that is left alone is asked only when every server is, and only where policy lets it; a server already tried for an exchange
//! is tried again only when there is no other. It knows no exchange and no request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis_engine::UpstreamFailure;
use portcullis_model::Tick;
use smallvec::SmallVec;

use super::connection::Connection;
use super::http1::Http1;
use super::plan::{AllDown, Balance, Need, Plan};
use super::server::{ConnectFailure, Lease, Names, Server};
use super::tls::{self, Connectors, TlsPlanError};

/// Servers an exchange has tried, by their place in the set.
pub(crate) type Tried = SmallVec<[usize; 4]>;

/// Whether a connection kept from before may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is preferred.
    Welcome,
    /// One turned out to be closed already: others may be too.
    Suspect,
}

/// One site's servers.
pub(crate) struct ServerSet {
    plan: Plan,
    connectors: Connectors,
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
    checked: AtomicBool,
}

impl ServerSet {
    /// The servers of a plan, none of them connected to.
    pub(crate) fn new(plan: Plan) -> Result<Self, TlsPlanError> {
        let connectors = tls::connectors(&plan.tls)?;
        let servers = plan.servers.iter().cloned().map(|endpoint| Arc::new(Server::new(endpoint))).collect();
        Ok(Self { plan, connectors, servers, turn: AtomicUsize::new(0), checked: AtomicBool::new(false) })
    }

    /// Takes over what checks found of the servers that another set has, too.
    pub(crate) fn learn_from(&self, other: &Self) {
        for server in &self.servers {
            let known = other.servers.iter().find(|known| known.endpoint() == server.endpoint());
            if let Some(known) = known.filter(|_| self.plan.checks.is_some()) {
                server.health.found(known.health.condition());
            }
        }
    }

    /// Whether checking is to begin: true once.
    pub(crate) fn begin_checks(&self) -> bool {
        !self.checked.swap(true, Ordering::Relaxed)
    }

    /// Its servers, in the plan's order.
    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// What it was made from.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The server whose turn it is among those not tried, and notes it as tried.
    pub(crate) fn choose(&self, tried: &mut Tried, now: Tick) -> Option<Lease> {
        let place = self
            .best(|place, server| !tried.contains(&place) && !server.health.out(now))
            .or_else(|| self.best(|place, _| !tried.contains(&place) && self.plan.all_down == AllDown::Ask))
            .or_else(|| self.best(|_, server| !server.health.out(now)))
            .or_else(|| self.best(|_, _| self.plan.all_down == AllDown::Ask))?;
        tried.push(place);
        self.servers.get(place).map(Lease::of)
    }

    /// The first in turn, or the least busy (the first in turn among equals), of those that may be asked.
    fn best(&self, may: impl Fn(usize, &Server) -> bool) -> Option<usize> {
        let count = self.servers.len();
        if count == 0 {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..count)
            .map(|step| turn.wrapping_add(step) % count)
            .filter_map(|place| self.servers.get(place).map(|server| (place, server)))
            .filter(|(place, server)| may(*place, server));
        let chosen = match self.plan.balance {
            Balance::RoundRobin => in_turn.next(),
            Balance::LeastConnections => in_turn.min_by_key(|(_, server)| server.active()),
        };
        chosen.map(|(place, _)| place)
    }

    /// A connection to a server: one kept from before, else a new one within the connect timeout.
    pub(crate) async fn connection(
        &self,
        server: &Server,
        need: Need,
        kept: Kept,
        now: Tick,
    ) -> Result<Connection, (UpstreamFailure, String)> {
        let speaking = self.plan.speaking(server.endpoint().security, need);
        if kept == Kept::Welcome
            && let Some(connection) = server.kept(&self.plan, speaking, now)
        {
            return Ok(connection);
        }
        // Apart: a handshake's state is large, and most exchanges need none.
        let connecting = Box::pin(server.connect(&self.plan, speaking, &self.connectors));
        match tokio::time::timeout(self.plan.timeouts.connect, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(failure)) => Err((classify(&failure), failure.to_string())),
            Err(_) => Err((UpstreamFailure::ConnectTimeout, "no connection in time".into())),
        }
    }

    /// Takes a connection back after an exchange.
    pub(crate) fn keep(&self, lease: &Lease, connection: Http1, now: Tick) {
        lease.server().keep(connection, self.plan.pool, now);
    }

    /// Closes what is too old, and looks names up again where it is time.
    pub(crate) async fn tend(&self, now: Tick, names: Names) {
        for server in &self.servers {
            server.tend(self.plan.pool, now, names).await;
        }
    }
}

fn classify(failure: &ConnectFailure) -> UpstreamFailure {
    match failure {
        ConnectFailure::Resolve(_) => UpstreamFailure::NoServer,
        ConnectFailure::Refused(error) if error.kind() == io::ErrorKind::TimedOut => {
            UpstreamFailure::ConnectTimeout
        }
        ConnectFailure::Refused(_) => UpstreamFailure::Refused,
        ConnectFailure::Handshake(_) => UpstreamFailure::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::plan::tests::plan;

    fn names(set: &ServerSet, picks: usize, hold: &mut Vec<Lease>) -> String {
        for _ in 0..picks {
            hold.push(set.choose(&mut Tried::new(), Tick(1)).unwrap());
        }
        hold.iter().map(|lease| lease.server().endpoint().name.as_str()).collect()
    }

    #[test]
    fn servers_take_turns() {
        let set = ServerSet::new(plan(&["a", "b", "c"], Balance::RoundRobin)).unwrap();
        assert_eq!(names(&set, 6, &mut Vec::new()), "abcabc");
    }

    #[test]
    fn the_least_busy_is_asked() {
        let set = ServerSet::new(plan(&["a", "b", "c"], Balance::LeastConnections)).unwrap();
        let mut held = Vec::new();
        names(&set, 6, &mut held);
        held.retain(|lease| lease.server().endpoint().name != "b");
        assert_eq!(set.servers.iter().map(|server| server.active()).collect::<Vec<_>>(), [2, 0, 2]);
        let next = [0, 1].map(|_| {
            let lease = set.choose(&mut Tried::new(), Tick(1)).unwrap();
            let name = lease.server().endpoint().name.clone();
            held.push(lease);
            name
        });
        assert_eq!(next, ["b", "b"]);
    }

    #[test]
    fn a_paused_or_tried_server_is_passed_over_while_there_is_another() {
        let set = ServerSet::new(plan(&["a", "b"], Balance::RoundRobin)).unwrap();
        for _ in 0..set.plan.tolerance.failures {
            set.servers[0].health.failed(set.plan.tolerance, Tick(1));
        }
        assert_eq!(names(&set, 3, &mut Vec::new()), "bbb");
        let mut tried = Tried::new();
        let order = [0, 1].map(|_| set.choose(&mut tried, Tick(1)).unwrap().server().endpoint().name.clone());
        assert_eq!(order, ["b", "a"], "better a paused one than the one that just failed");
    }
}
