//! What was seen against what was expected.

use portcullis_model::Action;

use super::drive::Seen;
use super::{Expect, Response};

/// Every way in which what was seen is not what was expected, as sentences.
pub fn mismatches(expect: &Expect, response: &Response, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    verdict(expect, response, seen, &mut wrong);
    place(expect, seen, &mut wrong);
    upstream(expect, seen, &mut wrong);
    record(expect, seen, &mut wrong);
    wrong
}

fn differs(what: &str, wanted: Option<&str>, got: &str, wrong: &mut Vec<String>) {
    if let Some(wanted) = wanted.filter(|wanted| *wanted != got) {
        wrong.push(format!("{what}: expected `{wanted}`, got `{got}`"));
    }
}

fn contained(what: &str, wanted: &[String], unwanted: &[String], got: &[String], wrong: &mut Vec<String>) {
    for missing in wanted.iter().filter(|one| !got.contains(one)) {
        wrong.push(format!("{what} `{missing}` is missing from {got:?}"));
    }
    for extra in unwanted.iter().filter(|one| got.contains(one) || (*one == "*" && !got.is_empty())) {
        wrong.push(format!("{what} `{extra}` must not be in {got:?}"));
    }
}

fn verdict(expect: &Expect, response: &Response, seen: &Seen, wrong: &mut Vec<String>) {
    let record = &seen.event.verdict;
    differs("verdict", expect.verdict.as_deref(), record.action.as_str(), wrong);
    let would = record.would_have.map_or("", Action::as_str);
    differs("would have", expect.would_have.as_deref(), would, wrong);
    let status = seen.refusal.as_ref().map_or(response.status, |refusal| refusal.status);
    differs("status", expect.status.map(|status| status.to_string()).as_deref(), &status.to_string(), wrong);
    let reasons: Vec<String> = seen.event.reasons.iter().map(|reason| reason.code.to_string()).collect();
    contained("reason", &expect.reasons, &expect.no_reasons, &reasons, wrong);
    let headers = seen.refusal.iter().flat_map(|refusal| refusal.headers.iter());
    let mut headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    headers.extend(seen.answer_headers.iter().map(|(name, value)| format!("{name}: {value}")));
    contained("answer header", &expect.answer_headers, &[], &headers, wrong);
    if let Some(bans) = &expect.bans {
        let set: Vec<String> = seen.bans.iter().map(|ban| ban.key.to_string()).collect();
        if set != *bans {
            wrong.push(format!("bans: expected {bans:?}, got {set:?}"));
        }
    }
}

fn place(expect: &Expect, seen: &Seen, wrong: &mut Vec<String>) {
    let event = &seen.event;
    differs("caller", expect.caller.as_deref(), &event.caller.key.to_string(), wrong);
    differs("route", expect.route.as_deref(), event.route.as_deref().unwrap_or_default(), wrong);
    let operation = event.operation.as_ref().map_or("", |operation| operation.name.as_str());
    differs("operation", expect.operation.as_deref(), operation, wrong);
    let tags: Vec<String> = event.tags.iter().map(|tag| tag.tag.to_string()).collect();
    contained("tag", &expect.tags, &expect.no_tags, &tags, wrong);
}

fn upstream(expect: &Expect, seen: &Seen, wrong: &mut Vec<String>) {
    if let Some(wanted) = expect.forwarded.filter(|wanted| *wanted != seen.target.is_some()) {
        wrong.push(format!("forwarded: expected {wanted}"));
    }
    differs("target", expect.target.as_deref(), seen.target.as_deref().unwrap_or_default(), wrong);
    let name = seen.event.upstream.as_ref().and_then(|upstream| upstream.name.as_deref());
    differs("upstream", expect.upstream.as_deref(), name.unwrap_or_default(), wrong);
    let fields: Vec<String> =
        seen.upstream_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    contained("upstream header", &expect.upstream_headers, &[], &fields, wrong);
    let names: Vec<String> = seen.upstream_headers.iter().map(|(name, _)| name.clone()).collect();
    contained("upstream header", &[], &expect.no_upstream_headers, &names, wrong);
    let body = seen.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    differs("body", expect.body.as_deref(), &body, wrong);
}

fn record(expect: &Expect, seen: &Seen, wrong: &mut Vec<String>) {
    let skipped: Vec<String> = seen.event.skipped.iter().map(ToString::to_string).collect();
    contained("skipped stage", &expect.skipped, &[], &skipped, wrong);
    let parts = seen.event.not_inspected.iter();
    let parts: Vec<String> = parts.map(|part| format!("{}: {}", part.what, part.why)).collect();
    contained("uninspected part", &expect.not_inspected, &[], &parts, wrong);
    let found = seen.event.reasons.iter().filter_map(found).collect::<Vec<_>>();
    contained("found", &expect.found, &[], &found, wrong);
    let event = serde_json::to_string(&seen.event).unwrap_or_default();
    for hidden in expect.hidden.iter().filter(|text| event.contains(text.as_str())) {
        wrong.push(format!("the event shows `{hidden}`"));
    }
}

fn found(reason: &portcullis_model::Reason) -> Option<String> {
    let found = reason.found.as_deref().filter(|found| !found.place.is_empty())?;
    let class = found.class.as_deref().unwrap_or("-");
    Some(format!("{} {class} {}: {}", reason.by.as_deref().unwrap_or_default(), found.place, found.matched))
}
