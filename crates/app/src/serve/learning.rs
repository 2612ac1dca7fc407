//! Joins learning to the gateway: what the policy says of it, and what was learned to the snapshot in force.
//!
//! Invariant: what the contract declares is matched by the contract; only the rest is handed over.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_contract::{LearnedOperations, Template};
use portcullis_engine::Snapshot;
use portcullis_inventory::Limits;
use portcullis_learn::{Drawn, LearnConfig, LearnSite, Publish};
use portcullis_policy::Policy;
use smol_str::SmolStr;

/// What a policy says of learning, with the contracts of its snapshot. A policy that learns nothing has no sites here.
pub(crate) fn config(policy: &Policy, snapshot: &Snapshot) -> LearnConfig {
    let learning = policy.inventory.as_ref();
    let site = |name: &SmolStr| LearnSite { name: name.clone(), contract: snapshot.contract(name).cloned() };
    LearnConfig {
        path: learning.map(|learning| PathBuf::from(learning.path.path.as_str())),
        key: snapshot.learning_key(),
        limits: learning.map_or_else(Limits::default, |learning| Limits {
            paths: learning.paths.get() as usize,
            ..Limits::default()
        }),
        sites: learning
            .map_or_else(Vec::new, |_| policy.sites.iter().map(|known| site(&known.name)).collect()),
    }
}

/// Hands what was learned to the snapshot in force.
pub(super) struct Publisher(pub(super) Arc<ArcSwap<Snapshot>>);

impl Publish for Publisher {
    fn learned(&self, site: &SmolStr, drawn: &Arc<Drawn>) {
        let mut learned = LearnedOperations::default();
        for operation in drawn.inventory.operations.iter().filter(|known| known.facts.declared.is_none()) {
            if let Ok((template, _)) = Template::parse(&operation.path) {
                learned.add(operation.id.clone(), &operation.method, &template);
            }
        }
        self.0.load().learn(site, Arc::new(learned));
    }
}
