//! What was sent, as the values a schema is held against.
//!
//! Text of parameters and form fields becomes the number or boolean its schema asks for, where it is one; all else stays
//! text, and the schema says what is wrong with it.

use portcullis_wire::body::{Kind, Value as Sent};
use serde_json::{Map, Number, Value};
use smol_str::SmolStr;

/// What a schema wants text to be read as.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coercion {
    pub(crate) number: bool,
    pub(crate) boolean: bool,
    pub(crate) null: bool,
    /// It is a list, of these.
    pub(crate) items: Option<Box<Coercion>>,
    /// It is an object with these properties.
    pub(crate) properties: Vec<(SmolStr, Coercion)>,
    pub(crate) object: bool,
}

impl Coercion {
    /// One text as a scalar.
    pub(crate) fn scalar(&self, text: &str) -> Value {
        match text {
            "true" if self.boolean => Value::Bool(true),
            "false" if self.boolean => Value::Bool(false),
            "" | "null" if self.null => Value::Null,
            _ if self.number => number(text).unwrap_or_else(|| Value::from(text)),
            _ => Value::from(text),
        }
    }

    /// What the items of a list are read as.
    pub(crate) fn item(&self, text: &str) -> Value {
        self.items.as_ref().map_or_else(|| Value::from(text), |items| items.scalar(text))
    }

    /// What a property is read as; one that is not declared stays text.
    pub(crate) fn property(&self, name: &str) -> Option<&Self> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, coercion)| coercion)
    }
}

/// A JSON number (RFC 8259 §6), and nothing else that a number could be read from.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let zero_led =
        digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    let whole_led = digits.starts_with(|first: char| first.is_ascii_digit());
    if !whole_led || zero_led || digits.ends_with('.') || digits.contains(".e") || digits.contains(".E") {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(Value::from(whole));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// A JSON body's tree. Bounded by the budget it was parsed under; of duplicate names the last counts.
pub(crate) fn json(sent: Sent<'_>) -> Value {
    let text = || sent.as_str().unwrap_or_default();
    match sent.kind() {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        // A whole number beyond 64 bits is the nearest float; what no float holds either (`1e999`) stays text, which no
        // schema takes for a number.
        Kind::Integer | Kind::Number => number(text()).unwrap_or_else(|| Value::from(text())),
        Kind::Array => Value::Array(sent.children().map(json).collect()),
        Kind::Object => {
            let members =
                sent.children().map(|child| (child.name().unwrap_or_default().to_owned(), json(child)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Kind::String | Kind::Binary | Kind::Element | Kind::Attribute => Value::from(text()),
    }
}

/// A form's fields, or a multipart body's parts, as the object a schema declares.
pub(crate) fn form(root: Sent<'_>, coercion: &Coercion) -> Value {
    let mut fields = Map::new();
    for field in root.children() {
        let name = field.name().unwrap_or_default();
        if field.kind().holds_values() {
            fields.insert(name.to_owned(), json(field));
            continue;
        }
        let text = field.as_str().unwrap_or_default();
        match coercion.property(name) {
            Some(declared) if declared.items.is_some() => {
                let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = list {
                    items.push(declared.item(text));
                }
            }
            // A part that holds JSON, or says so with braces.
            Some(declared) if declared.object => {
                let read = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                fields.insert(name.to_owned(), read);
            }
            Some(declared) => drop(fields.insert(name.to_owned(), declared.scalar(text))),
            None => drop(fields.insert(name.to_owned(), Value::from(text))),
        }
    }
    Value::Object(fields)
}
