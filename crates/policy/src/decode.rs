//! From marked nodes to checked values, going on after every mistake.
//!
//! Invariant: a value that could not be decoded has a problem, so what stands in for it afterwards (the default, or
//! the list without it) is only there for the checks that follow: with an error, no policy leaves this crate.

mod containers;
mod section;

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_document::{Entry, Node, Place, Problem, SourceFile, Value, nearest, parse};
use smol_str::SmolStr;

use crate::table::{Absent, Key, Kind, Section, Word, paragraph};

pub use containers::ByName;
pub(crate) use containers::{TakesName, check_label};
pub(crate) use section::{section, words};

/// A value that can be decoded from a node.
pub(crate) trait Decode: Sized + Clone {
    /// What it may be.
    const KIND: Kind;

    /// How the table says what holds where neither the document nor a default says anything.
    const ABSENT: Absent = Absent::Mistake;

    /// What holds there.
    fn absent() -> Option<Self> {
        None
    }

    /// Decodes a node; keys a section does not set come from `base` if there is one. `None` after a problem.
    fn decode(node: &Node, base: Option<&Self>, reading: &mut Reading) -> Option<Self>;
}

/// What decoding gathers, and the names conditions may use.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The path defaults are relative to.
    pub(crate) root: String,
    /// Names of the policy's lists, in order.
    pub(crate) lists: Vec<SmolStr>,
    /// Names of the policy's identity providers, in order.
    pub(crate) providers: Vec<SmolStr>,
    /// Names of the policy's rule sets, in order.
    pub(crate) rule_sets: Vec<SmolStr>,
    /// Files the policy names.
    pub(crate) files: BTreeSet<String>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// The key whose value is being decoded, for messages.
    pub(crate) key: Option<&'static str>,
}

impl Reading {
    pub(crate) fn new(root: impl Into<String>) -> Self {
        Self {
            root: root.into(),
            lists: Vec::new(),
            providers: Vec::new(),
            rule_sets: Vec::new(),
            files: BTreeSet::new(),
            problems: Vec::new(),
            key: None,
        }
    }

    /// For reading something a second time: the same names, and no problem is noted twice.
    pub(crate) fn again(&self) -> Self {
        Self {
            lists: self.lists.clone(),
            providers: self.providers.clone(),
            rule_sets: self.rule_sets.clone(),
            ..Self::new(self.root.clone())
        }
    }

    /// Notes a problem; for use as the tail of a decoder.
    pub(crate) fn refuse<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    /// The value is not of the kind that must stand here.
    pub(crate) fn wrong_kind<T>(&mut self, node: &Node, expected: &str, remedy: &str) -> Option<T> {
        let what = self.key.map_or_else(|| "this".to_owned(), |key| format!("`{key}`"));
        let problem =
            Problem::error("policy.wrong_kind", format!("{what} must be {expected}")).at(&node.place);
        let problem = problem.label(format!("this is {}", node.value.describe()));
        self.refuse(if remedy.is_empty() { problem } else { problem.remedy(remedy) })
    }

    /// The text a scalar was written as, whatever YAML made of it: `8080`, `true` and `1.5` are texts too.
    pub(crate) fn text(&mut self, node: &Node, expected: &str) -> Option<SmolStr> {
        match &node.value {
            Value::String(text) => Some(text.into()),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => Some(node.place.text().into()),
            Value::Null | Value::List(_) | Value::Map(_) => self.wrong_kind(node, expected, ""),
        }
    }

    /// A default, decoded from the text the table shows.
    pub(crate) fn default<T: Decode>(&mut self, text: &'static str) -> Option<T> {
        let folder = self.root.rfind('/').map_or("", |at| self.root.get(..=at).unwrap_or_default());
        let file: Arc<SourceFile> = SourceFile::new(format!("{folder}(default)"), text);
        let node = parse(&file).ok()?;
        T::decode(&node, None, self)
    }
}

/// `did you mean …?`, or the names there are.
pub(crate) fn suggest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    what: &str,
) -> String {
    if let Some(meant) = nearest(word, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    match known.as_slice() {
        [] => format!("this policy declares no {what}"),
        [only] => format!("the only {what} is {only}"),
        _ => format!("known {what}s: {}", known.join(", ")),
    }
}

/// A key that a section does not know.
pub(crate) fn unknown_key(section: &Section, key: &str, place: &Place) -> Problem {
    let known: Vec<&str> = section.all_keys().map(|key| key.name).collect();
    let section = with_article(section.name);
    Problem::error("policy.unknown_key", format!("`{key}` is not a key of {section}"))
        .at(place)
        .label("not known here")
        .remedy(suggest(key, known, "key"))
}

/// A section must be a map of keys it knows; goes on where some are not.
pub(crate) fn open_section(node: &Node, section: &'static Section, reading: &mut Reading) -> Option<()> {
    let Some(entries) = node.entries() else {
        if node.is_null() {
            return Some(());
        }
        let keys: Vec<String> = section.all_keys().map(|key| format!("`{}`", key.name)).collect();
        let expected = format!("a map with the keys of {}", with_article(section.name));
        return reading.wrong_kind(node, &expected, &format!("its keys are {}", keys.join(", ")));
    };
    for entry in entries.iter().filter(|entry| section.key(&entry.key.text).is_none()) {
        reading.problems.push(unknown_key(section, &entry.key.text, &entry.key.place));
    }
    Some(())
}

/// A key that is missing only because it is misspelt needs one problem, not two.
pub(crate) fn forgive_misspelt(node: &Node, section: &'static Section, before: usize, reading: &mut Reading) {
    let known: Vec<&str> = section.all_keys().map(|key| key.name).collect();
    let unknown =
        node.entries().unwrap_or_default().iter().filter(|entry| section.key(&entry.key.text).is_none());
    let meant: Vec<String> = unknown
        .filter_map(|entry| nearest(&entry.key.text, known.iter().copied()))
        .map(|key| format!("`{key}` is missing"))
        .collect();
    let mut index = 0..;
    reading.problems.retain(|problem| {
        let old = index.next().is_some_and(|at| at < before);
        let own = problem.code == "policy.missing_key" && problem.place.as_ref() == Some(&node.place);
        old || !own || !meant.contains(&problem.message)
    });
}

fn with_article(name: &str) -> String {
    match name {
        "connections" | "header changes" | "refusals" => name.to_owned(),
        _ if name.starts_with(['a', 'e', 'i', 'o', 'u', 'S']) => format!("an {name}"),
        _ => format!("a {name}"),
    }
}

/// One key's value: as written, else from the base, else the default, else what absence means. Where what is written
/// is wrong, the same, so that the rest of the section is looked at.
pub(crate) fn field<T: Decode>(
    node: &Node,
    key: &'static Key,
    base: Option<&T>,
    reading: &mut Reading,
) -> Option<T> {
    let written = node.entry(key.name);
    if let Some(value) = written.and_then(|entry| decode_entry(entry, Some(key.name), base, reading)) {
        return Some(value);
    }
    if let Some(base) = base {
        return Some(base.clone());
    }
    match key.absent {
        Absent::Value(text) => reading.default(text),
        Absent::Nothing => T::absent(),
        Absent::Mistake if written.is_some() => None,
        Absent::Mistake => {
            let problem = Problem::error("policy.missing_key", format!("`{}` is missing", key.name));
            let problem = problem.at(&node.place).label(format!("`{}` must be given here", key.name));
            reading.refuse(problem.remedy(format!("`{}`: {}", key.name, paragraph(key.about))))
        }
    }
}

/// A value under a key. Problems with a block map as a whole point at its key: the map begins with a key of its own,
/// which would seem to be meant.
pub(crate) fn decode_entry<T: Decode>(
    entry: &Entry,
    key: Option<&'static str>,
    base: Option<&T>,
    reading: &mut Reading,
) -> Option<T> {
    let (outer, before) = (reading.key, reading.problems.len());
    reading.key = key;
    let value = T::decode(&entry.value, base, reading);
    reading.key = outer;
    if entry.value.entries().is_some() && !entry.value.place.text().starts_with('{') {
        let new = reading.problems.iter_mut().skip(before);
        for problem in new.filter(|problem| problem.place.as_ref() == Some(&entry.value.place)) {
            problem.place = Some(entry.key.place.clone());
        }
    }
    value
}

/// Whether a key is absent or holds nothing. What could not be decoded was written all the same.
pub(crate) fn nothing_written(node: &Node, key: &str) -> bool {
    node.get(key).is_none_or(|value| match &value.value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    })
}

/// One of a few words.
pub(crate) fn word(node: &Node, words: &'static [Word], reading: &mut Reading) -> Option<&'static str> {
    let known = words.iter().map(|word| word.word);
    let expected =
        format!("one of {}", known.clone().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "));
    let text = reading.text(node, &expected)?;
    if let Some(found) = known.clone().find(|word| *word == text) {
        return Some(found);
    }
    let problem =
        Problem::error("policy.unknown_word", format!("`{text}` is not {expected}")).at(&node.place);
    let problem = problem.label("not known here");
    reading.refuse(match nearest(&text, known) {
        Some(meant) => problem.remedy(format!("did you mean `{meant}`?")),
        None => problem,
    })
}
