//! An exchange as spans in the JSON form of OTLP (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).
//!
//! Names follow OpenTelemetry's semantic conventions for HTTP. An exchange is a span of kind server; below it stands one
//! for each phase it spent time in, and one of kind client for what the upstream was asked. An event books time by
//! phase: where a phase came twice (counters, say), its span begins where it came first and lasts as long as both.

use portcullis_model::Event;
use portcullis_model::event::{Answerer, End, Phase};
use portcullis_model::trace::{SpanId, TraceRecord};
use serde_json::{Value, json};

/// Kinds of spans and codes of their status, as OTLP numbers them.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const ERROR: u8 = 2;
/// The flag of a trace that is looked at, as `traceparent` has it.
const SAMPLED: u32 = 1;

/// The message that carries the spans of several exchanges.
pub(super) fn message(service: &str, exchanges: &[Vec<Value>]) -> String {
    let spans: Vec<&Value> = exchanges.iter().flatten().collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", service), text("service.version", version)] },
        "scopeSpans": [{ "scope": { "name": "portcullis", "version": version }, "spans": spans }],
    }] })
    .to_string()
}

/// The spans of one exchange, its own first.
pub(super) fn spans(event: &Event, trace: &TraceRecord, state: &str) -> Vec<Value> {
    let start = u64::try_from(event.time.as_micros()).unwrap_or(0);
    let whole = Stretch { start, end: start.saturating_add(event.duration_us) };
    let mut spans = vec![server(event, trace, state, whole)];
    let mut at = whole.start;
    for (place, timing) in event.phases.iter().enumerate() {
        let stretch = Stretch { start: at, end: at.saturating_add(timing.us).min(whole.end) };
        at = stretch.end;
        if timing.phase == Phase::Upstream && event.upstream.is_some() {
            // The upstream's part lasts until it has said everything.
            spans.push(client(event, trace, state, Stretch { end: whole.end, ..stretch }));
            continue;
        }
        let id = trace.span.child(place as u64 + 1);
        spans.push(span(trace, id, timing.phase.as_str(), INTERNAL, stretch));
    }
    spans
}

/// From when to when, microseconds.
#[derive(Clone, Copy)]
struct Stretch {
    start: u64,
    end: u64,
}

/// A span below the exchange's.
fn span(trace: &TraceRecord, id: SpanId, name: &str, kind: u8, stretch: Stretch) -> Value {
    json!({
        "traceId": trace.id,
        "spanId": id,
        "parentSpanId": trace.span,
        "flags": if trace.sampled { SAMPLED } else { 0 },
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanos(stretch.start),
        "endTimeUnixNano": nanos(stretch.end),
    })
}

fn server(event: &Event, trace: &TraceRecord, state: &str, stretch: Stretch) -> Value {
    let operation = event.operation.as_ref().map(|operation| operation.name.as_str());
    let name = operation.unwrap_or(&event.request.method);
    let mut span = span(trace, trace.span, name, SERVER, stretch);
    let Some(fields) = span.as_object_mut() else { return span };
    match trace.parent {
        Some(parent) => fields.insert("parentSpanId".to_owned(), json!(parent)),
        None => fields.remove("parentSpanId"),
    };
    if !state.is_empty() {
        fields.insert("traceState".to_owned(), json!(state));
    }
    if let Some((id, span)) = trace.claimed {
        fields.insert("links".to_owned(), json!([{ "traceId": id, "spanId": span }]));
    }
    fields.insert("attributes".to_owned(), Value::Array(attributes(event)));
    let failed = event.response.as_ref().is_none_or(|response| response.status >= 500);
    if failed || event.end != End::Complete {
        fields.insert("status".to_owned(), json!({ "code": ERROR }));
    }
    span
}

fn client(event: &Event, trace: &TraceRecord, state: &str, stretch: Stretch) -> Value {
    let mut span = span(trace, trace.asking(), &event.request.method, CLIENT, stretch);
    let (Some(upstream), Some(fields)) = (&event.upstream, span.as_object_mut()) else { return span };
    let mut said =
        vec![text("http.request.method", &event.request.method), text("server.address", &upstream.server)];
    said.extend(upstream.name.as_ref().map(|name| text("portcullis.upstream", name)));
    said.extend(upstream.status.map(|status| number("http.response.status_code", status.into())));
    if upstream.attempts > 1 {
        said.push(number("http.request.resend_count", u64::from(upstream.attempts) - 1));
    }
    let failed = upstream.error.is_some() || upstream.status.is_some_and(|status| status >= 400);
    if failed {
        let kind = upstream.status.map_or_else(|| "upstream".to_owned(), |status| status.to_string());
        said.push(text("error.type", &kind));
        let why = upstream.error.as_deref().unwrap_or_default();
        fields.insert("status".to_owned(), json!({ "code": ERROR, "message": why }));
    }
    fields.insert("attributes".to_owned(), Value::Array(said));
    if !state.is_empty() {
        fields.insert("traceState".to_owned(), json!(state));
    }
    span
}

fn attributes(event: &Event) -> Vec<Value> {
    let request = &event.request;
    let mut said = vec![
        text("http.request.method", &request.method),
        text("url.scheme", request.scheme.as_str()),
        text("server.address", &request.host),
        text("url.path", &request.path),
        text("network.protocol.name", "http"),
        text("network.protocol.version", request.version.as_str()),
        text("client.address", &event.caller.ip.to_canonical().to_string()),
        text("network.peer.address", &event.peer.ip.to_canonical().to_string()),
        number("network.peer.port", event.peer.port.into()),
        number("http.request.body.size", request.body_bytes),
        text("portcullis.event", &event.id.to_string()),
        text("portcullis.verdict", event.verdict.action.as_str()),
    ];
    let texts = [
        ("url.query", request.query.as_deref()),
        ("user_agent.original", request.user_agent.as_deref()),
        ("portcullis.site", event.site.as_deref()),
        ("portcullis.would_have", event.verdict.would_have.map(portcullis_model::Action::as_str)),
        ("enduser.id", event.caller.identity.as_ref().map(|identity| identity.subject.as_str())),
    ];
    said.extend(texts.into_iter().filter_map(|(name, value)| Some(text(name, value?))));
    if let Some((_, template)) = event.operation.as_ref().and_then(|operation| operation.name.split_once(' '))
    {
        said.push(text("http.route", template));
    }
    if let Some(response) = &event.response {
        said.push(number("http.response.status_code", response.status.into()));
        said.push(number("http.response.body.size", response.body_bytes));
        if response.status >= 500 {
            said.push(text("error.type", &response.status.to_string()));
        }
        if response.from == Answerer::Gateway && !event.reasons.is_empty() {
            let codes =
                event.reasons.iter().map(|reason| json!({ "stringValue": reason.code })).collect::<Vec<_>>();
            said.push(json!({ "key": "portcullis.reasons", "value": { "arrayValue": { "values": codes } } }));
        }
    }
    said
}

fn text(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

/// Numbers of 64 bits are text in the JSON form.
fn number(name: &str, value: u64) -> Value {
    json!({ "key": name, "value": { "intValue": value.to_string() } })
}

fn nanos(micros: u64) -> String {
    micros.saturating_mul(1000).to_string()
}
