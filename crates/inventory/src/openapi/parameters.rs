//! Parameters of an operation: of its path, its query, its header fields and cookies.
//!
//! Invariant: what carries credentials is not among them; that is for `security` to say.

use portcullis_model::observation::Credential;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::media;
use crate::cell::Cell;
use crate::inventory::{Operation, Parameter};

/// The parameters, those of the path under `names`.
pub(super) fn of(operation: &Operation, names: &[&str]) -> Vec<Value> {
    let facts = &operation.facts;
    let in_path = operation.parameters.iter().zip(names).map(|(parameter, name)| in_path(parameter, name));
    let query = facts.query.iter().filter(|(name, _)| !carries(facts, &Credential::Query(lower(name))));
    let in_query = query.map(|(name, values)| {
        let required = is_required(values.count, facts);
        json!({ "name": name, "in": "query", "required": required, "schema": media::text_schema(&values.strings) })
    });
    let headers =
        facts.headers.iter().filter(|(name, _)| !carries(facts, &Credential::Header((*name).clone())));
    let in_headers = headers.map(|(name, count)| named("header", name, *count, facts));
    let cookies =
        facts.cookies.iter().filter(|(name, _)| !carries(facts, &Credential::Cookie((*name).clone())));
    let in_cookies = cookies.map(|(name, count)| named("cookie", name, *count, facts));
    in_path.chain(in_query).chain(in_headers).chain(in_cookies).collect()
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

fn named(place: &str, name: &SmolStr, count: u64, facts: &Cell) -> Value {
    json!({ "name": name, "in": place, "required": is_required(count, facts), "schema": { "type": "string" } })
}

fn carries(facts: &Cell, credential: &Credential) -> bool {
    facts.access.credentials.contains_key(credential)
}

fn lower(name: &SmolStr) -> SmolStr {
    name.to_ascii_lowercase().into()
}

/// Seen once, everything would be required.
fn is_required(count: u64, facts: &Cell) -> bool {
    count >= facts.count && facts.count > 1
}
