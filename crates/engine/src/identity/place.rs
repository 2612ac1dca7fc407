//! Where in a request a credential stands.
//!
//! Invariant: a place filled twice counts as filled with nothing valid, for a server might read another than was proved.
//! It does not know what a credential proves.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::Presented;

/// Where a credential is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// A header, by its lower-case name.
    Header(SmolStr),
    /// A query parameter.
    Query(SmolStr),
    /// A cookie.
    Cookie(SmolStr),
    /// Name and password of `Authorization: Basic`.
    Basic,
    /// The signatures of the request.
    Signature,
}

impl Where {
    /// What is there, if anything. For `authorization` the `Bearer` scheme is taken off; another scheme there is
    /// no credential for us. A place filled twice counts as filled with nothing valid.
    pub(super) fn find<'a>(&self, presented: &Presented<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Header(name) if name == "authorization" => {
                field(presented, name).and_then(|text| after_scheme(text, "bearer")).map(Cow::Borrowed)
            }
            Self::Header(name) => field(presented, name).map(Cow::Borrowed),
            Self::Basic => field(presented, "authorization")
                .and_then(|text| after_scheme(text, "basic"))
                .map(Cow::Borrowed),
            Self::Signature => {
                presented.head.headers.get("signature").map(|value| String::from_utf8_lossy(value))
            }
            Self::Query(name) => only(presented.query.all(name)),
            Self::Cookie(name) => only(
                portcullis_wire::fields::cookies(&presented.head.headers)
                    .filter(|(known, _)| known == name.as_str())
                    .map(|(_, value)| value),
            ),
        }
    }
}

/// The one value there is; of several, nothing valid: a server might read another than we proved.
fn only<'a>(mut values: impl Iterator<Item = Cow<'a, str>>) -> Option<Cow<'a, str>> {
    let first = values.next()?;
    Some(if values.next().is_some() { Cow::Borrowed("") } else { first })
}

/// The one field of that name; of several, nothing valid.
fn field<'a>(presented: &Presented<'a>, name: &str) -> Option<&'a str> {
    let mut values = presented.head.headers.iter().filter(|field| field.is(name));
    let value = values.next()?.value;
    if values.next().is_some() {
        return Some("");
    }
    Some(std::str::from_utf8(value).unwrap_or_default().trim())
}

/// What follows that scheme (RFC 9110 §11.4); no value at all stays one that is not valid.
fn after_scheme<'a>(value: &'a str, expected: &str) -> Option<&'a str> {
    if value.is_empty() {
        return Some("");
    }
    let (scheme, credentials) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(expected).then(|| credentials.trim_start())
}
