//! Operations as they are told: in tables, over the control socket, in `--json`.
//!
//! Invariant: what an operation was learned to be is copied, never worked out here.

use std::collections::BTreeMap;

use portcullis_inventory::{Inventory, Operation};
use portcullis_learn::Inventories;
use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Which operations: the query of `GET /operations`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OperationQuery {
    /// Only of this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
}

/// The answer to `GET /operations`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundOperations {
    /// By site, path and method.
    pub operations: Vec<OperationView>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// Its stable id.
    pub id: OperationId,
    /// Its site.
    pub site: SmolStr,
    /// The method.
    pub method: SmolStr,
    /// The path's template.
    pub path: SmolStr,
    /// How the site's contract stands to it.
    pub standing: SmolStr,
    /// The first exchange learning looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// How many exchanges learning looked at.
    pub observed: u64,
    /// How often each status was answered, among them.
    pub statuses: BTreeMap<u16, u64>,
    /// How many callers there were, estimated where they were many.
    pub callers: u64,
    /// Parameters of the path, in order.
    pub parameters: Vec<ParameterView>,
}

/// A parameter of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterView {
    /// Its name.
    pub name: SmolStr,
    /// How many distinct values it had, estimated where they were many.
    pub distinct: u64,
}

impl OperationView {
    /// An operation of a site.
    pub fn of(site: &str, operation: &Operation) -> Self {
        let facts = &operation.facts;
        Self {
            id: operation.id.clone(),
            site: site.into(),
            method: operation.method.clone(),
            path: operation.path.clone(),
            standing: if facts.declared.is_some() { "documented" } else { "shadow" }.into(),
            first_seen: facts.seen.map(|(first, _)| first),
            last_seen: facts.seen.map(|(_, last)| last),
            observed: facts.count,
            statuses: facts.statuses.clone(),
            callers: facts.callers(),
            parameters: (operation.parameters.iter())
                .map(|known| ParameterView { name: known.name.clone(), distinct: known.distinct })
                .collect(),
        }
    }
}

/// Every operation of some sites.
pub fn operations<'a>(
    inventories: impl IntoIterator<Item = (&'a SmolStr, &'a Inventory)>,
    query: &OperationQuery,
) -> FoundOperations {
    let wanted = |site: &SmolStr| query.site.as_ref().is_none_or(|wanted| wanted == site);
    let sites = inventories.into_iter().filter(|(site, _)| wanted(site));
    let operations = sites
        .flat_map(|(site, inventory)| {
            inventory.operations.iter().map(|operation| OperationView::of(site, operation))
        })
        .collect();
    FoundOperations { operations }
}

/// The site a question names, or the only one there is; else which there are.
pub fn only_site<'a>(
    sites: &'a Inventories,
    query: &OperationQuery,
) -> Result<(&'a SmolStr, &'a Inventory), String> {
    let found = match (&query.site, sites.len()) {
        (Some(site), _) => sites.get_key_value(site),
        (None, 1) => sites.first_key_value(),
        (None, _) => None,
    };
    let names = || sites.keys().map(SmolStr::as_str).collect::<Vec<_>>().join(", ");
    let (site, inventory) = found.ok_or_else(|| format!("--site names one of: {}", names()))?;
    Ok((site, inventory))
}
