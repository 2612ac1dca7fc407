//! What a request's fields become on their way to an upstream, and a response's on their way back.
//!
//! Invariants (RFC 9110 §7.6): hop-by-hop fields and those `Connection` names go no further than one hop; what
//! says who asked (`X-Forwarded-*`, `Forwarded`) is believed only from a proxy that policy trusts, and is removed
//! in every spelling a server might take for it; the target and host sent are the ones that were judged.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{
    self, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, FORWARDED, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use portcullis_engine::{Forward, HeaderEdits};
use portcullis_model::{Headers, Peer, RequestHead, Scheme, Version};
use smallvec::SmallVec;

use crate::upgrade::Wish;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

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

/// The same as names, which a table of fields finds without reading them letter by letter.
const HOP_BY_HOP_NAMES: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
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
}

/// The fields of the request that goes to the upstream.
pub(crate) fn request_fields(forward: &Forward, hop: Hop<'_>) -> HeaderMap {
    let head = forward.head();
    let named = named_by_connection(head);
    let trusted = forward.client_ip() != hop.peer.address.ip().to_canonical();
    let mut fields = HeaderMap::with_capacity(head.headers.len() + 8);
    for field in head.headers.iter() {
        let Ok(name) = HeaderName::from_bytes(&field.name) else { continue };
        if !goes_on(&name, hop, trusted) || is_named(&named, &name) || forward.edits().removes(&field.name) {
            continue;
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(field.value.clone()) {
            fields.append(name, value);
        }
    }
    if hop.framing == Framing::Http1 {
        join_cookies(&mut fields);
    }
    add_hop_fields(&mut fields, head, hop);
    add_origin(&mut fields, forward, hop, trusted);
    if forward.decodable_only() {
        offer_only_decodable(&mut fields, &head.headers);
    }
    for (name, value) in forward.edits().set() {
        set(&mut fields, name, value);
    }
    fields
}

/// The host to ask for: the one that was judged, with the port that was asked for.
pub(crate) fn authority(forward: &Forward) -> String {
    let head = forward.head();
    let asked = head.authority.as_deref().or_else(|| head.headers.get("host")).unwrap_or_default();
    let host = forward.host();
    match port_of(asked) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn port_of(authority: &[u8]) -> Option<u16> {
    let colon = authority.iter().rposition(|byte| *byte == b':')?;
    let digits = authority.get(colon + 1..).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a received field may go to the upstream under its own name.
fn goes_on(name: &HeaderName, hop: Hop<'_>, trusted: bool) -> bool {
    match name.as_str() {
        "host" | "http2-settings" => false,
        "content-length" => hop.length == Length::AsReceived,
        "expect" => hop.expectation == Expectation::PassOn,
        "forwarded" | "x-real-ip" => trusted,
        text if text.starts_with("x-forwarded") => trusted && !is_disguised(text),
        text => !HOP_BY_HOP.contains(&text) && !is_disguised(text),
    }
}

/// Whether a server that folds `_` to `-` would take this for a field that says who asked.
fn is_disguised(name: &str) -> bool {
    name.contains('_') && {
        let folded = name.replace('_', "-");
        folded.starts_with("x-forwarded") || folded == "x-real-ip" || HOP_BY_HOP.contains(&folded.as_str())
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
        || is_disguised(name)
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

fn is_named(named: &[&[u8]], name: &HeaderName) -> bool {
    named.iter().any(|listed| listed.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// What this hop says for itself.
fn add_hop_fields(fields: &mut HeaderMap, head: &RequestHead, hop: Hop<'_>) {
    if head.headers.all("te").any(lists_trailers) {
        fields.insert(TE, HeaderValue::from_static("trailers"));
        if hop.framing == Framing::Http1 {
            fields.insert(CONNECTION, HeaderValue::from_static("te"));
        }
    }
    if let Some(wish) = hop.upgrade {
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, wish.protocol().clone());
    }
    if let Length::Exactly(bytes) = hop.length {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    fields.append(VIA, via(head.version));
}

fn lists_trailers(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// `Via` as this hop adds it (RFC 9110 §7.6.3).
fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::Http10 => "1.0 portcullis",
        Version::Http11 => "1.1 portcullis",
        Version::Http2 => "2 portcullis",
    })
}

/// Says who asked, for which host, and how: after what a trusted proxy said, or alone.
fn add_origin(fields: &mut HeaderMap, forward: &Forward, hop: Hop<'_>, trusted: bool) {
    let peer = hop.peer.address.ip().to_canonical();
    let head = forward.head();
    let authority = authority(forward);
    let proto = head.scheme.as_str();
    let mut address = String::with_capacity(48);
    let _ = write!(address, "{peer}");
    let element = forwarded_element(&address, peer, &authority, proto);
    append_listed(fields, &X_FORWARDED_FOR, address);
    append_listed(fields, &FORWARDED, element);
    if !trusted || !fields.contains_key(&X_FORWARDED_PROTO) {
        fields.insert(X_FORWARDED_PROTO, scheme_value(head.scheme));
    }
    let Ok(host) = HeaderValue::from_maybe_shared(Bytes::from(authority)) else { return };
    if !trusted || !fields.contains_key(&X_FORWARDED_HOST) {
        fields.insert(X_FORWARDED_HOST, host.clone());
    }
    if hop.framing == Framing::Http1 {
        fields.insert(HOST, host);
    }
}

fn scheme_value(scheme: Scheme) -> HeaderValue {
    HeaderValue::from_static(scheme.as_str())
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

/// Adds a member to a list field, keeping it one line so that no reader takes only the first.
fn append_listed(fields: &mut HeaderMap, name: &HeaderName, member: String) {
    let mut line = Vec::new();
    for value in fields.get_all(name) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    let whole = if line.is_empty() {
        Bytes::from(member)
    } else {
        line.extend_from_slice(member.as_bytes());
        Bytes::from(line)
    };
    if let Ok(value) = HeaderValue::from_maybe_shared(whole) {
        fields.insert(name.clone(), value);
    }
}

/// Makes one field of the crumbs HTTP/2 clients send cookies in, as HTTP/1 servers look at one only (RFC 9113 §8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    if fields.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let whole = Bytes::from(crumbs.join(&b"; "[..]));
    if let Ok(whole) = HeaderValue::from_maybe_shared(whole) {
        fields.insert(COOKIE, whole);
    }
}

/// Offers only codings that can be undone here, and asks for the whole body.
fn offer_only_decodable(fields: &mut HeaderMap, received: &Headers) {
    match HeaderValue::try_from(portcullis_wire::fields::restrict_codings(received)) {
        Ok(offer) => fields.insert(ACCEPT_ENCODING, offer),
        Err(_) => fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity")),
    };
    fields.remove(header::RANGE);
    fields.remove(header::IF_RANGE);
}

fn set(fields: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        fields.insert(name, value);
    }
}

/// Removes what described the upstream's hop from a response's fields.
pub(crate) fn strip_hop_fields(fields: &mut HeaderMap) {
    if fields.contains_key(CONNECTION) {
        let named: SmallVec<[HeaderName; 4]> = fields
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
            .collect();
        for name in named {
            fields.remove(name);
        }
    }
    for name in &HOP_BY_HOP_NAMES {
        fields.remove(name);
    }
}
