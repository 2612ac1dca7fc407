//! `portcullis check`: every mistake of a policy at once, and the phase each rule runs in.

use std::path::Path;

use portcullis_contract::lint::Level;
use portcullis_document::{Problem, Style, render};
use portcullis_engine::{FilterSize, Snapshot};
use portcullis_policy::{Policy, schedule};
use serde_json::json;

use crate::Exit;
use crate::lint;
use crate::load::{self, Loaded, Purpose};
use crate::output::{self, Audience};

/// Checks the policy at `config`.
pub(crate) fn run(config: &Path, audience: Audience) -> Exit {
    let (loaded, problems) = match load::load(config, Purpose::Look) {
        Ok(mut loaded) => {
            let warnings = std::mem::take(&mut loaded.warnings);
            (Some(loaded), warnings)
        }
        Err(rejected) => (None, rejected.problems),
    };
    let loaded = loaded.as_ref();
    let policy = loaded.map(|loaded| &loaded.policy);
    let snapshot = loaded.map(|loaded| &*loaded.snapshot);
    match audience {
        Audience::Programs => print_json(loaded, &problems),
        Audience::People => {
            print_text(config, policy.map(|policy| &**policy), &problems);
            snapshot.into_iter().for_each(print_filters);
            snapshot.into_iter().for_each(print_lists);
            if let Some(loaded) = loaded {
                print_contracts(loaded);
            }
        }
    }
    if policy.is_some() { Exit::Done } else { Exit::No }
}

/// Problems as a person reads them, coloured on a terminal.
pub(crate) fn rendered(problems: &[Problem]) -> String {
    let style = if output::on_terminal() { Style::Colour } else { Style::Plain };
    render(problems, style)
}

/// How many rules look at each site's traffic.
fn print_filters(snapshot: &Snapshot) {
    for (site, size) in snapshot.filters() {
        let what = match size {
            None => "off".to_owned(),
            Some(FilterSize { builtin, seclang: 0 }) => format!("{builtin} built-in rules"),
            Some(FilterSize { builtin: 0, seclang }) => format!("{seclang} rules of SecLang"),
            Some(FilterSize { builtin, seclang }) => {
                format!("{builtin} built-in rules, {seclang} of SecLang")
            }
        };
        output::line(&format!("content filter of {site}: {what}"));
    }
}

/// How many entries each list has: overlapping ranges are one.
fn print_lists(snapshot: &Snapshot) {
    for list in snapshot.lists() {
        let what = if list.len() == 1 { "entry" } else { "entries" };
        output::line(&format!("list {}: {} {what}", list.name, list.len()));
    }
}

fn lists_json(snapshot: &Snapshot) -> Vec<serde_json::Value> {
    snapshot.lists().iter().map(|list| json!({ "list": list.name, "entries": list.len() })).collect()
}

/// Where contracts came from that are no files, and what is risky in each: counted, and where the gravest are.
fn print_contracts(loaded: &Loaded) {
    for document in &loaded.remote.gathered {
        output::line(&format!("{}: {}", document.url, document.what));
    }
    for (site, linted) in lint::of_sites(&loaded.policy, None, &loaded.remote).unwrap_or_default() {
        let line =
            format!("contract of {site}: {} (portcullis api lint --site {site})", lint::counted(&linted));
        output::line(&line);
        let high: Vec<_> = linted.flaws.iter().filter(|flaw| flaw.rule.level == Level::High).collect();
        for of_rule in high.chunk_by(|one, other| one.rule.id == other.rule.id) {
            if let Some(first) = of_rule.first() {
                let rule = first.rule;
                let count = of_rule.len();
                output::line(&format!("  {} × {count}: {}, first at {}", rule.id, rule.title, first.place));
            }
        }
    }
}

fn flaws_json(loaded: &Loaded) -> Vec<serde_json::Value> {
    let linted = lint::of_sites(&loaded.policy, None, &loaded.remote).unwrap_or_default();
    linted.iter().map(|(site, linted)| lint::to_json(site, linted, Level::Low)).collect()
}

fn filters_json(snapshot: &Snapshot) -> Vec<serde_json::Value> {
    let one = |(site, size): (&str, Option<FilterSize>)| json!({ "site": site, "builtin": size.map(|size| size.builtin), "seclang": size.map(|size| size.seclang) });
    snapshot.filters().map(one).collect()
}

fn fetched_json(loaded: &Loaded) -> Vec<serde_json::Value> {
    let gathered = loaded.remote.gathered.iter();
    gathered.map(|document| json!({ "url": document.url, "what": document.what })).collect()
}

fn print_json(loaded: Option<&Loaded>, problems: &[Problem]) {
    let policy = loaded.map(|loaded| &*loaded.policy);
    let problems: Vec<serde_json::Value> = problems.iter().map(Problem::to_json).collect();
    let scheduled = policy.map(schedule).unwrap_or_default();
    let rules: Vec<serde_json::Value> = scheduled
        .iter()
        .map(|one| {
            json!({
                "scope": one.scope,
                "what": one.what,
                "name": one.name,
                "phase": one.phase.as_str(),
                "file": one.place.file().name(),
                "line": one.place.line(),
            })
        })
        .collect();
    output::json(&json!({
        "valid": policy.is_some(),
        "problems": problems,
        "rules": rules,
        "filters": loaded.map(|loaded| filters_json(&loaded.snapshot)),
        "lists": loaded.map(|loaded| lists_json(&loaded.snapshot)),
        "fetched": loaded.map(fetched_json),
        "contracts": loaded.map(flaws_json),
    }));
}

fn print_text(config: &Path, policy: Option<&Policy>, problems: &[Problem]) {
    if !problems.is_empty() {
        output::print(&rendered(problems));
    }
    let Some(policy) = policy else { return };
    let scheduled = schedule(policy);
    if !scheduled.is_empty() {
        let mut table = output::table(&["where", "", "name", "runs on the", "written at"]);
        for one in &scheduled {
            let place = format!("{}:{}", one.place.file().name(), one.place.line());
            table.add_row([&one.scope, one.what, &*one.name, one.phase.as_str(), &place]);
        }
        output::line(&table.to_string());
    }
    let sites = policy.sites.len();
    let sites = if sites == 1 { "1 site".to_owned() } else { format!("{sites} sites") };
    let counted = |what: &str| match scheduled.iter().filter(|one| one.what == what).count() {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let (rules, limits) = (counted("rule"), counted("limit"));
    output::line(&format!("{} is valid: {sites}, {rules}, {limits}.", config.display()));
}
