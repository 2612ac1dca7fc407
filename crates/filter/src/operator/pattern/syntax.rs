//! Patterns as PCRE has them, over bytes: text to a tree.
//!
//! ModSecurity's patterns are PCRE without UTF-8: every byte stands for itself, `\w` and its kind are ASCII, the dot
//! matches line feeds, `$` is the very end. Other regex parsers read some of what PCRE means differently (`[a[b]]`,
//! `[a&&b]`, `\<`, `a++`, `\x{80}`), so that this reads it itself. Invariants: any text gives a tree or a problem; the
//! tree is at most [`DEPTH`] deep. Does not know how a tree is matched.

use std::collections::BTreeMap;

use super::class;
use super::tree::{Around, Case, Greed, Look, Node, Repeat, Side, Tree, Wanted};
use crate::scan::bytes::ByteSet;

/// How deep groups may stand in each other.
const DEPTH: usize = 120;

/// How often a repetition may be asked for, as in PCRE.
const MOST: u32 = 65_535;

/// How many quantifiers may follow each other.
const STACKED: usize = 4;

/// Reads a pattern.
pub(super) fn parse(pattern: &[u8]) -> Result<Tree, String> {
    let mut parser = Parser {
        rest: pattern,
        len: pattern.len(),
        flags: Flags { fold: Case::Exact, dot_all: true, lines: false, spaced: false, lazy: false },
        groups: 0,
        names: BTreeMap::new(),
        depth: 0,
    };
    let root = parser.choice().map_err(|what| parser.placed(&what))?;
    match parser.rest {
        [] => Ok(Tree { root, groups: parser.groups }),
        _ => Err(parser.placed("a group is closed that was not opened")),
    }
}

#[derive(Clone, Copy)]
struct Flags {
    fold: Case,
    dot_all: bool,
    lines: bool,
    spaced: bool,
    lazy: bool,
}

struct Parser<'a> {
    rest: &'a [u8],
    len: usize,
    flags: Flags,
    groups: u32,
    names: BTreeMap<Vec<u8>, u32>,
    depth: usize,
}

type Parsed<T> = Result<T, String>;

impl<'a> Parser<'a> {
    fn placed(&self, what: &str) -> String {
        format!("{what}, at byte {}", self.len - self.rest.len() + 1)
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, after) = self.rest.split_first()?;
        self.rest = after;
        Some(first)
    }

    /// The text up to `end`, which is passed.
    fn until(&mut self, end: u8) -> Parsed<&'a [u8]> {
        let at = memchr::memchr(end, self.rest);
        let at = at.ok_or_else(|| format!("`{}` is missing", char::from(end)))?;
        let (text, after) = self.rest.split_at(at);
        self.rest = after.get(1..).unwrap_or_default();
        Ok(text)
    }

    fn choice(&mut self) -> Parsed<Node> {
        let mut branches = vec![self.sequence()?];
        while self.eat(b"|") {
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Choice(branches) })
    }

    fn sequence(&mut self) -> Parsed<Node> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            if matches!(self.rest.first(), None | Some(b'|' | b')')) {
                break;
            }
            if self.eat(b"\\Q") {
                self.quoted(&mut parts)?;
                continue;
            }
            if self.eat(b"\\E") {
                continue;
            }
            if let Some(atom) = self.atom()? {
                parts.push(self.repeated(atom)?);
            }
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Sequence(parts) })
    }

    /// Text up to `\E`, every byte of which stands for itself.
    fn quoted(&mut self, parts: &mut Vec<Node>) -> Parsed<()> {
        let end = memchr::memmem::find(self.rest, b"\\E");
        let (text, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = after;
        parts.extend(text.iter().map(|&byte| self.literal(byte)));
        if end.is_some() {
            self.eat(b"\\E");
            if let Some(last) = parts.pop() {
                parts.push(self.repeated(last)?);
            }
        }
        Ok(())
    }

    /// White space and comments under `(?x)`.
    fn skip_space(&mut self) {
        while self.flags.spaced {
            match self.rest {
                [b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r', after @ ..] => self.rest = after,
                [b'#', ..] => {
                    let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
                    self.rest = self.rest.get(end..).unwrap_or_default();
                }
                _ => break,
            }
        }
    }

    fn literal(&self, byte: u8) -> Node {
        self.set(ByteSet::of(&[byte]))
    }

    fn set(&self, set: ByteSet) -> Node {
        Node::Set(class::folded(set, self.flags.fold))
    }

    /// One thing that can be repeated; nothing for flags and comments.
    fn atom(&mut self) -> Parsed<Option<Node>> {
        let Some(byte) = self.next() else { return Ok(None) };
        Ok(Some(match byte {
            b'(' => return self.group(),
            b'[' => {
                let (set, after) = class::bracketed(self.rest, self.flags.fold)?;
                self.rest = after;
                Node::Set(set)
            }
            b'.' if self.flags.dot_all => Node::Set(ByteSet::all()),
            b'.' => Node::Set(ByteSet::of(b"\n").complement()),
            b'^' => Node::Look(if self.flags.lines { Look::LineStart } else { Look::Start }),
            b'$' => Node::Look(if self.flags.lines { Look::LineEnd } else { Look::End }),
            b'*' | b'+' | b'?' => return Err("there is nothing to repeat".into()),
            b'\\' => self.escape()?,
            other => self.literal(other),
        }))
    }

    fn repeated(&mut self, atom: Node) -> Parsed<Node> {
        let mut node = atom;
        for _ in 0..STACKED {
            self.skip_space();
            let Some((min, max)) = self.quantifier()? else { return Ok(node) };
            let greed = if self.eat(b"+") {
                Greed::Possessive
            } else if self.eat(b"?") != self.flags.lazy {
                Greed::Lazy
            } else {
                Greed::Greedy
            };
            node = Node::Repeat(Box::new(Repeat { node, min, max, greed }));
        }
        Err("too many repetitions of repetitions".into())
    }

    fn quantifier(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let bounds = match self.rest.first() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => return self.counted(),
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(bounds))
    }

    /// `{2}`, `{2,}`, `{2,3}`; any other brace is a brace.
    fn counted(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let Some(end) = memchr::memchr(b'}', self.rest) else { return Ok(None) };
        let inside = self.rest.get(1..end).unwrap_or_default();
        let (min, max) = match memchr::memchr(b',', inside) {
            None => (inside, Some(inside)),
            Some(at) if at + 1 == inside.len() => (inside.get(..at).unwrap_or_default(), None),
            Some(at) => (inside.get(..at).unwrap_or_default(), inside.get(at + 1..)),
        };
        let (Some(min), Some(max)) = (number(min), max.map_or(Some(None), |max| number(max).map(Some)))
        else {
            return Ok(None);
        };
        if min > MOST || max.is_some_and(|max| max > MOST || max < min) {
            return Err("the bounds of a repetition are too large or in the wrong order".into());
        }
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Ok(Some((min, max)))
    }

    fn group(&mut self) -> Parsed<Option<Node>> {
        if self.rest.starts_with(b"*") {
            return Err("verbs such as `(*FAIL)` are not supported".into());
        }
        if !self.eat(b"?") {
            return self.capture(None).map(Some);
        }
        let around = [
            (&b"="[..], Side::Ahead, Wanted::Present),
            (b"!", Side::Ahead, Wanted::Absent),
            (b"<=", Side::Behind, Wanted::Present),
            (b"<!", Side::Behind, Wanted::Absent),
        ];
        for (mark, side, wanted) in around {
            if self.eat(mark) {
                let node = self.inside()?;
                return Ok(Some(Node::Around(Box::new(Around { node, side, wanted }))));
            }
        }
        if self.eat(b"#") {
            return self.until(b')').map(|_| None);
        }
        if self.eat(b">") {
            return Ok(Some(Node::Atomic(Box::new(self.inside()?))));
        }
        if self.eat(b"P=") {
            let name = self.until(b')')?;
            return self.named(name).map(Some);
        }
        if self.eat(b"P<") || self.eat(b"<") {
            let name = self.until(b'>')?;
            return self.capture(Some(name)).map(Some);
        }
        if self.eat(b"'") {
            let name = self.until(b'\'')?;
            return self.capture(Some(name)).map(Some);
        }
        self.flagged()
    }

    fn capture(&mut self, name: Option<&[u8]>) -> Parsed<Node> {
        self.groups += 1;
        let index = self.groups;
        if let Some(name) = name {
            self.names.insert(name.to_vec(), index);
        }
        Ok(Node::Group(Some(index), Box::new(self.inside()?)))
    }

    /// What stands in a group, up to and with its end; flags set in it end with it.
    fn inside(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("groups stand too deep in each other".into());
        }
        let flags = self.flags;
        let node = self.choice()?;
        self.flags = flags;
        self.depth -= 1;
        if self.eat(b")") { Ok(node) } else { Err("a group is not closed".into()) }
    }

    /// `(?i)`, which holds to the end of the group around it, and `(?i:…)`.
    fn flagged(&mut self) -> Parsed<Option<Node>> {
        let before = self.flags;
        let mut on = true;
        loop {
            match self.next() {
                Some(b'-') => on = false,
                Some(b'i') => self.flags.fold = if on { Case::Folded } else { Case::Exact },
                Some(b's') => self.flags.dot_all = on,
                Some(b'm') => self.flags.lines = on,
                Some(b'x') => self.flags.spaced = on,
                Some(b'U') => self.flags.lazy = on,
                Some(b'J') => {}
                Some(b')') => return Ok(None),
                Some(b':') => {
                    let node = self.inside()?;
                    self.flags = before;
                    return Ok(Some(Node::Group(None, Box::new(node))));
                }
                _ => return Err("groups of this kind are not supported".into()),
            }
        }
    }

    fn named(&self, name: &[u8]) -> Parsed<Node> {
        let group = self.names.get(name).copied().or_else(|| number(name));
        let group = group.filter(|group| (1..=self.groups).contains(group));
        let group = group.ok_or("this refers to a group that does not come before it")?;
        Ok(Node::Back(group, self.flags.fold))
    }

    /// What stands after a backslash.
    fn escape(&mut self) -> Parsed<Node> {
        if let Some(look) = self.look() {
            return Ok(look);
        }
        if let [b'1'..=b'9', ..] = self.rest {
            return self.back_or_octal();
        }
        match self.rest {
            [b'k' | b'g', open @ (b'{' | b'<' | b'\''), after @ ..] => {
                self.rest = after;
                let close = match open {
                    b'{' => b'}',
                    b'<' => b'>',
                    other => *other,
                };
                let name = self.until(close)?;
                self.relative(name)
            }
            [b'g', digit @ b'1'..=b'9', after @ ..] => {
                self.rest = after;
                self.named(&[*digit])
            }
            [b'G' | b'K' | b'X' | b'p' | b'P' | b'C', ..] => {
                Err("`\\G`, `\\K`, `\\X`, `\\C` and `\\p` are not supported".into())
            }
            [b'R', after @ ..] => {
                self.rest = after;
                let pair = Node::Sequence(vec![Node::Set(ByteSet::of(b"\r")), Node::Set(ByteSet::of(b"\n"))]);
                Ok(Node::Atomic(Box::new(Node::Choice(vec![
                    pair,
                    Node::Set(ByteSet::of(b"\n\x0b\x0c\r\x85")),
                ]))))
            }
            _ => {
                let (set, after) = class::escaped(self.rest)?;
                self.rest = after;
                Ok(self.set(set))
            }
        }
    }

    fn look(&mut self) -> Option<Node> {
        let look = match self.rest.first()? {
            b'b' => Node::Look(Look::Word),
            b'B' => Node::Look(Look::NotWord),
            b'A' => Node::Look(Look::Start),
            b'z' => Node::Look(Look::End),
            b'Z' => final_line_end(),
            _ => return None,
        };
        self.next();
        Some(look)
    }

    /// `\1` to `\9`, and longer numbers of groups there are; else octal.
    fn back_or_octal(&mut self) -> Parsed<Node> {
        let len = self.rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = self.rest.split_at(len);
        if len == 1 || number(digits).is_some_and(|group| group <= self.groups) {
            self.rest = after;
            return self.named(digits);
        }
        let (set, after) = class::octal(self.rest).ok_or("this refers to a group that does not exist")?;
        self.rest = after;
        Ok(self.set(set))
    }

    /// `\g{-1}` and other names.
    fn relative(&self, name: &[u8]) -> Parsed<Node> {
        match name.strip_prefix(b"-").and_then(number) {
            Some(back) if (1..=self.groups).contains(&back) => {
                Ok(Node::Back(self.groups + 1 - back, self.flags.fold))
            }
            _ => self.named(name),
        }
    }
}

/// `\Z`: the end, or before a line feed that ends the text.
fn final_line_end() -> Node {
    let feed = Node::Sequence(vec![Node::Set(ByteSet::of(b"\n")), Node::Look(Look::End)]);
    let node = Node::Choice(vec![Node::Look(Look::End), feed]);
    Node::Around(Box::new(Around { node, side: Side::Ahead, wanted: Wanted::Present }))
}

/// A decimal number of up to nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}
