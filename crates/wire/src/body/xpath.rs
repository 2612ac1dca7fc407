//! The part of `XPath` 1.0 that rules use to pick from XML: paths of names, `*`, `//`, attributes and `text()`.
//!
//! Invariants: evaluation visits each value of the tree at most once; what is not
//! understood is refused when compiled, never read as something else. Prefixes are compared as written, and a name
//! without one matches whatever the prefix is. Deliberately absent: predicates, functions, other axes.

use smol_str::SmolStr;

use crate::body::tree::{Kind, Tree, Value};

/// The most steps of one path.
const MOST_STEPS: usize = 32;

/// A compiled path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Behind `//`: it may stand at any depth.
    depth: Depth,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Child,
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    AnyElement,
    Element(SmolStr),
    AnyAttribute,
    Attribute(SmolStr),
    Text,
}

impl XPath {
    /// Compiles `/*`, `//@*`, `/a/b`, `//ns:b/@c`, `/a/b/text()` and the like; `None` for anything else.
    pub fn parse(path: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = path.trim();
        while !rest.is_empty() {
            let depth = if rest.starts_with("//") { Depth::Any } else { Depth::Child };
            rest = match depth {
                Depth::Any => rest.strip_prefix("//")?,
                Depth::Child => rest.strip_prefix('/')?,
            };
            let (step, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            steps.push(Step { depth, test: Test::parse(step)? });
            rest = behind;
        }
        let leaf = |step: &Step| !matches!(step.test, Test::AnyElement | Test::Element(_));
        let early_leaf = steps.iter().rev().skip(1).any(leaf);
        (!steps.is_empty() && steps.len() <= MOST_STEPS && !early_leaf).then_some(Self { steps })
    }

    /// Shows every value the path picks, once and in document order: elements, attributes or texts.
    pub fn select<'a>(&self, tree: &'a Tree, visit: &mut dyn FnMut(Value<'a>)) {
        if let Some(root) = tree.root().filter(|root| root.kind() == Kind::Object) {
            self.walk(root, 1, visit);
        }
    }

    /// Goes on below a value; bit `n` of `active` says that the children may fit step `n`.
    ///
    /// One set for each value, instead of one walk for each way to reach it, keeps `//a//a//a` linear.
    fn walk<'a>(&self, below: Value<'a>, active: u64, visit: &mut dyn FnMut(Value<'a>)) {
        for child in below.children() {
            let mut next = 0;
            let mut picked = false;
            for (place, step) in self.steps.iter().enumerate().filter(|(place, _)| active >> place & 1 == 1) {
                if step.depth == Depth::Any {
                    next |= 1 << place;
                }
                if step.test.fits(child) {
                    picked |= place + 1 == self.steps.len();
                    next |= 1 << (place + 1);
                }
            }
            if picked {
                visit(child);
            }
            if next != 0 && child.kind() == Kind::Element {
                self.walk(child, next, visit);
            }
        }
    }
}

impl Test {
    fn parse(step: &str) -> Option<Self> {
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_alphabetic() || first == '_')
                && name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':'))
        };
        Some(match (step, step.strip_prefix('@')) {
            ("*", _) => Self::AnyElement,
            ("@*", _) => Self::AnyAttribute,
            ("text()", _) => Self::Text,
            (_, Some(name)) if is_name(name) => Self::Attribute(SmolStr::new(name)),
            (name, None) if is_name(name) => Self::Element(SmolStr::new(name)),
            _ => return None,
        })
    }

    fn fits(&self, value: Value<'_>) -> bool {
        let name = || value.name().unwrap_or_default();
        match (self, value.kind()) {
            (Self::AnyElement, Kind::Element) => true,
            (Self::AnyAttribute, Kind::Attribute) => !declares_namespace(name()),
            (Self::Text, Kind::String) => value.name().is_none(),
            (Self::Element(wanted), Kind::Element) => same_name(wanted, name()),
            (Self::Attribute(wanted), Kind::Attribute) => {
                name().strip_prefix('@').is_some_and(|name| same_name(wanted, name))
            }
            _ => false,
        }
    }
}

/// In `XPath`'s eyes a namespace declaration is no attribute.
fn declares_namespace(name: &str) -> bool {
    name.strip_prefix("@xmlns").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Equal, or equal but for a prefix that only the document gives.
fn same_name(wanted: &str, name: &str) -> bool {
    wanted == name
        || (!wanted.contains(':') && name.split_once(':').is_some_and(|(_, local)| local == wanted))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::body::{Budget, parse};
    use crate::fields::MediaType;

    fn select(path: &str) -> Vec<String> {
        const TEXT: &[u8] =
            b"<?xml version='1.0'?><s:a xmlns:s='u' x='1'> <b y='2'>t<c>u</c></b>\n<b>v</b></s:a>";
        let xml = MediaType::parse(b"text/xml");
        let body = parse(&Bytes::from_static(TEXT), xml.as_ref(), &Budget::default());
        let mut found = Vec::new();
        XPath::parse(path).unwrap().select(&body.tree, &mut |value| {
            let mut text = Vec::new();
            value.text_content(&mut text);
            found.push(String::from_utf8(text).unwrap());
        });
        found
    }

    #[test]
    fn paths_that_rules_use() {
        for (path, expected) in [
            ("/*", &[" tu v"][..]),
            ("//@*", &["1", "2"]),
            ("/a/b", &["tu", "v"]),
            ("/s:a/b/@y", &["2"]),
            ("//c", &["u"]),
            ("//*//c", &["u"]),
            ("//b/text()", &["t", "v"]),
            ("/x:a", &[]),
            ("/b", &[]),
        ] {
            assert_eq!(select(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for path in ["", "a", "/", "//", "/a[1]", "/a/@x/b", "count(//a)", "/a/..", "/@x/@y"] {
            assert_eq!(XPath::parse(path), None, "{path}");
        }
    }
}
