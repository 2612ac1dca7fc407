//! Fields of a value that its schema does not declare.
//!
//! A field is declared where any part of the schema that looks at the same object names it, whichever of several
//! alternatives the object takes. An object of which no part names fields may have any. Where it is hard to say (names
//! by pattern, alternatives that are any object, more than [`MOST_PARTS`] parts), a field counts as declared: nothing
//! is refused or cut that the document might mean. Invariant: work is bounded by the value times the schema's parts.

use std::fmt::Write as _;

use portcullis_wire::body::{Kind, Value as Sent};
use serde_json::Value;
use smallvec::SmallVec;

/// Parts of a schema that are looked at together.
const MOST_PARTS: usize = 64;

/// Bytes of a name that are shown.
const SHOWN: usize = 64;

/// All that a schema says of one value.
#[derive(Debug)]
pub(super) struct Declared<'s> {
    document: &'s Value,
    parts: SmallVec<[&'s Value; 8]>,
    /// Any field may be there.
    open: bool,
}

/// What is said of one field.
enum Field<'s> {
    Declared(Declared<'s>),
    Anything,
    Undeclared,
}

impl<'s> Declared<'s> {
    pub(super) fn of(document: &'s Value) -> Self {
        Self::all(document, [document])
    }

    fn all(document: &'s Value, schemas: impl IntoIterator<Item = &'s Value>) -> Self {
        let mut declared = Self { document, parts: SmallVec::new(), open: false };
        schemas.into_iter().for_each(|schema| declared.add(schema));
        declared
    }

    /// Ends, because no compiled schema leads back to itself without a level of data in between.
    fn add(&mut self, schema: &'s Value) {
        if self.parts.len() >= MOST_PARTS {
            self.open = true;
            return;
        }
        self.parts.push(schema);
        let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        if let Some(target) = pointer.and_then(|pointer| self.document.pointer(pointer)) {
            self.add(target);
        }
        list(schema, "allOf").for_each(|part| self.add(part));
        for key in ["if", "then", "else"] {
            schema.get(key).into_iter().for_each(|part| self.add(part));
        }
        map(schema, "dependentSchemas").for_each(|(_, part)| self.add(part));
        list(schema, "anyOf").chain(list(schema, "oneOf")).for_each(|part| self.add_alternative(part));
    }

    /// An alternative that is any object at all leaves every field free.
    fn add_alternative(&mut self, schema: &'s Value) {
        let before = self.parts.len();
        self.add(schema);
        let parts = self.parts.get(before..).unwrap_or_default();
        let anything =
            schema == &Value::Bool(true) || schema.as_object().is_some_and(serde_json::Map::is_empty);
        let object = parts.iter().any(|part| says_object(part));
        self.open |= (anything || object) && !parts.iter().any(|part| names_fields(part));
    }

    fn field(&self, name: &str) -> Field<'s> {
        let mut named = SmallVec::<[&'s Value; 8]>::new();
        let mut others = SmallVec::<[&'s Value; 8]>::new();
        for part in &self.parts {
            let additional = ["additionalProperties", "unevaluatedProperties"];
            let by_pattern = part.get("patternProperties").is_some();
            match part.get("properties").and_then(|properties| properties.get(name)) {
                Some(Value::Bool(false)) => {}
                Some(property) => named.push(property),
                None if by_pattern => return Field::Anything,
                None => others.extend(
                    additional
                        .iter()
                        .filter_map(|key| part.get(key))
                        .filter(|rest| **rest != Value::Bool(false)),
                ),
            }
        }
        let said = if named.is_empty() { others } else { named };
        if !said.is_empty() {
            return Field::Declared(Self::all(self.document, said));
        }
        let free = self.open || !self.parts.iter().any(|part| names_fields(part));
        if free { Field::Anything } else { Field::Undeclared }
    }

    fn items(&self) -> Self {
        let every = self.parts.iter().filter_map(|part| part.get("items"));
        let each = self.parts.iter().flat_map(|part| list(part, "prefixItems"));
        Self::all(self.document, every.chain(each).collect::<SmallVec<[&'s Value; 8]>>())
    }

    /// Shows every object below a value that has fields which are not declared: where it is, and which of its children
    /// they are.
    pub(super) fn walk<'v>(
        &self,
        value: Sent<'v>,
        place: &mut String,
        show: &mut impl FnMut(&str, Sent<'v>, &[Sent<'v>]),
    ) {
        let end = place.len();
        match value.kind() {
            Kind::Object => {
                let mut undeclared = Vec::new();
                for child in value.children() {
                    let name = child.name().unwrap_or_default();
                    match self.field(name) {
                        Field::Undeclared => undeclared.push(child),
                        Field::Declared(declared) if child.kind().holds_values() => {
                            push_name(place, name);
                            declared.walk(child, place, show);
                            place.truncate(end);
                        }
                        Field::Declared(_) | Field::Anything => {}
                    }
                }
                if !undeclared.is_empty() {
                    show(place, value, &undeclared);
                }
            }
            Kind::Array => {
                let items = self.items();
                for (index, child) in
                    value.children().enumerate().filter(|(_, one)| one.kind().holds_values())
                {
                    // Writing to a string cannot fail.
                    let _ = write!(place, "[{index}]");
                    items.walk(child, place, show);
                    place.truncate(end);
                }
            }
            _ => {}
        }
    }
}

/// Adds a field's name to a place, cut where it is long.
pub(super) fn push_name(place: &mut String, name: &str) {
    let end = name.floor_char_boundary(SHOWN);
    place.push('.');
    place.push_str(name.get(..end).unwrap_or_default());
}

fn list<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s Value> + use<'s> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn map<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = (&'s String, &'s Value)> + use<'s> {
    schema.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn names_fields(schema: &Value) -> bool {
    map(schema, "properties").next().is_some()
        || schema.get("additionalProperties") == Some(&Value::Bool(false))
}

fn says_object(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == "object",
        Some(Value::Array(several)) => several.iter().any(|one| one == "object"),
        _ => false,
    }
}
