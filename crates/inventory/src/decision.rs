//! What people decided about templates: that words at a place are values, or that one of them is a name.
//!
//! Invariants: of two decisions on one thing the later stands, in whatever order they come; a decision is never undone by
//! evidence. Who may decide is not known here.

use std::collections::BTreeMap;

use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::template::Slot;
use crate::watching::Watching;

/// What a decision is about: words behind a beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The template in front, parameters without their names: `/users/{}/teams`.
    pub behind: SmolStr,
    /// The word; none for all that stand there and are not decided upon by themselves.
    pub word: Option<SmolStr>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It is a value of a parameter: operations are merged.
    Value,
    /// It is a name: an operation of its own is split off.
    Name,
}

/// Anything a person decides about what was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// What the last part of a template is.
    Template(Spot, Ruling),
    /// Whether one wants to hear of an operation.
    Watch(OperationId, Watching),
}

/// Every decision on a site's templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decisions(BTreeMap<Spot, (Timestamp, Ruling)>);

impl Spot {
    /// The last part of a template: `/users/{userId}` is all words behind `/users`, `/users/online` that word alone.
    pub fn of(template: &str) -> Option<Self> {
        let (behind, last) = template.rsplit_once('/')?;
        let word = (!last.starts_with('{')).then(|| SmolStr::new(last));
        Some(Self { behind: shape(behind).into(), word })
    }
}

impl Decisions {
    /// Adds a decision.
    pub(crate) fn decide(&mut self, spot: Spot, ruling: Ruling, at: Timestamp) {
        let known = self.0.entry(spot).or_insert((at, ruling));
        *known = (*known).max((at, ruling));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (spot, (at, ruling)) in other.0 {
            self.decide(spot, ruling, at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is decided, and when it was.
    pub fn iter(&self) -> impl Iterator<Item = (&Spot, Ruling, Timestamp)> {
        self.0.iter().map(|(spot, (at, ruling))| (spot, *ruling, *at))
    }

    /// What is decided of a word behind some slots: of itself, else of all that stand there.
    pub(crate) fn on(&self, behind: &[Slot], word: &str) -> Option<Ruling> {
        if self.is_empty() {
            return None;
        }
        let behind = written(behind);
        let found = [Some(SmolStr::new(word)), None].into_iter().find_map(|word| {
            let spot = Spot { behind: behind.clone(), word };
            self.0.get(&spot)
        });
        found.map(|(_, ruling)| *ruling)
    }
}

fn written(slots: &[Slot]) -> SmolStr {
    let mut text = String::new();
    for slot in slots {
        text.push('/');
        match slot {
            Slot::Name(name) => text.push_str(name),
            Slot::Value(format) => text.extend(["{}", format]),
        }
    }
    text.into()
}

/// A template without its parameters' names.
pub(crate) fn shape(path: &str) -> String {
    let mut pieces = path.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + "{}" + piece.split_once('}').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_the_last_part_of_a_template() {
        let check = |template: &str, behind: &str, word: Option<&str>| {
            let wanted = Spot { behind: behind.into(), word: word.map(SmolStr::new) };
            assert_eq!(Spot::of(template), Some(wanted), "{template}");
        };
        check("/users/{userId}", "/users", None);
        check("/users/{userId}/teams/online", "/users/{}/teams", Some("online"));
        check("/users", "", Some("users"));
        assert_eq!(Spot::of("users"), None);
    }

    #[test]
    fn the_later_decision_stands_in_any_order() {
        let spot = || Spot::of("/users/online").expect("a spot");
        let at = Timestamp::from_secs;
        let mut one = Decisions::default();
        one.decide(spot(), Ruling::Value, at(5));
        one.decide(spot(), Ruling::Name, at(3));
        let mut other = Decisions::default();
        other.decide(spot(), Ruling::Name, at(3));
        other.decide(spot(), Ruling::Value, at(5));
        assert_eq!(one, other);
        assert_eq!(one.on(&[Slot::Name("users".into())], "online"), Some(Ruling::Value));
        assert_eq!(one.on(&[Slot::Name("users".into())], "offline"), None);
    }
}
