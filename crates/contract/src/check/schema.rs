//! A compiled JSON Schema, and what its errors say to a person.
//!
//! Invariants: an error's text holds what the schema asks for, never what was sent; what is wrong is looked for in time
//! that grows with the value, not with the number of ways through alternatives that contain themselves.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use super::fields::{Declared, push_name};
use super::unique::UniqueItems;
use super::{Fault, MOST_FAULTS};

/// Bytes one compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

/// Longest list of allowed values that is shown.
const SHOWN: usize = 120;

/// One schema of a contract.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    validator: Arc<Validator>,
    document: Arc<Value>,
    /// Whether its alternatives contain themselves. The library tells every way through them apart when it explains a
    /// failure, twice as many with every level, so that such a failure is not explained.
    recursive: bool,
}

impl Schema {
    /// Compiles a self-contained document of JSON Schema 2020-12; why not, if it is none.
    pub(crate) fn compile(document: Value) -> Result<Self, String> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .with_keyword("uniqueItems", |_, asked: &Value, _| {
                Ok(Box::new(UniqueItems { asked: asked == &Value::Bool(true) }))
            })
            .offline()
            .build(&document);
        match built {
            Ok(validator) => Ok(Self {
                validator: Arc::new(validator),
                recursive: has_recursive_alternatives(&document),
                document: Arc::new(document),
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Which fields it declares.
    pub(super) fn declared(&self) -> Declared<'_> {
        Declared::of(&self.document)
    }

    /// Adds what is wrong with a value that stands at `place`.
    pub(crate) fn check(&self, value: &Value, place: &str, faults: &mut Vec<Fault>) {
        if self.validator.is_valid(value) {
            return;
        }
        if self.recursive {
            let must = "must fit its schema".to_owned();
            faults.push(Fault { place: place.to_owned(), rule: "schema".into(), must });
            return;
        }
        let room = MOST_FAULTS.saturating_sub(faults.len());
        faults.extend(self.validator.iter_errors(value).take(room).map(|error| fault(&error, place)));
    }
}

/// Whether a definition has alternatives and leads back to itself.
fn has_recursive_alternatives(document: &Value) -> bool {
    let Some(definitions) = document.get("$defs").and_then(Value::as_object) else { return false };
    definitions.iter().any(|(name, schema)| {
        let mut looked = Looked::default();
        looked.at(schema);
        looked.alternatives && leads_to(definitions, looked.references, name)
    })
}

/// Whether any of these references leads to a definition.
fn leads_to<'v>(definitions: &'v Map<String, Value>, mut open: Vec<&'v str>, wanted: &str) -> bool {
    let mut seen = HashSet::new();
    while let Some(name) = open.pop() {
        if name == wanted {
            return true;
        }
        if let Some(schema) = definitions.get(name).filter(|_| seen.insert(name)) {
            let mut looked = Looked::default();
            looked.at(schema);
            open.extend(looked.references);
        }
    }
    false
}

/// Whether there is more than one way on; that something may be null is none.
fn forks(alternatives: Option<&Value>) -> bool {
    let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
    alternatives
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().filter(|one| !is_null(one)).count() > 1)
}

/// What stands anywhere in a schema.
#[derive(Default)]
struct Looked<'v> {
    references: Vec<&'v str>,
    alternatives: bool,
}

impl<'v> Looked<'v> {
    fn at(&mut self, schema: &'v Value) {
        match schema {
            Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(Value::as_str);
                self.references.extend(reference.and_then(|text| text.strip_prefix("#/$defs/")));
                self.alternatives |= ["anyOf", "oneOf"].iter().any(|key| forks(fields.get(*key)));
                fields.values().for_each(|value| self.at(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.at(item)),
            _ => {}
        }
    }
}

fn fault(error: &ValidationError<'_>, place: &str) -> Fault {
    let mut path = place.to_owned();
    for step in error.instance_path().as_str().split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        match step.parse::<usize>() {
            // Writing to a string cannot fail.
            Ok(index) => drop(write!(path, "[{index}]")),
            Err(_) => push_name(&mut path, &step),
        }
    }
    if let ValidationErrorKind::Required { property } = error.kind() {
        let _ = write!(path, ".{}", property.as_str().unwrap_or_default());
    }
    Fault { place: path, rule: error.kind().keyword().into(), must: must(error.kind()) }
}

fn must(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Required { .. } => "must be there".to_owned(),
        Kind::Maximum { limit } => format!("must be <= {limit}"),
        Kind::Minimum { limit } => format!("must be >= {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be < {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be > {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
        // Keywords of our own say it themselves.
        Kind::Custom { message, .. } => message.clone(),
        Kind::Format { format } => format!("must be of format {format}"),
        Kind::Pattern { pattern } => format!("must match {}", shown(pattern)),
        Kind::Enum { options } => format!("must be one of {}", shown(&options.to_string())),
        Kind::Constant { expected_value } => format!("must be {}", shown(&expected_value.to_string())),
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {
            "must not have fields that are not declared".to_owned()
        }
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => {
            "must not have items that are not declared".to_owned()
        }
        Kind::FalseSchema => "must not be sent".to_owned(),
        Kind::AnyOf { .. } => "must fit at least one of the declared shapes".to_owned(),
        Kind::OneOfNotValid { .. } => "must fit one of the declared shapes".to_owned(),
        Kind::OneOfMultipleValid { .. } => "must fit only one of the declared shapes".to_owned(),
        Kind::Not { .. } => "must not have a shape that is ruled out".to_owned(),
        other => format!("must satisfy `{}`", other.keyword()),
    }
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// Bounded, cut at a character.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
