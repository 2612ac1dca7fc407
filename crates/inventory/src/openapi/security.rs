//! Security schemes as they were seen: what callers showed or proved, not what the upstream looks at.
//!
//! Invariant: a scheme that an operation names is one the document declares.

use portcullis_model::observation::Credential;
use serde_json::{Map, Value, json};

use crate::access::Posture;
use crate::inventory::Operation;

/// A credential that comes with fewer of an operation's exchanges, of a hundred, is somebody's mistake.
const SHARE: u64 = 10;

/// Every scheme that some operations were called with, by name.
pub(super) fn schemes<'a>(operations: impl Iterator<Item = &'a Operation>) -> Map<String, Value> {
    let mut schemes: Vec<(String, Value)> =
        operations.flat_map(usual).map(|credential| (name(credential), scheme(credential))).collect();
    schemes.sort_by(|one, other| one.0.cmp(&other.0));
    schemes.into_iter().collect()
}

/// What an operation's callers show: any of these, or nothing as well; none where it is not known.
pub(super) fn asked(operation: &Operation) -> Option<Value> {
    let posture = operation.facts.access.posture()?;
    let mut asked: Vec<Value> =
        usual(operation).map(|credential| json!({ (name(credential)): [] })).collect();
    match posture {
        Posture::Never => return Some(json!([])),
        Posture::Sometimes => asked.push(json!({})),
        Posture::Always => {}
    }
    // Proved by means that are not among the schemes: left unsaid rather than called public.
    (!asked.is_empty()).then(|| asked.into())
}

fn usual(operation: &Operation) -> impl Iterator<Item = &Credential> {
    let access = &operation.facts.access;
    let named = access.named().count;
    let usual = access.credentials.iter().filter(move |(_, count)| **count * 100 >= named * SHARE);
    usual.map(|(credential, _)| credential)
}

/// A scheme's name: letters, digits, `.`, `-` and `_` alone (`OpenAPI` 3.1 §4.8.7).
fn name(credential: &Credential) -> String {
    let text = credential.to_string();
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

fn scheme(credential: &Credential) -> Value {
    match credential {
        Credential::Scheme(scheme) => json!({ "type": "http", "scheme": scheme }),
        Credential::Header(name) => json!({ "type": "apiKey", "in": "header", "name": name }),
        Credential::Query(name) => json!({ "type": "apiKey", "in": "query", "name": name }),
        Credential::Cookie(name) => json!({ "type": "apiKey", "in": "cookie", "name": name }),
        Credential::Certificate => json!({ "type": "mutualTLS" }),
    }
}
