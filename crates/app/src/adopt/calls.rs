//! Calls by name, written below the operation that takes them.
//!
//! Invariant: what an operation declares of calls stays as it is; what it does not is added behind it.

use portcullis_document::{Node, NotInserted, append, insert};
use serde_json::{Value, json};

/// Where an operation declares them.
pub(super) const KEY: &str = "x-portcullis-calls";

/// The calls that were learned of an operation as a contract declares them: by protocol and name.
pub(super) fn told(described: &Value) -> Option<Value> {
    let of = |call: &Value| json!({ "protocol": call.get("protocol"), "name": call.get("name") });
    Some(described.get(KEY)?.as_array()?.iter().map(of).collect())
}

/// The document with the calls of `described` that the operation at `path` does not declare.
pub(super) fn added(
    text: &str,
    path: &[&str],
    declared: &Node,
    described: &Value,
) -> Result<String, NotInserted> {
    let list = declared.get(KEY);
    let listed = list.and_then(Node::items).unwrap_or_default();
    let learned = described.get(KEY).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut new = learned.iter().filter(|call| !listed.iter().any(|item| is_same(item, call))).peekable();
    if new.peek().is_none() {
        return Err(NotInserted::Known(path.last().copied().unwrap_or_default().to_owned()));
    }
    if list.is_none() {
        return insert(text, path, KEY, &new.cloned().collect());
    }
    let list = [path, &[KEY]].concat();
    new.try_fold(text.to_owned(), |text, call| append(&text, &list, call))
}

/// Whether an item of the list declares a call.
fn is_same(item: &Node, call: &Value) -> bool {
    let written = |key| item.get(key).and_then(Node::as_str).unwrap_or_default();
    let learned = |key| call.get(key).and_then(Value::as_str).unwrap_or_default();
    written("name") == learned("name") && written("protocol").eq_ignore_ascii_case(learned("protocol"))
}
