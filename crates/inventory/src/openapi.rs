//! What was learned as an `OpenAPI` 3.1 document.
//!
//! Invariants: valid against the `OpenAPI` 3.1 schema; holds no value that was ever sent, only types, formats, lengths
//! and the words of enumerations. Deliberately absent: how it is written down (JSON, YAML).

mod facts;
mod media;
mod parameters;
mod security;

use serde_json::{Map, Value, json};

use crate::decision::shape;
use crate::inventory::{Inventory, Operation};
use crate::standing::Assessment;
use media::{responses, schema};

/// Hosts told as servers.
const SERVERS: usize = 8;

/// The document of an inventory.
pub fn document(site: &str, inventory: &Inventory) -> Value {
    let all = inventory.operations.iter().map(|operation| (operation, None));
    write(site, &all.collect::<Vec<_>>())
}

/// The document of those operations of an inventory that `assessments` are of, with what these say.
pub fn assessed(site: &str, inventory: &Inventory, assessments: &[Assessment]) -> Value {
    let chosen = inventory.operations.iter().filter_map(|operation| {
        let found = assessments.iter().find(|assessment| assessment.id == operation.id)?;
        Some((operation, Some(found)))
    });
    write(site, &chosen.collect::<Vec<_>>())
}

type Chosen<'a> = (&'a Operation, Option<&'a Assessment>);

fn write(site: &str, chosen: &[Chosen<'_>]) -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": site,
            "version": "learned",
            "description": "Learned from traffic by Portcullis.",
        },
        "servers": servers(chosen),
        "paths": paths(chosen),
    });
    let schemes = security::schemes(chosen.iter().map(|(operation, _)| *operation));
    if let Some(document) = document.as_object_mut().filter(|_| !schemes.is_empty()) {
        document.insert("components".into(), json!({ "securitySchemes": schemes }));
    }
    document
}

/// Hosts that were named, the most called first. How they are reached is not known: what is exposed should be TLS.
fn servers(chosen: &[Chosen<'_>]) -> Vec<Value> {
    let mut hosts: Vec<(&str, u64)> = Vec::new();
    for (host, count) in chosen.iter().flat_map(|(operation, _)| &operation.facts.hosts) {
        match hosts.iter_mut().find(|(known, _)| known == host) {
            Some((_, sum)) => *sum += count,
            None => hosts.push((host, *count)),
        }
    }
    hosts.retain(|(host, _)| !host.is_empty());
    hosts.sort_by_key(|(host, count)| (std::cmp::Reverse(*count), *host));
    let urls = hosts.iter().take(SERVERS).map(|(host, _)| json!({ "url": format!("https://{host}") }));
    if hosts.is_empty() { vec![json!({ "url": "/" })] } else { urls.collect() }
}

fn paths(chosen: &[Chosen<'_>]) -> Map<String, Value> {
    let mut paths: Map<String, Value> = Map::new();
    // Templates that differ in parameters' names alone are one path to OpenAPI: the first name stands.
    let mut written: Vec<(String, String)> = Vec::new();
    for (operation, assessment) in chosen {
        let shape = shape(&operation.path);
        let known = written.iter().find(|(known, _)| *known == shape);
        let path = known.map_or_else(|| operation.path.to_string(), |(_, path)| path.clone());
        if known.is_none() {
            written.push((shape, path.clone()));
        }
        let described = described(operation, *assessment, &names(&path));
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some((item, name)) = item.as_object_mut().zip(method(&operation.method)) {
            item.insert(name, described);
        }
    }
    paths
}

/// The key of a method; `OpenAPI` 3.1 knows no others.
fn method(method: &str) -> Option<String> {
    let lower = method.to_ascii_lowercase();
    ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
        .contains(&lower.as_str())
        .then_some(lower)
}

fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|piece| piece.split('}').next()).collect()
}

fn described(operation: &Operation, assessment: Option<&Assessment>, names: &[&str]) -> Value {
    let facts = &operation.facts;
    let mut described = Map::new();
    described.insert("operationId".into(), operation.id.as_str().into());
    let parameters = parameters::of(operation, names);
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
    if let Some(asked) = security::asked(operation) {
        described.insert("security".into(), asked);
    }
    facts::add(&mut described, operation, assessment);
    Value::Object(described)
}
