//! The bounds of client connections as one policy sets them.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_wire::framing::FramingLimits;

use crate::bounds::Room;

/// What a client connection may cost. One value a snapshot; a connection keeps the one it began under.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections open at once.
    pub(crate) connections: usize,
    /// Of those, by one client.
    pub(crate) per_client: usize,
    /// Addresses that carry many clients and have no bound of their own.
    pub(crate) trusted: Vec<IpNet>,
    /// For the TLS handshake, from accept to its end.
    pub(crate) handshake: Duration,
    /// For a request's head, from its first byte to its last.
    pub(crate) head: Duration,
    /// Between two reads of a body.
    pub(crate) body: Duration,
    /// Between two writes a client takes of its response.
    pub(crate) write: Duration,
    /// Without any exchange.
    pub(crate) idle: Duration,
    /// For HTTP/1 heads and chunks; `head_bytes` also bounds HTTP/2 field lists.
    pub(crate) framing: FramingLimits,
    /// HTTP/2 streams open at once on a connection.
    pub(crate) streams: u32,
    /// HTTP/2 streams a client may give up within ten seconds.
    pub(crate) resets: u32,
    /// Bytes of memory above which exchanges are refused.
    pub(crate) memory: Option<u64>,
}

impl Limits {
    /// How much room there is for a connection from `ip`.
    pub(crate) fn room(&self, ip: IpAddr) -> Room {
        let trusted = self.trusted.iter().any(|net| net.contains(&ip.to_canonical()));
        Room { all: self.connections, client: (!trusted).then_some(self.per_client) }
    }
}
