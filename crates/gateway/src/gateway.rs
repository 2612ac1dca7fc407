//! A gateway from start to drain.
//!
//! Invariants: a policy that cannot be carried out (an address taken, a certificate that does not fit its key)
//! changes nothing; listeners whose address stays keep their socket and their connections.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_engine::Snapshot;
use portcullis_policy::{Listener as Listening, Site};
use smol_str::SmolStr;

use crate::challenges::Challenges;
use crate::handed::{Door, Handed};
use crate::listen::{self, Bound, Listener, Offer, Terms, bind};
use crate::metrics::Recorded;
use crate::node::Node;
use crate::plan::{ListenerPlan, Plan, Speaks};
use crate::ports::{Ports, ReadFile};
use crate::probe::Probe;
use crate::tls::{self, CertificateError};
use crate::upstream::{self, Figures, PlanError, ServerStanding, Upstreams};

/// Why a gateway did not start, or did not take a new policy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address as policy writes it.
        address: SmolStr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A listener's TLS could not be set up.
    #[error("TLS on {address}: {cause}")]
    Tls {
        /// The listener's address as policy writes it.
        address: SmolStr,
        /// What is wrong with its files.
        cause: Box<CertificateError>,
    },
    /// A site's upstream could not be set up.
    #[error(transparent)]
    Upstream(#[from] PlanError),
}

/// Why a gateway drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It stops: idle connections are closed at once.
    ForGood,
    /// Another process accepts on its sockets: HTTP/1 connections may ask once more, and are told to close by that
    /// answer, because a connection closed just as its client asks has failed a request.
    Succeeded,
}

/// A handle on a listening socket, for another process.
#[derive(Debug)]
pub struct Lent {
    /// What it is for.
    pub door: Door,
    /// Its address as policy writes it.
    pub name: SmolStr,
    /// The socket.
    pub socket: OwnedFd,
}

/// A running gateway.
pub struct Gateway {
    node: Arc<Node>,
    open: Mutex<Open>,
}

/// What is open.
#[derive(Default)]
struct Open {
    listeners: Vec<Listener>,
    probe: Option<Probe>,
}

/// One step of carrying out a plan.
enum Change {
    /// Keep this listener's socket.
    Keep(SmolStr, Terms),
    /// Open this one.
    Add(SmolStr, Terms, Bound),
}

impl Gateway {
    /// Opens the listeners of the policy in `ports.snapshot` and serves until drained; needs a tokio runtime.
    ///
    /// A listener whose socket is among those `handed` takes that one, and opens none.
    pub fn start(ports: Ports, handed: Handed) -> Result<Self, StartError> {
        let plan = Plan::of(ports.snapshot.load().policy());
        ports.metrics.register_collector(Box::new(Recorded(ports.recorder.clone())));
        let upstreams = Arc::new(Upstreams::start(ports.snapshot.load_full(), &*ports.files)?);
        let figures = Figures { upstreams: Arc::clone(&upstreams), clock: ports.clock };
        ports.metrics.register_collector(Box::new(figures));
        let node = Arc::new(Node::new(ports, plan.limits.clone(), upstreams));
        let gateway = Self { node, open: Mutex::default() };
        gateway.serve_names(&gateway.node.ports.snapshot.load());
        let mut handed = handed;
        gateway.carry_out(plan, &mut handed)?;
        for address in handed.unclaimed() {
            tracing::warn!(%address, "no listener of the policy is there: the socket that was handed over is closed");
        }
        let node = Arc::clone(&gateway.node);
        let tending = async move { node.upstreams.tend(node.ports.clock, &node.draining).await };
        gateway.node.tasks.spawn(tending);
        gateway.check_servers();
        Ok(gateway)
    }

    /// Takes a new policy: all of it, or none of it.
    ///
    /// Exchanges in flight finish on the policy they began under; certificates are read again.
    pub fn reload(&self, snapshot: Arc<Snapshot>) -> Result<(), StartError> {
        let generation = self.node.upstreams.prepare(Arc::clone(&snapshot), &*self.node.ports.files)?;
        self.carry_out(Plan::of(snapshot.policy()), &mut Handed::default())?;
        self.serve_names(&snapshot);
        self.node.upstreams.put_in_force(generation);
        self.node.ports.snapshot.store(snapshot);
        self.check_servers();
        Ok(())
    }

    fn serve_names(&self, snapshot: &Snapshot) {
        let ports = &self.node.ports;
        self.node.names.serve(snapshot, &*ports.files, &ports.metrics);
    }

    fn check_servers(&self) {
        self.node.upstreams.check(self.node.ports.clock, &self.node.tasks, &self.node.draining);
    }

    /// Where it is put what an authority looks at.
    pub fn challenges(&self) -> Challenges {
        Challenges::of(&self.node)
    }

    /// How every upstream server of the policy in force stands.
    pub fn servers(&self) -> Vec<ServerStanding> {
        self.node.upstreams.standings(self.node.ports.clock.tick())
    }

    fn carry_out(&self, plan: Plan, handed: &mut Handed) -> Result<(), StartError> {
        let mut open = self.open.lock();
        let files = &*self.node.ports.files;
        let mut kept = open.names();
        let changes: Vec<_> = plan
            .listeners
            .iter()
            .map(|listener| prepare(listener, &mut kept, handed, files))
            .collect::<Result<_, _>>()?;
        let probe = open.prepare_probe(plan.probe, handed)?;
        // Nothing fails from here on.
        self.node.limits.store(Arc::new(plan.limits));
        open.apply(changes, &self.node);
        open.apply_probe(plan.probe, probe, &self.node);
        Ok(())
    }

    /// The addresses listened on, in the policy's order, ephemeral ports resolved.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.open.lock().listeners.iter().map(Listener::address).collect()
    }

    /// Where metrics and probes are answered, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.open.lock().probe.as_ref().map(Probe::address)
    }

    /// Handles on everything it listens on, for a process that is to go on with them.
    pub fn lend(&self) -> std::io::Result<Vec<Lent>> {
        let open = self.open.lock();
        let mut lent = Vec::new();
        for listener in &open.listeners {
            lent.push(Lent { door: Door::Traffic, name: listener.name.clone(), socket: listener.lend()? });
        }
        if let Some(probe) = &open.probe {
            let name = SmolStr::from(probe.wanted().to_string());
            lent.push(Lent { door: Door::Probe, name, socket: probe.lend()? });
        }
        Ok(lent)
    }

    /// Says how many bytes of memory the process has now, for the bound on it.
    pub fn weigh(&self, bytes: u64) {
        self.node.memory.store(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        self.node.bounds.open()
    }

    /// Stops accepting, lets exchanges finish for at most `deadline`, then ends what is left.
    pub async fn drain(&self, deadline: Duration, leaving: Leaving) {
        tracing::info!(connections = self.connections(), "draining");
        if leaving == Leaving::Succeeded {
            self.node.succeeded.cancel();
            // Whoever watches is to see the other one.
            self.open.lock().probe = None;
        }
        self.node.draining.cancel();
        self.node.tasks.close();
        if tokio::time::timeout(deadline, self.node.tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = self.connections(),
                "the drain deadline passed; ending what is left"
            );
            self.node.stopped.cancel();
            self.node.tasks.wait().await;
        }
    }
}

/// Whether a listener's TLS can be set up from its files; opens nothing.
pub fn check_listener(listener: &Listening, sites: &[Site], files: &ReadFile) -> Result<(), StartError> {
    let plan = ListenerPlan::of(listener, sites);
    offer(&plan, files).map(drop)
}

/// Whether TLS towards a site's servers can be set up from its files; connects to nothing.
pub fn check_upstream(upstream: &portcullis_policy::Upstream, files: &ReadFile) -> Result<(), StartError> {
    upstream::check(upstream, files).map_err(StartError::Upstream)
}

impl Open {
    fn names(&self) -> Vec<SmolStr> {
        self.listeners.iter().map(|listener| listener.name.clone()).collect()
    }

    fn apply(&mut self, changes: Vec<Change>, node: &Arc<Node>) {
        let mut before = std::mem::take(&mut self.listeners);
        for change in changes {
            match change {
                Change::Keep(name, terms) => {
                    if let Some(place) = before.iter().position(|listener| listener.name == name) {
                        let listener = before.remove(place);
                        listener.renew(terms);
                        self.listeners.push(listener);
                    }
                }
                Change::Add(name, terms, socket) => {
                    self.listeners.push(Listener::start(socket, name, terms, node));
                }
            }
        }
    }

    fn prepare_probe(
        &self,
        wanted: Option<SocketAddr>,
        handed: &mut Handed,
    ) -> Result<Option<Bound>, StartError> {
        match wanted {
            Some(address) if self.probe.as_ref().is_none_or(|probe| probe.wanted() != address) => {
                let name = SmolStr::from(address.to_string());
                let bound = listen_on(Door::Probe, &name, address, handed);
                bound.map(Some).map_err(|cause| StartError::Listen { address: name, cause })
            }
            _ => Ok(None),
        }
    }

    fn apply_probe(&mut self, wanted: Option<SocketAddr>, socket: Option<Bound>, node: &Arc<Node>) {
        match (wanted, socket) {
            (None, _) => self.probe = None,
            (Some(address), Some(socket)) => {
                self.probe = Some(Probe::start(socket, address, Arc::clone(node)));
            }
            (Some(_), None) => {}
        }
    }
}

/// What a listener offers its clients, made from its files.
fn offer(plan: &ListenerPlan, files: &ReadFile) -> Result<Offer, StartError> {
    Ok(match &plan.speaks {
        Speaks::Clear => Offer::Clear,
        Speaks::ClearWithHttp2 => Offer::ClearWithHttp2,
        Speaks::Tls(spec) => match tls::configure(spec, files) {
            Ok(config) => Offer::Tls(config),
            Err(cause) => {
                return Err(StartError::Tls { address: plan.name.clone(), cause: Box::new(cause) });
            }
        },
    })
}

/// Does for one listener everything that can fail; `kept` names the open sockets nobody has claimed yet.
fn prepare(
    plan: &ListenerPlan,
    kept: &mut Vec<SmolStr>,
    handed: &mut Handed,
    files: &ReadFile,
) -> Result<Change, StartError> {
    let name = plan.name.clone();
    let terms = Terms { offer: offer(plan, files)?, balancers: plan.balancers.clone() };
    if let Some(place) = kept.iter().position(|open| *open == name) {
        kept.remove(place);
        return Ok(Change::Keep(name, terms));
    }
    match listen_on(Door::Traffic, &name, plan.address, handed) {
        Ok(socket) => Ok(Change::Add(name, terms, socket)),
        Err(cause) => Err(StartError::Listen { address: name, cause }),
    }
}

/// A listening socket: one that was handed over, else a new one.
fn listen_on(door: Door, name: &str, address: SocketAddr, handed: &mut Handed) -> std::io::Result<Bound> {
    match handed.claim(door, name, address) {
        Some(socket) => listen::take(socket),
        None => bind(address),
    }
}
