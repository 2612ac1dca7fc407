//! Calls by name as learning sees them: what was called, with the shapes of what was handed over and answered.
//!
//! Invariant: shapes alone, no value; bounded as the request's calls are. A call counts as carried out unless the answer
//! says otherwise, for answers that cannot be read say nothing.

use portcullis_model::call::{CallOutcome, MadeCall, Protocol, Speaking, Spoken, Streams};
use portcullis_wire::body::{Format, Kind, Value};
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use crate::calls::{self, Called, Look, Reply, Request};
use crate::phase::body::Parsed;
use crate::state::State;

/// The longest name of a subprotocol that is told.
const LONGEST: usize = 48;

/// The calls of an exchange, each once; of one that was made several times, a success.
pub(super) fn made(state: &State, answer: Option<&Parsed>) -> Vec<MadeCall> {
    let mut made: Vec<MadeCall> = Vec::new();
    let Called { requests, types, .. } = calls::of_state(state, Look::Types);
    for request in requests {
        let Some(mut one) = judged(&request, answer) else { continue };
        if one.call.protocol == Protocol::Graphql {
            one.types.clone_from(&types);
        }
        match made.iter_mut().find(|known| known.call == one.call) {
            Some(known) if known.outcome == CallOutcome::Failed => *known = one,
            Some(_) => {}
            None => made.push(one),
        }
    }
    made
}

/// What came of a call; none where the answer shows that it is no call of this protocol.
fn judged(request: &Request<'_>, answer: Option<&Parsed>) -> Option<MadeCall> {
    let answer = answer.and_then(|answer| Some((answer.body.format, answer.body.tree.root()?)));
    let (outcome, answer) = match (&request.reply, answer) {
        (_, None) => (CallOutcome::Answered, None),
        (Reply::JsonRpc { id }, Some((Format::Json, root))) => of_rpc(root, id.as_ref()),
        (Reply::Graphql { key, at }, Some((Format::Json, root))) => of_graphql(root, key, *at)?,
        (Reply::Graphql { .. }, Some(_)) => return None,
        (Reply::Soap, Some((Format::Xml, root))) => of_soap(root),
        (Reply::JsonRpc { .. } | Reply::Soap, Some(_)) => (CallOutcome::Failed, None),
    };
    Some(MadeCall {
        call: request.call.clone(),
        client_name: request.client_name.clone(),
        types: Vec::new(),
        outcome,
        arguments: request.arguments.map(Value::shape),
        answer: answer.map(Value::shape),
    })
}

type Judged<'a> = (CallOutcome, Option<Value<'a>>);

/// JSON-RPC 2.0 §5: `result`, or `error`.
fn of_rpc<'a>(root: Value<'a>, id: Option<&SmolStr>) -> Judged<'a> {
    let is_of = |reply: &Value<'_>| reply.member("id").map(calls::identity).as_ref() == id;
    let reply = match root.kind() {
        Kind::Array => root.children().find(is_of),
        _ => Some(root),
    };
    let there = |name: &str| reply?.member(name).filter(|value| value.kind() != Kind::Null);
    let outcome = if there("error").is_some() { CallOutcome::Failed } else { CallOutcome::Answered };
    (outcome, there("result"))
}

/// GraphQL §7: `data` and `errors`; what has neither answers something else.
fn of_graphql<'a>(root: Value<'a>, key: &str, at: Option<usize>) -> Option<Judged<'a>> {
    let reply = match (root.kind(), at) {
        (Kind::Array, Some(at)) => root.children().nth(at)?,
        _ => root,
    };
    let (data, errors) = (reply.member("data"), reply.member("errors"));
    if data.is_none() && errors.is_none() {
        return None;
    }
    let failed = |value: Option<Value<'_>>| value.is_none_or(|value| value.kind() == Kind::Null);
    if errors.is_none() {
        return Some((CallOutcome::Answered, data.and_then(|data| field(data, key))));
    }
    let answer = data.filter(|data| data.kind() == Kind::Object).and_then(|data| field(data, key));
    let outcome = if failed(answer) { CallOutcome::Failed } else { CallOutcome::Answered };
    Some((outcome, answer))
}

/// What stands under a key; of a document nobody saw all there is.
fn field<'a>(data: Value<'a>, key: &str) -> Option<Value<'a>> {
    if key.is_empty() { Some(data) } else { data.member(key) }
}

fn of_soap(root: Value<'_>) -> Judged<'_> {
    let content = calls::envelope(root).and_then(calls::content);
    match content.and_then(|content| content.name()) {
        Some(name) if calls::local(name) == "Fault" => (CallOutcome::Failed, None),
        _ => (CallOutcome::Answered, content),
    }
}

/// Another way of speaking than request and answer.
pub(super) fn speaking(state: &State) -> Option<Speaking> {
    let response = state.response.as_ref()?;
    if response.status == 101 {
        // The field that names the protocol belongs to the hop; that of the handshake (RFC 6455 §4.2.2) does not.
        response.headers.get("sec-websocket-accept")?;
        let agreed = response.headers.text("sec-websocket-protocol").unwrap_or_default();
        let agreed = if agreed.len() <= LONGEST { agreed } else { "" };
        return Some(Speaking {
            spoken: Spoken::WebSocket(agreed.trim().into()),
            streams: Streams { client: true, server: true },
            outcome: CallOutcome::Answered,
        });
    }
    let is_grpc = |value: &[u8]| MediaType::parse(value).is_some_and(|media_type| is_grpc(&media_type));
    state.head.headers.get("content-type").filter(|value| is_grpc(value))?;
    // What fails at once says so in the head (trailers alone, gRPC over HTTP/2); what has begun, in its trailers.
    let late = state.outcome.as_ref().and_then(|outcome| outcome.grpc_status.as_deref());
    let status = response.headers.text("grpc-status").or(late).map_or("0", str::trim);
    let sent = state.sent().and_then(|body| body.body.tree.root());
    let sent = sent.filter(|root| root.kind() == Kind::Array).map_or(0, |root| root.children().count());
    let answered = state.tee.as_ref().map_or(0, |tee| messages(&tee.whole));
    Some(Speaking {
        spoken: Spoken::Grpc,
        streams: Streams { client: sent > 1, server: answered > 1 },
        outcome: if status == "0" { CallOutcome::Answered } else { CallOutcome::Failed },
    })
}

/// gRPC itself and gRPC-Web, in any coding.
pub(crate) fn is_grpc(media_type: &MediaType) -> bool {
    let rest = media_type.essence().strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-']))
}

/// Messages that begin in a body: each has five bytes before it, of which four tell its length. The frame of trailers
/// (gRPC-Web) is none.
fn messages(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some([flags, a, b, c, d]) = bytes.first_chunk().copied() {
        count += usize::from(flags & 0x80 == 0);
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        bytes = bytes.get(5_usize.saturating_add(length)..).unwrap_or_default();
    }
    count
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use portcullis_model::Headers;
    use portcullis_wire::body::{Budget, parse};

    use super::*;

    fn parsed(media_type: &str, body: &str) -> Parsed {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let read = parse(&bytes, MediaType::parse(media_type.as_bytes()).as_ref(), &Budget::default());
        Parsed { bytes, media_type: media_type.into(), body: read }
    }

    /// What of a request's calls was carried out, and what was not.
    fn check(media_type: &str, sent: &str, answered: &str, wanted: &[(&str, CallOutcome)]) {
        let headers: Headers = [("Content-Type", media_type)].into_iter().collect();
        let (sent, answered) = (parsed(media_type, sent), parsed(media_type, answered));
        let requests = calls::of_body(&headers, &sent, Look::Calls).requests;
        let told: Vec<(String, CallOutcome)> = requests
            .iter()
            .filter_map(|request| judged(request, Some(&answered)))
            .map(|made| (made.call.name.to_string(), made.outcome))
            .collect();
        let wanted: Vec<(String, CallOutcome)> =
            wanted.iter().map(|(name, outcome)| ((*name).to_owned(), *outcome)).collect();
        assert_eq!(told, wanted);
    }

    #[test]
    fn answers_say_what_was_carried_out() {
        use CallOutcome::{Answered, Failed};
        let json = "application/json";
        let rpc = r#"{"jsonrpc":"2.0","method":"a","id":1}"#;
        check(json, rpc, r#"{"jsonrpc":"2.0","result":7,"id":1}"#, &[("a", Answered)]);
        check(json, rpc, r#"{"jsonrpc":"2.0","error":{"code":-32601},"id":1}"#, &[("a", Failed)]);
        check(json, rpc, r#"{"result":true,"error":null,"id":1}"#, &[("a", Answered)]);
        check(
            json,
            r#"[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b","id":"x"}]"#,
            r#"[{"id":"x","result":1},{"id":1,"error":{"code":1}}]"#,
            &[("a", Failed), ("b", Answered)],
        );
        let two = r#"{"query":"{ me { id } mine: orders { id } }"}"#;
        let both = |me, orders| [("query me", me), ("query orders", orders)];
        check(json, two, r#"{"data":{"me":{"id":1},"mine":[]}}"#, &both(Answered, Answered));
        check(
            json,
            two,
            r#"{"data":{"me":{"id":1},"mine":null},"errors":[{"path":["mine"]}]}"#,
            &both(Answered, Failed),
        );
        check(json, two, r#"{"errors":[{"message":"no"}]}"#, &both(Failed, Failed));
        check(json, two, r#"{"found":[]}"#, &[]);
        let envelope = |inner: &str| format!("<E:Envelope><E:Body>{inner}</E:Body></E:Envelope>");
        check("text/xml", &envelope("<Get/>"), &envelope("<GetAnswer>1</GetAnswer>"), &[("Get", Answered)]);
        check("text/xml", &envelope("<Get/>"), &envelope("<E:Fault/>"), &[("Get", Failed)]);
    }

    #[test]
    fn messages_are_counted_as_far_as_they_came() {
        for (bytes, count) in [
            (&[][..], 0),
            (&[0, 0, 0, 0, 1, 9], 1),
            (&[0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0], 2),
            (&[0, 0, 0, 0, 1, 9, 0x80, 0, 0, 0, 3, b'a', b'b', b'c'], 1),
            (&[0, 0xff, 0xff, 0xff, 0xff, 1], 1),
        ] {
            assert_eq!(messages(bytes), count, "{bytes:?}");
        }
    }
}
