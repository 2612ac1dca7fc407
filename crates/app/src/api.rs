//! `portcullis api`: the operations learned, of a running gateway or out of its files.
//!
//! Invariant: what a gateway would answer and what its files say come from the same function.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use portcullis_admin::api::{
    FoundOperations, OperationQuery, OperationView, only_site, operations, percent_encoded,
};
use portcullis_admin::client::ClientError;
use portcullis_inventory::{Inventory, openapi};
use portcullis_learn::Inventories;
use serde_json::Value;
use smol_str::SmolStr;

use crate::load::{self, Purpose};
use crate::output::{self, Audience, right};
use crate::serve::learning;
use crate::{Exit, Misuse, cli, question};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Api) -> Result<Exit> {
    match command {
        cli::Api::Ls { site } => list(config, audience, site),
        cli::Api::Show { operation, site } => show(config, audience, &operation, site),
        cli::Api::Export { site } => export(config, audience, site),
    }
}

fn list(config: &Path, audience: Audience, site: Option<String>) -> Result<Exit> {
    let found = find(config, site)?;
    match audience {
        Audience::Programs => {
            output::json(&found);
        }
        Audience::People if found.operations.is_empty() => {
            output::line("Nothing was learned yet: operations appear once they were answered.");
        }
        Audience::People => {
            output::line(&table(&found.operations).to_string());
        }
    }
    Ok(Exit::Done)
}

fn table(operations: &[OperationView]) -> comfy_table::Table {
    let mut table = output::table(&[
        "site",
        "operation",
        "standing",
        "observed",
        "callers",
        "statuses",
        "last seen",
        "id",
    ]);
    for operation in operations {
        let statuses: Vec<_> =
            operation.statuses.iter().map(|(status, count)| format!("{status} × {count}")).collect();
        table.add_row([
            output::shown(&operation.site).into(),
            output::shown(&name(operation)).into(),
            operation.standing.as_str().into(),
            right(operation.observed),
            right(operation.callers),
            statuses.join(", ").into(),
            operation.last_seen.map_or_else(|| "–".to_owned(), |at| seconds(&at.to_string())).into(),
            operation.id.to_string().into(),
        ]);
    }
    table
}

fn name(operation: &OperationView) -> String {
    format!("{} {}", operation.method, operation.path)
}

/// `2026-11-23 00:15:13` of an RFC 3339 time.
fn seconds(time: &str) -> String {
    time.chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

fn show(config: &Path, audience: Audience, wanted: &str, site: Option<String>) -> Result<Exit> {
    let found = find(config, site)?;
    let is_wanted = |known: &&OperationView| known.id.as_str() == wanted || name(known) == wanted;
    let fitting: Vec<_> = found.operations.iter().filter(is_wanted).collect();
    match fitting.as_slice() {
        [] => {
            output::say(&format!("no operation is called `{wanted}`: `portcullis api ls` shows them all"));
            return Ok(Exit::No);
        }
        [one] if audience == Audience::People => output::pretty_json(one),
        several => several.iter().all(output::json),
    };
    Ok(Exit::Done)
}

fn export(config: &Path, audience: Audience, site: Option<String>) -> Result<Exit> {
    let query = OperationQuery { site: site.map(SmolStr::from) };
    let document: Value = if let Some(document) = ask(config, &target("/openapi", &query))? {
        document
    } else {
        let sites = kept(config)?;
        let (site, inventory) = only_site(&sites, &query).map_err(Misuse)?;
        openapi::document(site, inventory)
    };
    match audience {
        Audience::Programs => output::json(&document),
        Audience::People => output::print(&portcullis_document::to_yaml(&document)),
    };
    Ok(Exit::Done)
}

fn find(config: &Path, site: Option<String>) -> Result<FoundOperations> {
    let query = OperationQuery { site: site.map(SmolStr::from) };
    if let Some(found) = ask(config, &target("/operations", &query))? {
        return Ok(found);
    }
    let sites = kept(config)?;
    Ok(operations(sites.iter().map(|(site, inventory)| (site, &**inventory)), &query))
}

fn target(path: &str, query: &OperationQuery) -> String {
    let site = query.site.as_ref().map(|site| format!("?site={}", percent_encoded(site)));
    format!("{path}{}", site.unwrap_or_default())
}

/// What the running gateway answers; nothing if none runs.
fn ask<T: serde::de::DeserializeOwned>(config: &Path, target: &str) -> Result<Option<T>> {
    let client = question::client(config)?;
    question::ask(async {
        match client.get(target).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::NotRunning { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// What the files of a gateway that does not run say.
fn kept(config: &Path) -> Result<Inventories> {
    let loaded = load::load(config, Purpose::Look)
        .map_err(|_| Misuse("the policy has mistakes: portcullis check".to_owned()))?;
    let learning = learning::config(&loaded.policy, &loaded.snapshot);
    let path =
        learning.path.as_deref().context("this policy learns nothing of its sites (`inventory: off`)")?;
    let restored = portcullis_learn::restore(path, learning.key, learning.limits)
        .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?
        .unwrap_or_default();
    let drawn = learning.sites.into_iter().filter_map(|site| {
        let fold = restored.get(&site.name)?;
        Some((site.name, Arc::new(Inventory::of(fold, site.contract.as_deref()))))
    });
    Ok(drawn.collect())
}
