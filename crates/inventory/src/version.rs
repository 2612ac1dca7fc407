//! Versions of one operation: templates that differ in the part that names a version, `/v1` and `/v2`, and versions named
//! in fields and media types.
//!
//! Invariants: a pure function of the operations; only versions of one form are compared, numbers with numbers and days
//! with days.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use portcullis_model::Timestamp;
use portcullis_model::version::NamedVersion;
use serde::Serialize;
use smol_str::SmolStr;

use crate::inventory::Operation;
use crate::lexicon::is_version;
use crate::named_versions::VersionFacts;
use crate::standing::{DAY_SECONDS, QUIET_DAYS, Standing};
use crate::template::Slot;

/// A method and the parts of a template without the one that names a version.
type Unversioned<'a> = (&'a str, Vec<Part<'a>>);

/// A part of a template without its parameter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Name(&'a str),
    Value(&'a str),
}

/// Where a version is named.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Path(usize),
    Beside(NamedVersion),
}

/// A version of an operation that is called.
struct Known<'a> {
    version: SmolStr,
    /// Where it is named: at a place of the path, or beside it.
    place: Place,
    operation: &'a Operation,
    first: Option<Timestamp>,
}

/// Versions that are called, by what their operations are apart from them.
pub(crate) struct Versions<'a>(BTreeMap<Unversioned<'a>, Vec<Known<'a>>>);

/// A version that is newer than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newer {
    /// Since when it is called.
    pub(crate) since: Option<Timestamp>,
    /// As a sentence.
    pub(crate) why: String,
}

/// What is to be said of a version that is named in fields and media types.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionAssessment {
    /// The version, and where it is named.
    pub named: NamedVersion,
    /// *Zombie* where a newer one is called as well; else none.
    pub standing: Option<Standing>,
    /// Since when, where that can be said.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: Option<String>,
}

impl<'a> Versions<'a> {
    pub(crate) fn of(operations: &'a [Operation]) -> Self {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for operation in operations {
            let (in_path, parts) = split(operation.slots());
            let of_method = all.entry((operation.method.as_str(), parts)).or_default();
            of_method.extend(in_path.map(|(at, version)| Known {
                version: version.into(),
                place: Place::Path(at),
                operation,
                first: operation.facts.seen.map(|(first, _)| first),
            }));
            let named = operation.facts.versions.all().into_iter();
            of_method.extend(named.map(|(named, facts)| Known {
                version: named.version.clone(),
                place: Place::Beside(named.clone()),
                operation,
                first: facts.seen.map(|(first, _)| first),
            }));
        }
        Self(all)
    }

    /// The newest other version of an operation whose path names one.
    pub(crate) fn newer(&self, operation: &Operation) -> Option<Newer> {
        let (at, version) = split(operation.slots()).0?;
        let beside = |known: &Known<'_>| match known.place {
            Place::Path(other) => other == at,
            Place::Beside(_) => true,
        };
        self.newest(operation, version, |known| known.operation.id != operation.id && beside(known))
    }

    /// Every version named of an operation beside its path, and whether newer ones are called.
    pub(crate) fn assess(&self, operation: &Operation, now: Timestamp) -> Vec<VersionAssessment> {
        // Where the path names one as well, what fields say is a version of that.
        let is_versioned = split(operation.slots()).0.is_some();
        let beside = |known: &Known<'_>| known.operation.id == operation.id || !is_versioned;
        let all = operation.facts.versions.all().into_iter();
        let assessed = all.map(|(named, facts)| {
            let newer = self.newest(operation, &named.version, beside).filter(|_| !is_quiet(&facts, now));
            VersionAssessment {
                named: named.clone(),
                standing: newer.as_ref().map(|_| Standing::Zombie),
                since: newer.as_ref().and_then(|newer| newer.since),
                why: newer.map(|newer| newer.why),
            }
        });
        assessed.collect()
    }

    fn newest(
        &self,
        operation: &Operation,
        version: &str,
        is_meant: impl Fn(&Known<'_>) -> bool,
    ) -> Option<Newer> {
        let beside = self.0.get(&(operation.method.as_str(), split(operation.slots()).1))?;
        let newer = beside.iter().filter(|known| is_meant(known));
        let newer = newer.filter(|known| compare(&known.version, version) == Some(Ordering::Greater));
        // All are of the form of the one they are newer than.
        let newest =
            newer.max_by(|one, other| compare(&one.version, &other.version).unwrap_or(Ordering::Equal))?;
        let Operation { method, path, .. } = newest.operation;
        let why = match &newest.place {
            Place::Beside(named) if newest.operation.id == operation.id => {
                format!("{named} is called as well and is newer")
            }
            Place::Beside(named) => format!("{method} {path}, {named}, is called as well and is newer"),
            Place::Path(_) => format!("{method} {path} is called as well and is newer"),
        };
        Some(Newer { since: newest.first, why })
    }
}

fn is_quiet(facts: &VersionFacts, now: Timestamp) -> bool {
    let last = facts.seen.map(|(_, last)| last);
    last.is_none_or(|last| now.as_secs() - last.as_secs() > QUIET_DAYS * DAY_SECONDS)
}

/// The version a template names.
pub(crate) fn named(path: &str) -> Option<&str> {
    path.split('/').find(|part| part.starts_with(['v', 'V']) && is_version(part))
}

/// The first part that names a version, with its place, and all others.
fn split(slots: &[Slot]) -> (Option<(usize, &str)>, Vec<Part<'_>>) {
    let is_named = |name: &SmolStr| name.starts_with(['v', 'V']) && is_version(name);
    let at = slots.iter().position(|slot| matches!(slot, Slot::Name(name) if is_named(name)));
    let version = at.and_then(|at| match slots.get(at)? {
        Slot::Name(version) => Some((at, version.as_str())),
        Slot::Value(_) => None,
    });
    let others = slots.iter().enumerate().filter(|(place, _)| Some(*place) != at);
    let parts = others.map(|(_, slot)| match slot {
        Slot::Name(name) => Part::Name(name),
        Slot::Value(format) => Part::Value(format),
    });
    (version, parts.collect())
}

/// Which of two is newer, if that can be said: days by the calendar; numbers, then what is not finished before what is:
/// `v1`, `v2alpha1`, `v2beta1`, `v2`, `v2.1`, `v10`.
pub(crate) fn compare(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (Form::of(one), Form::of(other));
    let is_day = |form: &Form| matches!(form, Form::Day(..));
    (is_day(&one) == is_day(&other)).then(|| one.cmp(&other))
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// The numbers of a day, whether it is finished, and its stage.
    Day([u32; 3], bool, String),
    /// The same of a number.
    Number([u32; 3], bool, String),
}

impl Form {
    fn of(version: &str) -> Self {
        let bare = version.trim_start_matches(['v', 'V']).to_ascii_lowercase();
        let stage_at = bare.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(bare.len());
        let (numbers, stage) = bare.split_at(stage_at);
        let numbers = numbers.trim_end_matches('-');
        let padded = |mark: char| {
            let mut parts = numbers.split(mark).map(|part| part.parse().unwrap_or(0));
            [0; 3].map(|none: u32| parts.next().unwrap_or(none))
        };
        if numbers.contains('-') {
            Self::Day(padded('-'), stage.is_empty(), stage.to_owned())
        } else {
            Self::Number(padded('.'), stage.is_empty(), stage.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let numbers = ["v0", "v1", "v1.1", "v2alpha1", "v2-beta1", "v2", "2.1", "v10"];
        let days = ["2024-02-28", "2024-11-01-preview", "2024-11-01", "2026-01-31"];
        for pair in numbers.windows(2).chain(days.windows(2)) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
        assert_eq!(compare("V1", "v1.0"), Some(Ordering::Equal));
        assert_eq!(compare("2", "2026-01-31"), None, "nobody can tell");
    }
}
