//! What stands below an operation, as people read it: calls by name, versions, other ways of speaking.
//!
//! Invariant: a row has a cell for every head it is given.

use comfy_table::Cell;
use portcullis_admin::api::{CallView, SpokenView, VersionView};
use portcullis_model::Timestamp;
use smol_str::SmolStr;

use super::{minute, word};
use crate::output::{self, right};

/// A call by name, in the columns of its operation.
pub(super) fn row(heads: &[&str], call: &CallView) -> Vec<Cell> {
    let name = format!("{} {}", call.protocol, call.name);
    let counts = Counts { exchanges: call.exchanges, callers: call.callers };
    below(heads, &name, call.standing.as_ref(), counts, call.last_seen)
}

/// A version, in the columns of its operation.
pub(super) fn version_row(heads: &[&str], version: &VersionView) -> Vec<Cell> {
    let name = format!("version {} ({})", version.version, version.place);
    let counts = Counts { exchanges: version.exchanges, callers: version.callers };
    below(heads, &name, version.standing.as_ref(), counts, version.last_seen)
}

/// How often something was called, and by how many.
#[derive(Clone, Copy, Debug)]
struct Counts {
    exchanges: u64,
    callers: u64,
}

fn below(
    heads: &[&str],
    name: &str,
    standing: Option<&SmolStr>,
    counts: Counts,
    last: Option<Timestamp>,
) -> Vec<Cell> {
    let of = |head: &&str| match *head {
        "operation" => output::shown(&format!("  · {name}")).into(),
        "standing" => word(standing).into(),
        "exchanges" => right(counts.exchanges.to_string()),
        "callers" => right(counts.callers.to_string()),
        "last seen" => last.map_or_else(|| "–".to_owned(), minute).into(),
        _ => "".into(),
    };
    heads.iter().map(of).collect()
}

/// What is known of a version: `1 (header api-version); zombie since …: …; 3 × by 1 callers, last …`.
pub(super) fn version(version: &VersionView) -> String {
    let mut parts = vec![format!("{} ({})", version.version, version.place)];
    if let Some(standing) = &version.standing {
        let since = version.since.map_or_else(String::new, |since| format!(" since {}", minute(since)));
        let why = version.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        parts.push(format!("{standing}{since}{why}"));
    }
    if let Some(last) = version.last_seen {
        parts.push(format!("{} × by {} callers, last {}", version.exchanges, version.callers, minute(last)));
    }
    parts.join("; ")
}

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
        parts.push(format!("named {} by clients", call.client_names.join(", ")));
    }
    if !call.types.is_empty() {
        parts.push(format!("of types {}", call.types.join(", ")));
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
