//! What changed between two versions of a contract, and what of it breaks clients.
//!
//! A change breaks where a request that was right would be wrong now, or where a response may be what none was before:
//! requests may only be allowed more, responses may only promise more. Invariants: operations are the same where method and
//! the path's shape are, whatever its parameters are called; equal documents have no changes; the order in documents does
//! not matter. Bounds of responses (`maxLength`, …) are not compared.

mod calls;
mod compare;
mod facts;
mod operations;

use std::collections::BTreeMap;

use portcullis_document::{Place, Problem, Sources};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::load::library::Library;
use crate::load::outline::{Call, Outline};
use crate::load::roots::{self, Roots};

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// Whether clients break.
    pub impact: Impact,
    /// The operation, as the newer version names it: `GET /orders/{orderId}`.
    pub operation: String,
    /// What of the operation: `query.limit`, `body.items[].price`, `response.200.body.total`; empty if all of it.
    pub subject: String,
    /// What happened, in words.
    pub what: String,
    /// Where it stands in the newer version, or stood in the older one.
    pub place: Place,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is to be used no more.
    Deprecated,
    /// It is another.
    Changed,
}

impl ChangeKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Deprecated => "deprecated",
            Self::Changed => "changed",
        }
    }
}

/// What a change does to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// What worked goes on working.
    Compatible,
    /// Something that worked does not work any more.
    Breaking,
}

impl Impact {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Breaking => "breaking",
        }
    }
}

/// What two versions differ in.
#[derive(Clone, Debug, Default)]
pub struct Diffed {
    /// By operation, then by place.
    pub changes: Vec<Change>,
    /// What could not be read of either.
    pub problems: Vec<Problem>,
}

impl Diffed {
    /// Whether anything breaks clients.
    pub fn breaks(&self) -> bool {
        self.changes.iter().any(|change| change.impact == Impact::Breaking)
    }
}

impl Change {
    /// The change for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.as_str(),
            "impact": self.impact.as_str(),
            "operation": self.operation,
            "subject": Some(&self.subject).filter(|subject| !subject.is_empty()),
            "what": self.what,
            "document": self.place.file().name(),
            "line": self.place.line(),
            "column": self.place.column(),
        })
    }
}

/// Compares the documents at `old`, with all they refer to, with those at `new`.
pub fn diff(old: &[&str], new: &[&str], sources: &dyn Sources) -> Diffed {
    let mut problems = Vec::new();
    let [old, new] = [old, new].map(|named| roots::expand(named, sources, &mut problems));
    let [before, after] = [&old, &new].map(|roots| Library::read(&roots.paths(), sources, &mut problems));
    let (older, newer) = (Version::of(&before, &old), Version::of(&after, &new));
    let mut changes = Vec::new();
    for (key, call) in &newer.calls {
        match older.calls.get(key) {
            Some(known) => operations::compare((&before, known), (&after, call), &mut changes),
            None => changes.push(operations::added(call)),
        }
    }
    let gone = older.calls.iter().filter(|(key, _)| !newer.calls.contains_key(*key));
    changes.extend(gone.map(|(_, call)| operations::removed(call)));
    let of_path = |change: &Change| {
        let (method, path) = change.operation.split_once(' ').unwrap_or_default();
        (path.to_owned(), method.to_owned())
    };
    changes.sort_by_cached_key(|change| (of_path(change), change.subject.clone(), change.kind));
    Diffed { changes, problems }
}

/// The operations of one version by method and shape; of the same one twice the first.
struct Version<'l> {
    calls: BTreeMap<(String, SmolStr), Call<'l>>,
}

impl<'l> Version<'l> {
    fn of(library: &'l Library, roots: &Roots) -> Self {
        let mut calls = BTreeMap::new();
        for root in roots.documents(library) {
            for call in Outline::of(library, root).calls {
                calls.entry((call.method.clone(), call.shape.clone())).or_insert(call);
            }
        }
        Self { calls }
    }
}

#[cfg(test)]
mod tests;
