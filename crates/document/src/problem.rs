//! Problems: what is wrong with a document, where, and what would be right.

use serde_json::json;

use crate::place::Place;

/// Whether a document can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can, but probably does not mean what its author meant.
    Warning,
    /// It cannot.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong. Its text may quote the document, never a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, `area.what`, e.g. `policy.unknown_key`.
    pub code: &'static str,
    /// What is wrong: one sentence without a full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// A few words shown at the place.
    pub label: Option<Box<str>>,
    /// Other places that explain it, each with a few words.
    pub also: Vec<(Place, String)>,
    /// What would be right.
    pub remedy: Option<Box<str>>,
    /// Whether the place holds what must not be shown, such as a secret; excerpts hide it.
    pub conceals: bool,
}

impl Problem {
    /// Something that makes the document unusable.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            label: None,
            also: Vec::new(),
            remedy: None,
            conceals: false,
        }
    }

    /// Something that is probably not meant.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same, at that place.
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// The same, with a few words shown at its place.
    pub fn label(mut self, text: impl Into<Box<str>>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// The same, explained by another place.
    pub fn also(mut self, place: &Place, text: impl Into<String>) -> Self {
        self.also.push((place.clone(), text.into()));
        self
    }

    /// The same, with what would be right.
    pub fn remedy(mut self, text: impl Into<Box<str>>) -> Self {
        self.remedy = Some(text.into());
        self
    }

    /// The same, its place hidden wherever an excerpt shows it.
    pub fn concealed(mut self) -> Self {
        self.conceals = true;
        self
    }

    /// The problem for programs: `severity`, `code`, `message`, and where known `file`, `line`, `column`,
    /// `label`, `remedy` and `also`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut out =
            json!({ "severity": self.severity.as_str(), "code": self.code, "message": self.message });
        let Some(fields) = out.as_object_mut() else { return out };
        if let Some(place) = &self.place {
            fields.extend(place_json(place));
        }
        for (name, text) in [("label", &self.label), ("remedy", &self.remedy)] {
            fields.extend(text.iter().map(|text| (name.to_owned(), json!(text))));
        }
        if !self.also.is_empty() {
            let others = self.also.iter().map(|(place, text)| {
                let mut other = place_json(place);
                other.insert("label".to_owned(), json!(text));
                serde_json::Value::Object(other)
            });
            fields.insert("also".to_owned(), others.collect());
        }
        out
    }
}

fn place_json(place: &Place) -> serde_json::Map<String, serde_json::Value> {
    let (line, column) = (place.line(), place.column());
    [("file", json!(place.file().name())), ("line", json!(line)), ("column", json!(column))]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// One line: `file:line:column: error: message`.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.severity.as_str(), self.message)
    }
}
