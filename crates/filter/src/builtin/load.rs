//! The pack's YAML: every file, every rule with its tests, or what is wrong with it.

use std::sync::Arc;

use portcullis_document::{Node, SourceFile, parse};
use smol_str::SmolStr;

use crate::builtin::rule::{BuiltinRule, Class, Level};
use crate::builtin::scope::Scope;
use crate::builtin::signal::Signal;

/// The files of the pack, in the order of the documentation.
pub(super) const FILES: &[(&str, &str)] = &[
    ("sql.yaml", include_str!("../../builtin/sql.yaml")),
    ("queries.yaml", include_str!("../../builtin/queries.yaml")),
    ("xss.yaml", include_str!("../../builtin/xss.yaml")),
    ("commands.yaml", include_str!("../../builtin/commands.yaml")),
    ("code.yaml", include_str!("../../builtin/code.yaml")),
    ("templates.yaml", include_str!("../../builtin/templates.yaml")),
    ("files.yaml", include_str!("../../builtin/files.yaml")),
    ("addresses.yaml", include_str!("../../builtin/addresses.yaml")),
    ("documents.yaml", include_str!("../../builtin/documents.yaml")),
    ("protocol.yaml", include_str!("../../builtin/protocol.yaml")),
];

/// How a rule decides.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// A detector saw it.
    Signal(Signal),
    /// The reading matches a regular expression.
    Pattern(String),
}

/// A value a rule must see, or must not.
#[derive(Clone, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "read and checked with the rest, run by tests"))]
pub(super) struct Example {
    /// Where it stands, a word of [`crate::builtin::scope`]; `query` unless said otherwise.
    pub(super) place: String,
    pub(super) text: String,
}

/// A rule as written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) rule: Arc<BuiltinRule>,
    pub(super) scope: Scope,
    pub(super) test: Test,
    #[cfg_attr(not(test), expect(dead_code, reason = "run by tests"))]
    pub(super) matches: Vec<Example>,
    #[cfg_attr(not(test), expect(dead_code, reason = "run by tests"))]
    pub(super) passes: Vec<Example>,
}

/// Reads every rule of the pack.
pub(super) fn load() -> Result<Vec<Written>, String> {
    let mut rules: Vec<Written> = Vec::new();
    for (name, text) in FILES {
        let root = parse(&SourceFile::new(*name, *text)).map_err(|problems| {
            format!("{name}: {}", problems.first().map(|problem| &*problem.message).unwrap_or_default())
        })?;
        for node in root.items().unwrap_or_default() {
            let rule = read(node).map_err(|wrong| format!("{name}:{}: {wrong}", node.place.line()))?;
            if rules.iter().any(|known| known.rule.id == rule.rule.id) {
                return Err(format!("{name}: two rules are named `{}`", rule.rule.id));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

const KEYS: &[&str] =
    &["id", "class", "level", "score", "description", "fix", "where", "detect", "pattern", "match", "pass"];

fn read(node: &Node) -> Result<Written, String> {
    for entry in node.entries().unwrap_or_default() {
        if !KEYS.contains(&entry.key.text.as_str()) {
            return Err(format!("`{}` is no key of a rule", entry.key.text));
        }
    }
    let class = text(node, "class")?;
    let level = node.get("level").and_then(Node::as_int).and_then(Level::new);
    let rule = BuiltinRule {
        id: SmolStr::from(text(node, "id")?),
        class: Class::parse(class).ok_or_else(|| format!("`{class}` is no class"))?,
        level: level.ok_or("`level` is 1 to 4")?,
        description: SmolStr::from(text(node, "description")?),
        fix: SmolStr::from(text(node, "fix")?),
        score: node.get("score").and_then(Node::as_int).and_then(|score| score.try_into().ok()).unwrap_or(5),
    };
    Ok(Written {
        rule: Arc::new(rule),
        scope: scope(node)?,
        test: test(node)?,
        matches: examples(node, "match")?,
        passes: examples(node, "pass")?,
    })
}

fn text<'a>(node: &'a Node, key: &str) -> Result<&'a str, String> {
    node.get(key).and_then(Node::as_str).ok_or_else(|| format!("`{key}` is missing"))
}

fn scope(node: &Node) -> Result<Scope, String> {
    let Some(places) = node.get("where") else { return Ok(Scope::DATA) };
    let mut scope = Scope::NONE;
    for place in places.items().unwrap_or_default() {
        let word = place.as_str().unwrap_or_default();
        if !scope.add(word) {
            return Err(format!("`{word}` is no place"));
        }
    }
    Ok(scope)
}

fn test(node: &Node) -> Result<Test, String> {
    match (node.get("detect"), node.get("pattern")) {
        (Some(detect), None) => {
            let word = detect.as_str().unwrap_or_default();
            Signal::parse(word).map(Test::Signal).ok_or_else(|| format!("no detector sees `{word}`"))
        }
        (None, Some(pattern)) => Ok(Test::Pattern(pattern.as_str().unwrap_or_default().to_owned())),
        _ => Err("a rule has either `detect` or `pattern`".to_owned()),
    }
}

fn examples(node: &Node, key: &str) -> Result<Vec<Example>, String> {
    let items = node.get(key).and_then(Node::items).filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| format!("`{key}` has no example"))?;
    items
        .iter()
        .map(|item| match (item.as_str(), item.entries()) {
            (Some(text), _) => Ok(Example { place: "query".to_owned(), text: text.to_owned() }),
            (None, Some([entry])) => {
                let text = entry.value.as_str().ok_or("an example is text")?;
                Ok(Example { place: entry.key.text.clone(), text: text.to_owned() })
            }
            _ => Err("an example is text, or `place: text`".to_owned()),
        })
        .collect()
}
