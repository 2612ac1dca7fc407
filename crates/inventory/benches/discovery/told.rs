//! Words that answers give as names of things: the value a path names, the values of what lists hold, and others.
//!
//! Which field gives which value is guessed from names as people choose them; a field that fits none gives any word.

use std::collections::BTreeSet;

use portcullis_model::observation::{Identifier, SegmentKind};
use portcullis_wire::segments::classify;
use portcullis_wire::words::names_things;
use serde_json::Value;

use crate::document::{Declared, Document};
use crate::draw::Draw;
use crate::values;

/// Items of a list, and how deep fields are looked for.
const ITEMS: usize = 3;
const DEPTH: usize = 4;

/// What an exchange's bodies give, where its path has `values` by their parameters.
pub(crate) fn identifiers(
    document: &Document,
    declared: &Declared,
    values: &[(String, String)],
    draw: &mut Draw,
) -> Vec<Identifier> {
    let mut fields = BTreeSet::new();
    for schema in declared.response.iter().chain(&declared.request) {
        collect(document, schema, DEPTH, &mut fields);
    }
    let mut told = Vec::new();
    let mut tell = |field: &str, value: &str| {
        if classify(value) == SegmentKind::Word {
            told.push(Identifier { field: field.into(), hash: hash(value) });
        }
    };
    let item = item_parameter(document, declared);
    for field in &fields {
        let own = values.last().filter(|(name, _)| fits(field, name));
        match (own, &item) {
            (Some((_, value)), _) => tell(field, value),
            (None, Some((name, schema))) if fits(field, name) => {
                for _ in 0..ITEMS {
                    tell(field, &values::value(&document.name, name, schema, draw));
                }
            }
            _ if draw.percent(30) => tell(field, draw.pick::<&str>(values::WORDS)),
            _ => {}
        }
    }
    told
}

/// The hash that path segments have as well.
pub(crate) fn hash(value: &str) -> u64 {
    Draw::named(99, value).next()
}

/// The parameter that follows an operation's path elsewhere in the document: what its lists hold.
fn item_parameter<'a>(document: &'a Document, declared: &Declared) -> Option<(String, &'a Value)> {
    let below = document.operations.iter().find(|other| {
        other.segments.len() == declared.segments.len() + 1
            && other.segments.starts_with(&declared.segments)
            && other.segments.last().is_some_and(|last| last.starts_with('{'))
    })?;
    let name = below.segments.last()?.trim_start_matches('{').split('}').next()?.to_owned();
    let schema = below.path_parameters.get(&name).unwrap_or(&Value::Null);
    Some((name, schema))
}

/// Whether a field holds what a parameter takes, as far as names tell.
fn fits(field: &str, parameter: &str) -> bool {
    let bare = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let (field, parameter) = (bare(field), bare(parameter));
    field == parameter || parameter.ends_with(&field) || (field == "name" && !parameter.ends_with("id"))
}

fn collect(document: &Document, schema: &Value, depth: usize, fields: &mut BTreeSet<String>) {
    let schema = document.resolve(schema);
    if depth == 0 {
        return;
    }
    for list in ["allOf", "oneOf", "anyOf"] {
        for part in schema[list].as_array().into_iter().flatten() {
            collect(document, part, depth - 1, fields);
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if names_things(name) && document.resolve(field)["type"] == "string" {
            fields.insert(name.clone());
        }
        collect(document, field, depth - 1, fields);
    }
    collect_items(document, schema, depth, fields);
}

fn collect_items(document: &Document, schema: &Value, depth: usize, fields: &mut BTreeSet<String>) {
    if schema["items"].is_object() {
        collect(document, &schema["items"], depth - 1, fields);
    }
}
