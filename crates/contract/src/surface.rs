//! What a document says of an operation by name: parameters, fields and their types, statuses, media types. What learned
//! traffic is held against, field by field; whether a value is allowed is for [`crate::check`](crate::RequestRules) to say.
//!
//! Invariant: bounded. A name that is not here is not declared, but where the document leaves a place open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::types::Types;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// Parameters in the path, by their names in the template.
    pub path: BTreeMap<SmolStr, Parameter>,
    /// Query parameters.
    pub query: BTreeMap<SmolStr, Parameter>,
    /// Header fields of requests, lower case.
    pub headers: BTreeMap<SmolStr, Parameter>,
    /// Cookies.
    pub cookies: BTreeMap<SmolStr, Parameter>,
    /// Bodies of requests by media range; empty where none is declared.
    pub requests: BTreeMap<SmolStr, Arc<Fields>>,
    /// Answers by status as the document names it (`200`, `2XX`, `default`), then by media range.
    pub responses: BTreeMap<SmolStr, BTreeMap<SmolStr, Arc<Fields>>>,
}

/// A declared parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Whether it has to be there.
    pub need: Need,
    /// What its text may stand for; any where the document says it in a way of its own (`content`).
    pub types: Types,
}

/// Whether a parameter has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has.
    Required,
    /// It may be left out.
    Optional,
}

/// The fields of a body by their dotted paths: `items[].id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Every field that is named.
    pub named: BTreeSet<String>,
    /// Places whose fields may have any name; the empty path is the body itself.
    pub open: BTreeSet<String>,
    /// What the values of places may be that may not be anything; the body itself and items of arrays (`tags[]`) too.
    pub types: BTreeMap<String, Types>,
}

impl Fields {
    /// Whether a field is declared, by its name or because its place is open.
    pub fn allow(&self, path: &str) -> bool {
        self.named.contains(path) || self.open.iter().any(|place| is_within(path, place))
    }

    /// What the value of a place may be.
    pub fn types(&self, path: &str) -> Types {
        self.types.get(path).copied().unwrap_or(Types::ANY)
    }
}

impl Surface {
    /// The answers declared for a status: by number, by class, by `default`.
    pub fn responses(&self, status: u16) -> Option<&BTreeMap<SmolStr, Arc<Fields>>> {
        let class = format!("{}XX", status / 100);
        let named = self.responses.get(status.to_string().as_str());
        named.or_else(|| self.responses.get(class.as_str())).or_else(|| self.responses.get("default"))
    }
}

/// Bodies declared for a media type: by name, then by the narrowest range.
pub fn of_media_type<'a>(
    declared: &'a BTreeMap<SmolStr, Arc<Fields>>,
    media_type: &str,
) -> Option<&'a Fields> {
    let class = media_type.split('/').next().unwrap_or_default();
    let ranges = [media_type.to_owned(), format!("{class}/*"), "*/*".to_owned()];
    ranges.iter().find_map(|range| declared.get(range.as_str())).map(Arc::as_ref)
}

fn is_within(path: &str, place: &str) -> bool {
    let rest = path.strip_prefix(place);
    place.is_empty() || rest.is_some_and(|rest| rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_allowed_by_name_or_place() {
        let fields = Fields {
            named: ["id", "tags", "tags[].name"].map(str::to_owned).into(),
            open: ["meta"].map(str::to_owned).into(),
            ..Fields::default()
        };
        for (path, allowed) in [
            ("id", true),
            ("idx", false),
            ("tags[].name", true),
            ("tags[].x", false),
            ("meta.a.b", true),
            ("metal", false),
        ] {
            assert_eq!(fields.allow(path), allowed, "{path}");
        }
    }

    #[test]
    fn statuses_and_media_types_by_the_narrowest_name() {
        let body = |name: &str| BTreeMap::from([(SmolStr::new(name), Arc::default())]);
        let surface = Surface {
            responses: [("200", body("a/b")), ("4XX", body("c/*")), ("default", body("*/*"))]
                .map(|(status, body)| (SmolStr::new(status), body))
                .into(),
            ..Surface::default()
        };
        for (status, range) in [(200, "a/b"), (404, "c/*"), (500, "*/*")] {
            assert!(surface.responses(status).is_some_and(|media| media.contains_key(range)), "{status}");
        }
        assert!(of_media_type(&body("text/*"), "text/plain").is_some());
        assert!(of_media_type(&body("text/*"), "image/png").is_none());
    }
}
