//! `portcullis api diff SITE`: how a site's traffic and its contract differ.
//!
//! Invariant: says what the inventory concluded of each operation, and nothing of those that are ignored.

use std::path::Path;

use anyhow::Result;
use portcullis_admin::api::{OperationQuery, OperationView};
use portcullis_inventory::Example;
use serde::Serialize;

use crate::api::{find, name};
use crate::output::{self, Audience};
use crate::{Exit, Misuse};

/// One difference.
#[derive(Debug, Serialize)]
struct Difference {
    /// The operation's name.
    operation: String,
    /// What of it, `query.sort`; absent where it is all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// `not declared`, `declared as required and left out`, `declared and never seen`, `not declared any more`.
    what: String,
    /// In how many exchanges that were looked at.
    count: u64,
    /// The latest exchange that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Example>,
}

/// What is said of an operation that no contract declares.
const UNDECLARED: &str = "not declared";

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, site: &str) -> Result<Exit> {
    let query = OperationQuery { site: Some(site.into()), ..OperationQuery::default() };
    let operations = find(config, &query)?.operations;
    if operations.iter().all(|operation| operation.standing.is_none()) {
        let why = format!(
            "nothing is declared of the site `{site}`, or there is none: `contract: {{ files: […] }}` names documents"
        );
        return Err(Misuse(why).into());
    }
    let heard_of = operations.iter().filter(|operation| !operation.ignored);
    let differences: Vec<Difference> = heard_of.flat_map(of_operation).collect();
    match audience {
        Audience::Programs => output::json(&serde_json::json!({ "differences": differences })),
        Audience::People => output::print(&told(&differences)),
    };
    let is_undeclared = |one: &Difference| one.what == UNDECLARED;
    Ok(if differences.iter().any(is_undeclared) { Exit::No } else { Exit::Done })
}

fn of_operation(operation: &OperationView) -> Vec<Difference> {
    let whole = |what: &str| Difference {
        operation: name(operation),
        place: None,
        what: what.to_owned(),
        count: operation.traffic.as_ref().map_or(0, |traffic| traffic.observed),
        example: None,
    };
    let standing = match operation.standing.as_deref() {
        Some("shadow") => Some(whole(UNDECLARED)),
        Some("dormant") => Some(whole("declared and not called")),
        Some("zombie") => Some(whole(&format!("a zombie: {}", operation.why.join("; ")))),
        _ => None,
    };
    let drift = operation.drift.iter().map(|drift| Difference {
        operation: name(operation),
        place: Some(drift.place.clone()),
        what: drift.what.to_string(),
        count: drift.count,
        example: drift.example,
    });
    standing.into_iter().chain(drift).collect()
}

fn told(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "traffic and contract say the same\n".to_owned();
    }
    let mut table = output::table(&["operation", "what of it", "", "seen", "last in event"]);
    for one in differences {
        let seen = if one.count == 0 { "–".to_owned() } else { format!("{} ×", one.count) };
        let event = one.example.map_or_else(String::new, |example| example.event.to_string());
        let place = one.place.as_deref().unwrap_or_default();
        table.add_row([
            &output::shown(&one.operation),
            &output::shown(place),
            &output::shown(&one.what),
            &seen,
            &event,
        ]);
    }
    format!("{table}\n")
}
