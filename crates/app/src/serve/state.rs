//! The node's state: in its memory, or on a server it shares with others.

use std::sync::Arc;

use portcullis_gateway::Metrics;
use portcullis_store::server::Reloading;
use portcullis_store::{BanBook, MemoryLimits, MemoryStore, ServerPlan, ServerStore, Store};

use super::now;

/// Where the node's counters and bans are.
pub(super) enum NodeState {
    Memory(Arc<MemoryStore>),
    Server(Arc<ServerStore>),
}

impl NodeState {
    /// On the server there is a plan for, which is begun to be connected to; else in memory.
    pub(super) fn start(server: Option<ServerPlan>, limits: MemoryLimits, metrics: &Metrics) -> Self {
        match server {
            None => Self::Memory(Arc::new(MemoryStore::new(limits))),
            Some(plan) => {
                let store = Arc::new(ServerStore::start(plan));
                metrics.watch_state(Arc::clone(&store));
                Self::Server(store)
            }
        }
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::<MemoryStore>::clone(store),
            Self::Server(store) => Arc::<ServerStore>::clone(store),
        }
    }

    /// Waits until it is known whether the server can be used: not one that answers and is too old.
    pub(super) async fn fit(&self) -> anyhow::Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Server(store) => {
                let refuse = |why| anyhow::anyhow!("the server of `state.server` cannot be used: {why}");
                store.fit().await.map_err(refuse)
            }
        }
    }

    /// Tells the other nodes of bans that were put into the book by hand.
    pub(super) fn share_bans(&self) {
        if let Self::Server(store) = self {
            store.share_bans();
        }
    }

    /// Has the other nodes read their policies again; whether they will hear of it. There are none where state is in memory.
    pub(super) async fn tell_reload(&self) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Server(store) => store.tell_reload().await,
        }
    }

    /// Hears that another node wants policies to be read again; nothing where state is in memory.
    pub(super) fn reloading(&self) -> Option<Reloading> {
        match self {
            Self::Memory(_) => None,
            Self::Server(store) => Some(store.reloading()),
        }
    }

    /// The bans as this node knows them.
    pub(super) fn ban_book(&self) -> &BanBook {
        self.local().ban_book()
    }

    /// Forgets what has run out.
    pub(super) fn sweep(&self) {
        self.local().sweep(now());
    }

    fn local(&self) -> &MemoryStore {
        match self {
            Self::Memory(store) => store,
            Self::Server(store) => store.local(),
        }
    }
}
