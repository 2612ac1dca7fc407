//! A JSON value written as block YAML, for people to read and change.
//!
//! Invariant: what is written reads back as the same value (tested over arbitrary values); keys keep their order.
//! A scalar that any YAML reader could take for something else is quoted as JSON quotes it, which YAML reads alike.

use serde_json::{Map, Value};

/// The document of a value.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => mapping(&mut out, fields, 0),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
    out
}

/// A value in one line, as YAML reads it: `{ name: a, kinds: [b, c] }`.
pub(crate) fn in_line(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", text(key), in_line(value));
            format!("{{ {} }}", fields.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_line).collect::<Vec<_>>().join(", ")),
        other => scalar(other),
    }
}

fn mapping(out: &mut String, fields: &Map<String, Value>, depth: usize) {
    for (at, (key, value)) in fields.iter().enumerate() {
        // The first stands where its parent left off, behind a dash or at the line's beginning.
        if at > 0 {
            indent(out, depth);
        }
        out.push_str(&text(key));
        out.push(':');
        below(out, value, depth);
    }
}

fn sequence(out: &mut String, items: &[Value], depth: usize) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            indent(out, depth);
        }
        out.push('-');
        match item {
            Value::Object(fields) if !fields.is_empty() => {
                out.push(' ');
                mapping(out, fields, depth + 1);
            }
            other => below(out, other, depth),
        }
    }
}

/// A value behind its key or dash.
fn below(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            indent(out, depth + 1);
            mapping(out, fields, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            indent(out, depth + 1);
            sequence(out, items, depth + 1);
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(plain) => text(plain),
        // Empty collections, numbers, booleans and null are written alike in both.
        other => other.to_string(),
    }
}

/// Plain where nobody could read anything else into it.
fn text(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'.' | b' ');
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'/');
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = begins
        && text.bytes().all(is_plain)
        && !text.ends_with(' ')
        && !special.iter().any(|word| text.eq_ignore_ascii_case(word))
        // `.inf`, `1e3` and the like begin otherwise; `e3` is text to every reader.
        && text.len() < 200;
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::MemorySources;

    #[test]
    fn reads_as_a_person_would_write_it() {
        let value = json!({
            "openapi": "3.1.0",
            "paths": { "/a/{b}": { "get": { "tags": ["x", "yes"], "parameters": [{ "name": "b", "in": "path" }] } } },
            "empty": {}, "none": [], "n": null,
        });
        let expected = "openapi: \"3.1.0\"\npaths:\n  \"/a/{b}\":\n    get:\n      tags:\n        - x\n        - \"yes\"\n      parameters:\n        - name: b\n          in: path\nempty: {}\nnone: []\n\"n\": null\n";
        assert_eq!(to_yaml(&value), expected);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,12}".prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_back_as_it_was(value in values()) {
            let yaml = to_yaml(&json!({ "value": value }));
            let sources = MemorySources::new().file("a.yaml", yaml.clone());
            let root = crate::load("a.yaml", &sources).root.unwrap_or_else(|| panic!("not read: {yaml}"));
            prop_assert_eq!(root.to_json(), json!({ "value": value }), "{}", yaml);
            let line = in_line(&value);
            let sources = MemorySources::new().file("a.yaml", format!("value: {line}"));
            let root = crate::load("a.yaml", &sources).root.unwrap_or_else(|| panic!("not read: {line}"));
            prop_assert_eq!(root.to_json(), json!({ "value": value }), "{}", line);
        }
    }
}
