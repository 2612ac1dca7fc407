//! What is risky about a document though it can be read: operations that anybody may call, input without bounds,
//! credentials where they leak.
//!
//! Invariants: every flaw has a place, a JSON pointer and a rule; every rule says why it matters and how to mend it; a
//! schema that is used in many places is told once. Deliberately absent: what is done about a flaw.

mod operations;
mod pointers;
mod rules;
mod schemas;

use std::fmt::Write as _;

use hashbrown::HashSet;
use portcullis_document::{Node, Place, Problem, Sources};
pub use portcullis_model::finding::Severity as Level;
use serde_json::{Value, json};

use crate::load::library::{Library, Located};
use crate::load::outline::Outline;
use crate::load::roots;
pub use rules::{RULES, Rule};

/// Flaws told of one contract.
const MOST: usize = 20_000;

/// One flaw.
#[derive(Clone, Debug)]
pub struct Flaw {
    /// What it goes against.
    pub rule: &'static Rule,
    /// Where.
    pub place: Place,
    /// The same as a JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    /// What it is about: `GET /orders`, `query.limit of GET /orders`.
    pub subject: String,
}

/// What was found in a contract.
#[derive(Clone, Debug, Default)]
pub struct Linted {
    /// Flaws, the gravest first, then by rule and place.
    pub flaws: Vec<Flaw>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Looks for flaws in the documents at `roots` and in all they refer to.
pub fn lint(roots: &[&str], sources: &dyn Sources) -> Linted {
    let mut problems = Vec::new();
    let found = roots::expand(roots, sources, &mut problems);
    let library = Library::read(&found.paths(), sources, &mut problems);
    let mut linter = Linter::default();
    for root in found.documents(&library) {
        linter.read(&library, &Outline::of(&library, root));
    }
    let mut flaws = pointers::settle(&library, linter.raised);
    flaws.sort_by_cached_key(|flaw| {
        let order = RULES.iter().position(|rule| rule.id == flaw.rule.id);
        let place = (flaw.place.file().name().to_owned(), flaw.place.span().start);
        (std::cmp::Reverse(flaw.rule.level), order, place)
    });
    Linted { flaws, problems }
}

impl Flaw {
    /// The flaw for programs; why it matters and how to mend it is [`Rule::to_json`]'s.
    pub fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.id,
            "level": self.rule.level,
            "subject": self.subject,
            "document": self.place.file().name(),
            "pointer": self.pointer,
            "line": self.place.line(),
            "column": self.place.column(),
        })
    }
}

impl Rule {
    /// The rule for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "rule": self.id,
            "level": self.level,
            "title": self.title,
            "why": self.why,
            "mend": self.mend,
        })
    }
}

/// The page of every rule.
pub fn reference() -> String {
    let mut page = String::from(include_str!("lint/reference.md"));
    for rule in RULES {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n### `{}` ({})\n\n{}. {} {}\n",
            rule.id,
            rule.level.as_str(),
            rule.title,
            rule.why,
            rule.mend
        );
    }
    page
}

/// A flaw whose pointer is not known yet.
struct Raised<'l> {
    rule: &'static Rule,
    at: Located<'l>,
    subject: String,
}

/// Flaws gathered so far.
#[derive(Default)]
struct Linter<'l> {
    raised: Vec<Raised<'l>>,
    told: HashSet<(&'static str, *const Node)>,
    visited: HashSet<(*const Node, schemas::Sent)>,
}

impl<'l> Linter<'l> {
    /// Adds a flaw; one of a rule and place.
    fn raise(&mut self, rule: &'static Rule, at: Located<'l>, subject: impl Into<String>) {
        if self.raised.len() < MOST && self.told.insert((rule.id, std::ptr::from_ref(at.node))) {
            self.raised.push(Raised { rule, at, subject: subject.into() });
        }
    }
}

#[cfg(test)]
mod tests;
