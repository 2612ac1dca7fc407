//! One upstream server: its addresses, its connections, its health.
//!
//! Invariants: the connection used last is used next, so that a quiet server's connections grow old and are
//! closed; a connection whose address the server's name no longer has is not used again; how many exchanges go
//! on at the server is always known.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use portcullis_model::Tick;
use portcullis_wire::proxy_protocol::{self, Announcement};
use smol_str::SmolStr;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::connection::Connection;
use super::crowd::Crowd;
use super::health::{Condition, Health};
use super::http1::Http1;
use super::http2::Http2;
use super::plan::{Endpoint, Plan, PoolBounds, Security, Speaking};
use super::resolve::{Addresses, Refreshed};
use super::share;
use super::tls::{self, Connectors};
use super::transport::Transport;

/// A server of a site.
pub(crate) struct Server {
    endpoint: Endpoint,
    /// What leads keys to it.
    number: u64,
    /// The exchanges at its upstream, where they are bounded.
    crowd: Option<Arc<Crowd>>,
    addresses: Addresses,
    /// Whether it answers.
    pub(crate) health: Health,
    active: AtomicUsize,
    attempts: AtomicU64,
    #[expect(clippy::vec_box, reason = "whoever uses one keeps its box: it is handed on many times")]
    idle: Mutex<Vec<Box<Http1>>>,
    shared: Mutex<Vec<Http2>>,
    /// One HTTP/2 connection is begun at a time; who waits uses it then.
    beginning: tokio::sync::Mutex<()>,
    /// Whether ALPN last chose HTTP/1.1, so that connections need not wait for one another.
    chose_http1: AtomicBool,
}

/// Why no connection was had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectFailure {
    /// The server's name has no address.
    #[error("the name does not resolve: {0}")]
    Resolve(io::Error),
    /// Nothing accepted.
    #[error("{0}")]
    Refused(io::Error),
    /// The TLS or HTTP/2 handshake failed.
    #[error("{0}")]
    Handshake(io::Error),
}

/// What metrics show of a server.
pub(crate) struct Standing {
    /// As policy writes it.
    pub(crate) name: SmolStr,
    /// Requests sent to it.
    pub(crate) attempts: u64,
    /// Those it failed.
    pub(crate) failures: u64,
    /// Exchanges going on.
    pub(crate) active: u64,
    /// Connections kept for a while.
    pub(crate) idle: u64,
    /// 1 while it is left alone because it failed.
    pub(crate) paused: u64,
    /// 1 while it does not answer its checks.
    pub(crate) down: u64,
    /// Checks without a good answer.
    pub(crate) failed_checks: u64,
}

/// Counts one exchange at a server for as long as it lives.
pub(crate) struct Lease {
    server: Arc<Server>,
}

impl Lease {
    /// Begins one, if there is room for it.
    pub(crate) fn of(server: &Arc<Server>) -> Option<Self> {
        match &server.crowd {
            Some(crowd) if !crowd.enter(&server.active) => return None,
            Some(_) => {}
            None => {
                server.active.fetch_add(1, Ordering::Relaxed);
            }
        }
        server.attempts.fetch_add(1, Ordering::Relaxed);
        Some(Self { server: Arc::clone(server) })
    }

    /// The server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.server.active.fetch_sub(1, Ordering::Relaxed);
        if let Some(crowd) = &self.server.crowd {
            crowd.leave();
        }
    }
}

impl Server {
    /// One that was not asked yet.
    pub(crate) fn new(endpoint: Endpoint, crowd: Option<Arc<Crowd>>) -> Self {
        let addresses = Addresses::new(endpoint.host.clone(), endpoint.port);
        Self {
            number: share::number(&endpoint.name),
            crowd,
            endpoint,
            addresses,
            health: Health::default(),
            active: AtomicUsize::new(0),
            attempts: AtomicU64::new(0),
            idle: Mutex::new(Vec::new()),
            shared: Mutex::new(Vec::new()),
            beginning: tokio::sync::Mutex::new(()),
            chose_http1: AtomicBool::new(false),
        }
    }

    /// Where it is, as policy says.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How strongly a key leads to it.
    pub(crate) fn pull(&self, key: u64) -> f64 {
        share::pull(key, self.number, self.endpoint.weight)
    }

    /// Whether it may carry one more exchange.
    pub(crate) fn has_room(&self) -> bool {
        self.crowd.as_ref().is_none_or(|crowd| self.active() < crowd.capacity().server)
    }

    /// What metrics show of it.
    pub(crate) fn standing(&self, now: Tick) -> Standing {
        Standing {
            name: self.endpoint.name.clone(),
            attempts: self.attempts.load(Ordering::Relaxed),
            failures: self.health.all_failures(),
            active: self.active() as u64,
            idle: self.idle.lock().len() as u64,
            paused: u64::from(self.health.paused(now)),
            down: u64::from(self.health.condition() == Condition::Down),
            failed_checks: self.health.all_failed_checks(),
        }
    }

    /// Exchanges going on.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// A connection kept from before, if one is still good.
    pub(crate) fn kept(&self, plan: &Plan, speaking: Speaking, now: Tick) -> Option<Connection> {
        if speaking != Speaking::Http1
            && let Some(connection) = self.place()
        {
            return Some(connection);
        }
        if speaking == Speaking::Http2 {
            return None;
        }
        loop {
            let mut connection = self.idle.lock().pop()?;
            let fresh = now.since(connection.rested_at()) < plan.pool.idle;
            if fresh && self.addresses.contains(connection.remote()) && connection.rests() {
                return Some(Connection::Http1(connection));
            }
        }
    }

    /// A place on a shared connection that has room.
    fn place(&self) -> Option<Connection> {
        let mut shared = self.shared.lock();
        shared.retain(|connection| !connection.is_closed() && self.addresses.contains(connection.remote()));
        shared
            .iter()
            .find(|connection| connection.has_room())
            .map(|connection| Connection::Http2(connection.stream()))
    }

    /// A connection made now.
    pub(crate) async fn connect(
        &self,
        plan: &Plan,
        speaking: Speaking,
        connectors: &Connectors,
        from: Announcement,
    ) -> Result<Connection, ConnectFailure> {
        let can_share = match speaking {
            Speaking::Http1 => false,
            Speaking::Http2 => true,
            Speaking::Negotiated => !self.chose_http1.load(Ordering::Relaxed),
        };
        let may_share = can_share && plan.announces.is_none();
        let _one_at_a_time = if may_share { Some(self.beginning.lock().await) } else { None };
        if let Some(connection) = may_share.then(|| self.place()).flatten() {
            return Ok(connection);
        }
        let (transport, remote) = self.open(plan, speaking, connectors, from).await?;
        if speaking == Speaking::Http2 || transport.chose_http2() {
            let shared = Http2::begin(transport, remote).await.map_err(handshake)?;
            let place = Connection::Http2(shared.stream());
            if plan.announces.is_none() {
                self.shared.lock().push(shared);
            }
            return Ok(place);
        }
        self.chose_http1.store(speaking == Speaking::Negotiated, Ordering::Relaxed);
        Http1::begin(transport, remote).await.map(Box::new).map(Connection::Http1).map_err(handshake)
    }

    async fn open(
        &self,
        plan: &Plan,
        speaking: Speaking,
        connectors: &Connectors,
        from: Announcement,
    ) -> Result<(Transport, SocketAddr), ConnectFailure> {
        let (mut stream, remote) = self.dial().await?;
        if let Some(wording) = plan.announces {
            let header = proxy_protocol::write(wording, from);
            stream.write_all(&header).await.map_err(ConnectFailure::Refused)?;
        }
        if self.endpoint.security == Security::Clear {
            return Ok((Transport::Plain(stream), remote));
        }
        let name = tls::server_name(&plan.tls, &self.endpoint.host)
            .ok_or_else(|| ConnectFailure::Handshake(io::Error::other("the host is no valid server name")))?;
        let connector = if speaking == Speaking::Http1 { &connectors.http1 } else { &connectors.either };
        let stream = connector.connect(name, stream).await.map_err(ConnectFailure::Handshake)?;
        Ok((Transport::Tls(Box::new(stream)), remote))
    }

    /// Tries every address once, beginning with the one whose turn it is.
    async fn dial(&self) -> Result<(TcpStream, SocketAddr), ConnectFailure> {
        let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in self.addresses.in_turn().await.map_err(ConnectFailure::Resolve)? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(ConnectFailure::Refused)?;
                    return Ok((stream, address));
                }
                Err(error) => refused = error,
            }
        }
        Err(ConnectFailure::Refused(refused))
    }

    /// Takes a connection back if it is between messages; else it ends here.
    pub(crate) fn keep(&self, mut connection: Box<Http1>, bounds: PoolBounds, now: Tick) {
        if !connection.rests() {
            return;
        }
        connection.rest(now);
        let mut idle = self.idle.lock();
        if idle.len() < bounds.connections {
            idle.push(connection);
        }
    }

    /// Looks the name up again, and closes connections that are too old or lead elsewhere now.
    pub(crate) async fn tend(&self, bounds: PoolBounds, now: Tick, names: Names) {
        let changed = match names {
            Names::Refresh => self.addresses.refresh().await.unwrap_or(Refreshed::Same),
            Names::Leave => Refreshed::Same,
        };
        if changed == Refreshed::Changed {
            tracing::info!(server = %self.endpoint.name, "an upstream's name has other addresses now");
        }
        self.idle.lock().retain(|connection| {
            now.since(connection.rested_at()) < bounds.idle && self.addresses.contains(connection.remote())
        });
        self.shared
            .lock()
            .retain(|connection| !connection.is_closed() && self.addresses.contains(connection.remote()));
    }
}

/// Whether tending looks names up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// It is time to.
    Refresh,
    /// Not now.
    Leave,
}

fn handshake(error: hyper::Error) -> ConnectFailure {
    ConnectFailure::Handshake(io::Error::other(error))
}
