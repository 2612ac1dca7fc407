//! The policy's JSON Schema (draft 2020-12), for editors, from the table of keys.

use portcullis_document::{SourceFile, parse};
use serde_json::{Map, Value, json};

use crate::policy::Policy;
use crate::table::{Absent, Json, Key, Kind, Scalar, Section, paragraph};

/// The schema of a policy file.
pub fn json_schema() -> Value {
    let mut sections = Sections { definitions: Map::new() };
    sections.reference(&Policy::SECTION);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis policy",
        "$ref": format!("#/$defs/{}", slug(Policy::SECTION.name)),
        "$defs": sections.definitions,
    })
}

/// A section's name as the anchor Markdown gives its heading: `upstream's TLS` → `upstreams-tls`.
pub(crate) fn slug(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ');
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

struct Sections {
    definitions: Map<String, Value>,
}

impl Sections {
    fn reference(&mut self, section: &'static Section) -> Value {
        let slug = slug(section.name);
        if !self.definitions.contains_key(&slug) {
            self.definitions.insert(slug.clone(), Value::Null);
            let definition = self.section(section);
            self.definitions.insert(slug.clone(), definition);
        }
        json!({ "$ref": format!("#/$defs/{slug}") })
    }

    fn section(&mut self, section: &'static Section) -> Value {
        let properties: Map<String, Value> =
            section.all_keys().map(|key| (key.name.to_owned(), self.property(key))).collect();
        let required: Vec<&str> =
            section.all_keys().filter(|key| key.absent == Absent::Mistake).map(|key| key.name).collect();
        json!({
            "type": "object",
            "description": paragraph(section.about),
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn property(&mut self, key: &'static Key) -> Value {
        let mut schema = self.kind(&key.kind);
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), paragraph(key.about).into());
            if let Absent::Value(text) = key.absent
                && let Ok(default) = parse(&SourceFile::new("", text))
            {
                fields.insert("default".to_owned(), default.to_json());
            }
        }
        schema
    }

    fn kind(&mut self, kind: &'static Kind) -> Value {
        match kind {
            Kind::Scalar(scalar) => self::scalar(scalar),
            Kind::Words(words) => {
                let about: Vec<String> = words.iter().map(|word| paragraph(word.about)).collect();
                let words: Vec<&str> = words.iter().map(|word| word.word).collect();
                json!({ "enum": words, "markdownEnumDescriptions": about })
            }
            Kind::List(item) => json!({ "type": "array", "items": self.kind(item) }),
            Kind::OneOrMany(item) => {
                let item = self.kind(item);
                json!({ "anyOf": [item, { "type": "array", "items": item }] })
            }
            Kind::Named(named) => json!({ "type": "object", "additionalProperties": self.kind(&named.kind) }),
            Kind::Section(section) => self.reference(section),
            Kind::Either(kinds) => {
                let any: Vec<Value> = kinds.iter().map(|kind| self.kind(kind)).collect();
                json!({ "anyOf": any })
            }
            Kind::Optional(kind) => json!({ "anyOf": [self.kind(kind), { "enum": ["off", null] }] }),
        }
    }
}

fn scalar(scalar: &Scalar) -> Value {
    match scalar.json {
        Json::Text => json!({ "type": ["string", "number", "boolean"] }),
        Json::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        Json::PatternOrWhole(pattern) => {
            json!({ "type": ["string", "integer"], "pattern": pattern, "minimum": 0 })
        }
        Json::Truth => json!({ "type": "boolean" }),
        Json::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
    }
}
