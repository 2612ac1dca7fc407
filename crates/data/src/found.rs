//! What was found in an exchange: classes by field, bounded.
//!
//! Invariants: at most [`MOST`] different findings are kept, what is beyond is counted as cut; names of fields that are
//! data themselves are told as `*`.

use portcullis_model::data_class::{Confidence, DataPlace, FieldData};
use portcullis_wire::body::{Kind, Tree, Value};
use smol_str::SmolStr;

use crate::classes::Classes;
use crate::name::Hint;
use crate::scan::{Written, classify};

/// Different fields and classes kept of one exchange.
const MOST: usize = 64;
/// The deepest nesting that is looked at.
const DEEPEST: usize = 64;
/// The longest field path kept, in bytes.
const LONGEST_FIELD: usize = 256;

/// Classes by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    fields: Vec<FieldData>,
    is_cut: bool,
}

impl Found {
    /// Looks over every value of a body.
    pub fn look_over(&mut self, place: DataPlace, tree: &Tree) {
        if let Some(root) = tree.root() {
            let mut path = Vec::with_capacity(8);
            self.visit(place, root, Hint::default(), &mut path);
        }
    }

    /// Looks at one value with its name: a parameter of a query, a field of a form.
    pub fn look_at(&mut self, place: DataPlace, name: &str, value: &str) {
        let classes = classify(Hint::of(name), Written::Text, value);
        self.take(place, &[Step::Name(name)], classes);
    }

    /// What was found, as it was met.
    pub fn fields(&self) -> &[FieldData] {
        &self.fields
    }

    /// What was found, given away.
    pub fn into_fields(self) -> Vec<FieldData> {
        self.fields
    }

    /// Whether more was found than is kept.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn visit<'a>(&mut self, place: DataPlace, value: Value<'a>, hint: Hint, path: &mut Vec<Step<'a>>) {
        match value.kind() {
            Kind::String | Kind::Attribute => self.weigh(place, value, hint, Written::Text, path),
            Kind::Integer | Kind::Number => self.weigh(place, value, hint, Written::Number, path),
            Kind::Array | Kind::Object | Kind::Element if path.len() < DEEPEST => {
                let in_array = value.kind() == Kind::Array;
                for child in value.children() {
                    let (step, hint) = match child.name() {
                        Some(name) if !in_array => (Some(Step::Name(name)), Hint::of(name)),
                        // An item is called as its list is, a text as its element.
                        _ => (in_array.then_some(Step::Item), hint),
                    };
                    path.extend(step);
                    self.visit(place, child, hint, path);
                    path.truncate(path.len() - usize::from(step.is_some()));
                }
            }
            _ => {}
        }
    }

    fn weigh(&mut self, place: DataPlace, value: Value<'_>, hint: Hint, written: Written, path: &[Step<'_>]) {
        let Some(text) = value.as_str() else { return };
        self.take(place, path, classify(hint, written, text));
    }

    fn take(&mut self, place: DataPlace, path: &[Step<'_>], classes: Classes) {
        if classes.is_empty() {
            return;
        }
        let field = written(path);
        for (class, confidence) in classes.iter() {
            let known =
                |seen: &&mut FieldData| seen.place == place && seen.class == class && seen.field == field;
            if let Some(seen) = self.fields.iter_mut().find(known) {
                seen.count += 1;
                seen.confidence = seen.confidence.max(confidence);
            } else if self.fields.len() < MOST {
                self.fields.push(FieldData { place, field: field.clone(), class, confidence, count: 1 });
            } else {
                self.is_cut = true;
            }
        }
    }
}

/// A step from a value to one in it.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Name(&'a str),
    Item,
}

/// `customers[].contact.email`.
fn written(path: &[Step<'_>]) -> SmolStr {
    let mut field = String::new();
    for step in path {
        match step {
            Step::Item => field.push_str("[]"),
            Step::Name(name) => {
                if !field.is_empty() {
                    field.push('.');
                }
                field.push_str(if is_data(name) { "*" } else { name });
            }
        }
    }
    field.truncate(field.floor_char_boundary(LONGEST_FIELD));
    SmolStr::new(field)
}

/// Whether a name is a value itself, as in lists by e-mail address.
fn is_data(name: &str) -> bool {
    classify(Hint::default(), Written::Text, name)
        .iter()
        .any(|(_, confidence)| confidence > Confidence::Named)
}
