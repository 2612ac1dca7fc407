//! Parameters: from the text of path, query, headers and cookies to values, by their style (OpenAPI 3.1 §4.8.12), held
//! against their schemas.

use std::borrow::Cow;

use portcullis_wire::fields::cookies;
use serde_json::{Map, Value};
use smol_str::SmolStr;

use super::instance::Coercion;
use super::schema::Schema;
use super::{Fault, MOST_FAULTS, Parts};

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Path,
    Query,
    Header,
    Cookie,
}

/// How lists and objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `a,b`; what stands between the values is the character.
    Separated(char),
    /// Each value by itself under the parameter's name, an object's under its properties' names.
    Exploded,
    /// `.a.b`
    Label,
    /// `;name=a,b`
    Matrix,
    /// `name[key]=value`
    Deep,
    /// JSON in one value.
    Json,
}

/// One declared parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: SmolStr,
    pub(crate) location: Location,
    pub(crate) required: bool,
    pub(crate) allow_empty: bool,
    pub(crate) style: Style,
    pub(crate) schema: Option<Schema>,
    pub(crate) coercion: Coercion,
}

impl Parameter {
    pub(super) fn check(&self, parts: &Parts<'_>, faults: &mut Vec<Fault>) {
        if faults.len() >= MOST_FAULTS {
            return;
        }
        let Some(value) = self.value(parts) else {
            if self.required {
                faults.push(Fault::new(self.place(), "required", "must be there"));
            }
            return;
        };
        match (&self.schema, &value) {
            (Some(_), Value::String(text)) if text.is_empty() && self.allow_empty => {}
            (Some(schema), _) => schema.check(&value, &self.place(), faults),
            (None, _) => {}
        }
    }

    /// Whether a name in the query is this parameter's, or of a property of it.
    pub(super) fn takes_query(&self, name: &str) -> bool {
        if self.location != Location::Query {
            return false;
        }
        let below = || name.strip_prefix(self.name.as_str()).is_some_and(|rest| rest.starts_with('['));
        let property = || self.coercion.properties.is_empty() || self.coercion.property(name).is_some();
        match self.style {
            Style::Deep => below(),
            Style::Exploded if self.coercion.object => property(),
            _ => self.name == name || (self.coercion.items.is_some() && below()),
        }
    }

    fn place(&self) -> String {
        let section = match self.location {
            Location::Path => "path",
            Location::Query => "query",
            Location::Header => "headers",
            Location::Cookie => "cookies",
        };
        format!("{section}.{}", self.name)
    }

    fn value(&self, parts: &Parts<'_>) -> Option<Value> {
        if self.location == Location::Query {
            return self.in_query(parts);
        }
        let texts = self.texts(parts);
        let first = texts.first()?;
        match self.style {
            Style::Json => Some(serde_json::from_str(first).unwrap_or_else(|_| Value::from(first.as_ref()))),
            Style::Label => Some(self.split(first.strip_prefix('.').unwrap_or(first), '.')),
            Style::Matrix => {
                let plain = first.strip_prefix(';').unwrap_or(first);
                let plain = plain.strip_prefix(self.name.as_str()).unwrap_or(plain);
                Some(self.split(plain.strip_prefix('=').unwrap_or(plain), ','))
            }
            Style::Separated(separator) => Some(self.split(first, separator)),
            Style::Exploded | Style::Deep => Some(self.split(first, ',')),
        }
    }

    fn texts<'a>(&self, parts: &Parts<'a>) -> Vec<Cow<'a, str>> {
        match self.location {
            Location::Path => {
                let (names, values) = parts.path;
                let found = names.iter().zip(values).find(|(name, _)| **name == self.name);
                found.map(|(_, value)| Cow::Borrowed(value.as_str())).into_iter().collect()
            }
            Location::Query => parts.query.all(&self.name).collect(),
            Location::Header => {
                let fields: Vec<_> = parts.headers.all(&self.name).map(String::from_utf8_lossy).collect();
                // Fields of one name are one list (RFC 9110 §5.3).
                if fields.is_empty() { Vec::new() } else { vec![Cow::Owned(fields.join(","))] }
            }
            Location::Cookie => cookies(parts.headers)
                .filter(|(name, _)| name.as_ref() == self.name.as_str())
                .map(|(_, value)| value)
                .collect(),
        }
    }

    fn in_query(&self, parts: &Parts<'_>) -> Option<Value> {
        let named = |style: Style| self.coercion.object && self.style == style;
        if named(Style::Deep) {
            return self.gather(parts, |key| {
                key.strip_prefix(self.name.as_str())?.strip_prefix('[')?.strip_suffix(']')
            });
        }
        if named(Style::Exploded) {
            return self.gather(parts, |key| self.coercion.property(key).map(|_| key));
        }
        let texts = self.texts(parts);
        if self.coercion.items.is_some() && self.style == Style::Exploded {
            let items: Vec<Value> = texts.iter().map(|text| self.coercion.item(text)).collect();
            return (!items.is_empty()).then_some(Value::Array(items));
        }
        // Servers differ in which of several they take, so each must do.
        let [first, others @ ..] = texts.as_slice() else { return None };
        if !others.is_empty() && self.coercion.items.is_none() && others.iter().any(|other| other != first) {
            return Some(Value::Array(texts.iter().map(|text| self.coercion.scalar(text)).collect()));
        }
        Some(match self.style {
            Style::Json => serde_json::from_str(first).unwrap_or_else(|_| Value::from(first.as_ref())),
            Style::Separated(separator) => self.split(first, separator),
            _ => self.split(first, ','),
        })
    }

    /// An object whose properties stand in the query by themselves.
    fn gather(&self, parts: &Parts<'_>, property: impl Fn(&str) -> Option<&str>) -> Option<Value> {
        let mut object = Map::new();
        for (key, value) in parts.query.pairs() {
            if let Some(name) = property(&key) {
                let read = self
                    .coercion
                    .property(name)
                    .map_or_else(|| Value::from(value.as_ref()), |declared| declared.scalar(&value));
                object.insert(name.to_owned(), read);
            }
        }
        (!object.is_empty()).then_some(Value::Object(object))
    }

    /// One text as a scalar, a list, or an object written `k,v,k,v` or `k=v,k=v`.
    fn split(&self, text: &str, separator: char) -> Value {
        if self.coercion.items.is_some() {
            return Value::Array(text.split(separator).map(|item| self.coercion.item(item.trim())).collect());
        }
        if !self.coercion.object {
            return self.coercion.scalar(text);
        }
        let mut object = Map::new();
        let mut pieces = text.split(separator);
        while let Some(piece) = pieces.next() {
            let (name, value) =
                piece.split_once('=').unwrap_or_else(|| (piece, pieces.next().unwrap_or_default()));
            let read =
                self.coercion.property(name).map_or_else(|| Value::from(value), |one| one.scalar(value));
            object.insert(name.to_owned(), read);
        }
        Value::Object(object)
    }
}
