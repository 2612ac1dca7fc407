//! How a line of the access log reads.
//!
//! Invariant: a line ends where its only line feed is, whatever a client sent: what could end a line or a quoted field
//! is escaped as `\xHH`.

use std::fmt::Write;

use portcullis_expr::Template;
use portcullis_model::Event;
use serde_json::{Map, Value, json};

use crate::archive::EventFacts;

/// How a line reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LineFormat {
    /// The common log format: client, `-`, identity, time, request line, status, bytes.
    Common,
    /// The same with `Referer` and `User-Agent`.
    #[default]
    Combined,
    /// A JSON object.
    Json,
    /// As a policy wrote it.
    Template(Template),
}

impl LineFormat {
    /// An exchange's line, line feed included.
    pub(super) fn line(&self, event: &Event) -> String {
        let mut line = match self {
            Self::Common => common(event),
            Self::Combined => combined(event),
            Self::Json => object(event).to_string(),
            Self::Template(template) => template.render_with(&EventFacts::new(event), push),
        };
        line.push('\n');
        line
    }
}

fn common(event: &Event) -> String {
    let request = &event.request;
    let mut line = String::with_capacity(256);
    push(&mut line, Some(&event.caller.ip.to_canonical().to_string()));
    line.push_str(" - ");
    push_word(&mut line, event.caller.identity.as_ref().map(|identity| identity.subject.as_str()));
    line.push_str(" [");
    line.push_str(&event.time.common_log());
    line.push_str("] \"");
    push(&mut line, Some(&request.method));
    line.push(' ');
    push(&mut line, Some(&request.path));
    if let Some(query) = &request.query {
        line.push('?');
        push(&mut line, Some(query));
    }
    line.push_str(" HTTP/");
    line.push_str(match request.version.as_str() {
        "2" => "2.0",
        version => version,
    });
    line.push_str("\" ");
    let response = event.response.as_ref();
    push_number(&mut line, response.map_or(0, |response| response.status.into()));
    line.push(' ');
    push_number(&mut line, response.map_or(0, |response| response.body_bytes));
    line
}

fn combined(event: &Event) -> String {
    let mut line = common(event);
    for field in [&event.request.referer, &event.request.user_agent] {
        line.push_str(" \"");
        push(&mut line, field.as_deref());
        line.push('"');
    }
    line
}

/// The names are those that conditions over events use, where they have one.
fn object(event: &Event) -> Value {
    let request = &event.request;
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            line.insert(name.to_owned(), value);
        }
    };
    put("time", json!(event.time));
    put("id", json!(event.id));
    put("trace", json!(event.trace.as_ref().map(|trace| trace.id)));
    put("ip", json!(event.caller.ip));
    put("identity", json!(event.caller.identity.as_ref().map(|identity| &identity.subject)));
    put("site", json!(event.site));
    put("operation", json!(event.operation.as_ref().map(|operation| &operation.name)));
    put("method", json!(request.method));
    put("scheme", json!(request.scheme.as_str()));
    put("host", json!(request.host));
    put("path", json!(request.path));
    put("query_string", json!(request.query));
    put("http_version", json!(request.version.as_str()));
    put("request_bytes", json!(request.body_bytes));
    put("referer", json!(request.referer));
    put("user_agent", json!(request.user_agent));
    let response = event.response.as_ref();
    put("status", json!(response.map(|response| response.status)));
    put("response_bytes", json!(response.map(|response| response.body_bytes)));
    put("duration_us", json!(event.duration_us));
    put("verdict", json!(event.verdict.action.as_str()));
    if !event.reasons.is_empty() {
        put("reasons", event.reasons.iter().map(|reason| json!(reason.code)).collect());
    }
    if let Some(upstream) = &event.upstream {
        put("upstream", json!(upstream.server));
        put("upstream_us", json!(upstream.head_us));
    }
    put("ended", json!(event.end));
    Value::Object(line)
}

/// One value, or `-`.
fn push(line: &mut String, value: Option<&str>) {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return line.push('-') };
    if !value.bytes().any(may_need_escape) {
        return line.push_str(value);
    }
    for one in value.chars() {
        if !one.is_control() && one != '"' && one != '\\' {
            line.push(one);
            continue;
        }
        for byte in one.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to text cannot fail.
            let _ = write!(line, "\\x{byte:02X}");
        }
    }
}

/// One value that stands outside of quotes, where a blank would end it.
fn push_word(line: &mut String, value: Option<&str>) {
    match value {
        Some(value) if value.contains(char::is_whitespace) => {
            push(line, Some(&value.split_whitespace().collect::<Vec<_>>().join("_")));
        }
        _ => push(line, value),
    }
}

/// A number, or `-` for none.
fn push_number(line: &mut String, number: u64) {
    if number == 0 {
        return line.push('-');
    }
    // Writing to text cannot fail.
    let _ = write!(line, "{number}");
}

/// Whether a byte may belong to what is escaped: above ASCII, a control character of Unicode may begin there.
fn may_need_escape(byte: u8) -> bool {
    !(0x20..0x7F).contains(&byte) || byte == b'"' || byte == b'\\'
}
