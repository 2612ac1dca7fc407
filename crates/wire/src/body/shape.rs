//! What learning and rules see of a tree: its shape without values (see [`crate::words`]), and plain JSON.

use portcullis_model::observation::{Magnitude, SegmentKind, Shape};
use smol_str::SmolStr;

use crate::body::tree::{Kind, Tree, Value};
use crate::segments::classify;
use crate::words::telling;

/// Nesting, distinct item shapes and fields beyond which a shape is cut off.
const SHAPE_DEPTH: u32 = 12;
const SHAPE_ITEMS: usize = 8;
const SHAPE_FIELDS: usize = 128;
/// Items of one array that are looked at.
const ITEMS_READ: usize = 64;
/// A text longer than this, in bytes, is no identifier: it looks like nothing in particular.
const LONGEST: usize = 256;
/// The longest field name kept, in bytes.
const NAME_BYTES: usize = 64;

impl Tree {
    /// The shape of the outermost value: names, kinds and lengths, never a value.
    pub fn shape(&self) -> Shape {
        self.root().map_or(Shape::Cut, Value::shape)
    }

    /// The tree as JSON: binary values are `null`, of duplicate names the last one counts.
    pub fn to_json(&self) -> serde_json::Value {
        self.root().map_or(serde_json::Value::Null, |root| root.to_json())
    }
}

impl Value<'_> {
    /// The shape of the value: names, kinds and lengths, never what it is.
    pub fn shape(self) -> Shape {
        self.shape_at(0)
    }

    fn shape_at(&self, depth: u32) -> Shape {
        if depth == SHAPE_DEPTH {
            return Shape::Cut;
        }
        match self.kind() {
            Kind::Null => Shape::Null,
            Kind::Bool(_) => Shape::Bool,
            Kind::Integer => Shape::Integer(self.as_i64().map_or(Magnitude::huge(), Magnitude::of)),
            Kind::Number => Shape::Number,
            Kind::String | Kind::Attribute => {
                text_shape(self.name().unwrap_or_default(), self.as_str().unwrap_or_default())
            }
            Kind::Binary => Shape::Cut,
            Kind::Array => self.array_shape(depth),
            Kind::Element if self.is_text_alone() => {
                text_shape(self.name().unwrap_or_default(), &self.element_text().unwrap_or_default())
            }
            Kind::Object | Kind::Element => Shape::Object(
                self.children()
                    .take(SHAPE_FIELDS)
                    .map(|child| (field_name(child.name().unwrap_or_default()), child.shape_at(depth + 1)))
                    .collect(),
            ),
        }
    }

    /// Whether it is an element with neither attributes nor elements.
    fn is_text_alone(&self) -> bool {
        self.children().all(|child| child.kind() == Kind::String)
    }

    fn array_shape(&self, depth: u32) -> Shape {
        let mut items: Vec<Shape> = Vec::new();
        for child in self.children().take(ITEMS_READ) {
            let shape = child.shape_at(depth + 1);
            if !items.contains(&shape) {
                if items.len() == SHAPE_ITEMS {
                    break;
                }
                items.push(shape);
            }
        }
        Shape::Array { length: self.children().count() as u32, items }
    }

    /// The value as JSON: binary values are `null`, of duplicate names the last one counts.
    pub fn to_json(&self) -> serde_json::Value {
        match self.kind() {
            Kind::Null | Kind::Binary => serde_json::Value::Null,
            Kind::Bool(value) => value.into(),
            Kind::Integer | Kind::Number => self.number_json(),
            Kind::String | Kind::Attribute => self.as_str().unwrap_or_default().into(),
            Kind::Array => self.children().map(|child| child.to_json()).collect(),
            Kind::Element if self.is_text_alone() => self.element_text().unwrap_or_default().into(),
            Kind::Object | Kind::Element => self
                .children()
                .map(|child| (child.name().unwrap_or_default().to_owned(), child.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    fn number_json(&self) -> serde_json::Value {
        let unsigned = || self.as_str().and_then(|text| text.parse::<u64>().ok());
        if self.kind() == Kind::Integer
            && let Some(number) =
                self.as_i64().map(serde_json::Number::from).or_else(|| unsigned().map(Into::into))
        {
            return number.into();
        }
        self.as_f64().and_then(serde_json::Number::from_f64).map_or(serde_json::Value::Null, Into::into)
    }
}

/// The shape of a text in a field or parameter of this name.
pub fn text_shape(name: &str, text: &str) -> Shape {
    let word = telling(name, text).then(|| SmolStr::new(text));
    let kind = if text.len() > LONGEST { SegmentKind::Opaque } else { classify(text) };
    Shape::String { length: text.chars().count() as u32, kind, word }
}

/// A name, cut at a character's end if it is long: names can be data too.
fn field_name(name: &str) -> SmolStr {
    SmolStr::new(name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or_default())
}
