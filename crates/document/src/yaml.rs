//! YAML 1.2 by way of granit-parser's events; unlike serde's data model they carry both ends of every value.
//!
//! Aliases are copied in, within a budget; an alias inside what it stands for, undefined aliases, repeated keys
//! and keys that are no text are problems after which reading goes on. Broken syntax ends it.

mod syntax;

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};

use crate::node::{Entry, Key, Node, Value};
use crate::parse::{MAX_ALIASED, MAX_DEPTH, MAX_NODES, Parsed, keep_first, over_bound};
use crate::place::{Place, SourceFile};
use crate::problem::Problem;
use crate::scalar;

/// Reads a file as one YAML document.
pub(crate) fn read(file: &Arc<SourceFile>) -> Parsed {
    let mut tree = Builder::new(file);
    let options = granit_parser::options! { emit_unresolved_aliases: true, emit_comments: false };
    for next in Parser::new_from_str_with_options(file.text(), options) {
        let taken = match next {
            Ok((event, span)) => tree.take(event, span),
            Err(error) => Err(syntax::explain(file, &error)),
        };
        if let Err(problem) = taken {
            tree.problems.push(problem);
            return Parsed { root: None, problems: tree.problems };
        }
    }
    let empty = Node { place: Place::new(file, 0..0), value: Value::Null };
    Parsed { root: Some(tree.root.unwrap_or(empty)), problems: tree.problems }
}

/// A list or map being read.
struct Open {
    start: usize,
    anchor: usize,
    style: StructureStyle,
    holds: Holds,
}

enum Holds {
    Items(Vec<Node>),
    Entries { entries: Vec<Entry>, key: Option<Key> },
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a Arc<SourceFile>) -> Self {
        let (open, anchors, problems) = (Vec::new(), HashMap::new(), Vec::new());
        Self { file, open, root: None, documents: 0, anchors, nodes: 0, aliased: 0, problems }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let place = Place::new(self.file, span.byte_range().unwrap_or(0..0));
        match event {
            Event::DocumentStart(..) => self.begin_document(&place),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), place)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["seq"], &place);
                self.begin(style, anchor, Holds::Items(Vec::new()), &place)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &["map"], &place);
                self.begin(style, anchor, Holds::Entries { entries: Vec::new(), key: None }, &place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(&place),
            Event::Alias(id) => self.alias(id, place),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` before this alias");
                self.problems.push(Problem::error("document.unknown_alias", message).at(&place));
                self.add(Node { place, value: Value::Null }, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin_document(&mut self, place: &Place) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        Err(Problem::error("document.several_documents", "the file has more than one document")
            .at(place)
            .label("a second one begins here")
            .remedy("put each document in a file of its own"))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Problem> {
        self.refuse_tag(tag, &["str", "int", "float", "bool", "null", "timestamp", "binary"], &place);
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let place = if block { self.with_header(&place) } else { place };
        let is_text =
            style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
        let as_key = matches!(self.open.last(), Some(Open { holds: Holds::Entries { key: None, .. }, .. }));
        let value = if is_text || as_key { Value::String(text.to_owned()) } else { scalar::resolve(text) };
        self.add(Node { place, value }, anchor)
    }

    /// A block scalar's place from its `|` or `>` on; the parser's begins at the text.
    fn with_header(&self, place: &Place) -> Place {
        let before = self.file.text().get(..place.span().start).unwrap_or_default().trim_end();
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let comment = before.get(line..).and_then(|text| text.find(" #"));
        let header =
            before.get(..comment.map_or(before.len(), |at| line + at)).unwrap_or_default().trim_end();
        let header = header.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        let start = if header.ends_with(['|', '>']) { header.len() - 1 } else { place.span().start };
        Place::new(self.file, start..place.span().end)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, known: &[&str], place: &Place) {
        let Some(tag) = tag else { return };
        if !known.iter().any(|name| tag.is_yaml_core_schema_tag(name)) {
            let problem =
                Problem::error("document.unknown_tag", format!("the tag `{}` is not known", tag.original()));
            self.problems.push(problem.at(place).remedy("remove the tag"));
        }
    }

    fn begin(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        holds: Holds,
        place: &Place,
    ) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(over_bound(place, format!("lists and maps nest deeper than {MAX_DEPTH}")));
        }
        self.open.push(Open { start: place.span().start, anchor, style, holds });
        Ok(())
    }

    /// A block collection ends with its last item, not with the token that made its end known.
    fn finish(&mut self, end: &Place) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (value, last) = match open.holds {
            Holds::Items(items) => {
                let last = items.last().map(|item| item.place.span().end);
                (Value::List(items), last)
            }
            Holds::Entries { entries, .. } => {
                let last =
                    entries.last().map(|entry| entry.value.place.span().end.max(entry.key.place.span().end));
                let entries = keep_first(merge(entries, &mut self.problems), &mut self.problems);
                (Value::Map(entries), last)
            }
        };
        let end = match (open.style, last) {
            (StructureStyle::Block, Some(last)) => last.max(open.start),
            _ => end.span().end,
        };
        self.add(Node { place: Place::new(self.file, open.start..end), value }, open.anchor)
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<(), Problem> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            let problem =
                Problem::error("document.alias_within_itself", "an alias stands inside what it stands for");
            self.problems.push(problem.at(&place));
            return self.add(Node { place, value: Value::Null }, 0);
        };
        self.aliased += count(&node);
        if self.aliased > MAX_ALIASED {
            return Err(over_bound(&place, format!("aliases stand for more than {MAX_ALIASED} values")));
        }
        self.add(node, 0)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(over_bound(&node.place, format!("the document has more than {MAX_NODES} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.holds) {
            None => self.root = Some(node),
            Some(Holds::Items(items)) => items.push(node),
            Some(Holds::Entries { entries, key }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => *key = Some(as_key(node, &mut self.problems)),
            },
        }
        Ok(())
    }
}

fn as_key(node: Node, problems: &mut Vec<Problem>) -> Key {
    let place = node.place;
    let text = match node.value {
        Value::String(text) => text,
        Value::List(_) | Value::Map(_) => {
            let problem =
                Problem::error("document.key_is_no_text", "a key must be text, not a list or a map");
            problems.push(problem.at(&place).remedy("put quotes around it if it is meant as text"));
            String::new()
        }
        _ => place.text().to_owned(),
    };
    Key { text, place }
}

/// Carries out `<<: *defaults` and `<<: [*a, *b]`: what is written wins over what is merged, earlier over later.
fn merge(entries: Vec<Entry>, problems: &mut Vec<Problem>) -> Vec<Entry> {
    if !entries.iter().any(|entry| entry.key.text == "<<") {
        return entries;
    }
    let (merges, mut out): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key.text == "<<");
    for merge in merges {
        let sources = match merge.value.value {
            Value::List(items) => items,
            value => vec![Node { place: merge.value.place, value }],
        };
        for source in sources {
            let Value::Map(inherited) = source.value else {
                let problem =
                    Problem::error("document.merge_needs_a_map", "`<<` merges maps, and this is none");
                problems.push(problem.at(&source.place));
                continue;
            };
            let new =
                inherited.into_iter().filter(|entry| out.iter().all(|own| own.key.text != entry.key.text));
            let new: Vec<Entry> = new.collect();
            out.extend(new);
        }
    }
    out
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|entry| 1 + count(&entry.value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        read(&SourceFile::new("t.yaml", text)).problems.iter().map(|problem| problem.code).collect()
    }

    fn json(text: &str) -> serde_json::Value {
        let parsed = read(&SourceFile::new("t.yaml", text));
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        parsed.root.unwrap().to_json()
    }

    #[test]
    fn trees_come_out_as_written() {
        let text = "# c\na: [1, x, 'y', ~]\nb: { c: 1.5, 200: no }\nd:\n- e\n-\nf: !!str 12\n";
        let meant = serde_json::json!({
            "a": [1, "x", "y", null], "b": { "c": 1.5, "200": "no" }, "d": ["e", null], "f": "12"
        });
        assert_eq!(json(text), meant);
        assert_eq!(json(""), serde_json::Value::Null);
        assert_eq!(json("--- {a: 1}\n..."), serde_json::json!({"a": 1}));
    }

    #[test]
    fn anchors_merge_and_repeat() {
        let text = "base: &b { x: 1, y: 2 }\none: { <<: *b, y: 3 }\ntwo: *b\n";
        let meant = serde_json::json!({
            "base": { "x": 1, "y": 2 }, "one": { "y": 3, "x": 1 }, "two": { "x": 1, "y": 2 }
        });
        assert_eq!(json(text), meant);
    }

    #[test]
    fn every_place_is_the_text_it_was_read_from() {
        let file = SourceFile::new(
            "t.yaml",
            "sites:\n  shop: # the shop\n    hosts: [ a, \"b\" ]\n    up: x y\n\n# end\n",
        );
        let root = read(&file).root.unwrap();
        let shop = root.get("sites").unwrap().entry("shop").unwrap();
        assert_eq!(shop.key.place.text(), "shop");
        assert_eq!(shop.value.get("hosts").unwrap().place.text(), "[ a, \"b\" ]");
        assert_eq!(shop.value.get("hosts").unwrap().items().unwrap()[1].place.text(), "\"b\"");
        assert_eq!(shop.value.place.text(), "hosts: [ a, \"b\" ]\n    up: x y");
        assert_eq!(shop.value.get("up").unwrap().place.to_string(), "t.yaml:4:9");
    }

    #[test]
    fn mistakes_are_named_and_reading_goes_on() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\nb: 4\n", &["document.duplicate_key", "document.duplicate_key"][..]),
            ("a: *none\nb: 1\nb: 2\n", &["document.unknown_alias", "document.duplicate_key"]),
            ("a: &x [*x]\n", &["document.alias_within_itself"]),
            ("a: !ruby/object x\n", &["document.unknown_tag"]),
            ("? [a, b]\n: 1\n", &["document.key_is_no_text"]),
            ("a: 1\n---\nb: 1\n", &["document.several_documents"]),
            ("a: {b: 1\n", &["document.syntax"]),
            ("a:\n\tb: 1\n", &["document.syntax"]),
            ("<<: 1\n", &["document.merge_needs_a_map"]),
        ] {
            assert_eq!(codes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bombs_cost_bounded_work() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let use_ten = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.extend([&format!("a{n}: &a{n} [{use_ten}]"), "\n"]);
        }
        assert_eq!(codes(&bomb), ["document.too_complex"]);
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(codes(&deep), ["document.too_complex"]);
        let deep: String = (0..200).flat_map(|n| [" ".repeat(n), "a:\n".to_owned()]).collect();
        assert_eq!(codes(&deep), ["document.too_complex"]);
    }
}
