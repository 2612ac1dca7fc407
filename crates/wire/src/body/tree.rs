//! The tree: values in one flat list, their text in the body or, where escapes were undone, beside it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Number,
    /// Text.
    String,
    /// Bytes that are not text.
    Binary,
    /// A list of values.
    Array,
    /// Named values, in order, duplicates kept.
    Object,
    /// An element of an XML document: its attributes, texts and elements, in order.
    Element,
    /// An attribute of an XML element; its name begins with `@`.
    Attribute,
}

impl Kind {
    /// Whether it holds other values.
    pub const fn holds_values(self) -> bool {
        matches!(self, Self::Array | Self::Object | Self::Element)
    }
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// In the body as it was sent.
    Sent(u32, u32),
    /// Among the texts whose escapes were undone.
    Undone(u32, u32),
    /// Nowhere.
    None,
}

impl Text {
    /// Its bytes.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Sent(start, end) | Self::Undone(start, end) => end.saturating_sub(start) as usize,
            Self::None => 0,
        }
    }
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) name: Text,
    pub(super) text: Text,
    /// The index behind the last of its descendants; its own children begin right behind it.
    pub(super) behind: u32,
}

/// A body's values.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(super) sent: Bytes,
    pub(super) undone: Vec<u8>,
    /// In document order; a value's descendants follow it.
    pub(super) nodes: Vec<Node>,
    /// By ascending index.
    pub(super) parts: Vec<Part>,
    /// By ascending index: values whose decoded bytes are not UTF-8.
    pub(super) raws: Vec<Raw>,
    /// By ascending index: values of an XML document in front of which white space stands by itself.
    pub(super) gaps: Vec<u32>,
}

/// The decoded bytes of a name and a value that are not both UTF-8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    pub(super) index: u32,
    pub(super) name: Text,
    pub(super) text: Text,
}

/// What a multipart part says about itself beside its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) index: u32,
    pub(super) file_name: Text,
    /// The same before it was brought into UTF-8.
    pub(super) raw_file_name: Text,
    pub(super) media_type: Text,
    /// Its field lines, without the empty line behind them.
    pub(super) head: Text,
}

/// What a multipart part says about itself beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartFacts<'a> {
    /// The file name it gives.
    pub file_name: Option<&'a str>,
    /// The same before it was brought into UTF-8; empty where it gives none.
    pub file_name_bytes: &'a [u8],
    /// The media type it gives.
    pub media_type: Option<&'a str>,
    /// Its field lines as they were sent, without the empty line behind them; see [`part_fields`](super::part_fields).
    pub head: &'a [u8],
}

impl Tree {
    /// The outermost value; absent if nothing could be read.
    pub fn root(&self) -> Option<Value<'_>> {
        (!self.nodes.is_empty()).then_some(Value { tree: self, index: 0 })
    }

    /// The value at a dotted path, `a.b[0].c`; of duplicate names the last. The empty path is the root.
    pub fn get(&self, path: &str) -> Option<Value<'_>> {
        self.root()?.get(path)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing could be read.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Shows every leaf (what is neither array nor object) with its dotted path, in document order.
    pub fn for_each_leaf<'a>(&'a self, mut visit: impl FnMut(&str, Value<'a>)) {
        let mut path = String::new();
        if let Some(root) = self.root() {
            root.visit_leaves(&mut path, &mut visit);
        }
    }

    fn text(&self, text: Text) -> Option<&str> {
        match text {
            Text::Undone(..) | Text::Sent(..) => std::str::from_utf8(self.text_bytes(text)).ok(),
            Text::None => None,
        }
    }

    fn raw(&self, index: u32) -> Option<&Raw> {
        let found = self.raws.binary_search_by_key(&index, |raw| raw.index).ok()?;
        self.raws.get(found)
    }

    /// A text's bytes; empty where there is none.
    pub(super) fn text_bytes(&self, text: Text) -> &[u8] {
        match text {
            Text::Sent(start, end) => self.sent.get(start as usize..end as usize),
            Text::Undone(start, end) => self.undone.get(start as usize..end as usize),
            Text::None => None,
        }
        .unwrap_or_default()
    }
}

/// One value of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    tree: &'a Tree,
    index: u32,
}

impl<'a> Value<'a> {
    fn node(&self) -> Option<&'a Node> {
        self.tree.nodes.get(self.index as usize)
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.node().map_or(Kind::Null, |node| node.kind)
    }

    /// Its bytes in the body: of a JSON string the quotes too.
    pub fn span(&self) -> Range<usize> {
        self.node().map_or(0..0, |node| node.start as usize..node.end as usize)
    }

    /// Its name in the object it belongs to.
    pub fn name(&self) -> Option<&'a str> {
        self.node().and_then(|node| self.tree.text(node.name))
    }

    /// Its text: of a string without quotes and escapes, of a number as written.
    pub fn as_str(&self) -> Option<&'a str> {
        self.node().and_then(|node| self.tree.text(node.text))
    }

    /// Its name as bytes, decoded but not brought into UTF-8; empty where it has none.
    pub fn name_bytes(&self) -> &'a [u8] {
        match self.tree.raw(self.index) {
            Some(raw) => self.tree.text_bytes(raw.name),
            None => self.node().map_or(&[], |node| self.tree.text_bytes(node.name)),
        }
    }

    /// Its text as bytes, decoded but not brought into UTF-8; empty for what holds other values.
    pub fn bytes(&self) -> &'a [u8] {
        match self.tree.raw(self.index) {
            Some(raw) => self.tree.text_bytes(raw.text),
            None => self.node().map_or(&[], |node| self.tree.text_bytes(node.text)),
        }
    }

    /// The texts in and below an XML element, one behind the other, as `XPath`'s `string()` gives them, but that white
    /// space by itself is one space; of any other value its own text.
    pub fn text_content(&self, out: &mut Vec<u8>) {
        let Some(node) = self.node() else { return };
        if !node.kind.holds_values() {
            return out.extend_from_slice(self.bytes());
        }
        let gaps = &self.tree.gaps;
        let mut gaps = gaps.get(gaps.partition_point(|gap| *gap <= self.index)..).unwrap_or_default();
        for index in self.index + 1..node.behind {
            if let [gap, behind @ ..] = gaps
                && *gap <= index
            {
                gaps = behind;
                out.push(b' ');
            }
            let value = Self { tree: self.tree, index };
            if value.kind() == Kind::String && value.name().is_none() {
                out.extend_from_slice(value.bytes());
            }
        }
    }

    /// The text of an XML element that holds no elements; `None` of any other value.
    pub fn element_text(&self) -> Option<Cow<'a, str>> {
        if self.kind() != Kind::Element || self.children().any(|child| child.kind() == Kind::Element) {
            return None;
        }
        let mut texts = self.children().filter(|child| child.kind() == Kind::String);
        let first = texts.next().and_then(|text| text.as_str()).unwrap_or_default();
        match texts.next() {
            None => Some(Cow::Borrowed(first)),
            Some(second) => {
                let rest = std::iter::once(second).chain(texts).filter_map(|text| text.as_str());
                Some(Cow::Owned(std::iter::once(first).chain(rest).collect()))
            }
        }
    }

    /// The integer it is.
    pub fn as_i64(&self) -> Option<i64> {
        if self.kind() == Kind::Integer { self.as_str()?.parse().ok() } else { None }
    }

    /// The number it is, to the nearest that 64 bits hold.
    pub fn as_f64(&self) -> Option<f64> {
        matches!(self.kind(), Kind::Integer | Kind::Number).then(|| self.as_str()?.parse().ok()).flatten()
    }

    /// The boolean it is.
    pub fn as_bool(&self) -> Option<bool> {
        if let Kind::Bool(value) = self.kind() { Some(value) } else { None }
    }

    /// What it says about itself, if it is a part of a multipart body.
    pub fn part(&self) -> Option<PartFacts<'a>> {
        let parts = &self.tree.parts;
        let part = parts.get(parts.binary_search_by_key(&self.index, |part| part.index).ok()?)?;
        let text = |text| self.tree.text(text);
        Some(PartFacts {
            file_name: text(part.file_name),
            file_name_bytes: self.tree.text_bytes(part.raw_file_name),
            media_type: text(part.media_type),
            head: self.tree.text_bytes(part.head),
        })
    }

    /// The values of an array or object, in order.
    pub fn children(&self) -> impl Iterator<Item = Self> + use<'a> {
        let tree = self.tree;
        let behind = self.node().map_or(0, |node| node.behind);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = Self { tree, index: next };
            let node = child.node().filter(|_| next < behind)?;
            // A node always lies behind its parent, so this moves on.
            next = node.behind.max(next + 1);
            Some(child)
        })
    }

    /// The member of that name; of duplicates the last, as most servers read them.
    pub fn member(&self, name: &str) -> Option<Self> {
        self.children().filter(|child| child.name() == Some(name)).last()
    }

    /// The value at a dotted path below this one: `a.b[0].c`.
    pub fn get(&self, path: &str) -> Option<Self> {
        let mut value = *self;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            value = match step.strip_suffix(']') {
                Some(index) => value.children().nth(index.parse().ok()?)?,
                None => value.member(step)?,
            };
        }
        Some(value)
    }

    fn visit_leaves(self, path: &mut String, visit: &mut impl FnMut(&str, Self)) {
        use std::fmt::Write as _;
        let kind = self.kind();
        if !kind.holds_values() {
            return visit(path, self);
        }
        let length = path.len();
        for (place, child) in self.children().enumerate() {
            // Writing to a string cannot fail.
            let _ = match (kind, child.name()) {
                (Kind::Object | Kind::Element, Some(name)) if length == 0 => write!(path, "{name}"),
                (Kind::Object | Kind::Element, Some(name)) => write!(path, ".{name}"),
                (Kind::Element, None) => Ok(()),
                _ => write!(path, "[{place}]"),
            };
            child.visit_leaves(path, visit);
            path.truncate(length);
        }
    }
}
