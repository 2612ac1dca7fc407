//! Procedures that a request calls by name: JSON-RPC methods, SOAP actions, fields of GraphQL's root types.
//!
//! Invariant: bounded in number and length, whatever the request says. Whether what it names exists is for the answer to
//! say, see [`crate::observe`].

use bytes::Bytes;
use portcullis_model::call::{Call, Protocol};
use portcullis_model::{Cause, Headers};
use portcullis_wire::Query;
use portcullis_wire::body::graphql::{self, Asked};
use portcullis_wire::body::{Budget, Format, Kind, Value, parse};
use portcullis_wire::fields::MediaType;
use smol_str::{SmolStr, format_smolstr};

use crate::facts::View;
use crate::phase::body::Parsed;
use crate::snapshot::Snapshot;
use crate::state::State;

/// Calls of one request, requests of one batch, the longest name, and the longest document of GraphQL that is read.
const MOST: usize = 32;
const BATCH: usize = 64;
const LONGEST: usize = 128;
const DOCUMENT: usize = 64 * 1024;

/// A call as a request makes it.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) call: Call,
    /// The name its client gave the operation.
    pub(crate) client_name: Option<SmolStr>,
    pub(crate) arguments: Option<Value<'a>>,
    pub(crate) reply: Reply,
}

/// Where in an answer the reply to a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The object of this id; where there is one object only, that.
    JsonRpc { id: Option<SmolStr> },
    /// The field of this key under `data`; of a batch that of this number.
    Graphql { key: SmolStr, at: Option<usize> },
    /// The first element of the envelope's body.
    Soap,
}

/// What a request calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Called<'a> {
    pub(crate) requests: Vec<Request<'a>>,
    /// Whether it calls more than that.
    pub(crate) beyond: bool,
    /// Types of its schema that a document of GraphQL names, where they were looked for.
    pub(crate) types: Vec<SmolStr>,
    look: Look,
}

/// What is looked for in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// What is called, which every exchange asks.
    #[default]
    Calls,
    /// Types too, for learning.
    Types,
}

/// Tags what a request calls, and lets learning look at the first exchanges of each call, as of each operation.
pub(crate) fn note(snapshot: &Snapshot, state: &mut State) {
    let Called { requests, beyond, .. } = of_state(state, Look::Calls);
    let mut calls: Vec<Call> = requests.into_iter().map(|request| request.call).collect();
    calls.sort_unstable();
    calls.dedup();
    if !calls.is_empty() {
        state.sampled = sample(snapshot, state, &calls);
    }
    for name in calls.iter().map(|call| call.name.as_str()).chain(beyond.then_some("*")) {
        state.tags.set(format_smolstr!("call:{name}"), Cause::Observed);
    }
}

/// How many exchanges this one stands for, if it is looked at: one of a call that is seldom made is.
fn sample(snapshot: &Snapshot, state: &State, calls: &[Call]) -> Option<u32> {
    let site = state.place.and_then(|place| snapshot.site(place.site));
    let site = site.filter(|_| snapshot.policy().inventory.is_some())?;
    let operation = View { snapshot, state }.operation_name()?;
    let named = calls.iter().map(|call| format_smolstr!("{operation} {call}"));
    named.filter_map(|name| site.learned.samples_grouped(&name)).min()
}

/// The calls of a request: of its body, or of the query string where that calls nothing.
pub(crate) fn of_state(state: &State, look: Look) -> Called<'_> {
    let of_body = state.sent().map(|body| of_body(&state.head.headers, body, look));
    let of_body = of_body.filter(|called| called.beyond || !called.requests.is_empty());
    of_body.unwrap_or_else(|| of_query(state.normal.query(), look))
}

/// What a query string calls: GraphQL alone writes calls there.
fn of_query(query: Query<'_>, look: Look) -> Called<'static> {
    let document = query.get("query").unwrap_or_default();
    let name = query.get("operationName");
    let persisted = || query.get("extensions").is_some_and(|text| text.contains("persistedQuery"));
    let mut called = Called { look, ..Called::default() };
    if document.contains('{') {
        called.take_document(&document, name.as_deref(), None, None);
    } else if let Some(name) = name.as_deref().filter(|_| persisted()) {
        called.take(persisted_query(name, None, None));
    }
    called
}

/// What a body calls.
pub(crate) fn of_body<'a>(headers: &Headers, parsed: &'a Parsed, look: Look) -> Called<'a> {
    let mut called = Called { look, ..Called::default() };
    let Some(root) = parsed.body.tree.root() else { return called };
    match parsed.body.format {
        Format::Json => called.take_json(root),
        Format::GraphQl => called.take_document(&String::from_utf8_lossy(&parsed.bytes), None, None, None),
        Format::Form => called.take_form(root),
        Format::Multipart => called.take_upload(root),
        Format::Xml => in_envelope(headers, root).into_iter().for_each(|request| called.take(request)),
        _ => {}
    }
    called
}

impl<'a> Called<'a> {
    /// The same may be called twice; both are told, for one may fail.
    fn take(&mut self, request: Request<'a>) {
        if self.requests.len() < MOST && is_name(&request.call.name) {
            self.requests.push(request);
        } else {
            self.beyond = true;
        }
    }

    fn take_json(&mut self, root: Value<'a>) {
        match root.kind() {
            Kind::Object => self.take_object(root, None),
            Kind::Array => {
                for (at, request) in root.children().take(BATCH).enumerate() {
                    if request.kind() == Kind::Object {
                        self.take_object(request, Some(at));
                    }
                }
                self.beyond |= !self.requests.is_empty() && root.children().nth(BATCH).is_some();
            }
            _ => {}
        }
    }

    fn take_object(&mut self, request: Value<'a>, at: Option<usize>) {
        if let Some(request) = in_rpc(request) {
            return self.take(request);
        }
        let (name, variables) = (text(request, "operationName"), request.member("variables"));
        if let Some(document) = text(request, "query").filter(|document| document.contains('{')) {
            self.take_document(document, name, variables, at);
        } else if let Some(name) = name.filter(|_| request.get("extensions.persistedQuery").is_some()) {
            self.take(persisted_query(name, variables, at));
        }
    }

    /// A request of GraphQL as a form: what some servers read as well.
    fn take_form(&mut self, form: Value<'a>) {
        if let Some(document) = text(form, "query").filter(|document| document.contains('{')) {
            self.take_document(document, text(form, "operationName"), None, None);
        }
    }

    /// Requests of GraphQL that come with files: in the part `operations`, one or a batch (the GraphQL multipart request
    /// specification).
    fn take_upload(&mut self, parts: Value<'a>) {
        let Some(operations) = text(parts, "operations") else { return };
        let json = MediaType::parse(b"application/json");
        let read = parse(&Bytes::copy_from_slice(operations.as_bytes()), json.as_ref(), &Budget::default());
        let Some(root) = read.tree.root() else { return };
        let batch = root.kind() == Kind::Array;
        let requests = root.children().filter(|_| batch).chain(Some(root).filter(|_| !batch));
        for (at, request) in requests.enumerate() {
            if at >= BATCH {
                self.beyond |= !self.requests.is_empty();
                break;
            }
            if let Some(document) = text(request, "query") {
                self.take_document(document, text(request, "operationName"), None, batch.then_some(at));
            }
        }
    }

    /// What a document's operations ask their root types for; where the request names one of them, it alone is carried
    /// out.
    fn take_document(
        &mut self,
        document: &str,
        name: Option<&str>,
        variables: Option<Value<'a>>,
        at: Option<usize>,
    ) {
        let read = document.get(..document.floor_char_boundary(DOCUMENT)).unwrap_or_default();
        self.beyond |= read.len() < document.len();
        if self.look == Look::Types {
            self.types.extend(graphql::types(read));
        }
        let mut operations = graphql::asked(read);
        if operations.iter().any(|operation| operation.name.is_some() && operation.name.as_deref() == name) {
            operations.retain(|operation| operation.name.as_deref() == name);
        }
        for request in operations.into_iter().flat_map(|operation| of_operation(operation, variables, at)) {
            self.take(request);
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && !name.contains(char::is_control)
}

fn text<'a>(object: Value<'a>, name: &str) -> Option<&'a str> {
    object.member(name).filter(|value| value.kind() == Kind::String)?.as_str()
}

fn in_rpc(request: Value<'_>) -> Option<Request<'_>> {
    let (params, id) = (request.member("params"), request.member("id"));
    // Before version 2 nothing but its three members tells what it is.
    let is_rpc = text(request, "jsonrpc").is_some() || (params.is_some() && id.is_some());
    let method = text(request, "method").filter(|_| is_rpc)?;
    Some(Request {
        call: Call { protocol: Protocol::JsonRpc, name: method.into() },
        client_name: None,
        arguments: params,
        reply: Reply::JsonRpc { id: id.map(identity) },
    })
}

/// What tells one request of a batch from the others.
pub(crate) fn identity(id: Value<'_>) -> SmolStr {
    SmolStr::new(id.as_str().unwrap_or("null"))
}

fn of_operation(
    operation: Asked,
    variables: Option<Value<'_>>,
    at: Option<usize>,
) -> impl Iterator<Item = Request<'_>> {
    // Which variables go to which field is not looked at.
    let variables = variables.filter(|_| operation.fields.len() == 1);
    let client_name = operation.name.filter(|name| is_name(name));
    operation.fields.into_iter().map(move |field| Request {
        call: of_graphql(operation.kind.as_str(), &field.name),
        client_name: client_name.clone(),
        arguments: variables,
        reply: Reply::Graphql { key: field.key, at },
    })
}

/// A document that the server knows by its hash: its client's name for it is all there is.
fn persisted_query<'a>(name: &str, variables: Option<Value<'a>>, at: Option<usize>) -> Request<'a> {
    Request {
        call: of_graphql("persisted", name),
        client_name: Some(SmolStr::new(name)).filter(|name| is_name(name)),
        arguments: variables,
        reply: Reply::Graphql { key: SmolStr::default(), at },
    }
}

fn of_graphql(kind: &str, field: &str) -> Call {
    Call { protocol: Protocol::Graphql, name: format_smolstr!("{kind} {field}") }
}

/// The action that the head names (SOAP 1.1 and 1.2), else the first element of the envelope's body.
fn in_envelope<'a>(headers: &Headers, document: Value<'a>) -> Option<Request<'a>> {
    let content = content(envelope(document)?);
    let media_type = headers.get("content-type").and_then(MediaType::parse);
    let action = media_type.as_ref().and_then(|media_type| media_type.parameter("action"));
    let action = headers.text("soapaction").or(action).map(|text| text.trim_matches(['"', ' ']));
    let name = action.filter(|action| !action.is_empty()).or_else(|| Some(local(content?.name()?)))?;
    Some(Request {
        call: Call { protocol: Protocol::Soap, name: name.into() },
        client_name: None,
        arguments: content,
        reply: Reply::Soap,
    })
}

/// A document's envelope, if it is one of SOAP.
pub(crate) fn envelope(document: Value<'_>) -> Option<Value<'_>> {
    document.children().find(|child| child.name().map(local) == Some("Envelope"))
}

/// The first element of an envelope's body.
pub(crate) fn content(envelope: Value<'_>) -> Option<Value<'_>> {
    let body = envelope.children().find(|child| child.name().map(local) == Some("Body"))?;
    body.children().find(|child| child.kind() == Kind::Element)
}

/// A name without its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use portcullis_wire::body::{Budget, parse};

    use super::*;

    fn told(called: &Called<'_>) -> Vec<String> {
        called.requests.iter().map(|request| request.call.to_string()).collect()
    }

    fn check(media_type: &str, body: &str, wanted: &[&str]) {
        let headers: Headers = [("Content-Type", media_type)].into_iter().collect();
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let read = parse(&bytes, MediaType::parse(media_type.as_bytes()).as_ref(), &Budget::default());
        let parsed = Parsed { bytes, media_type: media_type.into(), body: read };
        assert_eq!(told(&of_body(&headers, &parsed, Look::Calls)), wanted, "{body}");
    }

    #[test]
    fn what_bodies_of_json_call() {
        let json = "application/json";
        check(json, r#"{"jsonrpc":"2.0","method":"user.get","params":[1],"id":1}"#, &["JSON-RPC user.get"]);
        check(json, r#"{"method":"user.get","params":[1],"id":1}"#, &["JSON-RPC user.get"]);
        check(
            json,
            r#"[{"jsonrpc":"2.0","method":"b"},7,{"jsonrpc":"2.0","method":"a"}]"#,
            &["JSON-RPC b", "JSON-RPC a"],
        );
        check(json, r#"{"query":"shoes","method":"x"}"#, &[]);
        check(json, r#"{"jsonrpc":"2.0","method":""}"#, &[]);
        check(json, &format!(r#"{{"jsonrpc":"2.0","method":"{}"}}"#, "m".repeat(LONGEST + 1)), &[]);
    }

    #[test]
    fn what_documents_of_graphql_call() {
        let json = "application/json";
        check(
            json,
            r#"{"query":"query Q($n: Int = 3) { me { id } all: orders(first: $n) { id } }"}"#,
            &["GraphQL query me", "GraphQL query orders"],
        );
        check(
            json,
            r#"[{"query":"{ me { id } }"},{"query":"mutation { drop }"}]"#,
            &["GraphQL query me", "GraphQL mutation drop"],
        );
        let several = |name: &str| {
            format!(r#"{{"query":"query A {{ a }} mutation B {{ b }}","operationName":{name}}}"#)
        };
        check(json, &several("\"B\""), &["GraphQL mutation b"]);
        check(json, &several("null"), &["GraphQL query a", "GraphQL mutation b"]);
        check(
            json,
            r#"{"operationName":"Cart","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#,
            &["GraphQL persisted Cart"],
        );
        check("application/graphql", "mutation { drop(id: 1) }", &["GraphQL mutation drop"]);
        let query = "query=%7Bme%7Bid%7D%7D&operationName=Me";
        assert_eq!(told(&of_query(Query::new(query), Look::Calls)), ["GraphQL query me"]);
        let persisted = "operationName=Me&extensions=%7B%22persistedQuery%22:%7B%7D%7D";
        assert_eq!(told(&of_query(Query::new(persisted), Look::Calls)), ["GraphQL persisted Me"]);
        assert!(told(&of_query(Query::new("query=shoes"), Look::Calls)).is_empty());
    }

    #[test]
    fn what_envelopes_call() {
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

    #[test]
    fn types_are_looked_for_where_they_are_learned() {
        let bytes =
            Bytes::from(r#"[{"query":"query($in: In!) { a }"},{"query":"{ a { ... on T { b } } }"}]"#);
        let read = parse(&bytes, MediaType::parse(b"application/json").as_ref(), &Budget::default());
        let parsed = Parsed { bytes, media_type: SmolStr::default(), body: read };
        let types = |look| of_body(&Headers::default(), &parsed, look).types;
        assert_eq!(types(Look::Types), ["In", "T"]);
        assert!(types(Look::Calls).is_empty());
    }

    #[test]
    fn calls_of_one_request_are_bounded() {
        let calls = |count: usize, name: &str| {
            let one = |at| format!(r#"{{"jsonrpc":"2.0","method":"{name}{at}","id":{at}}}"#);
            let body = format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","));
            let bytes = Bytes::from(body);
            let media_type = MediaType::parse(b"application/json");
            let read = parse(&bytes, media_type.as_ref(), &Budget::default());
            let parsed = Parsed { bytes, media_type: SmolStr::default(), body: read };
            let called = of_body(&Headers::default(), &parsed, Look::Calls);
            (called.requests.len(), called.beyond)
        };
        assert_eq!(calls(MOST, "m"), (MOST, false));
        assert_eq!(calls(MOST + 1, "m"), (MOST, true));
        assert_eq!(calls(BATCH * 2, "m"), (MOST, true));
        assert_eq!(calls(1, &"m".repeat(LONGEST)), (0, true));
    }
}
