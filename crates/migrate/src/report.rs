//! What became of each part of the source: notes, the ones that matter most first.
//!
//! Invariant: a note names directives and files, never the value of a secret.

use portcullis_document::Place;
use serde_json::{Value, json};

/// What became of a part, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It could not be carried over and protects or answers: the paths it stood on are refused now.
    Refused,
    /// It could not be carried over.
    Lost,
    /// It does nearly the same.
    Approximated,
    /// It does the same.
    Carried,
}

impl Outcome {
    /// A word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Approximated => "approximated",
            Self::Carried => "carried",
        }
    }

    /// A heading for people.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Refused => "Could not be carried over; refused until you decide",
            Self::Lost => "Not carried over",
            Self::Approximated => "Approximated",
            Self::Carried => "Carried over",
        }
    }
}

/// What became of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What became of it.
    pub outcome: Outcome,
    /// Where the source says it.
    pub place: Place,
    /// The part: a directive's name, without values that could be secret.
    pub what: String,
    /// What it became, or why it did not.
    pub became: String,
    /// What to do by hand, if anything.
    pub todo: Option<String>,
}

impl Note {
    /// The note for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "outcome": self.outcome.as_str(),
            "file": self.place.file().name(),
            "line": self.place.line(),
            "what": self.what,
            "became": self.became,
            "todo": self.todo,
        })
    }
}

/// `file:line:`, what, and what it became.
impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (file, line) = (self.place.file().name(), self.place.line());
        write!(f, "{file}:{line}: {}: {}", self.what, self.became)?;
        match &self.todo {
            Some(todo) => write!(f, "\n    by hand: {todo}"),
            None => Ok(()),
        }
    }
}

/// Notes being taken.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) notes: Vec<Note>,
}

impl Report {
    fn add(&mut self, outcome: Outcome, place: &Place, what: &str, became: &str, todo: Option<&str>) {
        let (what, became) = (what.to_owned(), became.to_owned());
        let note = Note { outcome, place: place.clone(), what, became, todo: todo.map(str::to_owned) };
        // A part that several servers inherit is told once.
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(crate) fn refused(&mut self, place: &Place, what: &str, became: &str, todo: &str) {
        self.add(Outcome::Refused, place, what, became, Some(todo));
    }

    pub(crate) fn lost(&mut self, place: &Place, what: &str, became: &str, todo: &str) {
        self.add(Outcome::Lost, place, what, became, Some(todo));
    }

    pub(crate) fn approximated(&mut self, place: &Place, what: &str, became: &str) {
        self.add(Outcome::Approximated, place, what, became, None);
    }

    pub(crate) fn carried(&mut self, place: &Place, what: &str, became: &str) {
        self.add(Outcome::Carried, place, what, became, None);
    }
}
