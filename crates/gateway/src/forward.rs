//! What a request's fields become on their way to an upstream, and a response's on their way back.
//!
//! Invariants (RFC 9110 §7.6): hop-by-hop fields and those `Connection` names go no further than one hop; what
//! says who asked (`X-Forwarded-*`, `Forwarded`) is believed only from a proxy that policy trusts, and is removed
//! in every spelling a server might take for it; the target and host sent are the ones that were judged.

mod fields;
mod lines;

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::{CONNECTION, HeaderMap, HeaderName};
use portcullis_engine::{Forward, HeaderEdits, without_pass};
use portcullis_model::caller::address_text;
use portcullis_model::{Headers, Peer, RequestHead, Version};
use smallvec::SmallVec;

pub(crate) use fields::Fields;
pub(crate) use lines::Lines;

use crate::trace::Trace;
use crate::upgrade::Wish;

/// Fields that describe one hop only, beside those that `Connection` names.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// How an upstream connection frames messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What becomes of the received `Content-Length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// It stays as it came: the body passes through.
    AsReceived,
    /// It says what was held.
    Exactly(u64),
    /// There is no body.
    Absent,
}

/// What becomes of `Expect: 100-continue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// The upstream is asked before the client sends its body.
    PassOn,
    /// The body is here, or will be sent without asking.
    Drop,
}

/// Everything beside the engine's word that decides a request's fields.
#[derive(Clone, Copy)]
pub(crate) struct Hop<'a> {
    /// The client connection's other end.
    pub(crate) peer: &'a Peer,
    /// How the upstream connection frames.
    pub(crate) framing: Framing,
    /// The body's length.
    pub(crate) length: Length,
    /// The expectation.
    pub(crate) expectation: Expectation,
    /// The protocol the client wants to change to, where that is passed on.
    pub(crate) upgrade: Option<&'a Wish>,
    /// Its part in a trace, where policy wants traces: what clients say of theirs goes no further then.
    pub(crate) trace: Option<&'a Trace>,
}

/// The fields of the request that goes to the upstream.
pub(crate) fn request_fields<'a>(forward: &'a Forward, hop: Hop<'a>) -> Fields<'a> {
    let head = forward.head();
    let named = named_by_connection(head);
    let trusted = is_trusted(forward, hop);
    let authority = authority(forward);
    let mut fields = Fields::default();
    if hop.framing == Framing::Http1 {
        fields.add("host", authority.clone());
    }
    for field in head.headers.iter() {
        let name: &[u8] = field.name;
        if goes_on(name, hop, trusted) && !is_named(&named, name) && !forward.edits().removes(name) {
            if !name.eq_ignore_ascii_case(b"cookie") {
                fields.keep(name, field.value);
            } else if let Some(value) = without_pass(field.value) {
                fields.keep_part(name, value);
            }
        }
    }
    if hop.framing == Framing::Http1 {
        fields.join_cookies();
    }
    add_hop_fields(&mut fields, head, hop);
    add_origin(&mut fields, forward, hop, authority);
    if forward.decodable_only() {
        offer_only_decodable(&mut fields, &head.headers);
    }
    for (name, value) in forward.edits().set() {
        fields.set(name, value.as_str());
    }
    fields
}

/// The fields of a request that is our own.
pub(crate) fn own_fields<'a>(given: &[(&'a str, &'a str)]) -> Fields<'a> {
    let mut fields = Fields::default();
    for (name, value) in given {
        fields.add(name, *value);
    }
    fields
}

/// Whether the peer is a proxy that policy trusts, and said who asked.
fn is_trusted(forward: &Forward, hop: Hop<'_>) -> bool {
    forward.client_ip() != hop.peer.address.ip().to_canonical()
}

/// The host to ask for: the one that was judged, with the port that was asked for.
pub(crate) fn authority(forward: &Forward) -> Cow<'_, str> {
    let head = forward.head();
    let asked = head.authority.as_deref().or_else(|| head.headers.get("host")).unwrap_or_default();
    let host = forward.host();
    match port_of(asked) {
        Some(port) => Cow::Owned(format!("{host}:{port}")),
        None => Cow::Borrowed(host),
    }
}

fn port_of(authority: &[u8]) -> Option<u16> {
    let colon = authority.iter().rposition(|byte| *byte == b':')?;
    let digits = authority.get(colon + 1..).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a received field may go to the upstream under its own name.
fn goes_on(name: &[u8], hop: Hop<'_>, trusted: bool) -> bool {
    if !may_be_ours(name) {
        return true;
    }
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if is("host") || is("http2-settings") || is_hop_by_hop(name) {
        return false;
    }
    if is("content-length") {
        return hop.length == Length::AsReceived;
    }
    if is("expect") {
        return hop.expectation == Expectation::PassOn;
    }
    if is("traceparent") || is("tracestate") {
        return hop.trace.is_none();
    }
    (trusted || !says_who_asked(name)) && !is_disguised(name)
}

/// Whether a field may be one of those that not all go on: theirs are the only names that begin so, however disguised.
fn may_be_ours(name: &[u8]) -> bool {
    let first = name.first().map(u8::to_ascii_lowercase);
    matches!(first, None | Some(b'c' | b'e' | b'f' | b'h' | b'k' | b'p' | b't' | b'u' | b'x'))
}

/// Whether a field says who asked, for what, and how.
fn says_who_asked(name: &[u8]) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    is("forwarded") || is("x-real-ip") || begins_with(name, b"x-forwarded")
}

fn begins_with(name: &[u8], start: &[u8]) -> bool {
    name.get(..start.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(start))
}

/// Whether a server that folds `_` to `-` would take this for a field that says who asked.
fn is_disguised(name: &[u8]) -> bool {
    name.contains(&b'_') && {
        let folded: SmallVec<[u8; 64]> =
            name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        let is = |known: &str| folded.eq_ignore_ascii_case(known.as_bytes());
        begins_with(&folded, b"x-forwarded") || is("x-real-ip") || HOP_BY_HOP.iter().any(|known| is(known))
    }
}

/// Takes out of a request's trailers what may only stand in a head: some servers make one of the two.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap, edits: &HeaderEdits) {
    let barred = |name: &&HeaderName| is_for_heads(name.as_str()) || edits.removes(name.as_str().as_bytes());
    let barred: SmallVec<[HeaderName; 4]> = trailers.keys().filter(barred).cloned().collect();
    for name in barred {
        trailers.remove(name);
    }
}

/// Whether a field frames, routes or authenticates a message, or says who sent it (RFC 9110 §6.5.1).
fn is_for_heads(name: &str) -> bool {
    matches!(
        name,
        "authorization" | "content-length" | "cookie" | "expect" | "forwarded" | "host" | "x-real-ip"
    ) || name.starts_with("x-forwarded")
        || HOP_BY_HOP.contains(&name)
        || is_disguised(name.as_bytes())
}

/// Field names listed in `Connection`.
fn named_by_connection(head: &RequestHead) -> SmallVec<[&[u8]; 4]> {
    head.headers
        .all("connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .collect()
}

fn is_named(named: &[&[u8]], name: &[u8]) -> bool {
    named.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// What this hop says for itself.
fn add_hop_fields<'a>(fields: &mut Fields<'a>, head: &RequestHead, hop: Hop<'a>) {
    if head.headers.all("te").any(lists_trailers) {
        fields.add("te", "trailers");
        if hop.framing == Framing::Http1 {
            fields.add("connection", "te");
        }
    }
    if let Some(wish) = hop.upgrade {
        fields.set("connection", "upgrade");
        fields.keep(b"upgrade", wish.protocol().as_bytes());
    }
    if let Length::Exactly(bytes) = hop.length {
        fields.add("content-length", bytes.to_string());
    }
    fields.add("via", via(head.version));
    if let Some((parent, state)) = hop.trace.and_then(Trace::told) {
        fields.add("traceparent", parent);
        if !state.is_empty() {
            fields.add("tracestate", state);
        }
    }
}

fn lists_trailers(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// `Via` as this hop adds it (RFC 9110 §7.6.3).
fn via(received: Version) -> &'static str {
    match received {
        Version::Http10 => "1.0 portcullis",
        Version::Http11 => "1.1 portcullis",
        Version::Http2 => "2 portcullis",
    }
}

/// Says who asked, for which host, and how: after what a trusted proxy said, or alone.
fn add_origin<'a>(fields: &mut Fields<'a>, forward: &'a Forward, hop: Hop<'_>, authority: Cow<'a, str>) {
    let peer = hop.peer.address.ip().to_canonical();
    let proto = forward.head().scheme.as_str();
    let address = address_text("", peer);
    let element = forwarded_element(&address, peer, &authority, proto);
    if is_trusted(forward, hop) {
        fields.join("x-forwarded-for", &address);
        fields.join("forwarded", &element);
        fields.add_if_absent("x-forwarded-proto", proto);
        fields.add_if_absent("x-forwarded-host", authority);
    } else {
        // None of these came this far.
        fields.add("x-forwarded-for", String::from(address));
        fields.add("forwarded", element);
        fields.add("x-forwarded-proto", proto);
        fields.add("x-forwarded-host", authority);
    }
    if let Some(prefix) = forward.prefix_taken() {
        // A proxy before this one may have taken one, too; the client has seen both.
        fields.join("x-forwarded-prefix", prefix);
    }
}

/// One element of `Forwarded` (RFC 7239 §4).
fn forwarded_element(address: &str, peer: IpAddr, authority: &str, proto: &str) -> String {
    // Pushed, not formatted: every request has one.
    let mut element = String::with_capacity(address.len() + authority.len() + 40);
    let (before, after) = if peer.is_ipv4() { ("for=", "") } else { ("for=\"[", "]\"") };
    let is_token = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let quote = if is_token { "" } else { "\"" };
    for part in [before, address, after, ";host=", quote, authority, quote, ";proto=", proto] {
        element.push_str(part);
    }
    element
}

/// Offers only codings that can be undone here, and asks for the whole body.
fn offer_only_decodable(fields: &mut Fields<'_>, received: &Headers) {
    fields.set("accept-encoding", portcullis_wire::fields::restrict_codings(received));
    fields.remove("range");
    fields.remove("if-range");
}

/// Removes what described the upstream's hop from a response's fields, and what would lead clients past it.
pub(crate) fn strip_hop_fields(fields: &mut HeaderMap) {
    // Looking through the few fields there are costs less than looking each of these names up.
    let mut stripped: SmallVec<[HeaderName; 4]> =
        fields.keys().filter(|name| ends_here(name)).cloned().collect();
    if stripped.contains(&CONNECTION) {
        let named =
            fields.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let others = named.map(<[u8]>::trim_ascii).filter(|name| !is_hop_by_hop(name));
        stripped.extend(others.filter_map(|name| HeaderName::from_bytes(name).ok()));
    }
    for name in stripped {
        fields.remove(name);
    }
}

fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a response's field of that name, which is in lower case, goes no further.
fn ends_here(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.as_bytes() {
        [b'a', ..] => name == "alt-svc",
        [b'c' | b'k' | b'p' | b't' | b'u', ..] => HOP_BY_HOP.contains(&name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_letter_tells_no_field_of_ours_apart() {
        let known = HOP_BY_HOP.iter().copied();
        for name in known.clone().chain([
            "host",
            "http2-settings",
            "content-length",
            "expect",
            "forwarded",
            "x-real-ip",
        ]) {
            assert!(
                may_be_ours(name.as_bytes()) && may_be_ours(name.to_ascii_uppercase().as_bytes()),
                "{name}"
            );
        }
        assert!(may_be_ours(b"X_Forwarded_For") && !may_be_ours(b"Accept"));
        for name in known.chain(["alt-svc"]) {
            assert!(ends_here(&HeaderName::from_static(name)), "{name}");
        }
        assert!(!ends_here(&HeaderName::from_static("content-type")));
    }

    #[test]
    fn what_concerned_one_hop_is_stripped() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-hop, Keep-Alive, close"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("alt-svc", "h3"),
            ("upgrade", "x"),
            ("x-kept", "1"),
            ("date", "now"),
        ] {
            fields.insert(name, http::HeaderValue::from_static(value));
        }
        strip_hop_fields(&mut fields);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["date", "x-kept"]);
    }
}
