//! From a file's text to its marked tree, under bounds, going on after mistakes where that is possible.
//!
//! JSON has a reader of its own beside YAML's: it takes tabs and long keys as JSON does, and is three times as fast
//! (1.6 MB of OpenAPI in 57 ms against 173 ms, two busy cores, by `cargo bench -p portcullis-document`).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::node::{Entry, Node};
use crate::place::{Place, SourceFile};
use crate::problem::{Problem, Severity};
use crate::sources::Sources;
use crate::{json, yaml};

/// How deep lists and maps may nest.
pub const MAX_DEPTH: usize = 128;
/// How many values one document may have.
pub const MAX_NODES: usize = 4_000_000;
/// How many of them may come from aliases; each use of an alias counts all it stands for.
pub const MAX_ALIASED: usize = 200_000;
/// How large a document may be.
pub const MAX_BYTES: usize = 64 << 20;

/// What was read, and what was wrong with it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The tree; with mistakes, as much of it as makes sense. Absent where the syntax broke down.
    pub root: Option<Node>,
    /// What is wrong, in the order met.
    pub problems: Vec<Problem>,
}

/// Reads a document; any mistake in it is an error.
pub fn parse(file: &Arc<SourceFile>) -> Result<Node, Vec<Problem>> {
    let Parsed { root, problems } = read(file);
    match root {
        Some(root) if problems.iter().all(|problem| problem.severity < Severity::Error) => Ok(root),
        _ => Err(problems),
    }
}

/// Reads a document as far as it can be read.
///
/// A file named `.json` is JSON; anything else is YAML 1.2 (core schema, with `<<` merges), of which JSON that
/// begins with a bracket is read by the JSON reader if it can.
pub fn read(file: &Arc<SourceFile>) -> Parsed {
    if file.text().len() > MAX_BYTES {
        let message = format!("`{}` is larger than {} MiB", file.name(), MAX_BYTES >> 20);
        return Parsed { root: None, problems: vec![Problem::error("document.too_large", message)] };
    }
    let named_json = file.name().to_ascii_lowercase().ends_with(".json");
    let bracket = file.text().trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    if named_json || bracket.starts_with(['{', '[']) {
        let parsed = json::read(file);
        if named_json || parsed.root.is_some() {
            return parsed;
        }
    }
    yaml::read(file)
}

/// Reads a document through the host: the problem of a file that cannot be read names it.
pub fn load(path: &str, sources: &dyn Sources) -> Parsed {
    match load_text(path, sources) {
        Ok(file) => read(&file),
        Err(problem) => Parsed { root: None, problems: vec![problem] },
    }
}

/// Has the host read a file of text.
pub fn load_text(path: &str, sources: &dyn Sources) -> Result<Arc<SourceFile>, Problem> {
    let bytes = load_bytes(path, sources)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let message = format!("`{path}` is not UTF-8 text (byte {} cannot be)", error.valid_up_to());
        Problem::error("document.unreadable", message)
    })?;
    Ok(SourceFile::new(path, text))
}

/// Has the host read a file.
pub fn load_bytes(path: &str, sources: &dyn Sources) -> Result<Bytes, Problem> {
    let unreadable = |error| Problem::error("document.unreadable", format!("cannot read `{path}`: {error}"));
    sources.read(path).map_err(unreadable)
}

/// Drops entries whose key came before, each with a problem that shows both.
pub(crate) fn keep_first(mut entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let repeated = repeated_keys(&entries);
    if repeated.is_empty() {
        return entries;
    }
    for &(first, again) in &repeated {
        if let (Some(first), Some(again)) = (entries.get(first), entries.get(again)) {
            problems.push(
                Problem::error("document.duplicate_key", format!("`{}` is given twice", again.key.text))
                    .at(&again.key.place)
                    .label("given again here")
                    .also(&first.key.place, "first given here")
                    .remedy("keep one of the two, or merge them"),
            );
        }
    }
    let mut index = 0..;
    entries.retain(|_| {
        let at = index.next();
        !repeated.iter().any(|(_, again)| Some(*again) == at)
    });
    entries
}

/// Pairs of first and repeated position, in order of the latter.
fn repeated_keys(entries: &[Entry]) -> Vec<(usize, usize)> {
    let texts = || entries.iter().map(|entry| entry.key.text.as_str()).enumerate();
    if entries.len() <= 12 {
        let first_of = |text: &str, at: usize| {
            texts().take(at).find(|(_, earlier)| *earlier == text).map(|(first, _)| first)
        };
        return texts().filter_map(|(at, text)| Some((first_of(text, at)?, at))).collect();
    }
    let mut first: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    texts()
        .filter_map(|(at, text)| {
            let seen = *first.entry(text).or_insert(at);
            (seen != at).then_some((seen, at))
        })
        .collect()
}

/// The problem of a document over one of the bounds.
pub(crate) fn over_bound(place: &Place, message: String) -> Problem {
    Problem::error("document.too_complex", message).at(place).label("here the bound is passed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::node::Value;

    /// JSON trees of a few levels.
    fn tree() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(".{1,6}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Every node, depth first.
    fn nodes(node: &Node) -> Vec<&Node> {
        let below: Vec<&Node> = match &node.value {
            Value::List(items) => items.iter().flat_map(nodes).collect(),
            Value::Map(entries) => entries.iter().flat_map(|entry| nodes(&entry.value)).collect(),
            _ => Vec::new(),
        };
        std::iter::once(node).chain(below).collect()
    }

    proptest! {
        #[test]
        fn json_is_read_as_serde_json_reads_it_and_every_place_reads_back(value in tree(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let root = parse(&SourceFile::new("t.json", text.unwrap())).unwrap();
            prop_assert_eq!(root.to_json(), value);
            for node in nodes(&root) {
                let again: serde_json::Value = serde_json::from_str(node.place.text()).unwrap();
                prop_assert_eq!(again, node.to_json());
            }
        }

        #[test]
        fn hostile_text_is_read_or_explained(text in "[-a&*:{}\\[\\],\"'|>\\\\#!%@ \n\t0é\u{feff}]{0,60}") {
            for name in ["t.yaml", "t.json"] {
                let file = SourceFile::new(name, text.as_str());
                let parsed = read(&file);
                prop_assert!(parsed.root.is_some() || !parsed.problems.is_empty());
                for node in parsed.root.iter().flat_map(nodes) {
                    if let Value::String(text) = &node.value {
                        let place = node.within(0..text.len());
                        prop_assert!(place.span().end <= node.place.span().end);
                    }
                }
                crate::render(&parsed.problems, crate::Style::Plain);
            }
        }
    }
}
