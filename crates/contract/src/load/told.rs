//! Documents in other languages, written down as the nodes an OpenAPI document would have.
//!
//! Invariant: every node stands where what it tells was read.

use portcullis_document::{Entry, Key, Node, Place, Value};

pub(super) fn map<'k>(at: &Place, entries: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| {
        let place = value.place.clone();
        Entry { key: Key { text: key.to_owned(), place }, value }
    };
    Node { place: at.clone(), value: Value::Map(entries.into_iter().map(entry).collect()) }
}

pub(super) fn list(at: &Place, items: impl IntoIterator<Item = Node>) -> Node {
    Node { place: at.clone(), value: Value::List(items.into_iter().collect()) }
}

pub(super) fn text(at: &Place, text: &str) -> Node {
    Node { place: at.clone(), value: Value::String(text.to_owned()) }
}

pub(super) fn truth(at: &Place, truth: bool) -> Node {
    Node { place: at.clone(), value: Value::Bool(truth) }
}
