//! Calls by name, and other ways of speaking, as people read them.

use portcullis_admin::api::{CallView, SpokenView};
use smol_str::SmolStr;

use super::minute;

/// What is known of a call, as parts of a line: `JSON-RPC user.get`, `shadow since … (…)`, `3 × by 1 callers, last …`.
pub(super) fn told(call: &CallView) -> String {
    let mut parts = vec![format!("{} {}", call.protocol, call.name)];
    if let Some(standing) = &call.standing {
        let since = call.since.map_or_else(String::new, |since| format!(" since {}", minute(since)));
        let why = call.why.as_deref().map_or_else(String::new, |why| format!(" ({why})"));
        parts.push(format!("{standing}{since}{why}"));
    }
    if let Some(last) = call.last_seen {
        parts.push(format!("{} × by {} callers, last {}", call.exchanges, call.callers, minute(last)));
    }
    if call.failures > 0 {
        parts.push(format!("{} × refused", call.failures));
    }
    if !call.client_names.is_empty() {
        let names: Vec<&str> = call.client_names.iter().map(SmolStr::as_str).collect();
        parts.push(format!("named {} by clients", names.join(", ")));
    }
    parts.join("; ")
}

/// How an operation is spoken to: `gRPC, method Watch of shop.Orders, server streaming`.
pub(super) fn spoken(spoken: &SpokenView) -> String {
    let mut parts = vec![spoken.protocol.to_string()];
    if let (Some(service), Some(method)) = (&spoken.service, &spoken.method) {
        parts.push(format!("method {method} of {service}"));
    }
    parts.extend(spoken.streams.iter().map(SmolStr::to_string));
    parts.extend(spoken.subprotocol.iter().map(|agreed| format!("subprotocol {agreed}")));
    parts.join(", ")
}
