//! What is signed of a request: its signature base (RFC 9421 §2.5).
//!
//! Invariants: a base is made of the request as it was received; a component that is not known, is there twice or has no
//! value makes none. It does not know keys.

use std::borrow::Cow;
use std::fmt::Write as _;

use portcullis_model::{Headers, RequestHead, Scheme};
use portcullis_wire::Query;
use sfv::{FieldType as _, InnerList, Item, ListEntry};

/// Components of one signature.
const MOST: usize = 64;

const UNKNOWN: &str = "the signature covers something that is not supported";
const MISSING: &str = "the signature covers something that the request does not have";

/// The names of what is covered as a whole.
pub(super) fn names(input: &InnerList) -> Vec<String> {
    let whole = input.items.iter().filter(|item| item.params.is_empty());
    whole.filter_map(|item| Some(item.bare_item.as_string()?.as_str().to_owned())).collect()
}

/// Whether something is covered, by itself or as a part of what is.
pub(super) fn is_covered(covered: &[String], name: &str) -> bool {
    let within: &[&str] = match name {
        "@path" | "@query" => &["@target-uri", "@request-target"],
        "@authority" => &["@target-uri", "host"],
        "@scheme" => &["@target-uri"],
        _ => &[],
    };
    covered.iter().any(|covered| covered == name || within.contains(&covered.as_str()))
}

/// The text that is signed.
pub(super) fn base(head: &RequestHead, input: InnerList) -> Result<String, &'static str> {
    if input.items.len() > MOST {
        return Err("the signature covers too much");
    }
    let mut base = String::with_capacity(512);
    let mut identifiers: Vec<String> = Vec::with_capacity(input.items.len());
    for item in &input.items {
        let identifier = item.serialize();
        if identifiers.contains(&identifier) {
            return Err("the signature covers something twice");
        }
        let value = component(head, item)?;
        if !value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return Err(UNKNOWN);
        }
        // Writing to a String cannot fail.
        let _ = writeln!(base, "{identifier}: {value}");
        identifiers.push(identifier);
    }
    let parameters = vec![ListEntry::InnerList(input)].serialize().ok_or(UNKNOWN)?;
    let _ = write!(base, "\"@signature-params\": {parameters}");
    Ok(base)
}

fn component<'a>(head: &'a RequestHead, item: &Item) -> Result<Cow<'a, str>, &'static str> {
    let name = item.bare_item.as_string().ok_or(UNKNOWN)?.as_str();
    let mut parameters = item.params.iter();
    match (parameters.next(), parameters.next()) {
        (None, _) => match name.strip_prefix('@') {
            Some(derived) => self::derived(head, derived),
            None if name.bytes().any(|byte| byte.is_ascii_uppercase()) => Err(UNKNOWN),
            None => field(&head.headers, name).map(Cow::Owned).ok_or(MISSING),
        },
        (Some((key, value)), None) => match (name, key.as_str()) {
            ("@query-param", "name") => {
                query_parameter(head, value.as_string().ok_or(UNKNOWN)?.as_str()).map(Cow::Owned)
            }
            (name, "bs") if !name.starts_with('@') && value.as_boolean() == Some(true) => {
                wrapped(&head.headers, name).map(Cow::Owned).ok_or(MISSING)
            }
            _ => Err(UNKNOWN),
        },
        _ => Err(UNKNOWN),
    }
}

/// A field's value: those of all its lines (§2.1).
pub(super) fn field(headers: &Headers, name: &str) -> Option<String> {
    let mut all: Option<String> = None;
    for line in headers.iter().filter(|field| field.is(name)) {
        let value = str::from_utf8(line.value).ok()?.trim_matches([' ', '\t']);
        match &mut all {
            Some(all) => {
                all.push_str(", ");
                all.push_str(value);
            }
            None => all = Some(value.to_owned()),
        }
    }
    all
}

/// The lines of a field, each as a byte sequence (§2.1.3).
fn wrapped(headers: &Headers, name: &str) -> Option<String> {
    let lines = headers.iter().filter(|field| field.is(name));
    let entries: Vec<ListEntry> =
        lines.map(|line| ListEntry::Item(Item::new(line.value.trim_ascii().to_vec()))).collect();
    entries.serialize()
}

/// What is derived from more than a field (§2.2).
fn derived<'a>(head: &'a RequestHead, name: &str) -> Result<Cow<'a, str>, &'static str> {
    let target = str::from_utf8(&head.target).map_err(|_| MISSING)?;
    let (path, query) = match path_and_query(target).split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query(target), None),
    };
    let path = if path.is_empty() { "/" } else { path };
    let scheme = if head.scheme == Scheme::Https { "https" } else { "http" };
    Ok(match name {
        "method" => Cow::Borrowed(head.method.as_str()),
        "authority" => Cow::Owned(authority(head, scheme).ok_or(MISSING)?),
        "scheme" => Cow::Borrowed(scheme),
        "request-target" => Cow::Borrowed(target),
        "path" => Cow::Borrowed(path),
        "query" => Cow::Owned(format!("?{}", query.unwrap_or_default())),
        "target-uri" => {
            let authority = authority(head, scheme).ok_or(MISSING)?;
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            Cow::Owned(format!("{scheme}://{authority}{path}{query}"))
        }
        _ => return Err(UNKNOWN),
    })
}

/// A target without the scheme and authority that it may begin with.
fn path_and_query(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("", |at| rest.get(at..).unwrap_or_default())
        }
        _ => target,
    }
}

/// Host and port, the port only where it is not the usual one (§2.2.3).
fn authority(head: &RequestHead, scheme: &str) -> Option<String> {
    let said = head.authority.as_deref().or_else(|| head.headers.get("host"))?;
    let said = str::from_utf8(said).ok()?.trim().to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Some(said.strip_suffix(usual).map(str::to_owned).unwrap_or(said))
}

/// The one value of a query parameter, encoded as a form does (§2.2.8).
fn query_parameter(head: &RequestHead, name: &str) -> Result<String, &'static str> {
    let target = str::from_utf8(&head.target).map_err(|_| MISSING)?;
    let query = Query::new(target.split_once('?').map_or("", |(_, query)| query));
    let mut values = query.pairs().filter(|(known, _)| encoded(known) == name);
    let (_, value) = values.next().ok_or(MISSING)?;
    if values.next().is_some() {
        return Err("the signature covers a parameter that is there twice");
    }
    Ok(encoded(&value))
}

/// Percent-encoded but for what a form leaves as it is.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
