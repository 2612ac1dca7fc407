//! What a version says of every value of an operation: flat, by place.
//!
//! Invariants: references and compositions are walked, bounded in depth and number; what only some of several alternatives
//! ask for is not required; fields that a side must not send are not its.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_document::{Node, Place};
use serde_json::Value;

use crate::load::library::{Library, Located};
use crate::load::outline::{Body, Call, is_true, parameter_schema, text};
use crate::types::Types;

/// How deep fields are compared, and how many of one operation.
const DEPTH: usize = 10;
const MOST: usize = 4_000;

/// Bounds that are compared, from below and from above.
pub(super) const LOWER: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
pub(super) const UPPER: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];

/// Which way values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Clients send them.
    In,
    /// Servers do.
    Out,
}

impl Way {
    /// Of an old and a new version, the one that must allow what the other does: requests may become more, responses fewer.
    pub(super) fn wide_and_narrow<T>(self, old: T, new: T) -> (T, T) {
        match self {
            Self::In => (new, old),
            Self::Out => (old, new),
        }
    }
}

/// What is said of one value.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) required: bool,
    pub(super) deprecated: bool,
    pub(super) types: Types,
    pub(super) format: Option<String>,
    pub(super) pattern: Option<String>,
    /// The values it may be, as JSON; any if absent.
    pub(super) values: Option<BTreeSet<String>>,
    pub(super) bounds: BTreeMap<&'static str, f64>,
    /// Fields that are not named must not be there.
    pub(super) closed: bool,
    pub(super) place: Place,
}

/// Values by place.
pub(super) type Facts = BTreeMap<String, Said>;

/// Everything clients send to an operation.
pub(super) fn sent(library: &Library, call: &Call<'_>) -> Facts {
    let mut gathering = Gathering { library, way: Way::In, facts: Facts::new() };
    let names = path_names(&call.path);
    for at in &call.parameters {
        let Some((name, place)) = text(at.node, "name").zip(text(at.node, "in")) else { continue };
        let place = match place {
            "body" => continue,
            // By position: a path's parameter may be renamed.
            "path" => match names.iter().position(|known| *known == name) {
                Some(index) => format!("path.{{{index}}}"),
                None => continue,
            },
            "header" => format!("headers.{}", name.to_ascii_lowercase()),
            "cookie" => format!("cookies.{name}"),
            "formData" => format!("body.{name}"),
            place => format!("{place}.{name}"),
        };
        gathering.value(parameter_schema(*at), &place, is_true(at.node, "required"), DEPTH);
        if let Some(said) = gathering.facts.get_mut(&place) {
            said.deprecated |= is_true(at.node, "deprecated");
            said.place = at.node.place.clone();
        }
    }
    if let Some(body) = &call.body {
        for (range, schema) in &body.content {
            let place = named("body", range);
            match schema {
                Some(schema) => gathering.value(*schema, &place, body.required, DEPTH),
                None => gathering.anything(body, &place),
            }
        }
    }
    gathering.facts
}

/// Everything servers answer with one status.
pub(super) fn answered(library: &Library, status: &str, body: &Body<'_>) -> Facts {
    let mut gathering = Gathering { library, way: Way::Out, facts: Facts::new() };
    for (range, schema) in &body.content {
        let place = named(&format!("response.{status}.body"), range);
        match schema {
            Some(schema) => gathering.value(*schema, &place, true, DEPTH),
            None => gathering.anything(body, &place),
        }
    }
    gathering.facts
}

/// The place of a body; JSON is what is meant where nothing is said.
fn named(body: &str, range: &str) -> String {
    if range == "application/json" { body.to_owned() } else { format!("{body}({range})") }
}

/// The names in braces of a path, in order.
pub(super) fn path_names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|piece| Some(piece.split_once('}')?.0)).collect()
}

struct Gathering<'l> {
    library: &'l Library,
    way: Way,
    facts: Facts,
}

impl<'l> Gathering<'l> {
    /// A body without a schema.
    fn anything(&mut self, body: &Body<'_>, place: &str) {
        self.facts.insert(place.to_owned(), Said::anything(body.at.node.place.clone(), body.required));
    }

    fn value(&mut self, at: Located<'l>, place: &str, required: bool, depth: usize) {
        let Ok(at) = self.library.follow(at) else { return };
        if depth == 0 || self.facts.len() >= MOST {
            return;
        }
        let new = said(at.node, required);
        match self.facts.get_mut(place) {
            Some(known) => known.meet(new),
            None => drop(self.facts.insert(place.to_owned(), new)),
        }
        self.fields(at, place, depth);
        for node in at.node.get("allOf").and_then(Node::items).unwrap_or_default() {
            self.value(Located { node, ..at }, place, required, depth - 1);
        }
        for key in ["anyOf", "oneOf"] {
            for node in at.node.get(key).and_then(Node::items).unwrap_or_default() {
                self.alternative(Located { node, ..at }, place, depth - 1);
            }
        }
        if let Some(node) = at.node.get("items") {
            self.value(Located { node, ..at }, &format!("{place}[]"), false, depth - 1);
        }
    }

    fn fields(&mut self, at: Located<'l>, place: &str, depth: usize) {
        let required = at.node.get("required").and_then(Node::items).unwrap_or_default();
        for entry in at.node.get("properties").and_then(Node::entries).unwrap_or_default() {
            let name = entry.key.text.as_str();
            let field = Located { node: &entry.value, ..at };
            if self.is_others(field) {
                continue;
            }
            let must = required.iter().any(|one| one.as_str() == Some(name));
            self.value(field, &format!("{place}.{name}"), must, depth - 1);
        }
    }

    /// One of several ways a value may be: what it asks for, the others need not.
    fn alternative(&mut self, at: Located<'l>, place: &str, depth: usize) {
        let mut own = Gathering { library: self.library, way: self.way, facts: Facts::new() };
        own.value(at, place, false, depth);
        for (inner, mut said) in own.facts {
            said.required = false;
            if inner != place && self.facts.len() < MOST {
                self.facts.entry(inner).or_insert(said);
            }
        }
    }

    /// Whether the other side alone may send a field.
    fn is_others(&self, field: Located<'l>) -> bool {
        let key = if self.way == Way::In { "readOnly" } else { "writeOnly" };
        self.library.follow(field).is_ok_and(|at| is_true(at.node, key)) || is_true(field.node, key)
    }
}

impl Said {
    fn anything(place: Place, required: bool) -> Self {
        Self {
            required,
            deprecated: false,
            types: Types::ANY,
            format: None,
            pattern: None,
            values: None,
            bounds: BTreeMap::new(),
            closed: false,
            place,
        }
    }

    /// Another schema that holds for the same value.
    fn meet(&mut self, other: Self) {
        self.required |= other.required;
        self.deprecated |= other.deprecated;
        self.closed |= other.closed;
        if self.types == Types::ANY {
            self.types = other.types;
        }
        self.format = self.format.take().or(other.format);
        self.pattern = self.pattern.take().or(other.pattern);
        self.values = self.values.take().or(other.values);
        self.bounds.extend(other.bounds);
    }
}

fn said(schema: &Node, required: bool) -> Said {
    let values = schema.get("enum").and_then(Node::items).map(<[_]>::iter);
    let values = values.map(|all| all.map(|one| one.to_json().to_string()).collect());
    let fixed = schema.get("const").map(|one| BTreeSet::from([one.to_json().to_string()]));
    let number = |key: &&'static str| Some((*key, schema.get(key)?.to_json().as_f64()?));
    Said {
        required,
        deprecated: is_true(schema, "deprecated"),
        types: Types::written(schema),
        format: text(schema, "format").map(str::to_owned),
        pattern: text(schema, "pattern").map(str::to_owned),
        values: values.or(fixed),
        bounds: LOWER.iter().chain(&UPPER).filter_map(number).collect(),
        closed: schema.get("additionalProperties").map(Node::to_json) == Some(Value::Bool(false)),
        place: schema.place.clone(),
    }
}
