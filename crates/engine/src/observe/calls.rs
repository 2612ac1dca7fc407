//! Procedures that a body calls: JSON-RPC methods, SOAP actions, fields of GraphQL's root types.
//!
//! Invariant: bounded in number and length. Whether they exist is for the answer to say.

use portcullis_model::Headers;
use portcullis_model::observation::{Call, Protocol};
use portcullis_wire::body::{Budget, Format, Kind, Value, graphql};
use portcullis_wire::fields::MediaType;
use smol_str::{SmolStr, format_smolstr};

use crate::phase::body::Parsed;

/// Calls told of one request, and the longest name of one.
const MOST: usize = 16;
const LONGEST: usize = 96;

/// The calls of a request's body.
pub(super) fn of(headers: &Headers, parsed: &Parsed) -> Vec<Call> {
    let Some(root) = parsed.body.tree.root() else { return Vec::new() };
    let mut calls = match parsed.body.format {
        Format::Json => in_json(root),
        Format::GraphQl => in_document(root),
        Format::Xml => in_envelope(headers, root),
        _ => Vec::new(),
    };
    calls.retain(|call| !call.name.is_empty() && call.name.len() <= LONGEST);
    calls.sort_unstable();
    calls.dedup();
    calls.truncate(MOST);
    calls
}

fn in_json(root: Value<'_>) -> Vec<Call> {
    let requests: Vec<Value<'_>> = match root.kind() {
        Kind::Array => root.children().take(MOST).collect(),
        _ => vec![root],
    };
    requests.into_iter().filter(|request| request.kind() == Kind::Object).flat_map(in_object).collect()
}

fn in_object(request: Value<'_>) -> Vec<Call> {
    let text = |name: &str| request.member(name).filter(|value| value.kind() == Kind::String)?.as_str();
    if let (Some(_), Some(method)) = (text("jsonrpc"), text("method")) {
        return vec![Call { protocol: Protocol::JsonRpc, name: method.into() }];
    }
    let Some(query) = text("query").filter(|query| query.contains('{')) else { return Vec::new() };
    let budget = Budget { bytes: 64 * 1024, ..Budget::default() };
    let document = graphql::parse(&bytes::Bytes::copy_from_slice(query.as_bytes()), &budget);
    document.tree.root().map(in_document).unwrap_or_default()
}

/// What a document's operations ask their root types for; what only looks like a field is a variable's default.
fn in_document(root: Value<'_>) -> Vec<Call> {
    let operations = root.children().filter(|operation| operation.name() != Some("fragment"));
    let fields = operations.take(MOST).flat_map(|operation| {
        let kind = operation.name().unwrap_or("query");
        let fields = operation.children().filter(|field| matches!(field.kind(), Kind::Null | Kind::Object));
        fields.take(MOST).map(move |field| call(kind, field.name().unwrap_or_default()))
    });
    fields.collect()
}

fn call(kind: &str, field: &str) -> Call {
    Call { protocol: Protocol::Graphql, name: format_smolstr!("{kind} {field}") }
}

/// The action that the head names (SOAP 1.1 and 1.2), else the first element of the envelope's body.
fn in_envelope(headers: &Headers, document: Value<'_>) -> Vec<Call> {
    let Some(root) =
        document.children().find(|child| child.name().is_some_and(|name| local(name) == "Envelope"))
    else {
        return Vec::new();
    };
    let media_type = headers.get("content-type").and_then(MediaType::parse);
    let action = media_type.as_ref().and_then(|media_type| media_type.parameter("action"));
    let action = headers.text("soapaction").or(action).map(|text| text.trim_matches(['"', ' ']));
    let name = action.filter(|action| !action.is_empty()).map(SmolStr::new).or_else(|| {
        let body = root.children().find(|child| child.name().is_some_and(|name| local(name) == "Body"))?;
        let first = body.children().find(|child| child.kind() == Kind::Element)?;
        Some(SmolStr::new(local(first.name()?)))
    });
    name.map(|name| Call { protocol: Protocol::Soap, name }).into_iter().collect()
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use portcullis_wire::body::parse;

    use super::*;

    fn check(media_type: &str, body: &str, wanted: &[&str]) {
        let headers: Headers = [("Content-Type", media_type)].into_iter().collect();
        let bytes = bytes::Bytes::copy_from_slice(body.as_bytes());
        let read = parse(&bytes, MediaType::parse(media_type.as_bytes()).as_ref(), &Budget::default());
        let parsed = Parsed { bytes, media_type: media_type.into(), body: read };
        let calls: Vec<String> = of(&headers, &parsed)
            .iter()
            .map(|call| format!("{} {}", call.protocol.as_str(), call.name))
            .collect();
        assert_eq!(calls, wanted, "{body}");
    }

    #[test]
    fn what_bodies_call() {
        let json = "application/json";
        check(json, r#"{"jsonrpc":"2.0","method":"user.get","params":[1],"id":1}"#, &["JSON-RPC user.get"]);
        check(
            json,
            r#"[{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","method":"a"}]"#,
            &["JSON-RPC a", "JSON-RPC b"],
        );
        check(
            json,
            r#"{"query":"query Q($n: Int = 3) { me { id } orders(first: $n) { id } }"}"#,
            &["GraphQL query me", "GraphQL query orders"],
        );
        check(json, r#"{"query":"{ me { id } }"}"#, &["GraphQL query me"]);
        check(json, r#"{"query":"shoes","method":"x"}"#, &[]);
        check(
            "text/xml",
            r#"<s:Envelope xmlns:s="x"><s:Body><m:GetPrice xmlns:m="y"><m:Item>1</m:Item></m:GetPrice></s:Body></s:Envelope>"#,
            &["SOAP GetPrice"],
        );
        check(
            r#"application/soap+xml; action="urn:GetPrice""#,
            "<Envelope><Body/></Envelope>",
            &["SOAP urn:GetPrice"],
        );
        check("text/xml", "<order><Body/></order>", &[]);
    }
}
