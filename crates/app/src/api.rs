//! `portcullis api`: the operations learned, of a running gateway or out of its files.
//!
//! Invariant: what a gateway would answer and what its files say come from the same functions.

mod below;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_admin::api::{
    FoundOperations, NewDecision, NewWatching, OperationQuery, OperationView, TrafficView, openapi,
    operations, percent_encoded,
};
use portcullis_admin::client::ClientError;
use portcullis_inventory::{Ruling, Watching};
use portcullis_learn::{Drawn, Inventories};
use portcullis_model::Timestamp;
use portcullis_model::data_class::Confidence;
use serde_json::Value;
use smol_str::SmolStr;

use crate::load::{self, Purpose};
use crate::output::{self, Audience, right};
use crate::serve::{self, learning};
use crate::{Exit, Misuse, adopt, apart, cli, freeze, lint, question, span, versions};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Api) -> Result<Exit> {
    match command {
        cli::Api::Ls(which) => list(config, audience, &query(which)),
        cli::Api::Show(operation) => show(config, audience, operation),
        cli::Api::Export(which) => export(config, audience, &query(which)),
        cli::Api::Diff(options) => match &options.new {
            Some(new) => Ok(versions::run(audience, &options, new)),
            None => apart::run(config, audience, &options.old.to_string_lossy()),
        },
        cli::Api::Adopt(options) => adopt::run(config, audience, &options),
        cli::Api::Ignore { operation, undo: false } => watch(config, audience, operation, Watching::Ignored),
        cli::Api::Ignore { operation, .. } | cli::Api::Watch(operation) => {
            watch(config, audience, operation, Watching::Watched)
        }
        cli::Api::Freeze(options) => freeze::freeze(config, audience, &options),
        cli::Api::Promote(options) => freeze::promote(config, audience, &options),
        cli::Api::Lint(options) => lint::run(config, audience, &options),
        cli::Api::Merge(template) => decide(config, audience, template, Ruling::Value),
        cli::Api::Split(template) => decide(config, audience, template, Ruling::Name),
    }
}

fn query(which: cli::Which) -> OperationQuery {
    OperationQuery {
        site: which.site.map(SmolStr::from),
        standing: which.standing.map(SmolStr::from),
        condition: which.condition,
        operation: None,
    }
}

/// Tells the running gateway; a decision is learned like traffic, so it needs one.
fn decide(config: &Path, audience: Audience, template: cli::Template, ruling: Ruling) -> Result<Exit> {
    let wanted =
        NewDecision { site: template.site.map(SmolStr::from), template: template.path.into(), ruling };
    let client = question::client(config)?;
    let found: FoundOperations =
        question::ask(async { client.send(http::Method::POST, "/decisions", &wanted).await })?;
    show_all(audience, &found);
    Ok(Exit::Done)
}

/// Tells the running gateway whether an operation is to be heard of.
fn watch(config: &Path, audience: Audience, wanted: cli::OneOperation, watching: Watching) -> Result<Exit> {
    let said =
        NewWatching { site: wanted.site.map(SmolStr::from), operation: wanted.operation.into(), watching };
    let client = question::client(config)?;
    let found: FoundOperations =
        question::ask(async { client.send(http::Method::POST, "/watching", &said).await })?;
    show_all(audience, &found);
    Ok(Exit::Done)
}

fn list(config: &Path, audience: Audience, query: &OperationQuery) -> Result<Exit> {
    show_all(audience, &find(config, query)?);
    Ok(Exit::Done)
}

fn show_all(audience: Audience, found: &FoundOperations) {
    match audience {
        Audience::Programs => output::json(found),
        Audience::People if found.operations.is_empty() => {
            output::line("No operations: they appear with their first answer.")
        }
        Audience::People => output::line(&table(&found.operations).to_string()),
    };
}

fn table(operations: &[OperationView]) -> comfy_table::Table {
    let heads = [
        "site",
        "operation",
        "standing",
        "risk",
        "credentials",
        "data",
        "exchanges",
        "callers",
        "last seen",
        "id",
    ];
    let mut table = output::table(&heads);
    for operation in operations {
        let traffic = operation.traffic.as_ref();
        let count =
            |of: fn(&TrafficView) -> u64| traffic.map_or_else(|| "–".to_owned(), |seen| of(seen).to_string());
        table.add_row([
            output::shown(&operation.site).into(),
            output::shown(&name(operation)).into(),
            standing(operation).into(),
            operation.risk.as_str().into(),
            word(operation.authenticated.as_ref()).into(),
            traffic.map_or_else(String::new, classes).into(),
            right(count(|seen| seen.exchanges)),
            right(count(|seen| seen.callers)),
            traffic.and_then(|seen| seen.last_seen).map_or_else(|| "–".to_owned(), minute).into(),
            operation.id.to_string().into(),
        ]);
        for call in &operation.calls {
            table.add_row(below::row(&heads, call));
        }
        for version in &operation.versions {
            table.add_row(below::version_row(&heads, version));
        }
    }
    table
}

fn standing(operation: &OperationView) -> String {
    let ignored = if operation.ignored { ", ignored" } else { "" };
    format!("{}{ignored}", word(operation.standing.as_ref()))
}

/// The classes of sensitive data it carries: `email, phone`.
fn classes(traffic: &TrafficView) -> String {
    let classes = traffic.classes();
    classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ")
}

fn word(word: Option<&SmolStr>) -> &str {
    word.map_or("–", SmolStr::as_str)
}

pub(crate) fn name(operation: &OperationView) -> String {
    format!("{} {}", operation.method, operation.path)
}

/// `2026-11-23 00:15`.
fn minute(time: Timestamp) -> String {
    time.to_string().chars().take(16).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

fn show(config: &Path, audience: Audience, wanted: cli::OneOperation) -> Result<Exit> {
    let query = OperationQuery {
        site: wanted.site.map(SmolStr::from),
        operation: Some(wanted.operation.into()),
        ..OperationQuery::default()
    };
    let fitting = find(config, &query)?.operations;
    if fitting.is_empty() {
        let wanted = query.operation.unwrap_or_default();
        output::say(&format!("no operation is called `{wanted}`: `portcullis api ls` shows them all"));
        return Ok(Exit::No);
    }
    for operation in &fitting {
        match audience {
            Audience::Programs => output::json(operation),
            Audience::People => output::print(&told(operation)),
        };
    }
    Ok(Exit::Done)
}

/// All that is known of an operation, a line each.
fn told(operation: &OperationView) -> String {
    let mut lines =
        vec![("operation", format!("{} of {} ({})", name(operation), operation.site, operation.id))];
    if operation.ignored {
        lines.push((
            "ignored",
            "no findings, in no list of shadows (`portcullis api watch` undoes that)".into(),
        ));
    }
    if let Some(standing) = &operation.standing {
        let since = operation.since.map_or_else(String::new, |since| format!(" since {}", minute(since)));
        lines.push(("standing", format!("{standing}{since}: {}", operation.why.join("; "))));
    }
    let risk = match operation.risk_reasons.as_slice() {
        [] => operation.risk.to_string(),
        reasons => format!("{}: {}", operation.risk, reasons.join("; ")),
    };
    lines.push(("risk", risk));
    if let Some(posture) = &operation.authenticated {
        let since = operation
            .authenticated_since
            .map_or_else(String::new, |since| format!(" since {}", minute(since)));
        lines.push(("credentials", format!("{posture} shown{since}")));
    }
    if let Some(traffic) = &operation.traffic {
        lines.extend(seen(traffic));
    }
    lines.extend(operation.versions.iter().map(|version| ("version", below::version(version))));
    lines.extend(operation.calls.iter().map(|call| ("call", below::told(call))));
    for drift in &operation.drift {
        let often = if drift.count > 0 { format!(" ({} ×)", drift.count) } else { String::new() };
        let shown = drift.example.map_or_else(String::new, |example| {
            format!(", last in {} ({})", example.event, minute(example.time))
        });
        lines.push(("differs", format!("{}: {}{often}{shown}", drift.place, drift.what)));
    }
    let line = |(what, text): (&str, String)| format!("{what:<12} {}\n", output::shown(&text));
    lines.into_iter().map(line).collect()
}

fn seen(traffic: &TrafficView) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let (Some(first), Some(last)) = (traffic.first_seen, traffic.last_seen) {
        lines.push(("seen", format!("{} to {}", minute(first), minute(last))));
    }
    let statuses = traffic.statuses.iter().map(|(status, count)| format!("{status} × {count}"));
    lines.push((
        "exchanges",
        format!(
            "{} ({} looked at: {}) by {} callers",
            traffic.exchanges,
            traffic.observed,
            statuses.collect::<Vec<_>>().join(", "),
            traffic.callers
        ),
    ));
    if let (Some(p50), Some(p99)) = (traffic.p50_us, traffic.p99_us) {
        let [p50, p99] = [p50, p99].map(|micros| span::short(Duration::from_micros(micros)));
        lines.push(("time taken", format!("half within {p50}, 99 of 100 within {p99}")));
    }
    if !traffic.hosts.is_empty() {
        let hosts: Vec<&str> = traffic.hosts.iter().map(SmolStr::as_str).collect();
        lines.push(("hosts", hosts.join(", ")));
    }
    lines.extend(traffic.spoken.iter().map(|spoken| ("spoken", below::spoken(spoken))));
    for parameter in &traffic.parameters {
        lines.push(("parameter", format!("{}, {} distinct values", parameter.name, parameter.distinct)));
    }
    for data in &traffic.data {
        let field = if data.field.is_empty() { "the whole" } else { data.field.as_str() };
        let named = if data.confidence == Confidence::Named { ", by its name alone" } else { "" };
        let (class, place) = (data.class.as_str(), data.place.as_str());
        lines.push(("data", format!("{class} in {field} of the {place} ({} ×{named})", data.count)));
    }
    lines
}

fn export(config: &Path, audience: Audience, query: &OperationQuery) -> Result<Exit> {
    let document = document(config, query)?;
    match audience {
        Audience::Programs => output::json(&document),
        Audience::People => output::print(&portcullis_document::to_yaml(&document)),
    };
    Ok(Exit::Done)
}

/// Operations as an `OpenAPI` document.
pub(crate) fn document(config: &Path, query: &OperationQuery) -> Result<Value> {
    match ask(config, &target("/openapi", query))? {
        Some(document) => Ok(document),
        None => Ok(openapi(&kept(config)?, query).map_err(Misuse)?),
    }
}

pub(crate) fn find(config: &Path, query: &OperationQuery) -> Result<FoundOperations> {
    match ask(config, &target("/operations", query))? {
        Some(found) => Ok(found),
        None => Ok(operations(&kept(config)?, query).map_err(Misuse)?),
    }
}

fn target(path: &str, query: &OperationQuery) -> String {
    let asked = [
        ("operation", query.operation.as_deref()),
        ("site", query.site.as_deref()),
        ("standing", query.standing.as_deref()),
        ("where", query.condition.as_deref()),
    ];
    let parts =
        asked.iter().filter_map(|(name, value)| Some(format!("{name}={}", percent_encoded((*value)?))));
    match parts.collect::<Vec<_>>().join("&") {
        none if none.is_empty() => path.to_owned(),
        parts => format!("{path}?{parts}"),
    }
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
    let empty = portcullis_inventory::Fold::new;
    let drawn = learning.sites.into_iter().map(|site| {
        let nothing = || empty(site.name.clone(), learning.key, learning.limits);
        let fold = restored.get(&site.name).cloned().unwrap_or_else(nothing);
        (site.name, Arc::new(Drawn::of(&fold, site.contract.as_deref(), serve::now())))
    });
    Ok(drawn.collect())
}
