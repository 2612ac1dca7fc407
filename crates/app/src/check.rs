//! `portcullis check`: every mistake of a policy at once, and the phase each rule runs in.

use std::path::Path;

use portcullis_document::{Problem, Style, render};
use portcullis_policy::{Policy, schedule};
use serde_json::json;

use crate::Exit;
use crate::load::{self, Purpose};
use crate::output::{self, Audience};

/// Checks the policy at `config`.
pub(crate) fn run(config: &Path, audience: Audience) -> Exit {
    let (policy, problems) = match load::load(config, Purpose::Look) {
        Ok(loaded) => (Some(loaded.policy), loaded.warnings),
        Err(rejected) => (None, rejected.problems),
    };
    match audience {
        Audience::Programs => print_json(policy.as_deref(), &problems),
        Audience::People => print_text(config, policy.as_deref(), &problems),
    }
    if policy.is_some() { Exit::Done } else { Exit::No }
}

/// Problems as a person reads them, coloured on a terminal.
pub(crate) fn rendered(problems: &[Problem]) -> String {
    let style = if output::on_terminal() { Style::Colour } else { Style::Plain };
    render(problems, style)
}

fn print_json(policy: Option<&Policy>, problems: &[Problem]) {
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
    output::json(&json!({ "valid": policy.is_some(), "problems": problems, "rules": rules }));
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
    output::line(&format!("{} is valid: {sites}, {} rules and limits.", config.display(), scheduled.len()));
}
