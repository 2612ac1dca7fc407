//! The marked tree: values and keys, each with the place it was read from.

use std::ops::Range;

use crate::place::Place;

/// One value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it was read from; for something reached through an alias, where the alias's target stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A value of YAML's core schema, which is JSON's.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~`, or nothing written.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order written, without duplicate keys.
    Map(Vec<Entry>),
}

/// One key of a map, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A map's key: its text (numbers and booleans as written) and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

impl Node {
    /// The value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key.text == key)
    }

    /// A map's entries.
    pub fn entries(&self) -> Option<&[Entry]> {
        if let Value::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// A list's items.
    pub fn items(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self.value { Some(value) } else { None }
    }

    /// The number, if this is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(value) = self.value { Some(value) } else { None }
    }

    /// Whether nothing was written.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Where some bytes of this node's text stand in its file: through quotes, escapes, folded lines and the
    /// indentation of block scalars. For anything but text, the node's own place.
    pub fn within(&self, span: Range<usize>) -> Place {
        let Value::String(text) = &self.value else { return self.place.clone() };
        self.place.within(text, span)
    }

    /// The tree as JSON without places; a float JSON cannot write becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        self.value.to_json()
    }
}

impl Value {
    /// What it is, in words: `a list`, `the text "x"`.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => format!("`{value}`"),
            Self::Int(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::String(text) if text.chars().count() <= 40 => format!("the text `{}`", text.escape_debug()),
            Self::String(_) => "text".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }

    /// The value as JSON without places; a float JSON cannot write becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::String(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Node::to_json).collect(),
            Self::Map(entries) => {
                entries.iter().map(|entry| (entry.key.text.clone(), entry.value.to_json())).collect()
            }
        }
    }
}
