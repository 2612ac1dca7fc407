//! Connections that a load balancer announces: it says first whom each is from, by the PROXY protocol.
//!
//! Invariants: only balancers that policy names are believed, and from them every connection must begin so; nothing is
//! read of what follows the header. How long it may take is the caller's.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_wire::proxy_protocol::{self, Reading, Source};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The balancers of one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Balancers(pub(crate) Vec<IpNet>);

impl Balancers {
    /// Whether connections from this address are announced.
    pub(crate) fn hold(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&ip.to_canonical()))
    }
}

/// Reads the header a connection begins with.
pub(crate) async fn read_source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Source> {
    let mut bytes = Vec::with_capacity(128);
    loop {
        match proxy_protocol::read(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
        {
            Reading::Whole(source) => return Ok(source),
            Reading::Partial { needs } => {
                let begun = bytes.len();
                bytes.resize(needs, 0);
                stream.read_exact(bytes.get_mut(begun..).unwrap_or_default()).await?;
            }
        }
    }
}
