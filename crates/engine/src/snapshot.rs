//! A compiled policy: immutable, shared by every exchange that began under it.
//!
//! Invariant: made only by [`crate::compile`], from a checked policy and documents without mistakes.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use portcullis_contract::{Contract, LearnedOperations};
use portcullis_filter::transaction::CollectionKey;
use portcullis_model::counter::CounterKey;
use portcullis_model::{BanView, Event};
use portcullis_policy::{KeepHeaders, OnFailure, Policy};

use crate::arrival::Arrival;
use crate::client_ip::ClientIp;
use crate::exchange::Exchange;
use crate::filter::Owner;
use crate::geo::Databases;
use crate::hosts::Hosts;
use crate::lists::List;
use crate::names::Names;
use crate::node_key::NodeKeys;
use crate::scope::Scope;
use crate::site::{Looking, Site};
use crate::state::Place;
use crate::step::Step;

/// A compiled policy.
pub struct Snapshot {
    pub(crate) policy: Arc<Policy>,
    pub(crate) node: NodeKeys,
    pub(crate) client_ip: ClientIp,
    pub(crate) lists: Vec<List>,
    pub(crate) geo: Databases,
    /// Who knows the names of addresses, where somebody does.
    pub(crate) names: OnceLock<Arc<dyn Names>>,
    pub(crate) hosts: Hosts,
    pub(crate) sites: Vec<Site>,
    /// What holds where no site is named like the host.
    pub(crate) nowhere: Scope,
    /// The content filter's rules, for the next policy to keep.
    pub(crate) kept: crate::compile::Kept,
}

/// How many rules a content filter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterSize {
    /// Built-in ones at its level.
    pub builtin: usize,
    /// Of SecLang files, those included that only prepare others.
    pub seclang: usize,
}

impl Snapshot {
    /// The policy this was compiled from.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Says who knows the names of addresses; the first who does is asked. Without one, no name is known.
    pub fn ask_for_names(&self, names: Arc<dyn Names>) {
        // Whoever was named first stays.
        let _ = self.names.set(names);
    }

    /// Begins an exchange whose request's head was read.
    pub fn begin(self: &Arc<Self>, arrival: Arrival, bans: &dyn BanView) -> Step {
        Exchange::begin(Arc::clone(self), arrival, bans)
    }

    /// What the content filter alone makes of a request: no other stage has a say, nothing is asked of a store.
    pub fn try_filter(self: &Arc<Self>, arrival: Arrival, body: Bytes) -> Event {
        Exchange::try_filter(Arc::clone(self), arrival, body)
    }

    /// The operations a site declares; empty without a contract or such a site.
    pub fn operations(&self, site: &str) -> &[portcullis_contract::Operation] {
        let site = self.sites.iter().find(|known| known.name == site);
        site.and_then(|site| site.contract.as_ref()).map_or(&[], |contract| contract.operations())
    }

    /// What a site declares.
    pub fn contract(&self, site: &str) -> Option<&Arc<Contract>> {
        self.sites.iter().find(|known| known.name == site)?.contract.as_ref()
    }

    /// Takes up the operations that were learned of a site beyond its contract.
    pub fn learn(&self, site: &str, operations: Arc<LearnedOperations>) {
        if let Some(site) = self.sites.iter().find(|known| known.name == site) {
            site.learned.operations.store(Some(operations));
        }
    }

    /// From now on learning looks at every exchange: for recordings, where nobody waits.
    pub fn look_at_all(&mut self) {
        for site in &mut self.sites {
            site.learned.looking = Looking::AtAll;
        }
    }

    /// The key of what learning hashes; all nodes of a deployment share it.
    pub fn learning_key(&self) -> u64 {
        self.node.learning()
    }

    /// How many rules each site's content filter has; absent for a site without one.
    pub fn filters(&self) -> impl Iterator<Item = (&str, Option<FilterSize>)> {
        self.sites.iter().map(|site| {
            let size = site.scope.filter.as_deref().map(|filter| FilterSize {
                builtin: filter.rules.pack.as_ref().map_or(0, |pack| pack.rules().len()),
                // One of them is ours: what the policy says, in the rules' own terms.
                seclang: filter.rules.seclang.as_ref().map_or(0, |rules| rules.len().saturating_sub(1)),
            });
            (site.name.as_str(), size)
        })
    }

    /// The lists by name, with how many entries each holds.
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    pub(crate) fn site(&self, index: usize) -> Option<&Site> {
        self.sites.get(index)
    }

    pub(crate) fn scope(&self, place: Option<Place>) -> &Scope {
        let Some((place, site)) = place.and_then(|place| Some((place, self.site(place.site)?))) else {
            return &self.nowhere;
        };
        place.route.and_then(|route| site.routes.get(route)).map_or(&site.scope, |route| &route.scope)
    }

    /// Where the store keeps a persistent collection of a site's rules, or of the rules tried beside them.
    pub(crate) fn collection(&self, site: &str, owner: Owner, of: &CollectionKey) -> CounterKey {
        let mut bytes = match owner {
            Owner::Rules => b"filter\0".to_vec(),
            Owner::Candidate => b"candidate\0".to_vec(),
        };
        for part in [site, &of.collection, &of.key] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        self.node.counter(&bytes)
    }

    /// Where the store keeps what an authority looks at before it issues a certificate.
    pub fn acme_proof(&self, name: &str) -> CounterKey {
        self.node.counter(&[b"acme\0", name.as_bytes()].concat())
    }

    pub(crate) fn node(&self) -> &NodeKeys {
        &self.node
    }

    pub(crate) fn on_store_failure(&self) -> OnFailure {
        self.policy.state.on_failure
    }

    /// None where nothing is archived; a follower still sees events.
    pub(crate) fn keeps_headers(&self) -> Option<KeepHeaders> {
        self.policy.archive.as_ref().map(|archive| archive.headers)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} sites)", self.sites.len())
    }
}
