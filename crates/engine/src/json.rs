//! JSON as conditions see it: claims and body trees, by path.

use std::borrow::Cow;

use portcullis_expr::{Path, Step, Value};
use portcullis_wire::body::{self, Kind, Tree};

/// Items of a list that a condition sees.
const MOST_ITEMS: usize = 1024;

/// The value at a path below parsed JSON.
pub(crate) fn member<'a>(root: &'a serde_json::Value, path: &Path) -> Value<'a> {
    let found = path.steps().iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get(key.as_str()),
        Step::Index(index) => value.get(index),
    });
    found.map_or(Value::Null, parsed)
}

fn parsed(value: &serde_json::Value) -> Value<'_> {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => number.as_f64().map_or(Value::Null, Value::Float),
        },
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::List(items.iter().take(MOST_ITEMS).map(parsed).collect()),
        serde_json::Value::Object(_) => Value::Object,
    }
}

/// The value at a path below a body's root; all values of a name given several times.
pub(crate) fn tree_member<'a>(tree: &'a Tree, path: &Path) -> Value<'a> {
    let Some(root) = tree.root() else { return Value::Null };
    let mut at = vec![root];
    for step in path.steps() {
        at = at.iter().flat_map(|value| step_down(*value, step)).collect();
    }
    match at.as_slice() {
        [] => Value::Null,
        [one] => leaf(*one),
        many if many.iter().all(|one| one.kind() == Kind::String) => {
            Value::Many(many.iter().filter_map(body::Value::as_str).map(Cow::Borrowed).collect())
        }
        many => Value::Several(many.iter().map(|one| leaf(*one)).collect()),
    }
}

/// Every member of that name: what one server reads of duplicates another may not.
fn step_down<'a>(value: body::Value<'a>, step: &Step) -> Vec<body::Value<'a>> {
    match step {
        Step::Key(key) => value.children().filter(|child| child.name() == Some(key.as_str())).collect(),
        Step::Index(index) => value.children().nth(*index).into_iter().collect(),
    }
}

fn leaf(value: body::Value<'_>) -> Value<'_> {
    match value.kind() {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        Kind::Integer => match value.as_i64() {
            Some(whole) => Value::Int(whole),
            None => value.as_f64().map_or(Value::Null, Value::Float),
        },
        Kind::Number => value.as_f64().map_or(Value::Null, Value::Float),
        Kind::String | Kind::Attribute => Value::maybe(value.as_str()),
        Kind::Element => value.element_text().map_or(Value::Object, Value::Str),
        Kind::Binary | Kind::Object => Value::Object,
        Kind::Array => Value::List(value.children().take(MOST_ITEMS).map(leaf).collect()),
    }
}
