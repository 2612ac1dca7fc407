//! Bans of whole networks, looked up by address.
//!
//! One hash look-up for each prefix length that is in use, the longest first: a handful of lengths occur in
//! practice, so this beats a trie and needs none.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use ipnet::IpNet;
use portcullis_model::{Ban, Timestamp};

use super::{Change, Entries, entry, in_force, insert, remove, sweep};

/// Network bans by prefix.
#[derive(Default)]
pub(super) struct Networks {
    bans: HashMap<IpNet, Entries, RandomState>,
    /// Prefix lengths in use, longest first.
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl Networks {
    pub(super) fn set(&mut self, net: IpNet, ban: Ban, limit: usize) -> Change {
        let change = insert(&mut self.bans, net.trunc(), ban, limit);
        self.index();
        change
    }

    pub(super) fn held(&self, net: IpNet, site: Option<&str>) -> Option<Arc<Ban>> {
        entry(self.bans.get(&net.trunc())?, site)
    }

    pub(super) fn lift(&mut self, net: IpNet, site: Option<&str>) -> usize {
        let net = net.trunc();
        let removed = remove(&mut self.bans, &net, site);
        self.index();
        removed
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let removed = sweep(&mut self.bans, now);
        self.index();
        removed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Ban>> {
        self.bans.values().flatten()
    }

    /// The ban of the longest prefix around `client` that holds for this site.
    pub(super) fn find(&self, client: IpAddr, site: Option<&str>, now: Timestamp) -> Option<Arc<Ban>> {
        let client = client.to_canonical();
        let lengths = if client.is_ipv4() { &self.v4 } else { &self.v6 };
        lengths.iter().find_map(|length| {
            let net = IpNet::new(client, *length).ok()?.trunc();
            in_force(self.bans.get(&net)?, site, now).cloned()
        })
    }

    fn index(&mut self) {
        let lengths = |wanted: fn(&IpNet) -> bool| {
            let mut lengths: Vec<u8> =
                self.bans.keys().filter(|net| wanted(net)).map(IpNet::prefix_len).collect();
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
            lengths
        };
        (self.v4, self.v6) =
            (lengths(|net| matches!(net, IpNet::V4(_))), lengths(|net| matches!(net, IpNet::V6(_))));
    }
}
