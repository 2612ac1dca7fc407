//! What is known of an operation beyond what `OpenAPI` has words for, as `x-portcullis-*`.
//!
//! Invariant: a fact that is not known is not written.

use portcullis_model::call::{Call, Spoken, Streams};
use serde_json::{Map, Value, json};

use super::media::schema;
use crate::buckets::Buckets;
use crate::calls::CallFacts;
use crate::inventory::Operation;
use crate::sensitive::Sensitive;
use crate::standing::{Assessment, Standing};

/// Adds the facts of an operation.
pub(super) fn add(
    described: &mut Map<String, Value>,
    operation: &Operation,
    assessment: Option<&Assessment>,
) {
    let facts = &operation.facts;
    let mut put = |name: &str, value: Value| described.insert(format!("x-portcullis-{name}"), value);
    put("exchanges", facts.exchanges.into());
    put("callers", facts.callers().into());
    if let Some((first, last)) = facts.seen {
        put("first-seen", first.to_string().into());
        put("last-seen", last.to_string().into());
    }
    let statuses = facts.statuses.iter().map(|(status, count)| (status.to_string(), (*count).into()));
    put("statuses", Value::Object(statuses.collect()));
    for (name, buckets) in [
        ("latency-us", &facts.latency),
        ("request-bytes", &facts.request_bytes),
        ("response-bytes", &facts.response_bytes),
    ] {
        if let Some(spread) = spread(buckets) {
            put(name, spread);
        }
    }
    if let Some(posture) = facts.access.posture() {
        put("authenticated", posture.as_str().into());
    }
    let data = data(&facts.data);
    if !data.is_empty() {
        put("data", data.into());
    }
    if !facts.spoken.is_empty() {
        put("spoken", facts.spoken.iter().map(|(spoken, streams)| told(spoken, *streams)).collect());
    }
    let versions = facts.versions.all();
    if !versions.is_empty() {
        let told = versions.iter().map(|(named, facts)| {
            json!({ "version": named.version, "in": named.place.to_string(), "exchanges": facts.exchanges })
        });
        put("versions", told.collect());
    }
    if !operation.calls.is_empty() {
        put("calls", operation.calls.iter().map(|(call, facts)| called(call, facts)).collect());
    }
    if let Some(assessment) = assessment {
        assess(described, assessment);
    }
}

fn assess(described: &mut Map<String, Value>, assessment: &Assessment) {
    if let Some(standing) = assessment.standing {
        described.insert("x-portcullis-standing".into(), standing.as_str().into());
        described.insert("x-portcullis-why".into(), assessment.why.clone().into());
        if standing == Standing::Zombie {
            described.insert("deprecated".into(), true.into());
        }
    }
    if !assessment.drift.is_empty() {
        let drift = assessment.drift.iter();
        let drift = drift.map(|one| format!("{}: {}", one.place, one.kind.as_str()));
        described.insert("x-portcullis-drift".into(), drift.collect());
    }
    let risk = json!({ "level": assessment.risk.level.as_str(), "reasons": assessment.risk.reasons });
    described.insert("x-portcullis-risk".into(), risk);
}

/// A call by name, with the shapes of what is handed over and answered.
fn called(call: &Call, facts: &CallFacts) -> Value {
    let mut told = json!({
        "protocol": call.protocol.as_str(), "name": call.name, "exchanges": facts.exchanges,
        "callers": facts.callers(),
    });
    let Some(map) = told.as_object_mut() else { return told };
    if facts.failures > 0 {
        map.insert("failures".into(), facts.failures.into());
    }
    for (key, names) in [("clientNames", facts.client_names()), ("types", facts.types())] {
        if !names.is_empty() {
            map.insert(key.into(), names.into_iter().map(|name| Value::from(name.as_str())).collect());
        }
    }
    for (name, shape) in [("arguments", &facts.arguments), ("answer", &facts.answer)] {
        if shape.count > 0 {
            map.insert(name.into(), schema(shape));
        }
    }
    told
}

/// Another way of speaking than request and answer: `{ protocol, streams }` or `{ protocol, subprotocol }`.
fn told(spoken: &Spoken, streams: Streams) -> Value {
    match spoken {
        Spoken::Grpc => json!({ "protocol": "gRPC", "streams": streams.as_str() }),
        Spoken::WebSocket(agreed) if agreed.is_empty() => json!({ "protocol": "WebSocket" }),
        Spoken::WebSocket(agreed) => json!({ "protocol": "WebSocket", "subprotocol": agreed }),
    }
}

/// Fields that carry sensitive data: `{ in, field, class, confidence, exchanges }`.
fn data(sensitive: &Sensitive) -> Vec<Value> {
    let told = sensitive.fields().map(|((place, field, class), met)| {
        json!({
            "in": place, "field": field, "class": class,
            "confidence": met.confidence, "exchanges": met.exchanges,
        })
    });
    told.collect()
}

/// Half are at most this, 95 and 99 of a hundred at most that.
fn spread(buckets: &Buckets) -> Option<Value> {
    let percent = |percent| buckets.percentile(percent);
    percent(100).filter(|most| *most > 0)?;
    Some(json!({ "p50": percent(50), "p95": percent(95), "p99": percent(99) }))
}
