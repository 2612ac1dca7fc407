//! What every exchange of one client connection shares.
//!
//! Invariant: while a value of this type lives, its connection counts against the bounds; a tunnel that outlives
//! the HTTP connection keeps it.

use std::sync::Arc;

use portcullis_model::Peer;

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
    /// Its framing.
    pub(crate) protocol: Protocol,
}
