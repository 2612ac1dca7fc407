//! The servers of one site, and whose turn it is.
//!
//! Invariants: a server that is left alone is asked only when every server is, and only where policy lets it; a server already tried for an exchange
//! is tried again only when there is no other. It knows no exchange and no request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis_engine::UpstreamFailure;
use portcullis_model::Tick;
use portcullis_wire::proxy_protocol::Announcement;
use smallvec::SmallVec;

use super::connection::Connection;
use super::crowd::Crowd;
use super::gate::Gate;
use super::http1::Http1;
use super::plan::{AllDown, Balance, Endpoint, Need, Plan};
use super::server::{ConnectFailure, Lease, Names, Server};
use super::share;
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
    /// Places of servers in the order of their turns.
    turns: Vec<usize>,
    turn: AtomicUsize,
    checked: AtomicBool,
    crowd: Option<Arc<Crowd>>,
    gate: Option<Arc<Gate>>,
}

/// What came of looking for a server.
enum Chosen {
    Server(Lease),
    /// As many exchanges go on as may.
    Full,
    /// All are left alone, and none may be asked all the same.
    AllDown,
}

/// What an exchange is to a balancer.
#[derive(Clone, Copy)]
pub(crate) struct Seeking {
    /// What leads it to a server, where policy says so.
    pub(crate) key: Option<u64>,
    /// When it looks.
    pub(crate) now: Tick,
}

impl ServerSet {
    /// The servers of a plan, none of them connected to.
    pub(crate) fn new(plan: Plan) -> Result<Self, TlsPlanError> {
        let connectors = tls::connectors(&plan.tls)?;
        let crowd = plan.capacity.map(|capacity| Arc::new(Crowd::new(capacity)));
        let server = |endpoint: &Endpoint| Arc::new(Server::new(endpoint.clone(), crowd.clone()));
        let servers = plan.servers.iter().map(server).collect();
        let weights: Vec<u32> = plan.servers.iter().map(|endpoint| endpoint.weight).collect();
        let (turns, turn, checked) = (share::turns(&weights), AtomicUsize::new(0), AtomicBool::new(false));
        let gate = plan.overload.clone().map(|overload| Arc::new(Gate::new(overload)));
        Ok(Self { plan, connectors, servers, turns, turn, checked, crowd, gate })
    }

    /// Takes over what checks found of the servers that another set has, too.
    pub(crate) fn learn_from(&self, other: &Self) {
        for server in &self.servers {
            let known = other.servers.iter().find(|known| known.endpoint() == server.endpoint());
            if let Some(known) = known.filter(|_| self.plan.checks.is_some()) {
                server.health.take_over(&known.health);
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

    /// What lets exchanges through to them, where policy wants that found out.
    pub(crate) fn gate(&self) -> Option<&Arc<Gate>> {
        self.gate.as_ref()
    }

    /// What it was made from.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A server for an exchange, noted as tried; where there is no room, it waits for its turn as policy says.
    pub(crate) async fn lease(&self, tried: &mut Tried, seeking: Seeking) -> Result<Lease, UpstreamFailure> {
        // Whoever waits comes first.
        let in_line = self.crowd.as_ref().is_some_and(|crowd| crowd.has_line());
        let chosen = if in_line { Chosen::Full } else { self.choose(tried, seeking) };
        match (chosen, &self.crowd) {
            (Chosen::Server(lease), _) => Ok(lease),
            (Chosen::Full, Some(crowd)) => Box::pin(self.wait(crowd, tried, seeking)).await,
            (Chosen::Full | Chosen::AllDown, _) => Err(UpstreamFailure::AllDown),
        }
    }

    async fn wait(
        &self,
        crowd: &Crowd,
        tried: &mut Tried,
        seeking: Seeking,
    ) -> Result<Lease, UpstreamFailure> {
        let again = crowd.capacity().wait;
        let Some(place) = crowd.line_up() else { return Err(UpstreamFailure::Busy { again }) };
        let turn = place.wait(|| match self.choose(tried, seeking) {
            Chosen::Server(lease) => Some(Ok(lease)),
            Chosen::AllDown => Some(Err(UpstreamFailure::AllDown)),
            Chosen::Full => None,
        });
        tokio::time::timeout(again, turn).await.unwrap_or(Err(UpstreamFailure::Waited { again }))
    }

    /// The server whose turn it is among those not tried, and notes it as tried.
    fn choose(&self, tried: &mut Tried, seeking: Seeking) -> Chosen {
        // Another exchange may have taken a place, or the trial after a pause, since it was seen.
        for _ in 0..=self.servers.len() {
            let Some(place) = self.pick(tried, seeking) else { break };
            let Some(server) = self.servers.get(place) else { break };
            if server.health.admits(self.plan.tolerance, seeking.now)
                && let Some(lease) = Lease::of(server)
            {
                tried.push(place);
                return Chosen::Server(lease);
            }
        }
        let may_be_asked =
            |server: &Arc<Server>| self.plan.all_down == AllDown::Ask || !server.health.out(seeking.now);
        if self.servers.iter().any(may_be_asked) { Chosen::Full } else { Chosen::AllDown }
    }

    /// The place of the server to be asked: rather one that is well and has not just come back, and that was not tried.
    fn pick(&self, tried: &Tried, seeking: Seeking) -> Option<usize> {
        let Seeking { now, .. } = seeking;
        let new = |place: usize| !tried.contains(&place);
        let all_the_same = self.plan.all_down == AllDown::Ask;
        self.best(seeking, |place, server| new(place) && !server.health.out(now) && self.is_warm(server, now))
            .or_else(|| self.best(seeking, |place, server| new(place) && !server.health.out(now)))
            .or_else(|| self.best(seeking, |place, _| new(place) && all_the_same))
            .or_else(|| self.best(seeking, |_, server| !server.health.out(now)))
            .or_else(|| self.best(seeking, |_, _| all_the_same))
    }

    /// Whether a server gets this exchange: one that just came back gets only some.
    fn is_warm(&self, server: &Server, now: Tick) -> bool {
        self.plan.slow_start.is_none_or(|slow_start| {
            let warmth = server.health.warmth(slow_start, now);
            warmth >= 1.0 || fastrand::f64() < warmth
        })
    }

    /// The first in turn, the least busy for its weight (the first in turn among equals), or the one the key leads to,
    /// of those that have room and may be asked.
    fn best(&self, seeking: Seeking, may: impl Fn(usize, &Server) -> bool) -> Option<usize> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let fits = |place: &usize| {
            self.servers.get(*place).is_some_and(|server| server.has_room() && may(*place, server))
        };
        match (self.plan.balance, seeking.key) {
            (Balance::Hash, Some(key)) => {
                let pull = |place: usize| self.servers.get(place).map_or(0.0, |server| server.pull(key));
                let pulls = (0..self.servers.len()).filter(fits).map(|place| (place, pull(place)));
                pulls.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(place, _)| place)
            }
            (Balance::LeastConnections, _) => {
                let load = |place: &usize| self.servers.get(*place).map_or(u64::MAX, |server| load(server));
                let count = self.servers.len();
                (0..count).map(|step| turn.wrapping_add(step) % count).filter(fits).min_by_key(load)
            }
            (Balance::RoundRobin | Balance::Hash, _) => {
                let count = self.turns.len();
                let step = |step: usize| self.turns.get(turn.wrapping_add(step) % count).copied();
                (0..count).filter_map(step).find(fits)
            }
        }
    }

    /// A server failed an exchange: it is left alone where that is one failure too many and enough others are not.
    pub(crate) fn failed(&self, server: &Server, now: Tick) {
        let others = self.servers.iter().filter(|other| other.endpoint() != server.endpoint());
        if others.filter(|other| other.health.paused(now)).count() < self.plan.most_paused() {
            server.health.failed(self.plan.tolerance, now);
        } else {
            server.health.spared(self.plan.tolerance);
        }
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.crowd.as_ref().map_or(0, |crowd| crowd.waiting())
    }

    /// A connection to a server: one kept from before, else a new one within the connect timeout.
    pub(crate) async fn connection(
        &self,
        server: &Server,
        need: Need,
        (kept, now): (Kept, Tick),
        from: Announcement,
    ) -> Result<Connection, (UpstreamFailure, String)> {
        let speaking = self.plan.speaking(server.endpoint().security, need);
        // A connection that says whom it is from is nobody else's.
        if kept == Kept::Welcome
            && self.plan.announces.is_none()
            && let Some(connection) = server.kept(&self.plan, speaking, now)
        {
            return Ok(connection);
        }
        // Apart: a handshake's state is large, and most exchanges need none.
        let connecting = Box::pin(server.connect(&self.plan, speaking, &self.connectors, from));
        match tokio::time::timeout(self.plan.timeouts.connect, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(failure)) => Err((classify(&failure), failure.to_string())),
            Err(_) => Err((UpstreamFailure::ConnectTimeout, "no connection in time".into())),
        }
    }

    /// Takes a connection back after an exchange.
    pub(crate) fn keep(&self, lease: &Lease, connection: Box<Http1>, now: Tick) {
        if self.plan.announces.is_none() {
            lease.server().keep(connection, self.plan.pool, now);
        }
    }

    /// Closes what is too old, and looks names up again where it is time.
    pub(crate) async fn tend(&self, now: Tick, names: Names) {
        for server in &self.servers {
            server.tend(self.plan.pool, now, names).await;
        }
    }
}

/// How busy a server would be with one more exchange, for its weight.
fn load(server: &Server) -> u64 {
    (server.active() as u64 + 1).saturating_mul(1 << 32) / u64::from(server.endpoint().weight.max(1))
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

    fn chosen(set: &ServerSet, tried: &mut Tried, key: Option<u64>) -> Option<Lease> {
        match set.choose(tried, Seeking { key, now: Tick(1) }) {
            Chosen::Server(lease) => Some(lease),
            Chosen::Full | Chosen::AllDown => None,
        }
    }

    fn names(set: &ServerSet, picks: usize, hold: &mut Vec<Lease>) -> String {
        for _ in 0..picks {
            hold.push(chosen(set, &mut Tried::new(), None).unwrap());
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
            let lease = chosen(&set, &mut Tried::new(), None).unwrap();
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
        let order = [0, 1].map(|_| chosen(&set, &mut tried, None).unwrap().server().endpoint().name.clone());
        assert_eq!(order, ["b", "a"], "better a paused one than the one that just failed");
    }

    #[test]
    fn no_more_servers_are_left_alone_than_may_be() {
        let mut plan = plan(&["a", "b", "c", "d"], Balance::RoundRobin);
        plan.most_paused = 0.5;
        let set = ServerSet::new(plan).unwrap();
        for _ in 0..9 {
            set.servers.iter().for_each(|server| set.failed(server, Tick(1)));
        }
        let paused: Vec<_> = set.servers.iter().map(|server| server.health.paused(Tick(2))).collect();
        assert_eq!(paused, [true, true, false, false]);
        assert_eq!(set.servers[3].health.all_failures(), 9);
        let later = Tick(1 + u64::try_from(std::time::Duration::from_mins(10).as_nanos()).unwrap());
        set.failed(&set.servers[3], later);
        assert!(set.servers[3].health.paused(Tick(later.0 + 1)), "now that there is room");
    }

    #[test]
    fn turns_and_loads_follow_weights() {
        let weighted = |balance| {
            let mut plan = plan(&["a", "b"], balance);
            plan.servers[0].weight = 3;
            ServerSet::new(plan).unwrap()
        };
        let set = weighted(Balance::RoundRobin);
        assert_eq!(names(&set, 8, &mut Vec::new()), "aabaaaba");
        let set = weighted(Balance::LeastConnections);
        names(&set, 8, &mut Vec::new());
        let mut held = Vec::new();
        names(&set, 8, &mut held);
        assert_eq!(set.servers.iter().map(|server| server.active()).collect::<Vec<_>>(), [6, 2]);
    }

    #[test]
    fn a_key_leads_to_one_server_and_to_another_while_that_is_left_alone() {
        let set = ServerSet::new(plan(&["a", "b", "c"], Balance::Hash)).unwrap();
        let name = |key| chosen(&set, &mut Tried::new(), Some(key)).unwrap().server().endpoint().name.clone();
        let first: Vec<_> = (0..50).map(name).collect();
        assert_eq!((0..50).map(name).collect::<Vec<_>>(), first);
        (0..3).for_each(|_| set.servers[0].health.failed(set.plan.tolerance, Tick(1)));
        for (key, before) in (0..50).zip(&first) {
            let after = name(key);
            assert!(after != "a" && (before == "a" || after == *before), "{key}: {before}, {after}");
        }
    }

    #[test]
    fn no_more_go_on_at_once_than_may() {
        let mut plan = plan(&["a", "b"], Balance::RoundRobin);
        let wait = std::time::Duration::from_secs(1);
        plan.capacity = Some(super::super::crowd::Capacity { server: 2, total: 3, queue: 0, wait });
        let set = ServerSet::new(plan).unwrap();
        let mut held = Vec::new();
        assert_eq!(names(&set, 3, &mut held), "aba");
        assert!(chosen(&set, &mut Tried::new(), None).is_none());
        held.remove(1);
        assert_eq!(chosen(&set, &mut Tried::new(), None).unwrap().server().endpoint().name, "b");
    }
}
