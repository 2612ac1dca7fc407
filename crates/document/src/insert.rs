//! An entry more in a map or list of a written document, everything else of it left as it is: order, comments, quotes.
//!
//! Invariant: the new text reads as the old one with that entry and nothing else changed; where that cannot be had,
//! nothing is inserted. A sorted map stays sorted; otherwise the entry is the last.

use serde_json::{Map, Value as Json};

use crate::node::{Entry, Node, Value};
use crate::parse::parse;
use crate::place::SourceFile;
use crate::write::{in_line, to_yaml};

/// Why nothing was inserted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInserted {
    /// The text cannot be read.
    #[error("the document cannot be read")]
    Unreadable,
    /// There is no map there to take an entry.
    #[error("it has no `{0}` with at least one entry")]
    NoMap(String),
    /// There is no list there to take an item.
    #[error("it has no list `{0}` with at least one item")]
    NoList(String),
    /// The map has that entry.
    #[error("`{0}` is there already")]
    Known(String),
    /// What is written there, an alias or several entries in a line, cannot be added to without changing more.
    #[error(
        "what stands there is written in a way that cannot be added to; put each entry on lines of its own"
    )]
    Unsafe,
}

/// The text with `key: value` in the map that `path` leads to.
pub fn insert(text: &str, path: &[&str], key: &str, value: &Json) -> Result<String, NotInserted> {
    let root = read(text)?;
    let named = || NotInserted::NoMap(path.join("."));
    let map = path.iter().try_fold(&root, |node, key| node.get(key)).ok_or_else(named)?;
    let entries = map.entries().filter(|entries| !entries.is_empty()).ok_or_else(named)?;
    if map.get(key).is_some() {
        return Err(NotInserted::Known(key.to_owned()));
    }
    let is_flow = text.get(map.place.span()).is_some_and(|written| written.starts_with('{'));
    let new = if is_flow { in_flow(text, entries, key, value) } else { in_block(text, entries, key, value) };
    let new = new.ok_or(NotInserted::Unsafe)?;
    let mut wanted = root.to_json();
    let place = path.iter().try_fold(&mut wanted, |json, key| json.get_mut(key));
    place.and_then(Json::as_object_mut).ok_or_else(named)?.insert(key.to_owned(), value.clone());
    proven(new, &wanted)
}

/// The text with an item more at the end of the list that `path` leads to.
pub fn append(text: &str, path: &[&str], item: &Json) -> Result<String, NotInserted> {
    let root = read(text)?;
    let named = || NotInserted::NoList(path.join("."));
    let list = path.iter().try_fold(&root, |node, key| node.get(key)).ok_or_else(named)?;
    let last = list.items().and_then(<[Node]>::last).ok_or_else(named)?;
    let is_flow = text.get(list.place.span()).is_some_and(|written| written.starts_with('['));
    let new = if is_flow { behind_in_flow(text, last, item) } else { behind_in_block(text, last, item) };
    let new = new.ok_or(NotInserted::Unsafe)?;
    let mut wanted = root.to_json();
    let place = path.iter().try_fold(&mut wanted, |json, key| json.get_mut(key));
    place.and_then(Json::as_array_mut).ok_or_else(named)?.push(item.clone());
    proven(new, &wanted)
}

fn read(text: &str) -> Result<Node, NotInserted> {
    parse(&SourceFile::new("", text)).map_err(|_| NotInserted::Unreadable)
}

/// The new text, if it reads as what was wanted.
fn proven(new: String, wanted: &Json) -> Result<String, NotInserted> {
    let is_it = read(&new).is_ok_and(|root| root.to_json() == *wanted);
    if is_it { Ok(new) } else { Err(NotInserted::Unsafe) }
}

/// Between lines of a block map.
fn in_block(text: &str, entries: &[Entry], key: &str, value: &Json) -> Option<String> {
    let first = entries.first()?;
    let indent = first.key.place.column() - 1;
    let at = match before(entries, key) {
        Some(entry) => line_after(text, end(entry)),
        None => line_of(text, first.key.place.span().start),
    };
    lines_at(text, at, indent, &Json::Object(Map::from_iter([(key.to_owned(), value.clone())])))
}

/// Below the last item of a list with dashes.
fn behind_in_block(text: &str, last: &Node, item: &Json) -> Option<String> {
    let start = last.place.span().start;
    let before = text.get(line_of(text, start)..start)?;
    let indent = before.strip_suffix('-').or_else(|| before.trim_end().strip_suffix('-'))?.len();
    lines_at(text, line_after(text, end_of(last)), indent, &Json::from(vec![item.clone()]))
}

/// A value as lines of their own, from the beginning of a line on.
fn lines_at(text: &str, at: usize, indent: usize, value: &Json) -> Option<String> {
    let (head, tail) = text.split_at_checked(at)?;
    let mut new = head.to_owned();
    if !head.is_empty() && !head.ends_with('\n') {
        new.push('\n');
    }
    new.extend(to_yaml(value).lines().map(|line| format!("{}{line}\n", " ".repeat(indent))));
    Some(new + tail)
}

/// Behind the last item of a list in brackets: on a line of its own if that one is.
fn behind_in_flow(text: &str, last: &Node, item: &Json) -> Option<String> {
    let span = last.place.span();
    let indent = text.get(line_of(text, span.start)..span.start)?;
    let (head, tail) = text.split_at_checked(span.end)?;
    let is_json = text.trim_start().starts_with('{');
    let written = if is_json { item.to_string() } else { in_line(item) };
    let gap = if indent.chars().all(char::is_whitespace) { format!("\n{indent}") } else { " ".to_owned() };
    Some(format!("{head},{gap}{written}{tail}"))
}

/// Behind the last entry of a map in braces, each entry of which begins a line.
fn in_flow(text: &str, entries: &[Entry], key: &str, value: &Json) -> Option<String> {
    let last = entries.last()?;
    let start = last.key.place.span().start;
    let indent = text.get(line_of(text, start)..start)?;
    if !indent.chars().all(char::is_whitespace) {
        return None;
    }
    let (head, tail) = text.split_at_checked(last.value.place.span().end)?;
    let written = serde_json::to_string_pretty(value).ok()?;
    let below = written.replace('\n', &format!("\n{indent}"));
    Some(format!("{head},\n{indent}{}: {below}{tail}", Json::from(key)))
}

/// The entry to stand behind; none to be the first.
fn before<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    if entries.is_sorted_by(|one, other| one.key.text < other.key.text) {
        entries.iter().rfind(|entry| entry.key.text.as_str() < key)
    } else {
        entries.last()
    }
}

/// Where an entry's last written value ends.
fn end(entry: &Entry) -> usize {
    end_of(&entry.value).max(entry.key.place.span().end)
}

/// Where what is written of a value ends.
fn end_of(node: &Node) -> usize {
    let is_block = !node.place.text().starts_with(['{', '[']);
    match &node.value {
        Value::Map(entries) if is_block => entries.last().map_or(0, end),
        Value::List(items) if is_block => items.last().map_or(0, end_of),
        _ => node.place.span().end,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The beginning of the line after what is written before that place; a text of several lines ends where the next begins.
fn line_after(text: &str, at: usize) -> usize {
    let written = text.get(..at).map_or(at, |before| before.trim_end().len());
    text.get(written..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| written + newline + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, path: &[&str], key: &str, expected: &str) {
        assert_eq!(insert(text, path, key, &json!({ "x": 1 })).as_deref(), Ok(expected));
    }

    #[test]
    fn comments_quotes_and_order_stay() {
        check(
            "# head\npaths:\n  /b: # why\n    get: 'one'   # two\n\n  # of d\n  \"/d\": { y: 2 }\nlast: |\n  text\n",
            &["paths"],
            "/c",
            "# head\npaths:\n  /b: # why\n    get: 'one'   # two\n  /c:\n    x: 1\n\n  # of d\n  \"/d\": { y: 2 }\nlast: |\n  text\n",
        );
        check("paths:\n    /b: 1\n", &["paths"], "/a", "paths:\n    /a:\n      x: 1\n    /b: 1\n");
        check(
            "paths:\n  /z: 1\n  /b:\n    - 2",
            &["paths"],
            "/c",
            "paths:\n  /z: 1\n  /b:\n    - 2\n  /c:\n    x: 1\n",
        );
    }

    #[test]
    fn deeper_maps_and_texts_of_several_lines() {
        check(
            "paths:\n  /b:\n    get:\n      description: |\n        # one\n        two\n  /c: 1\n",
            &["paths", "/b"],
            "post",
            "paths:\n  /b:\n    get:\n      description: |\n        # one\n        two\n    post:\n      x: 1\n  /c: 1\n",
        );
    }

    #[test]
    fn json_stays_json() {
        check(
            "{\n  \"paths\": {\n    \"/b\": { \"y\": 2 }\n  }\n}\n",
            &["paths"],
            "/a",
            "{\n  \"paths\": {\n    \"/b\": { \"y\": 2 },\n    \"/a\": {\n      \"x\": 1\n    }\n  }\n}\n",
        );
    }

    #[test]
    fn lists_take_an_item_more() {
        let call = json!({ "protocol": "SOAP", "name": "a:b" });
        let check = |text: &str, expected: &str| {
            assert_eq!(append(text, &["x", "calls"], &call).as_deref(), Ok(expected));
        };
        check(
            "x:\n  calls:\n    - name: a # one\n      protocol: SOAP\n\n    # two\n    - b\n  # more\n  y: 1\n",
            "x:\n  calls:\n    - name: a # one\n      protocol: SOAP\n\n    # two\n    - b\n    - protocol: SOAP\n      name: \"a:b\"\n  # more\n  y: 1\n",
        );
        check("x:\n  calls:\n  -   b", "x:\n  calls:\n  -   b\n  - protocol: SOAP\n    name: \"a:b\"\n");
        check(
            "x: { calls: [a, b], y: 1 }\n",
            "x: { calls: [a, b, { protocol: SOAP, name: \"a:b\" }], y: 1 }\n",
        );
        check(
            "{\"x\": {\"calls\": [\n  \"a\"\n]}}",
            "{\"x\": {\"calls\": [\n  \"a\",\n  {\"protocol\":\"SOAP\",\"name\":\"a:b\"}\n]}}",
        );
        assert_eq!(append("calls: []\n", &["calls"], &call), Err(NotInserted::NoList("calls".into())));
        assert_eq!(append("a: &x [1]\ncalls: *x\n", &["calls"], &call), Err(NotInserted::Unsafe));
    }

    #[test]
    fn what_cannot_be_added_to_is_left_alone() {
        let refused = |text: &str, key: &str| insert(text, &["paths"], key, &json!(1)).err();
        assert_eq!(refused("paths: { /b: 1 }\n", "/a"), Some(NotInserted::Unsafe));
        assert_eq!(refused("paths:\n  /a: 1\n", "/a"), Some(NotInserted::Known("/a".into())));
        assert_eq!(refused("paths: {}\n", "/a"), Some(NotInserted::NoMap("paths".into())));
        assert_eq!(refused("a: &x\n  /b: 1\npaths: *x\n", "/c"), Some(NotInserted::Unsafe));
        assert_eq!(refused("a: [", "/c"), Some(NotInserted::Unreadable));
    }
}
