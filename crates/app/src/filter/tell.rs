//! What the filter found, for people and for programs.

use portcullis_model::{Event, Reason};
use serde_json::json;

use super::exclusion::Exclusion;
use crate::output::{self, right, shown};

/// One JSON document.
pub(super) fn json(event: &Event, reasons: &[&Reason], smallest: &[Exclusion]) {
    output::json(&json!({
        "site": event.site,
        "route": event.route,
        "verdict": event.verdict,
        "reasons": reasons,
        "exclude": smallest,
    }));
}

/// A table, the decision, and what to write into the policy.
pub(super) fn text(event: &Event, reasons: &[&Reason], smallest: &[Exclusion]) {
    let found: Vec<&&Reason> = reasons.iter().filter(|reason| reason.code == "filter.match").collect();
    if found.is_empty() {
        output::line("No rule sees anything in it.");
    } else {
        output::line(&table(&found).to_string());
    }
    for reason in reasons.iter().filter(|reason| reason.code != "filter.match") {
        let by = reason.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        let detail = reason.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        output::line(&shown(&format!("{}{by} ({}){detail}", reason.code, reason.action)));
    }
    for part in &event.not_inspected {
        output::line(&format!("not looked at: {} ({})", part.what, part.why));
    }
    output::line(&verdict(event));
    if smallest.is_empty() {
        return;
    }
    output::line(
        "\nIf it is harmless, this is the smallest exclusion that lets it pass:\n\n  filter:\n    exclude:",
    );
    for exclusion in smallest {
        output::line(&shown(&format!("      - {exclusion}")));
    }
}

fn verdict(event: &Event) -> String {
    let place = match (&event.site, &event.route) {
        (Some(site), Some(route)) => format!("site {site}, route {route}"),
        (Some(site), None) => format!("site {site}"),
        _ => "no site".to_owned(),
    };
    match event.verdict.would_have {
        Some(would) => {
            format!("verdict: {} (would {would} without monitor mode), {place}", event.verdict.action)
        }
        None => format!("verdict: {}, {place}", event.verdict.action),
    }
}

fn table(found: &[&&Reason]) -> comfy_table::Table {
    let mut table = output::table(&["rule", "class", "score", "where", "matched", "read as", "what it is"]);
    for reason in found {
        let Some(what) = reason.found.as_deref() else { continue };
        table.add_row([
            reason.by.as_deref().unwrap_or_default().into(),
            what.class.as_deref().unwrap_or("–").into(),
            right(what.score),
            shown(&what.place).into(),
            shown(&what.matched).into(),
            shown(&what.read_as).into(),
            shown(reason.detail.as_deref().unwrap_or_default()).into(),
        ]);
    }
    table
}
