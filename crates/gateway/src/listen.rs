//! Listening sockets and what happens between accept and the first request.
//!
//! Invariants: a connection over the bounds is closed before anything is read from it; what a listener offers
//! (certificates, protocols) may change under it without its socket closing.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_model::Peer;
use portcullis_model::exchange::TlsFacts;
use portcullis_wire::proxy_protocol::Source;
use rustls::ServerConfig;
use smol_str::SmolStr;
use socket2::{Domain, Protocol as Transport, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::activity::Activity;
use crate::announced::{Balancers, read_source};
use crate::bounds::Turned;
use crate::challenges;
use crate::connection::{Admitted, ConnectionContext, Protocol};
use crate::limits::Limits;
use crate::metrics::Word;
use crate::node::Node;
use crate::serve::serve_connection;
use crate::sniff::sniff;
use crate::tls;

/// How long accepting pauses when the system has no more to give (file descriptors, memory).
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections the system keeps waiting for accept.
const BACKLOG: i32 = 4096;

/// What a listener speaks.
#[derive(Clone, Debug)]
pub(crate) enum Offer {
    /// HTTP/1 in clear.
    Clear,
    /// HTTP/1 or, with prior knowledge, HTTP/2 in clear.
    ClearWithHttp2,
    /// TLS, ALPN choosing.
    Tls(Arc<ServerConfig>),
}

/// On which terms connections are taken.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What is spoken.
    pub(crate) offer: Offer,
    /// Who says whom a connection is from.
    pub(crate) balancers: Balancers,
}

/// A listening socket and the task that accepts on it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The address as policy writes it; what a reload finds it by.
    pub(crate) name: SmolStr,
    address: SocketAddr,
    terms: Arc<ArcSwap<Terms>>,
    closing: CancellationToken,
    /// The accepting task's socket, which is closed with that task.
    socket: Weak<TcpListener>,
}

/// A socket that listens and on which nobody accepts yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: TcpListener,
    /// Where it listens, the port resolved.
    pub(crate) address: SocketAddr,
}

/// Binds a socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Bound> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Transport::TCP))?;
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket = TcpListener::from_std(socket.into())?;
    let address = socket.local_addr()?;
    Ok(Bound { socket, address })
}

/// Takes a socket that listens already.
pub(crate) fn take(socket: std::net::TcpListener) -> io::Result<Bound> {
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from_std(socket)?;
    let address = socket.local_addr()?;
    Ok(Bound { socket, address })
}

/// Another handle on a listening socket, if it is still open.
pub(crate) fn lend(socket: &Weak<TcpListener>) -> io::Result<OwnedFd> {
    use std::os::fd::AsFd;
    let socket = socket.upgrade().ok_or(io::ErrorKind::NotConnected)?;
    socket.as_fd().try_clone_to_owned()
}

impl Listener {
    /// Begins to accept on a bound socket.
    pub(crate) fn start(socket: Bound, name: SmolStr, terms: Terms, node: &Arc<Node>) -> Self {
        let Bound { socket, address } = socket;
        let socket = Arc::new(socket);
        let kept = Arc::downgrade(&socket);
        let terms = Arc::new(ArcSwap::from_pointee(terms));
        let closing = node.draining.child_token();
        let door = Door {
            name: name.clone(),
            label: Word(name.clone()),
            node: Arc::clone(node),
            terms: Arc::clone(&terms),
            closing: closing.clone(),
        };
        node.tasks.spawn(door.accept(socket));
        tracing::info!(listener = %name, %address, "listening");
        Self { name, address, terms, closing, socket: kept }
    }

    /// Another handle on its socket.
    pub(crate) fn lend(&self) -> io::Result<OwnedFd> {
        lend(&self.socket)
    }

    /// Where it listens, the port resolved.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the next connections are offered, and which balancers are believed about them.
    pub(crate) fn renew(&self, terms: Terms) {
        self.terms.store(Arc::new(terms));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        tracing::info!(listener = %self.name, "no longer listening");
        self.closing.cancel();
    }
}

/// What the accepting task holds.
struct Door {
    name: SmolStr,
    label: Word,
    node: Arc<Node>,
    terms: Arc<ArcSwap<Terms>>,
    closing: CancellationToken,
}

impl Door {
    async fn accept(self, socket: Arc<TcpListener>) {
        let door = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = door.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, address)) => door.admit(stream, address),
                Err(error) => {
                    tracing::warn!(listener = %door.name, %error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let limits = Arc::clone(&self.node.limits.load());
        let mut room = limits.room(address.ip());
        if self.terms.load().balancers.hold(address.ip()) {
            // It carries many clients; the one this connection is from is counted once it is known.
            room.client = None;
        }
        match self.node.bounds.admit(address.ip(), room) {
            Ok(place) => {
                let admitted = Admitted::new(place, self.label.clone(), Arc::clone(&self.node));
                let arrived = Arrived { door: Arc::clone(self), address, local: None, limits, admitted };
                self.node.tasks.spawn(arrived.greet(stream));
            }
            Err(turned) => self.node.ports.metrics.connection_refused(&self.label, turned.as_str()),
        }
    }
}

/// A connection that was let in and has said nothing yet.
struct Arrived {
    door: Arc<Door>,
    address: SocketAddr,
    /// Our end of it.
    local: Option<SocketAddr>,
    limits: Arc<Limits>,
    admitted: Admitted,
}

impl Arrived {
    async fn greet(mut self, mut stream: TcpStream) {
        // Responses are written whole; waiting to fill segments only delays them.
        let _ = stream.set_nodelay(true);
        self.local = stream.local_addr().ok();
        let terms = self.door.terms.load_full();
        if terms.balancers.hold(self.address.ip())
            && let Err(why) = Box::pin(self.learn_source(&mut stream)).await
        {
            return self.door.node.ports.metrics.connection_refused(&self.door.label, why);
        }
        match &terms.offer {
            Offer::Clear => {
                let context = self.context(None, Protocol::Http1);
                serve_connection(stream, context).await;
            }
            Offer::ClearWithHttp2 => match Box::pin(self.within(self.limits.head, sniff(stream))).await {
                Ok((protocol, stream)) => {
                    let context = self.context(None, protocol);
                    serve_connection(stream, context).await;
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.door.node.ports.metrics.timed_out("head");
                }
                Err(_) => {}
            },
            Offer::Tls(_) => Box::pin(self.encrypt(stream)).await,
        }
    }

    /// Takes a balancer's word for whom the connection is from.
    async fn learn_source(&mut self, stream: &mut TcpStream) -> Result<(), &'static str> {
        let source = self.within(self.limits.handshake, read_source(stream)).await;
        if let Source::Client(address) = source.map_err(|_| "proxy_protocol")? {
            let room = self.limits.room(address.ip());
            self.admitted.claim(address.ip(), room).map_err(Turned::as_str)?;
            self.address = address;
        }
        Ok(())
    }

    async fn encrypt(self, stream: TcpStream) {
        let terms = Arc::clone(&self.door.terms);
        let current = move || match &terms.load().offer {
            Offer::Tls(config) => Some(Arc::clone(config)),
            Offer::Clear | Offer::ClearWithHttp2 => None,
        };
        let node = &self.door.node;
        let proof = async |host: &str| Box::pin(challenges::terms(node, host)).await;
        let handshake = Box::pin(tls::handshake(stream, current, proof));
        let failed = match self.within(self.limits.handshake, handshake).await {
            Ok(None) => return,
            Ok(Some(tls::Established { stream, facts, protocol })) => {
                let context = self.context(Some(facts), protocol);
                return serve_connection(stream, context).await;
            }
            Err(error) => match error.kind() {
                io::ErrorKind::InvalidData => "refused",
                io::ErrorKind::TimedOut => "timeout",
                _ => "gone",
            },
        };
        self.door.node.ports.metrics.handshake_failed(&self.door.label, failed);
    }

    /// Runs a step of the greeting until it is done, takes too long, or the gateway stops.
    async fn within<T>(&self, time: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        match self.door.node.stopped.run_until_cancelled(timeout(time, step)).await {
            Some(Ok(done)) => done,
            Some(Err(_)) => Err(io::ErrorKind::TimedOut.into()),
            None => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn context(self, tls: Option<TlsFacts>, protocol: Protocol) -> Arc<ConnectionContext> {
        let door = &self.door;
        Arc::new(ConnectionContext {
            node: Arc::clone(&door.node),
            peer: Arc::new(Peer { address: self.address, listener: door.name.clone(), tls }),
            local: self.local,
            protocol,
            limits: self.limits,
            activity: Activity::new(door.node.ports.clock.tick()),
            closing: door.closing.child_token(),
            cut: door.node.stopped.child_token(),
            admitted: self.admitted,
        })
    }
}
