//! What all connections of one running gateway share.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ports::Ports;

/// One running gateway's shared state.
pub(crate) struct Node {
    /// What it was given.
    pub(crate) ports: Ports,
    /// Every task that serves a connection or a tunnel; draining waits for them.
    pub(crate) tasks: TaskTracker,
    /// Set when the gateway drains: finish what runs, begin nothing new.
    pub(crate) draining: CancellationToken,
    /// Set when draining took too long: tasks end at once.
    pub(crate) stopped: CancellationToken,
}

impl Node {
    /// The state of a gateway about to start.
    pub(crate) fn new(ports: Ports) -> Self {
        Self { ports, tasks: TaskTracker::new(), draining: CancellationToken::new(), stopped: CancellationToken::new() }
    }
}
