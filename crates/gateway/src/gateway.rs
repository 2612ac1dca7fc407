//! A gateway from start to drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::node::Node;
use crate::ports::Ports;

/// Why a gateway did not start, or did not take a new policy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address as policy writes it.
        address: String,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// A running gateway.
pub struct Gateway {
    node: Arc<Node>,
    addresses: Vec<SocketAddr>,
}

impl Gateway {
    /// Starts one.
    pub async fn start(ports: Ports) -> Result<Self, StartError> {
        Ok(Self { node: Arc::new(Node::new(ports)), addresses: Vec::new() })
    }

    /// The addresses it listens on, in the policy's order, ephemeral ports resolved.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, lets exchanges finish for at most `deadline`, then ends what is left.
    pub async fn drain(self, deadline: Duration) {
        self.node.draining.cancel();
        self.node.tasks.close();
        if tokio::time::timeout(deadline, self.node.tasks.wait()).await.is_err() {
            self.node.stopped.cancel();
            self.node.tasks.wait().await;
        }
    }
}
