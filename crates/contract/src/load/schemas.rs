//! Schemas of documents as JSON Schema 2020-12, each with all it refers to.
//!
//! Invariants: what 2.0 and 3.0 mean by `nullable`, `exclusiveMinimum: true`, `type: file` and a `$ref` with siblings
//! becomes what 2020-12 says for it; keywords that decide nothing are left out, and so is a pattern that does not match
//! in linear time, with a warning. Bounded: [`MOST_VALUES`] values a schema, [`DEEPEST`] levels. A schema that refers
//! to itself without a level of data in between would never end, and is not compiled.

use hashbrown::HashMap;
use portcullis_document::{Entry, Node, Problem, Value as Written};
use regex_syntax::ast::parse::Parser;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::library::{Library, Located};
use super::reference::reference;
use crate::check::{Coercion, Schema};

/// Values one schema may be made of, with all it refers to.
const MOST_VALUES: usize = 50_000;

/// How deep one schema may be nested before a `$ref`.
const DEEPEST: usize = 64;

/// How deep text is looked at for numbers in it: a parameter's own, a list's items, an object's fields.
const COERCION_DEPTH: usize = 3;

/// Keywords whose value is a schema.
const SCHEMA_KEYS: [&str; 10] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalProperties",
    "items",
];

/// Keywords whose value is a list of schemas.
const LIST_KEYS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value maps names to schemas.
const MAP_KEYS: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];

/// Keywords whose value is taken as it is, if it is what they ask for.
const COUNTS: [&str; 8] = [
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxProperties",
    "minProperties",
    "minContains",
    "maxContains",
];

/// Which rules a document's schemas follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// 2.0 and 3.0: a dialect of their own.
    Own,
    /// 3.1: JSON Schema.
    Standard,
}

/// Who sends what a schema is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    /// A client, who must not send what is `readOnly`.
    Client,
    /// The server, who must not send what is `writeOnly`.
    Server,
}

impl Sender {
    const fn must_not(self) -> &'static str {
        match self {
            Self::Client => "readOnly",
            Self::Server => "writeOnly",
        }
    }
}

/// A compiled schema, and how text is read for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    pub(super) schema: Option<Schema>,
    pub(super) coercion: Coercion,
}

/// Compiles the schemas of one document; what stands at one place is compiled once.
#[derive(Debug)]
pub(super) struct Schemas<'l> {
    library: &'l Library,
    rules: Rules,
    compiled: HashMap<(*const Node, Sender), Compiled>,
    said: hashbrown::HashSet<*const Node>,
}

impl<'l> Schemas<'l> {
    pub(super) fn new(library: &'l Library, rules: Rules) -> Self {
        Self { library, rules, compiled: HashMap::new(), said: hashbrown::HashSet::new() }
    }

    /// Compiles a schema; what cannot be held against anything is a warning, and then nothing is.
    pub(super) fn compile(
        &mut self,
        at: Located<'l>,
        sender: Sender,
        problems: &mut Vec<Problem>,
    ) -> Compiled {
        let at = self.library.follow(at).unwrap_or(at);
        let key = (std::ptr::from_ref(at.node), sender);
        if let Some(known) = self.compiled.get(&key) {
            return known.clone();
        }
        let compiled = self.finish(at.node, sender, problems, |translating| translating.schema(at, 0));
        self.compiled.insert(key, compiled.clone());
        compiled
    }

    /// Compiles a form's fields (2.0), each with its own schema, as the object that they make.
    pub(super) fn compile_form(
        &mut self,
        owner: &Node,
        fields: &[(SmolStr, Located<'l>)],
        problems: &mut Vec<Problem>,
    ) -> Compiled {
        self.finish(owner, Sender::Client, problems, |translating| {
            let required = |node: &Node| node.get("required").and_then(Node::as_bool) == Some(true);
            let names: Vec<&str> =
                fields.iter().filter(|(_, at)| required(at.node)).map(|(name, _)| name.as_str()).collect();
            let properties: Map<String, Value> =
                fields.iter().map(|(name, at)| (name.to_string(), translating.form_field(*at))).collect();
            json!({ "type": "object", "properties": properties, "required": names })
        })
    }

    fn finish(
        &mut self,
        node: &Node,
        sender: Sender,
        problems: &mut Vec<Problem>,
        translate: impl FnOnce(&mut Translating<'_, 'l>) -> Value,
    ) -> Compiled {
        let mut translating = Translating::new(self, sender, problems);
        let root = translate(&mut translating);
        let definitions = translating.definitions();
        let spent = translating.spent;
        let document = json!({ "allOf": [root], "$defs": definitions });
        let coercion = coercion(&document, &document, COERCION_DEPTH);
        match refuse(&document, spent).map_or_else(|| Schema::compile(document), Err) {
            Ok(schema) => Compiled { schema: Some(schema), coercion },
            Err(why) => {
                if self.said.insert(node) {
                    problems.push(unchecked(node, &why));
                }
                Compiled::default()
            }
        }
    }
}

fn unchecked(node: &Node, why: &str) -> Problem {
    let why: String = why.chars().take(200).collect();
    Problem::warning("contract.schema", format!("nothing can be held against this schema: {why}"))
        .at(&node.place)
        .label("not checked")
}

fn refuse(document: &Value, spent: usize) -> Option<String> {
    if spent >= MOST_VALUES {
        return Some(format!("with all it refers to it has more than {MOST_VALUES} values"));
    }
    circular(document).then(|| "it refers to itself without a level of data in between".to_owned())
}

/// One schema under way, with the definitions it turned out to need.
struct Translating<'s, 'l> {
    library: &'l Library,
    rules: Rules,
    sender: Sender,
    numbers: HashMap<*const Node, usize>,
    waiting: Vec<(usize, Located<'l>)>,
    spent: usize,
    said: &'s mut hashbrown::HashSet<*const Node>,
    problems: &'s mut Vec<Problem>,
}

impl<'s, 'l> Translating<'s, 'l> {
    fn new(schemas: &'s mut Schemas<'l>, sender: Sender, problems: &'s mut Vec<Problem>) -> Self {
        Self {
            library: schemas.library,
            rules: schemas.rules,
            sender,
            numbers: HashMap::new(),
            waiting: Vec::new(),
            spent: 0,
            said: &mut schemas.said,
            problems,
        }
    }

    /// Everything referred to, until nothing new is.
    fn definitions(&mut self) -> Map<String, Value> {
        let mut definitions = Map::new();
        while let Some((number, at)) = self.waiting.pop() {
            definitions.insert(format!("s{number}"), self.schema(at, 0));
        }
        definitions
    }

    fn schema(&mut self, at: Located<'l>, depth: usize) -> Value {
        self.spent += 1;
        let Some(entries) = at.node.entries() else { return Value::Bool(at.node.as_bool().unwrap_or(true)) };
        if depth > DEEPEST || self.spent >= MOST_VALUES {
            return Value::Bool(true);
        }
        let mut out = Map::new();
        if reference(at.node).is_some() {
            if let Some(number) = self.refer(at) {
                out.insert("$ref".to_owned(), format!("#/$defs/s{number}").into());
            }
            if self.rules == Rules::Own {
                return Value::Object(out);
            }
        }
        for entry in entries {
            self.keyword(entry, at, depth, &mut out);
        }
        self.settle_required(at, &mut out);
        if self.rules == Rules::Own {
            settle_bounds(&mut out);
        }
        settle_format(at.node, &mut out);
        let nullable = at.node.get("nullable").and_then(Node::as_bool) == Some(true);
        if nullable { or_null(out) } else { Value::Object(out) }
    }

    fn refer(&mut self, at: Located<'l>) -> Option<usize> {
        let target = self.library.follow(at).ok()?;
        let next = self.numbers.len();
        let number = *self.numbers.entry(std::ptr::from_ref(target.node)).or_insert(next);
        if number == next {
            self.waiting.push((number, target));
        }
        Some(number)
    }

    fn keyword(&mut self, entry: &'l Entry, at: Located<'l>, depth: usize, out: &mut Map<String, Value>) {
        let (key, value) = (entry.key.text.as_str(), &entry.value);
        let inner = |node| Located { node, ..at };
        let translated = match key {
            "items" if value.items().is_some() => return,
            _ if SCHEMA_KEYS.contains(&key) => Some(self.schema(inner(value), depth + 1)),
            _ if LIST_KEYS.contains(&key) => value
                .items()
                .filter(|items| !items.is_empty())
                .map(|items| items.iter().map(|item| self.schema(inner(item), depth + 1)).collect()),
            _ if MAP_KEYS.contains(&key) => self.map(key, inner(value), depth),
            "type" => types(value),
            "pattern" => value.as_str().filter(|_| self.linear(value)).map(Value::from),
            "enum" => value.items().map(|_| value.to_json()),
            "const" if self.rules == Rules::Standard => Some(value.to_json()),
            "uniqueItems" => value.as_bool().map(Value::Bool),
            "maximum" | "minimum" | "multipleOf" => number(value),
            "exclusiveMaximum" | "exclusiveMinimum" => {
                number(value).or_else(|| value.as_bool().map(Value::Bool))
            }
            "format" => value.as_str().map(Value::from),
            _ if COUNTS.contains(&key) => value.as_int().filter(|count| *count >= 0).map(Value::from),
            _ => None,
        };
        if let Some(translated) = translated {
            out.insert(key.to_owned(), translated);
        }
    }

    fn map(&mut self, key: &str, at: Located<'l>, depth: usize) -> Option<Value> {
        let mut out = Map::new();
        for entry in at.node.entries()? {
            let name = entry.key.text.as_str();
            if key == "patternProperties" && !self.linear_text(name, &entry.value) {
                continue;
            }
            let one = Located { node: &entry.value, ..at };
            let ruled_out = key == "properties" && self.must_not_send(one);
            let schema = if ruled_out { Value::Bool(false) } else { self.schema(one, depth + 1) };
            out.insert(name.to_owned(), schema);
        }
        Some(Value::Object(out))
    }

    /// A list in a form is held against its schema only where each of its items is a field of its own.
    fn form_field(&mut self, at: Located<'l>) -> Value {
        let said = |key| at.node.get(key).and_then(Node::as_str);
        match said("type") {
            Some("file") => Value::Bool(true),
            Some("array") if said("collectionFormat") != Some("multi") => Value::Bool(true),
            // `required` of a parameter is no list of names, and is not read as one.
            _ => self.schema(at, 0),
        }
    }

    fn must_not_send(&self, at: Located<'_>) -> bool {
        let says = |node: &Node| node.get(self.sender.must_not()).and_then(Node::as_bool) == Some(true);
        says(at.node) || self.library.follow(at).is_ok_and(|followed| says(followed.node))
    }

    /// Nobody need send what they may not send.
    fn settle_required(&self, at: Located<'_>, out: &mut Map<String, Value>) {
        let Some(required) = at.node.get("required").and_then(Node::items) else { return };
        let properties = at.node.get("properties");
        let sent = |name: &&str| {
            let property = properties.and_then(|all| all.get(name));
            !property.is_some_and(|node| self.must_not_send(Located { node, ..at }))
        };
        let names: Vec<&str> = required.iter().filter_map(Node::as_str).filter(sent).collect();
        out.insert("required".to_owned(), json!(names));
    }

    fn linear(&mut self, node: &Node) -> bool {
        node.as_str().is_some_and(|text| self.linear_text(text, node))
    }

    /// Whether a pattern needs no look-around and no back-reference; a warning, once, where it does.
    fn linear_text(&mut self, text: &str, node: &Node) -> bool {
        let known = Schema::compile(json!({ "pattern": text })).is_ok();
        if !known && self.said.insert(std::ptr::from_ref(node)) {
            let why = match Parser::new().parse(text) {
                Err(error) => error.kind().to_string(),
                Ok(_) => "it grows too large".to_owned(),
            };
            self.problems.push(
                Problem::warning("contract.pattern", format!("this pattern cannot be matched: {why}"))
                    .at(&node.place)
                    .label("not checked"),
            );
        }
        known
    }
}

/// `nullable: true`, in a way that leaves the other rules' faults to be named where it can.
fn or_null(mut out: Map<String, Value>) -> Value {
    let plain = ["$ref", "allOf", "anyOf", "oneOf", "not", "if"].iter().all(|key| !out.contains_key(*key));
    match out.get("type") {
        Some(Value::String(one)) if plain => {
            let types = json!([one, "null"]);
            out.insert("type".to_owned(), types);
            if let Some(Value::Array(options)) = out.get_mut("enum") {
                options.push(Value::Null);
            }
            Value::Object(out)
        }
        _ => json!({ "anyOf": [{ "type": "null" }, out] }),
    }
}

/// `exclusiveMinimum: true` makes `minimum` exclusive; a number beside a keyword of 2.0 and 3.0 means nothing.
fn settle_bounds(out: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match out.remove(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(limit) = out.remove(bound) {
                    out.insert(exclusive.to_owned(), limit);
                }
            }
            Some(limit @ Value::Number(_)) => drop(out.insert(exclusive.to_owned(), limit)),
            _ => {}
        }
    }
}

/// `int32` and `int64` are ranges; 3.1 forgets booleans beside bounds.
fn settle_format(node: &Node, out: &mut Map<String, Value>) {
    for key in ["exclusiveMinimum", "exclusiveMaximum"] {
        if out.get(key).is_some_and(Value::is_boolean) {
            out.remove(key);
        }
    }
    let range = match node.get("format").and_then(Node::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    for (key, exclusive, limit) in
        [("minimum", "exclusiveMinimum", range.0), ("maximum", "exclusiveMaximum", range.1)]
    {
        if !out.contains_key(exclusive) {
            out.entry(key).or_insert_with(|| limit.into());
        }
    }
}

/// The type or types; `file` is no type of JSON.
fn types(node: &Node) -> Option<Value> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let known = |node: &Node| node.as_str().filter(|name| TYPES.contains(name)).map(str::to_owned);
    match node.items() {
        Some(items) => {
            let names: Vec<String> = items.iter().map(known).collect::<Option<_>>()?;
            (!names.is_empty()).then(|| json!(names))
        }
        None => known(node).map(Value::from),
    }
}

fn number(node: &Node) -> Option<Value> {
    matches!(node.value, Written::Int(_) | Written::Float(_)).then(|| node.to_json())
}

/// Whether a schema leads back to itself through keywords that look at the same value.
fn circular(document: &Value) -> bool {
    let Some(definitions) = document.get("$defs").and_then(Value::as_object) else { return false };
    let mut edges: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, schema) in definitions {
        let mut targets = Vec::new();
        in_place(schema, &mut targets);
        edges.insert(name, targets);
    }
    // Takes away what leads nowhere, until nothing changes: what is left goes round.
    loop {
        let ends: Vec<&str> = edges
            .iter()
            .filter(|(_, targets)| targets.iter().all(|to| !edges.contains_key(to)))
            .map(|(name, _)| *name)
            .collect();
        if ends.is_empty() {
            return !edges.is_empty();
        }
        for name in ends {
            edges.remove(name);
        }
    }
}

fn in_place<'v>(schema: &'v Value, into: &mut Vec<&'v str>) {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/$defs/"));
    into.extend(target);
    for key in ["allOf", "anyOf", "oneOf"] {
        schema.get(key).and_then(Value::as_array).into_iter().flatten().for_each(|one| in_place(one, into));
    }
    for key in ["not", "if", "then", "else"] {
        schema.get(key).into_iter().for_each(|one| in_place(one, into));
    }
    for one in schema.get("dependentSchemas").and_then(Value::as_object).into_iter().flatten() {
        in_place(one.1, into);
    }
}

/// What a schema makes of text: whatever any of its parts allows.
fn coercion(schema: &Value, document: &Value, depth: usize) -> Coercion {
    let mut coercion = Coercion::default();
    add_coercion(schema, document, depth, 16, &mut coercion);
    coercion
}

fn add_coercion(schema: &Value, document: &Value, depth: usize, steps: usize, into: &mut Coercion) {
    let Some(steps) = steps.checked_sub(1) else { return };
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    into.number |= types.contains(&"number") || types.contains(&"integer");
    into.boolean |= types.contains(&"boolean");
    into.null |= types.contains(&"null");
    let properties = schema.get("properties").and_then(Value::as_object);
    into.object |= types.contains(&"object") || properties.is_some();
    if depth > 0 {
        if types.contains(&"array") || schema.get("items").is_some() {
            let items = schema.get("items").unwrap_or(&Value::Null);
            into.items = Some(Box::new(coercion(items, document, depth - 1)));
        }
        for (name, property) in properties.into_iter().flatten() {
            into.properties.push((name.into(), coercion(property, document, depth - 1)));
        }
    }
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    let target = pointer.and_then(|pointer| document.pointer(pointer));
    let parts =
        ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    for part in target.into_iter().chain(parts) {
        add_coercion(part, document, depth, steps, into);
    }
}
