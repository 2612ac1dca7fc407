//! Flaws of schemas: values without bounds, objects that take any field.
//!
//! Only what clients send is held to bounds; of what servers answer, only whether anything is said of it.

use portcullis_document::Node;

use super::{Linter, rules};
use crate::load::library::{Library, Located};
use crate::load::outline::text;

/// Who sends what a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    ByClients,
    ByServers,
}

/// What stands around a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Nothing,
    /// It is a part of another, which says whether other fields may come.
    Parts,
}

/// Formats that bound a text's length by themselves.
const SHORT_FORMATS: [&str; 8] = ["date", "date-time", "time", "duration", "uuid", "ipv4", "ipv6", "binary"];

impl<'l> Linter<'l> {
    pub(super) fn schema(&mut self, library: &'l Library, at: Located<'l>, sent: Sent, subject: &str) {
        self.part(library, at, sent, Around::Nothing, subject);
    }

    fn part(&mut self, library: &'l Library, at: Located<'l>, sent: Sent, around: Around, subject: &str) {
        let Ok(at) = library.follow(at) else { return };
        if !self.visited.insert((std::ptr::from_ref(at.node), sent)) {
            return;
        }
        match sent {
            Sent::ByClients => self.bounds(at, around, subject),
            Sent::ByServers => self.openness(at, subject),
        }
        let inner = |node: &'l Node| Located { node, ..at };
        for key in ["properties", "patternProperties"] {
            for entry in at.node.get(key).and_then(Node::entries).unwrap_or_default() {
                self.part(library, inner(&entry.value), sent, Around::Nothing, subject);
            }
        }
        for key in ["items", "additionalProperties"] {
            if let Some(node) = at.node.get(key).filter(|node| node.entries().is_some()) {
                self.part(library, inner(node), sent, Around::Nothing, subject);
            }
        }
        for (key, around) in
            [("allOf", Around::Parts), ("anyOf", around), ("oneOf", around), ("prefixItems", Around::Nothing)]
        {
            for node in at.node.get(key).and_then(Node::items).unwrap_or_default() {
                self.part(library, inner(node), sent, around, subject);
            }
        }
    }

    fn bounds(&mut self, at: Located<'l>, around: Around, subject: &str) {
        let node = at.node;
        if says_nothing(node) {
            return self.raise(&rules::INPUT_UNTYPED, at, subject);
        }
        let fixed = has_any(node, &["enum", "const"]);
        if is(node, "string") && !fixed && !has_any(node, &["maxLength"]) && !is_short(node) {
            self.raise(&rules::INPUT_STRING, at, subject);
        }
        if is(node, "array") && !has_any(node, &["maxItems"]) {
            self.raise(&rules::INPUT_ARRAY, at, subject);
        }
        let whole = matches!(text(node, "format"), Some("int32" | "int64"));
        let number = is(node, "integer") || is(node, "number");
        let bounded = has_any(node, &["minimum", "exclusiveMinimum"])
            && has_any(node, &["maximum", "exclusiveMaximum"]);
        if number && !fixed && !whole && !bounded {
            self.raise(&rules::INPUT_NUMBER, at, subject);
        }
        if is(node, "object") && around == Around::Nothing && is_open(node) {
            self.raise(&rules::INPUT_OPEN, at, subject);
        }
    }

    fn openness(&mut self, at: Located<'l>, subject: &str) {
        let any = is(at.node, "object")
            && !has_any(at.node, &["properties", "allOf", "anyOf", "oneOf", "patternProperties"]);
        let open = at.node.get("additionalProperties").and_then(Node::as_bool) == Some(true);
        if says_nothing(at.node) || open || (any && at.node.get("additionalProperties").is_none()) {
            self.raise(&rules::ANSWER_OPEN, at, subject);
        }
    }
}

/// Whether a schema says so little that anything fits it.
fn says_nothing(schema: &Node) -> bool {
    let says = [
        "type",
        "enum",
        "const",
        "properties",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "$ref",
        "pattern",
        "additionalProperties",
        "if",
    ];
    !has_any(schema, &says)
}

fn is_open(schema: &Node) -> bool {
    let closed =
        |key| schema.get(key).is_some_and(|node| node.as_bool() == Some(false) || node.entries().is_some());
    !closed("additionalProperties") && !closed("unevaluatedProperties") && !has_any(schema, &["allOf"])
}

fn is_short(schema: &Node) -> bool {
    text(schema, "format").is_some_and(|format| SHORT_FORMATS.contains(&format))
}

fn has_any(schema: &Node, keys: &[&str]) -> bool {
    keys.iter().any(|key| schema.get(key).is_some())
}

/// Whether values of that type are meant, because the schema says so or has keywords for it.
fn is(schema: &Node, kind: &str) -> bool {
    let Some(written) = schema.get("type") else {
        return (kind == "object" && has_any(schema, &["properties"]))
            || (kind == "array" && has_any(schema, &["items"]));
    };
    let listed = written.items().unwrap_or_default().iter().any(|one| one.as_str() == Some(kind));
    listed || written.as_str() == Some(kind)
}
