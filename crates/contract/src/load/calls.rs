//! `x-portcullis-calls`: what an operation that takes many calls by name declares of them.
//!
//! Invariant: what cannot be read declares nothing, and is a warning.

use portcullis_document::{Node, Problem};
use portcullis_model::call::{Call, Protocol};
use smol_str::SmolStr;

use crate::operation::DeclaredCall;

const REMEDY: &str = "write it as in `x-portcullis-calls: [{ protocol: JSON-RPC, name: user.get }]`";

/// The calls an operation declares; none where it says nothing of them.
pub(crate) fn read(operation: &Node, problems: &mut Vec<Problem>) -> Option<Vec<DeclaredCall>> {
    let value = operation.get("x-portcullis-calls")?;
    let Some(items) = value.items() else {
        problems
            .push(mistake(value, format!("`x-portcullis-calls` is a list, not {}", value.value.describe())));
        return None;
    };
    let mut calls: Vec<DeclaredCall> = items.iter().filter_map(|item| read_one(item, problems)).collect();
    calls.sort_unstable();
    calls.dedup_by(|one, other| one.call == other.call);
    Some(calls)
}

/// `{ protocol, name, deprecated }`.
fn read_one(item: &Node, problems: &mut Vec<Problem>) -> Option<DeclaredCall> {
    let text = |key: &str| item.get(key).and_then(Node::as_str);
    let protocol = text("protocol").unwrap_or_default();
    let protocol = Protocol::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(protocol));
    let (Some(protocol), Some(name)) = (protocol, text("name")) else {
        let names = Protocol::ALL.map(Protocol::as_str).join(", ");
        problems.push(mistake(item, format!("a call has a `protocol` ({names}) and a `name`")));
        return None;
    };
    let deprecated = item.get("deprecated").and_then(Node::as_bool).unwrap_or_default();
    Some(DeclaredCall { call: Call { protocol, name: SmolStr::new(name) }, deprecated })
}

fn mistake(node: &Node, message: String) -> Problem {
    Problem::warning("contract.calls", message).at(&node.place).label("not used").remedy(REMEDY)
}
