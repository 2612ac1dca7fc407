//! A request's head: its target's form, its host and where its body ends (RFC 9112 §3.2, §6.3).

use bytes::Bytes;
use http::Method;
use portcullis_model::{RequestHead, Scheme, Version};

use crate::defect::Defect;
use crate::framing::BodyLength;
use crate::framing::field::parse_fields;
use crate::framing::gather::Section;
use crate::framing::host::{Authority, default_port};
use crate::framing::line::RequestLine;
use crate::framing::special::Special;

/// A request's head that passed, and what follows from it.
#[derive(Clone, Debug)]
pub struct HeadRecord {
    /// The head: target, order and spelling of fields as sent.
    pub head: RequestHead,
    /// The bytes of the head, from the method to the empty line.
    pub raw: Bytes,
    /// Where the body ends.
    pub body: BodyLength,
    /// Whether the client sends nothing after this until it is answered, and then maybe another protocol.
    pub switch: Switch,
    /// Whether the client waits for a `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Whether the client means to send more requests on this connection.
    pub persistent: bool,
}

/// Whether a request asks to leave HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It does not.
    No,
    /// By an `Upgrade` field (RFC 9110 §7.8).
    Upgrade,
    /// By the CONNECT method (RFC 9110 §9.3.6).
    Connect,
}

/// Reads a complete head.
pub(super) fn parse_request(section: &Section<RequestLine>, scheme: Scheme) -> Result<HeadRecord, Defect> {
    let Section { first: RequestLine { method, target, version }, bytes: raw, lines } = section;
    let version = *version;
    let (headers, special) = parse_fields(raw, lines)?;
    let target = raw.slice(target.clone());
    let host = match (headers.get("host"), special.hosts) {
        (Some(value), 1) => Authority::parse(value)?,
        (_, 0) => return Err(Defect::MissingHost),
        _ => return Err(Defect::RepeatedHost),
    };
    check_target_form(method, &target, &host)?;
    let switch = switch_of(method, version, &special);
    let body = body_of(method, version, &special)?;
    let persistent = special.persists(version);
    let expects_continue = special.expects_continue && version == Version::Http11;
    let head = RequestHead { method: method.clone(), target, authority: None, version, scheme, headers };
    Ok(HeadRecord { head, raw: raw.clone(), body, switch, expects_continue, persistent })
}

fn switch_of(method: &Method, version: Version, special: &Special) -> Switch {
    if *method == Method::CONNECT {
        Switch::Connect
    } else if special.upgrade && version == Version::Http11 {
        // With or without `Connection: upgrade`: servers differ in what they ask for, so both wait.
        Switch::Upgrade
    } else {
        Switch::No
    }
}

fn body_of(method: &Method, version: Version, special: &Special) -> Result<BodyLength, Defect> {
    let body = special.body(version)?;
    match body {
        // The bytes behind a CONNECT are the tunnel's, and TRACE has no content (RFC 9110 §9.3.6, §9.3.8).
        Some(_) if *method == Method::CONNECT => Err(Defect::BodyForbidden),
        Some(BodyLength::Length(_) | BodyLength::Chunked) if *method == Method::TRACE => {
            Err(Defect::BodyForbidden)
        }
        body => Ok(body.unwrap_or(BodyLength::None)),
    }
}

/// Checks that the target has a form its method may have, and names no other host than `Host` does.
fn check_target_form(method: &Method, target: &[u8], host: &Authority<'_>) -> Result<(), Defect> {
    if *method == Method::CONNECT {
        let authority = parse_target_authority(target)?;
        let port = authority.port.ok_or(Defect::Target)?;
        return if authority.same(host, port) { Ok(()) } else { Err(Defect::HostMismatch) };
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" if *method == Method::OPTIONS => Ok(()),
        _ => {
            let absolute = split_absolute(target).ok_or(Defect::Target)?;
            let authority = parse_target_authority(absolute.authority)?;
            let same = authority.same(host, default_port(absolute.scheme));
            if same { Ok(()) } else { Err(Defect::HostMismatch) }
        }
    }
}

fn parse_target_authority(authority: &[u8]) -> Result<Authority<'_>, Defect> {
    if authority.contains(&b'@') {
        return Err(Defect::TargetUserinfo);
    }
    Authority::parse(authority).map_err(|_| Defect::Target)
}

/// An absolute-form target, taken apart.
pub(crate) struct Absolute<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) authority: &'a [u8],
    /// From the first slash or question mark; may be empty.
    pub(crate) path_and_query: &'a [u8],
}

/// Takes an absolute-form target apart; `None` if it is not `http://…` or `https://…`.
pub(crate) fn split_absolute(target: &[u8]) -> Option<Absolute<'_>> {
    let (scheme, rest) = match strip_prefix_ignoring_case(target, b"http://") {
        Some(rest) => (Scheme::Http, rest),
        None => (Scheme::Https, strip_prefix_ignoring_case(target, b"https://")?),
    };
    let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at_checked(end)?;
    Some(Absolute { scheme, authority, path_and_query })
}

fn strip_prefix_ignoring_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
