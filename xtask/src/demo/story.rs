//! The demo's telling: what an operator would find, asked from the gateway itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Stage;

/// Before the traffic.
pub(super) fn opening(gateway: &str, folder: &Path) -> String {
    format!(
        "\nKestrel Mobile's customer API is up, and Portcullis stands in front of it at {gateway}.\n\
         Its contract is {}/openapi.yaml, its policy portcullis.yaml beside it.\n\n\
         Now customers open their app, a partner shop does its work, and a stranger gets curious:\n",
        folder.display()
    )
}

/// After the traffic: what was declared and what was not, and who was stopped.
pub(super) fn tell(stage: &Stage) -> Result<String> {
    let top = stage.ask(&["top", "--once"])?;
    let operations = top.first().and_then(|picture| picture.pointer("/top/operations")?.as_array());
    let operations = operations.cloned().unwrap_or_default();
    let mut text = String::from("\nWhat Portcullis saw, from the first request on\n\n");
    for (standing, answered, title) in [
        ("shadow", true, "SHADOW   – answered, but in no contract:"),
        ("zombie", true, "ZOMBIE   – deprecated, still called:"),
        ("documented", true, "DECLARED – as the contract says:"),
        ("shadow", false, "PROBED   – in no contract, and never let through:"),
    ] {
        let of_this =
            operations.iter().filter(|one| one["standing"] == standing && was_answered(one) == answered);
        let lines: Vec<String> = of_this.map(operation).collect();
        if !lines.is_empty() {
            let _ = writeln!(text, "  {title}\n    {}\n", lines.join("\n    "));
        }
    }
    text.push_str("Who was stopped, and why\n\n");
    text.push_str(&stopped(&stage.ask(&["events", "--limit", "2000", "--where", STOPPED])?));
    text.push_str("\nWhat it learned of them, and wants looked at (portcullis findings)\n\n");
    text.push_str(&findings(&stage.ask(&["findings"])?));
    let learned = stage.export()?;
    let _ = writeln!(text, "\n  All it learned, as OpenAPI: {}", learned.display());
    Ok(text)
}

/// The findings, the gravest first, each with what was answered.
fn findings(found: &[Value]) -> String {
    let mut text = String::new();
    let (lesser, grave): (Vec<_>, Vec<_>) =
        found.iter().partition(|finding| matches!(finding["severity"].as_str(), Some("low" | "info")));
    for finding in grave {
        let of = |field: &str| finding[field].as_str().unwrap_or("-");
        let _ = writeln!(text, "  {:<9} {}", of("severity").to_uppercase(), of("title"));
        let evidence = finding["evidence"].as_array().into_iter().flatten();
        for piece in evidence.filter(|piece| piece["name"] == "answer").take(1) {
            let _ = writeln!(text, "            it answers {}", piece["text"].as_str().unwrap_or("-"));
        }
    }
    if !lesser.is_empty() {
        let _ = writeln!(text, "  and {} of less weight", lesser.len());
    }
    text
}

/// Everything that was not let through.
const STOPPED: &str = r#"verdict in ["block", "throttle", "ban"]"#;

/// Whether any call of it got through.
fn was_answered(line: &Value) -> bool {
    line["count"].as_u64() > line["refused"].as_u64()
}

fn operation(line: &Value) -> String {
    let name = line["operation"].as_str().unwrap_or("-");
    let (count, refused) = (line["count"].as_u64().unwrap_or(0), line["refused"].as_u64().unwrap_or(0));
    let refused = if refused > 0 { format!(", {refused} refused") } else { String::new() };
    let calls = if count == 1 { "call" } else { "calls" };
    format!("{name:<66} {count:>4} {calls}{refused}")
}

/// One line for each caller and reason, the most stopped first.
fn stopped(events: &[Value]) -> String {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in events {
        let caller = event.pointer("/caller/key").and_then(Value::as_str).unwrap_or("-").to_owned();
        *counts.entry((caller, reason(event))).or_default() += 1;
    }
    let mut lines: Vec<_> = counts.into_iter().collect();
    lines.sort_by_key(|((caller, _), count)| (std::cmp::Reverse(*count), caller.clone()));
    let mut text = String::new();
    for ((caller, why), count) in lines {
        let _ = writeln!(text, "  {count:>3} × {caller:<34} {why}");
    }
    text
}

/// What a code of a reason means, for whoever has not read the list of them.
fn in_words(code: &str) -> &str {
    match code {
        "authorise.not_allowed" => "not for this caller",
        "authorise.unknown_caller" => "no credential that counts here",
        "bans.in_force" => "still banned",
        "limits.exceeded" => "too often",
        "rules.block" => "a rule of the policy",
        code if code.starts_with("framing.") => "two servers could read it differently",
        code => code,
    }
}

/// The decisive reason in words.
fn reason(event: &Value) -> String {
    let action = event.pointer("/verdict/action").unwrap_or(&Value::Null);
    let reasons = event["reasons"].as_array().cloned().unwrap_or_default();
    let decisive = reasons.iter().find(|reason| reason.get("action") == Some(action));
    let of = |field: &str| decisive.and_then(|reason| reason[field].as_str()).unwrap_or_default().to_owned();
    let (code, by) = (of("code"), of("by"));
    let action = action.as_str().unwrap_or("-");
    if let Some(found) = found(&reasons).filter(|_| code.starts_with("filter.")) {
        return format!("{action}: {found}");
    }
    let words = in_words(&code);
    if by.is_empty() { format!("{action}: {words}") } else { format!("{action}: {words}, by {by}") }
}

/// What the content filter found first: its class, rule and place.
fn found(reasons: &[Value]) -> Option<String> {
    let first = reasons.iter().find(|reason| reason["code"] == "filter.match")?;
    let of = |at: &str| first.pointer(at).and_then(Value::as_str).unwrap_or("-");
    Some(format!("{} in {}, by {}", of("/found/class"), of("/found/place"), of("/by")))
}

/// What to try next, with commands that work as they are.
pub(super) fn next_steps(stage: &Stage) -> Result<String> {
    let portcullis = stage.binaries.join("portcullis");
    let (portcullis, folder) = (portcullis.display(), stage.folder.display());
    let injections = stage.ask(&["events", "--limit", "1", "--where", r#"tag("filter:sqli")"#])?;
    let injection =
        injections.first().and_then(|event| event["id"].as_str()).context("no injection was seen")?;
    Ok(format!(
        "Both go on running, with a trickle of traffic. Ctrl-C stops everything.\n\n\
         \x20 gateway   {gateway}\n\x20 metrics   http://{metrics}/metrics\n\x20 files     {folder}\n\n\
         Three things to try, in another terminal:\n\n\
         1. Watch who calls what, live:\n     cd {folder} && {portcullis} top\n\n\
         2. See what was wrong with one of the stranger's requests, and what would let it pass:\n     \
         cd {folder} && {portcullis} filter explain {injection}\n\n\
         3. Ask for an API that no contract declares, stop all of them with one line, and ask again:\n     \
         curl -i {gateway}/v0/customers/1001\n   \
         In portcullis.yaml change `unknown_apis: monitor` to `unknown_apis: block`, and save; no restart.\n",
        gateway = stage.address(),
        metrics = stage.metrics,
    ))
}
