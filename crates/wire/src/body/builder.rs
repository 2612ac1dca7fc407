//! Builds a tree within a budget: every parser adds its values here, and stops when it is told to.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::body::tree::{Kind, Node, Part, Raw, Text, Tree};
use crate::body::{Body, Budget, DEEPEST, Format, Multipart, graphql};
use crate::defect::{Defect, Defects};
use crate::fields::MediaType;

/// The budget is spent: stop parsing, keep what was read.
#[derive(Debug)]
pub(super) struct Spent;

/// A tree being built.
#[derive(Debug)]
pub(super) struct Builder {
    tree: Tree,
    defects: Defects,
    /// Indexes of the arrays and objects that are not closed yet, outermost first.
    open: Vec<u32>,
    depth: usize,
    values: usize,
    /// Not all bytes of the body are read: a syntax error at their end is ours, not the sender's.
    cut: bool,
    value_bytes: usize,
    format: Format,
    multipart: Option<Box<Multipart>>,
    graphql: Option<Box<graphql::Facts>>,
}

impl Builder {
    pub(super) fn new(bytes: &Bytes, budget: &Budget) -> Self {
        let most = budget.bytes.min(u32::MAX as usize - 1);
        let cut = bytes.len() > most;
        Self {
            tree: Tree { sent: bytes.slice(..bytes.len().min(most)), ..Tree::default() },
            defects: if cut { Defects::from_slice(&[Defect::BodyTooLarge]) } else { Defects::new() },
            open: Vec::new(),
            depth: usize::from(budget.depth.min(DEEPEST)),
            values: budget.values as usize,
            cut,
            value_bytes: budget.value_bytes,
            format: Format::Empty,
            multipart: None,
            graphql: None,
        }
    }

    /// Makes room for about so many values.
    pub(super) fn expect_values(&mut self, values: usize) {
        self.tree.nodes.reserve(values.min(self.values));
    }

    /// The bytes to read.
    pub(super) fn sent(&self) -> Bytes {
        self.tree.sent.clone()
    }

    /// Notes a defect, once.
    pub(super) fn note(&mut self, defect: Defect) {
        if !self.defects.contains(&defect) {
            self.defects.push(defect);
        }
    }

    /// Notes that the syntax is broken at an offset, unless the body only ends there because it was cut.
    pub(super) fn note_syntax(&mut self, defect: Defect, at: usize) {
        if !(self.cut && at >= self.tree.sent.len()) {
            self.note(defect);
        }
    }

    /// Says that only the first bytes can be read, and why.
    pub(super) fn cut_to(&mut self, length: usize, why: Defect) {
        self.tree.sent.truncate(length);
        self.cut = true;
        self.note(why);
    }

    /// A character encoding in which bytes could mean something else than they do in UTF-8 is a defect.
    pub(super) fn check_charset(&mut self, media_type: &MediaType) {
        const SUPERSETS_OF_ASCII: [&str; 6] =
            ["utf-8", "utf8", "us-ascii", "iso-8859-1", "latin1", "windows-1252"];
        let fine = |charset: &str| SUPERSETS_OF_ASCII.iter().any(|known| charset.eq_ignore_ascii_case(known));
        if media_type.count("charset") > 1 || !media_type.parameter("charset").is_none_or(fine) {
            self.note(Defect::BodyEncoding);
        }
    }

    /// Adds a leaf with its bytes.
    pub(super) fn leaf(
        &mut self,
        kind: Kind,
        span: (usize, usize),
        name: Text,
        text: Text,
    ) -> Result<u32, Spent> {
        if self.tree.nodes.len() >= self.values {
            self.note(Defect::BodyTooManyValues);
            return Err(Spent);
        }
        if name.len().max(text.len()) > self.value_bytes {
            self.note(Defect::BodyValueTooLong);
        }
        let index = self.tree.nodes.len() as u32;
        let (start, end) = (span.0 as u32, span.1 as u32);
        self.tree.nodes.push(Node { kind, start, end, name, text, behind: index + 1 });
        Ok(index)
    }

    /// Opens an array or object; what is added next belongs to it.
    pub(super) fn open(&mut self, kind: Kind, start: usize, name: Text) -> Result<(), Spent> {
        if self.open.len() >= self.depth {
            self.note(Defect::BodyTooDeep);
            return Err(Spent);
        }
        let index = self.leaf(kind, (start, start), name, Text::None)?;
        self.open.push(index);
        Ok(())
    }

    /// Closes the innermost array or object; its bytes end at `end`.
    pub(super) fn close(&mut self, end: usize) {
        let behind = self.tree.nodes.len() as u32;
        if let Some(node) = self.open.pop().and_then(|index| self.tree.nodes.get_mut(index as usize)) {
            node.end = end as u32;
            node.behind = behind;
        }
    }

    /// What the innermost open value is.
    pub(super) fn innermost(&self) -> Option<Kind> {
        self.open.last().and_then(|index| self.tree.nodes.get(*index as usize)).map(|node| node.kind)
    }

    /// The whole body as one value, text if it is UTF-8.
    pub(super) fn whole(&mut self) {
        let end = self.tree.sent.len();
        let text = std::str::from_utf8(&self.tree.sent).is_ok();
        let (kind, format) = if text { (Kind::String, Format::Text) } else { (Kind::Binary, Format::Binary) };
        self.format = format;
        // A budget without room for one value leaves the tree empty, which is what it asks for.
        let _ = self.leaf(kind, (0, end), Text::None, Text::Sent(0, end as u32));
    }

    /// Where the next decoded text begins; see [`Self::kept`].
    pub(super) fn undone(&self) -> usize {
        self.tree.undone.len()
    }

    /// Adds to the decoded text that is being written.
    pub(super) fn undo(&mut self, bytes: &[u8]) {
        self.tree.undone.extend_from_slice(bytes);
    }

    /// Where decoded texts are written.
    pub(super) fn undoing(&mut self) -> &mut Vec<u8> {
        &mut self.tree.undone
    }

    /// The decoded text written since `start`: brought into UTF-8, and as it is. Almost always they are the same.
    pub(super) fn kept(&mut self, start: usize) -> (Text, Text) {
        let end = self.tree.undone.len();
        let kept = Text::Undone(start as u32, end as u32);
        let written = self.tree.undone.get(start..).unwrap_or_default();
        if written.is_ascii() || std::str::from_utf8(written).is_ok() {
            return (kept, kept);
        }
        let lossy = String::from_utf8_lossy(written).into_owned();
        self.tree.undone.extend_from_slice(lossy.as_bytes());
        (Text::Undone(end as u32, self.tree.undone.len() as u32), kept)
    }

    /// Keeps the bytes of a value whose name or text is not UTF-8. Values come in order.
    pub(super) fn raw(&mut self, index: u32, name: Text, text: Text) {
        self.tree.raws.push(Raw { index, name, text });
    }

    /// Notes that white space alone stands before the next value.
    pub(super) fn gap(&mut self) {
        let next = self.tree.nodes.len() as u32;
        if self.tree.gaps.last() != Some(&next) {
            self.tree.gaps.push(next);
        }
    }

    /// Says what the body is being read as.
    pub(super) fn read_as(&mut self, format: Format) {
        self.format = format;
    }

    /// Keeps what a GraphQL document asks for.
    pub(super) fn graphql(&mut self, facts: graphql::Facts) {
        self.graphql = Some(Box::new(facts));
    }

    /// Keeps how a multipart body is written.
    pub(super) fn multipart(&mut self, facts: Multipart) {
        self.multipart = Some(Box::new(facts));
    }

    /// Keeps what a multipart part says about itself.
    pub(super) fn part(&mut self, part: Part) {
        self.tree.parts.push(part);
    }

    /// Notes names that occur twice among the members of the innermost open object.
    pub(super) fn check_names(&mut self) {
        if self.repeats_a_name() {
            self.note(Defect::BodyDuplicateKey);
        }
    }

    fn repeats_a_name(&self) -> bool {
        let mut names: SmallVec<[(u64, u32); 16]> = SmallVec::new();
        let mut next = self.open.last().map_or(usize::MAX, |object| *object as usize + 1);
        while let Some(node) = self.tree.nodes.get(next) {
            names.push((fingerprint(self.tree.text_bytes(node.name)), next as u32));
            next = (node.behind as usize).max(next + 1);
        }
        if names.len() <= 8 {
            let same = |place: usize, this: u64| names.iter().take(place).any(|(other, _)| *other == this);
            if !names.iter().enumerate().any(|(place, (this, _))| same(place, *this)) {
                return false;
            }
        }
        // Sorting costs the same whatever the names are: nobody can choose them so that they collide.
        names.sort_unstable();
        if !names.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            return false;
        }
        let name = |index: u32| {
            self.tree
                .nodes
                .get(index as usize)
                .map(|node| self.tree.text_bytes(node.name))
                .unwrap_or_default()
        };
        let mut names: Vec<&[u8]> = names.iter().map(|(_, index)| name(*index)).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
    }

    /// The tree, with everything still open closed at the end of the bytes.
    pub(super) fn finish(mut self) -> Body {
        let end = self.tree.sent.len();
        while !self.open.is_empty() {
            self.close(end);
        }
        Body {
            tree: self.tree,
            defects: self.defects,
            format: self.format,
            multipart: self.multipart,
            graphql: self.graphql,
        }
    }
}

/// A number that is the same for equal names and almost always another for others.
fn fingerprint(name: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_chunks::<8>();
    let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    let mixed = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(ODD);
    mixed(words.iter().fold(0, |sum, word| mixed(sum, u64::from_le_bytes(*word))), last)
}
