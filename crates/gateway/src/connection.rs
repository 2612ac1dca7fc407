//! What every exchange of one client connection shares.
//!
//! Invariant: while a value of this type lives, its connection counts against the bounds; a tunnel that outlives
//! the HTTP connection keeps it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use portcullis_model::{Peer, Scheme};
use portcullis_wire::proxy_protocol::Announcement;
use tokio_util::sync::CancellationToken;

use crate::activity::Activity;
use crate::bounds::{Place, Room, Turned};
use crate::limits::Limits;
use crate::metrics::Word;
use crate::node::Node;

/// How a connection frames its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http1,
    /// HTTP/2, by ALPN or by prior knowledge.
    Http2,
}

/// One client connection, as its exchanges see it.
pub(crate) struct ConnectionContext {
    /// The gateway it belongs to.
    pub(crate) node: Arc<Node>,
    /// The other end.
    pub(crate) peer: Arc<Peer>,
    /// Our end of it, where it is known.
    pub(crate) local: Option<SocketAddr>,
    /// Its framing.
    pub(crate) protocol: Protocol,
    /// What it may cost.
    pub(crate) limits: Arc<Limits>,
    /// What it is doing.
    pub(crate) activity: Activity,
    /// Set when its listener goes or the gateway drains: finish what runs, begin nothing new.
    pub(crate) closing: CancellationToken,
    /// Set when it has to end at once.
    pub(crate) cut: CancellationToken,
    /// Its place among the connections allowed.
    #[expect(dead_code, reason = "held for its drop")]
    pub(crate) admitted: Admitted,
}

/// A connection's place among those allowed, counted in the metrics while it lives.
pub(crate) struct Admitted {
    place: Place,
    listener: Word,
    node: Arc<Node>,
}

impl Admitted {
    /// Counts a connection that took its place.
    pub(crate) fn new(place: Place, listener: Word, node: Arc<Node>) -> Self {
        node.ports.metrics.connection_opened(&listener);
        Self { place, listener, node }
    }

    /// Counts it as that client's from now on: a load balancer said so.
    pub(crate) fn claim(&mut self, ip: IpAddr, room: Room) -> Result<(), Turned> {
        self.place.claim(ip, room)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.node.ports.metrics.connection_closed(&self.listener);
    }
}

impl ConnectionContext {
    /// What a server is told of whom a connection made for one of its exchanges is from. Behind a proxy that is trusted the
    /// client's port is not known.
    pub(crate) fn announced(&self, client: IpAddr) -> Announcement {
        let Some(destination) = self.local else { return Announcement::Own };
        let peer = self.peer.address;
        let port = if peer.ip().to_canonical() == client.to_canonical() { peer.port() } else { 0 };
        Announcement::Relayed { source: SocketAddr::new(client, port), destination }
    }

    /// Whether it has carried nothing for as long as it may.
    pub(crate) fn is_overdue(&self) -> bool {
        self.activity.patience(self.limits.idle, self.node.ports.clock.tick()).is_zero()
    }

    /// Whether it is encrypted.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.peer.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Notes that the client gave up an exchange, the `so_far`th within ten seconds, and ends the connection of a
    /// client that does little else (rapid reset, CVE-2023-44487). HTTP/1 clients pay with their connection anyway.
    pub(crate) fn stream_given_up(&self, so_far: u32) {
        if self.protocol != Protocol::Http2 {
            return;
        }
        self.node.ports.metrics.stream_reset();
        if so_far > self.limits.resets && !self.cut.is_cancelled() {
            self.node.ports.metrics.connection_cut("flood");
            self.cut.cancel();
        }
    }
}

impl fmt::Debug for ConnectionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionContext")
            .field("peer", &self.peer)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}
