//! Every name and value of a request, with its place: path, query, headers, cookies, body, file names.
//!
//! Invariants: nothing is decoded beyond what its syntax demands (a pair of a query once, a JSON string's escapes);
//! bytes that are not UTF-8 stay as they are. Does not know rules.

use std::borrow::Cow;
use std::fmt::Write as _;

use portcullis_model::RequestHead;
use portcullis_wire::body::{Format, Kind as Shape, Value};
use portcullis_wire::{Body, Normal, fields};
use smol_str::{SmolStr, format_smolstr};

use crate::builtin::Subject;
use crate::builtin::scope::Kind;

/// One name or value, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    /// What sort of place it is.
    pub(super) kind: Kind,
    /// Whether it is a name or a value.
    pub(super) subject: Subject,
    /// The bytes.
    pub(super) bytes: &'a [u8],
    /// The name of what holds it (of a name, itself), or its dotted path in a body.
    pub(super) name: &'a str,
}

impl Site<'_> {
    /// The place as findings name it; the end of a name that is too long to read is left out.
    pub(super) fn place(&self) -> SmolStr {
        const LONGEST: usize = 256;
        let name = self.name.get(..self.name.floor_char_boundary(LONGEST)).unwrap_or_default();
        match self.kind {
            Kind::Method => SmolStr::new_static("method"),
            Kind::Path => SmolStr::new_static("path"),
            Kind::Target => SmolStr::new_static("target"),
            Kind::WholeQuery if name == "body" => SmolStr::new_static("body"),
            Kind::WholeQuery => SmolStr::new_static("query"),
            Kind::Query => format_smolstr!("query.{name}"),
            Kind::Cookie => format_smolstr!("cookies.{name}"),
            Kind::Agent | Kind::Referer | Kind::Header | Kind::Standard => {
                format_smolstr!("headers.{}", name.to_ascii_lowercase())
            }
            Kind::File => format_smolstr!("body.{name} (file name)"),
            Kind::Body if name.is_empty() => SmolStr::new_static("body"),
            Kind::Body if name.starts_with('[') => format_smolstr!("body{name}"),
            Kind::Body => format_smolstr!("body.{name}"),
        }
    }

    /// A number for what it is, if the same bytes are likely to come again there and mean the same whatever the name of
    /// what holds them: names, paths, and fields whose name follows from the kind or that are never addresses.
    pub(super) const fn recurring(&self) -> Option<u64> {
        let again = matches!(self.subject, Subject::Name)
            || matches!(self.kind, Kind::Method | Kind::Path | Kind::Agent | Kind::Referer | Kind::Standard);
        if again { Some((self.kind as u64) << 1 | self.subject as u64) } else { None }
    }

    /// The last step of its name: of `body.items[2].url` it is `url`.
    pub(super) fn leaf_name(&self) -> &str {
        // Paths can be as long as bodies; a name longer than this is none that anything here knows.
        const LONGEST: usize = 80;
        let from = self.name.ceil_char_boundary(self.name.len().saturating_sub(LONGEST));
        let name = self.name.get(from..).unwrap_or_default();
        let name = name.trim_end_matches(|c: char| matches!(c, '[' | ']') || c.is_ascii_digit());
        name.rsplit(['.', '[', ']']).next().unwrap_or(name)
    }
}

/// Shows every name and value of a head.
pub(super) fn walk_head(head: &RequestHead, normal: &Normal, visit: &mut dyn FnMut(&Site<'_>)) {
    show(visit, Kind::Method, Subject::Value, "", head.method.as_str().as_bytes());
    let (path, query) = split(&head.target);
    show(visit, Kind::Path, Subject::Value, "", path);
    // The path as it will be forwarded differs only where dot segments or escapes were resolved.
    if normal.path().as_bytes() != path && !normal.path().is_empty() {
        show(visit, Kind::Path, Subject::Value, "", normal.path().as_bytes());
    }
    if let Some(query) = query {
        walk_query(query, visit);
    }
    for header in head.headers.iter() {
        let name = String::from_utf8_lossy(header.name);
        let kind = header_kind(&name);
        if kind == Kind::Header {
            show(visit, kind, Subject::Name, &name, header.name);
        }
        // A payload that holds semicolons itself is whole only in the field.
        let torn = header.is("cookie") && header.value.iter().any(|byte| matches!(byte, b'<' | b'(' | b'&'));
        if torn || !header.is("cookie") {
            show(visit, kind, Subject::Value, &name, header.value);
        }
    }
    for (name, value) in fields::cookies(&head.headers) {
        show(visit, Kind::Cookie, Subject::Name, &name, name.as_bytes());
        show(visit, Kind::Cookie, Subject::Value, &name, value.as_bytes());
    }
}

fn show(visit: &mut dyn FnMut(&Site<'_>), kind: Kind, subject: Subject, name: &str, bytes: &[u8]) {
    if !bytes.is_empty() {
        visit(&Site { kind, subject, bytes, name });
    }
}

/// A target's path, and what stands behind its question mark.
fn split(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
        None => (target, None),
    }
}

fn walk_query(query: &[u8], visit: &mut dyn FnMut(&Site<'_>)) {
    let mut pairs = 0;
    for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = memchr::memchr(b'=', pair);
        let name = decode(pair.get(..equals.unwrap_or(pair.len())).unwrap_or_default());
        let value = equals.and_then(|at| pair.get(at + 1..)).map(decode).unwrap_or_default();
        let text = String::from_utf8_lossy(&name);
        show(visit, Kind::Query, Subject::Name, &text, &name);
        show(visit, Kind::Query, Subject::Value, &text, &value);
        pairs += 1;
    }
    // A payload that holds `&` or `=` itself is whole only here.
    if pairs > 0 && may_be_torn(query) {
        show(visit, Kind::WholeQuery, Subject::Value, "", &decode(query));
    }
}

/// Whether pairs hold anything that one payload cut in several could begin with.
fn may_be_torn(pairs: &[u8]) -> bool {
    pairs.iter().any(|byte| {
        matches!(
            byte,
            b'\''
                | b'"'
                | b'`'
                | b'<'
                | b'('
                | b'{'
                | b';'
                | b'|'
                | b'$'
                | b'\\'
                | b'%'
                | b'*'
                | b'['
                | b'+'
                | b'#'
        )
    })
}

/// Undoes form encoding, keeping whatever bytes come out.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded = super::reading::percent(&spaced);
    Cow::Owned(decoded.unwrap_or(spaced))
}

/// Fields whose values have a syntax of their own and hold nothing a person wrote.
const STANDARD: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "range",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "via",
];

fn header_kind(name: &str) -> Kind {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("user-agent") {
        Kind::Agent
    } else if is("referer") {
        Kind::Referer
    } else if STANDARD.iter().any(|known| is(known))
        || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sec-"))
    {
        Kind::Standard
    } else {
        Kind::Header
    }
}

/// Shows every name, value and file name of a body; of XML also elements, attributes and a document type.
pub(super) fn walk_body(body: &Body, visit: &mut dyn FnMut(&Site<'_>)) {
    if let Some(root) = body.tree.root() {
        BodyWalk { path: String::new(), kind: Kind::Body, visit }.value(root);
        if body.format == Format::Form {
            whole_form(root, visit);
        }
    }
}

/// The pairs of a form together, for a payload that holds `&` or `=` itself.
fn whole_form(root: Value<'_>, visit: &mut dyn FnMut(&Site<'_>)) {
    let mut whole = Vec::new();
    for pair in root.children() {
        if !whole.is_empty() {
            whole.push(b'&');
        }
        whole.extend_from_slice(pair.name_bytes());
        if !pair.bytes().is_empty() {
            whole.push(b'=');
            whole.extend_from_slice(pair.bytes());
        }
    }
    if may_be_torn(&whole) {
        show(visit, Kind::WholeQuery, Subject::Value, "body", &whole);
    }
}

/// Shows what a document holds that stands in a value as text, under the place of that value.
pub(super) fn walk_inner(body: &Body, site: &Site<'_>, visit: &mut dyn FnMut(&Site<'_>)) {
    if let Some(root) = body.tree.root() {
        BodyWalk { path: site.name.to_owned(), kind: site.kind, visit }.value(root);
    }
}

struct BodyWalk<'v> {
    path: String,
    /// What sort of place it all stands in.
    kind: Kind,
    visit: &'v mut dyn FnMut(&Site<'_>),
}

impl BodyWalk<'_> {
    fn value(&mut self, value: Value<'_>) {
        if let Some(file) = value.part().and_then(|part| part.file_name) {
            show(self.visit, Kind::File, Subject::Value, &self.path, file.as_bytes());
        }
        let kind = value.kind();
        if kind.holds_values() {
            self.children(value);
        } else if matches!(kind, Shape::String | Shape::Binary | Shape::Attribute) {
            show(self.visit, self.kind, Subject::Value, &self.path, value.bytes());
        }
    }

    fn children(&mut self, value: Value<'_>) {
        let length = self.path.len();
        let mut last_name: &[u8] = &[];
        for (place, child) in value.children().enumerate() {
            let name = child.name_bytes();
            self.step(place, name);
            if name != last_name {
                show(self.visit, self.kind, Subject::Name, &self.path, name);
                last_name = name;
            }
            self.value(child);
            self.path.truncate(length);
        }
    }

    /// Adds one step to the path.
    fn step(&mut self, place: usize, name: &[u8]) {
        if name.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(self.path, "[{place}]");
            return;
        }
        if !self.path.is_empty() {
            self.path.push('.');
        }
        match std::str::from_utf8(name) {
            Ok(name) => self.path.push_str(name),
            Err(_) => self.path.push_str(&String::from_utf8_lossy(name)),
        }
    }
}
