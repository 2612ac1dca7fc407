//! Decoding of lists, options and maps from names, over whatever they hold.

use std::sync::Arc;

use portcullis_document::{Key, Node, Place, Problem, Value};
use smol_str::SmolStr;

use super::{Decode, Reading, decode_entry};
use crate::table::{Absent, Kind, Named};

impl<T: Decode> Decode for Option<T> {
    const KIND: Kind = Kind::Optional(&T::KIND);
    const ABSENT: Absent = Absent::Nothing;

    fn absent() -> Option<Self> {
        Some(None)
    }

    /// `off` and nothing written mean none.
    fn decode(node: &Node, base: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.is_null() || node.as_str() == Some("off") {
            return Some(None);
        }
        T::decode(node, base.and_then(Option::as_ref), reading).map(Some)
    }
}

/// Those that could be decoded: the others have a problem each, and what follows looks at the rest.
fn each<T: Decode>(items: &[Node], reading: &mut Reading) -> Vec<T> {
    items.iter().filter_map(|item| T::decode(item, None, reading)).collect()
}

/// One, or a list of them.
impl<T: Decode> Decode for Vec<T> {
    const KIND: Kind = Kind::OneOrMany(&T::KIND);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(each(items, reading)),
            Value::Null => Some(Self::new()),
            _ => T::decode(node, None, reading).map(|one| vec![one]),
        }
    }
}

/// A list; what inherits it shares it.
impl<T: Decode> Decode for Arc<[T]> {
    const KIND: Kind = Kind::List(&T::KIND);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(each(items, reading).into()),
            Value::Null => Some(Self::from([])),
            _ => reading.wrong_kind(node, "a list", "begin each item with `- `"),
        }
    }
}

/// Something a map's key names.
pub(crate) trait TakesName: Decode {
    /// What the name names, e.g. `site`.
    const WHAT: &'static str;
    /// Its table entry.
    const NAMED: Named = Named { what: Self::WHAT, kind: Self::KIND };

    /// Gives it its name.
    fn named(self, name: SmolStr) -> Self;
}

/// A map from names, in the order written.
#[derive(Clone, Debug)]
pub struct ByName<T>(pub Vec<T>);

impl<T> std::ops::Deref for ByName<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a ByName<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: TakesName> Decode for ByName<T> {
    const KIND: Kind = Kind::Named(&T::NAMED);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let what = T::WHAT;
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return Some(Self(Vec::new()));
            }
            return reading.wrong_kind(node, &format!("a map from each {what}'s name to its keys"), "");
        };
        let decoded = entries.iter().filter_map(|entry| {
            let name = check_name(&entry.key, what, reading);
            Some(decode_entry::<T>(entry, None, None, reading)?.named(name?))
        });
        Some(Self(decoded.collect()))
    }
}

/// Names appear in tags, metrics and commands: letters, digits, `-`, `_` and `.`, not more than 64.
fn check_name(key: &Key, what: &str, reading: &mut Reading) -> Option<SmolStr> {
    name_fits(&key.text, &key.place, what, reading).then(|| key.text.as_str().into())
}

/// The `name` of a rule or limit, where one is given, must fit too.
pub(crate) fn check_label(node: &Node, what: &str, reading: &mut Reading) -> Option<()> {
    let Some(name) = node.get("name") else { return Some(()) };
    name_fits(name.place.text().trim_matches(['"', '\'']), &name.place, what, reading).then_some(())
}

fn name_fits(text: &str, place: &Place, what: &str, reading: &mut Reading) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !text.is_empty() && text.len() <= 64 && text.chars().all(allowed);
    if !fits {
        let message = format!("`{}` cannot name a {what}", text.escape_debug());
        let problem = Problem::error("policy.bad_name", message).at(place);
        reading.problems.push(problem.remedy("use letters, digits, `-`, `_` and `.`; at most 64 of them"));
    }
    fits
}
