//! Versions of one operation: templates that differ in the part that names a version, `/v1` and `/v2`.
//!
//! Invariant: a pure function of the operations. Knows nothing of versions in header fields or media types.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::inventory::Operation;
use crate::lexicon::is_version;
use crate::template::Slot;

/// A method and the parts of a template.
type Unversioned<'a> = (&'a str, Vec<Part<'a>>);

/// Operations, each with its version, by what they are apart from it.
pub(crate) struct Versions<'a>(BTreeMap<Unversioned<'a>, Vec<(&'a str, &'a Operation)>>);

/// A part of a template without its version and its parameters' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Name(&'a str),
    Value(&'a str),
    Version,
}

impl<'a> Versions<'a> {
    pub(crate) fn of(operations: &'a [Operation]) -> Self {
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for operation in operations {
            if let Some((version, parts)) = split(operation.slots()) {
                known.entry((operation.method.as_str(), parts)).or_default().push((version, operation));
            }
        }
        Self(known)
    }

    /// The newest version of an operation, if it is another.
    pub(crate) fn newer(&self, operation: &Operation) -> Option<&'a Operation> {
        let (version, parts) = split(operation.slots())?;
        let beside = self.0.get(&(operation.method.as_str(), parts))?;
        let newer = beside.iter().filter(|(other, _)| compare(other, version) == Ordering::Greater);
        newer.max_by(|(one, _), (other, _)| compare(one, other)).map(|(_, operation)| *operation)
    }
}

/// The version a template names.
pub(crate) fn named(path: &str) -> Option<&str> {
    path.split('/').find(|part| part.starts_with(['v', 'V']) && is_version(part))
}

/// The first part that names a version, and all parts.
fn split(slots: &[Slot]) -> Option<(&str, Vec<Part<'_>>)> {
    let is_named = |name: &SmolStr| name.starts_with(['v', 'V']) && is_version(name);
    let at = slots.iter().position(|slot| matches!(slot, Slot::Name(name) if is_named(name)))?;
    let Some(Slot::Name(version)) = slots.get(at) else { return None };
    let parts = slots.iter().enumerate().map(|(place, slot)| match slot {
        _ if place == at => Part::Version,
        Slot::Name(name) => Part::Name(name),
        Slot::Value(format) => Part::Value(format),
    });
    Some((version, parts.collect()))
}

/// By number, then what is not finished before what is: `v1`, `v2alpha1`, `v2beta1`, `v2`, `v2.1`, `v10`.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| {
        let bare = version.trim_start_matches(['v', 'V']).to_ascii_lowercase();
        let stage_at =
            bare.find(|letter: char| letter.is_ascii_alphabetic() || letter == '-').unwrap_or(bare.len());
        let (numbers, stage) = bare.split_at(stage_at);
        let numbers: Vec<u32> = numbers.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        let padded = [0, 1, 2].map(|at| numbers.get(at).copied().unwrap_or(0));
        (padded, stage.is_empty(), stage.to_owned())
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let order = ["v0", "v1", "v1.1", "v2alpha1", "v2beta1", "v2", "v2.1", "v10"];
        for pair in order.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(compare("V1", "v1.0"), Ordering::Equal);
    }
}
