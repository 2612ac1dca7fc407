//! What was learned as an `OpenAPI` 3.1 document.
//!
//! Invariants: valid against the `OpenAPI` 3.1 schema; holds no value that was ever sent, only types, formats and
//! lengths. Deliberately absent: how it is written down (JSON, YAML).

mod media;

use serde_json::{Map, Value, json};

use crate::inventory::{Inventory, Operation, Parameter};
use media::{responses, schema};

/// The document of an inventory.
pub fn document(site: &str, inventory: &Inventory) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    // Templates that differ in parameters' names alone are one path to OpenAPI: the first name stands.
    let mut written: Vec<(String, String)> = Vec::new();
    for operation in &inventory.operations {
        let shape = shape(&operation.path);
        let known = written.iter().find(|(known, _)| *known == shape);
        let path = known.map_or_else(|| operation.path.to_string(), |(_, path)| path.clone());
        if known.is_none() {
            written.push((shape, path.clone()));
        }
        let described = described(operation, &names(&path));
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(operation.method.to_ascii_lowercase(), described);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": site,
            "version": "learned",
            "description": "Learned from traffic by Portcullis.",
        },
        "paths": paths,
    })
}

/// A template without its parameters' names.
fn shape(path: &str) -> String {
    let mut pieces = path.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + "{}" + piece.split_once('}').map_or("", |(_, rest)| rest))
}

fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|piece| piece.split('}').next()).collect()
}

fn described(operation: &Operation, names: &[&str]) -> Value {
    let facts = &operation.facts;
    let in_path = operation.parameters.iter().zip(names).map(|(parameter, name)| in_path(parameter, name));
    let in_query = facts.query.iter().map(|(name, values)| {
        let required = values.count >= facts.count && facts.count > 1;
        json!({ "name": name, "in": "query", "required": required, "schema": media::text_schema(&values.strings) })
    });
    let mut described = Map::new();
    described.insert("operationId".into(), operation.id.as_str().into());
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    if !parameters.is_empty() {
        described.insert("parameters".into(), parameters.into());
    }
    let content: Map<String, Value> = (facts.requests.iter())
        .filter(|(media_type, _)| !media_type.is_empty())
        .map(|(media_type, body)| (media_type.to_string(), json!({ "schema": schema(&body.schema) })))
        .collect();
    if !content.is_empty() {
        let sent: u64 = facts.requests.values().map(|body| body.count).sum();
        described
            .insert("requestBody".into(), json!({ "required": sent >= facts.count, "content": content }));
    }
    described.insert("responses".into(), responses(facts));
    described.insert("x-portcullis-exchanges".into(), facts.count.into());
    described.insert("x-portcullis-callers".into(), facts.callers().into());
    Value::Object(described)
}

fn in_path(parameter: &Parameter, name: &str) -> Value {
    let schema = match parameter.kinds.as_slice() {
        [kind] => media::kind_schema(*kind),
        _ => json!({ "type": "string" }),
    };
    json!({
        "name": name, "in": "path", "required": true, "schema": schema,
        "x-portcullis-distinct": parameter.distinct,
    })
}
