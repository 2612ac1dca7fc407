//! Reads what an operation says by name: parameters, and the fields of its bodies.
//!
//! Invariants: references are followed; bounded in names and depth, and a schema that refers to itself ends there. What
//! is wrong with a document is said elsewhere: what cannot be read here is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use portcullis_document::Node;
use smol_str::SmolStr;

use super::library::{Library, Located};
use super::outline::parameter_schema;
use crate::surface::{Fields, Need, Parameter, Surface};
use crate::types::{Types, is_nullable};

/// Names of one body, and how deep they are read.
const MOST: usize = 512;
const DEPTH: usize = 6;
/// Schemas read to know the types of one place.
const ALTERNATIVES: usize = 64;

/// Reads one operation, and its path item for what they share; `root` for what 2.0 says of all.
pub(super) fn read<'l>(
    library: &'l Library,
    known: &mut Known,
    root: Located<'l>,
    item: Located<'l>,
    operation: Located<'l>,
) -> Surface {
    let mut reader = Reader { library, root, known, surface: Surface::default() };
    reader.parameters(item);
    reader.parameters(operation);
    if let Some(body) = reader.inside(operation, "requestBody") {
        reader.surface.requests = reader.content(body);
    }
    if let Some(responses) = operation.node.get("responses") {
        for entry in responses.entries().unwrap_or_default() {
            if let Ok(response) = library.follow(Located { node: &entry.value, ..operation }) {
                let declared = reader.response(response, operation);
                reader.surface.responses.insert(
                    entry.key.text.to_ascii_uppercase().replace("DEFAULT", "default").into(),
                    declared,
                );
            }
        }
    }
    reader.surface
}

/// Fields by the schema they were read from: documents say many things in many places.
pub(super) type Known = HashMap<*const Node, Arc<Fields>>;

struct Reader<'l, 'k> {
    library: &'l Library,
    known: &'k mut Known,
    root: Located<'l>,
    surface: Surface,
}

impl<'l> Reader<'l, '_> {
    fn inside(&self, at: Located<'l>, key: &str) -> Option<Located<'l>> {
        self.library.follow(Located { node: at.node.get(key)?, ..at }).ok()
    }

    fn parameters(&mut self, owner: Located<'l>) {
        for node in owner.node.get("parameters").and_then(Node::items).unwrap_or_default() {
            if let Ok(parameter) = self.library.follow(Located { node, ..owner }) {
                self.parameter(parameter, owner);
            }
        }
    }

    fn parameter(&mut self, at: Located<'l>, owner: Located<'l>) {
        let text = |key: &str| at.node.get(key).and_then(Node::as_str);
        let Some((name, place)) = text("name").zip(text("in")) else { return };
        let required = at.node.get("required").and_then(Node::as_bool) == Some(true);
        let need = if required { Need::Required } else { Need::Optional };
        let types =
            if at.node.get("content").is_some() { Types::ANY } else { self.types(parameter_schema(at)) };
        let parameter = Parameter { need, types };
        match place {
            "path" => self.surface.path.insert(name.into(), parameter),
            "query" => self.surface.query.insert(query_name(at.node, name), parameter),
            "header" => self.surface.headers.insert(name.to_ascii_lowercase().into(), parameter),
            "cookie" => self.surface.cookies.insert(name.into(), parameter),
            _ => None,
        };
        if place == "body" {
            let fields = self.inside(at, "schema").map_or_else(anything, |schema| self.fields(schema));
            for range in self.old_types(owner, "consumes") {
                self.surface.requests.insert(range, fields.clone());
            }
        } else if place == "formData" {
            for range in ["application/x-www-form-urlencoded", "multipart/form-data"] {
                let fields = self.surface.requests.entry(range.into()).or_default();
                let fields = Arc::make_mut(fields);
                fields.named.insert(name.to_owned());
                fields.types.insert(name.to_owned(), types);
            }
        }
    }

    /// 3's `content`.
    fn content(&mut self, at: Located<'l>) -> BTreeMap<SmolStr, Arc<Fields>> {
        let entries = at.node.get("content").and_then(Node::entries).unwrap_or_default();
        let read = entries.iter().map(|entry| {
            let range = entry.key.text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let schema = self.inside(Located { node: &entry.value, ..at }, "schema");
            (range.into(), schema.map_or_else(anything, |schema| self.fields(schema)))
        });
        read.collect()
    }

    /// 3's `content`, or 2.0's `schema` in each of the types that are produced.
    fn response(&mut self, at: Located<'l>, operation: Located<'l>) -> BTreeMap<SmolStr, Arc<Fields>> {
        let Some(schema) = self.inside(at, "schema") else {
            // 3 leaves open what is sent where `content` is not there; 2.0 says that nothing is (§ Response Object).
            let unsaid = self.root.node.get("swagger").is_none() && at.node.get("content").is_none();
            return if unsaid { BTreeMap::from([("*/*".into(), anything())]) } else { self.content(at) };
        };
        let fields = self.fields(schema);
        self.old_types(operation, "produces").into_iter().map(|range| (range, fields.clone())).collect()
    }

    fn old_types(&self, operation: Located<'l>, key: &str) -> Vec<SmolStr> {
        let said = operation.node.get(key).or_else(|| self.root.node.get(key)).and_then(Node::items);
        let types = said
            .unwrap_or_default()
            .iter()
            .filter_map(Node::as_str)
            .map(|one| one.to_ascii_lowercase().into());
        if said.is_some() { types.collect() } else { vec!["application/json".into()] }
    }

    fn fields(&mut self, schema: Located<'l>) -> Arc<Fields> {
        let key = std::ptr::from_ref(schema.node);
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let mut fields = Fields::default();
        fields.types.insert(String::new(), self.types(schema));
        self.walk(schema, "", DEPTH, &mut fields);
        fields.types.retain(|_, types| *types != Types::ANY);
        let fields = Arc::new(fields);
        self.known.insert(key, Arc::clone(&fields));
        fields
    }

    /// A place inside a body; what only one of several schemas allows there is allowed.
    fn place(&self, at: Located<'l>, path: &str, depth: usize, fields: &mut Fields) {
        let types = self.types(at);
        let known = fields.types.entry(path.to_owned()).or_insert(types);
        *known = known.or(types);
        self.walk(at, path, depth, fields);
    }

    /// What a schema allows a value to be; anything, where it cannot be read or contradicts itself.
    fn types(&self, at: Located<'l>) -> Types {
        let mut left = ALTERNATIVES;
        let types = self.types_within(at, &mut left);
        if left == 0 || types == Types::NONE { Types::ANY } else { types }
    }

    /// Of no more than so many schemas.
    fn types_within(&self, at: Located<'l>, left: &mut usize) -> Types {
        *left = left.saturating_sub(1);
        let (Ok(at), 1..) = (self.library.follow(at), *left) else { return Types::ANY };
        let mut types = Types::written(at.node).and(of_values(at.node));
        let inner = |key: &str| at.node.get(key).and_then(Node::items).unwrap_or_default();
        for node in inner("allOf") {
            types = types.and(self.types_within(Located { node, ..at }, left));
        }
        for alternatives in [inner("anyOf"), inner("oneOf")].into_iter().filter(|some| !some.is_empty()) {
            let each = alternatives.iter().map(|node| self.types_within(Located { node, ..at }, left));
            types = types.and(each.fold(Types::NONE, Types::or));
        }
        // Beside `allOf` it is meant for all that is said, whatever 3.0 makes of it.
        if is_nullable(at.node) { types.or(Types::NULL) } else { types }
    }

    fn walk(&self, at: Located<'l>, path: &str, depth: usize, fields: &mut Fields) {
        let Ok(at) = self.library.follow(at) else { return };
        if depth == 0 || fields.named.len() >= MOST {
            fields.open.insert(path.to_owned());
            return;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for node in at.node.get(key).and_then(Node::items).unwrap_or_default() {
                self.walk(Located { node, ..at }, path, depth - 1, fields);
            }
        }
        for entry in at.node.get("properties").and_then(Node::entries).unwrap_or_default() {
            let name = &entry.key.text;
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            fields.named.insert(inner.clone());
            self.place(Located { node: &entry.value, ..at }, &inner, depth - 1, fields);
        }
        if let Some(node) = at.node.get("items") {
            self.place(Located { node, ..at }, &format!("{path}[]"), depth - 1, fields);
        }
        if is_open(at.node) {
            fields.open.insert(path.to_owned());
        }
    }
}

/// What the values listed in `enum` or `const` are; anything, where none are.
fn of_values(schema: &Node) -> Types {
    let listed = schema.get("enum").and_then(Node::items);
    let listed = listed.or_else(|| schema.get("const").map(std::slice::from_ref)).unwrap_or_default();
    if listed.is_empty() {
        return Types::ANY;
    }
    listed.iter().map(|one| Types::of(&one.value)).fold(Types::NONE, Types::or)
}

/// Whether an object's fields may have other names than those it gives; one that gives none may have any.
fn is_open(schema: &Node) -> bool {
    let additional = schema.get("additionalProperties").map(|one| one.as_bool() != Some(false));
    let is_object = schema.get("type").is_none_or(|of| of.as_str() == Some("object") || of.items().is_some());
    let says_nothing = ["properties", "allOf", "anyOf", "oneOf", "items", "enum", "const"]
        .iter()
        .all(|key| schema.get(key).is_none());
    additional.unwrap_or(is_object && says_nothing) || schema.get("patternProperties").is_some()
}

fn anything() -> Arc<Fields> {
    Arc::new(Fields { open: [String::new()].into(), ..Fields::default() })
}

/// The name of a query parameter; one whose objects are spread as `filter[state]` is known by its beginning.
fn query_name(node: &Node, name: &str) -> SmolStr {
    let is_deep = node.get("style").and_then(Node::as_str) == Some("deepObject");
    if is_deep { format!("{name}[").into() } else { name.into() }
}
