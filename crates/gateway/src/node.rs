//! What all connections of one running gateway share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use portcullis_engine::Workspaces;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bounds::Bounds;
use crate::challenges::Proofs;
use crate::delays::Delays;
use crate::introspection::Introspections;
use crate::limits::Limits;
use crate::login::Logins;
use crate::names::NameBook;
use crate::passwords::PasswordChecks;
use crate::ports::Ports;
use crate::upstream::Upstreams;

/// One running gateway's shared state.
pub(crate) struct Node {
    /// What it was given.
    pub(crate) ports: Ports,
    /// The connections open.
    pub(crate) bounds: Arc<Bounds>,
    /// The policy in force and the servers it names.
    pub(crate) upstreams: Arc<Upstreams>,
    /// Scratch memory for judging exchanges, used again and again.
    pub(crate) workspaces: Arc<Workspaces>,
    /// Issuers being asked about tokens.
    pub(crate) introspections: Introspections,
    pub(crate) logins: Logins,
    /// Names of crawlers' addresses.
    pub(crate) names: Arc<NameBook>,
    /// Exchanges held by limits.
    pub(crate) delays: Delays,
    /// Passwords being looked at.
    pub(crate) passwords: PasswordChecks,
    /// What an authority looks at.
    pub(crate) proofs: Proofs,
    /// Bytes of memory the process has, as its host said last.
    pub(crate) memory: AtomicU64,
    /// What the next connection may cost.
    pub(crate) limits: ArcSwap<Limits>,
    /// Every task that serves a connection or a tunnel; draining waits for them.
    pub(crate) tasks: TaskTracker,
    /// Set when the gateway drains: finish what runs, begin nothing new.
    pub(crate) draining: CancellationToken,
    /// Set, before it drains, when another process serves in this one's place: idle clients have somebody to turn to.
    pub(crate) succeeded: CancellationToken,
    /// Set when draining took too long: tasks end at once.
    pub(crate) stopped: CancellationToken,
}

impl Node {
    /// The state of a gateway about to start.
    pub(crate) fn new(ports: Ports, limits: Limits, upstreams: Arc<Upstreams>) -> Self {
        Self {
            ports,
            upstreams,
            bounds: Arc::default(),
            workspaces: Arc::default(),
            introspections: Introspections::default(),
            logins: Logins::default(),
            names: Arc::default(),
            delays: Delays::default(),
            passwords: PasswordChecks::default(),
            proofs: Proofs::default(),
            memory: AtomicU64::new(0),
            limits: ArcSwap::from_pointee(limits),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            succeeded: CancellationToken::new(),
            stopped: CancellationToken::new(),
        }
    }
}
