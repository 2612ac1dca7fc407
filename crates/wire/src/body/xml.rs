//! XML 1.0, leniently and without recursion: elements with their attributes and texts, each with its place.
//!
//! Invariants: a document type is never obeyed: no entity of its own is expanded and nothing is fetched, its text is
//! kept as a value named `!DOCTYPE`; what a parser would refuse is a defect, and reading goes on behind it.
//! White space alone is no value. Deliberately absent: namespaces beyond their prefixes, validation.

mod references;

use bytes::Bytes;

use crate::body::Format;
use crate::body::builder::{Builder, Spent};
use crate::body::tree::{Kind, Text};
use crate::defect::Defect;

/// Reads a document into the builder.
pub(super) fn parse(builder: &mut Builder) {
    let sent = builder.sent();
    if memchr::memchr(b'<', &sent).is_none() || starts_wide(&sent) {
        builder.note(if starts_wide(&sent) { Defect::BodyEncoding } else { Defect::BodySyntax });
        return builder.whole();
    }
    builder.read_as(Format::Xml);
    let at = if sent.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let utf8 = std::str::from_utf8(&sent).is_ok();
    if at > 0 || !utf8 {
        builder.note(Defect::BodyEncoding);
    }
    if builder.open(Kind::Object, 0, Text::None).is_err() {
        return;
    }
    let mut reader = Reader { sent: &sent, at, builder, open: Vec::new(), utf8, roots: 0 };
    // Budgets that are spent were noted by the builder.
    if reader.document().is_ok() {
        builder.close(sent.len());
    }
}

/// Two bytes to a letter: with a byte order mark, or `<` beside a zero.
fn starts_wide(sent: &[u8]) -> bool {
    matches!(sent, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..])
}

struct Reader<'a> {
    sent: &'a Bytes,
    at: usize,
    builder: &'a mut Builder,
    /// The names of the open elements, as ranges of the body.
    open: Vec<(usize, usize)>,
    /// Whether the whole body is UTF-8.
    utf8: bool,
    /// How many outermost elements there were.
    roots: u32,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<(), Spent> {
        while self.at < self.sent.len() {
            match self.rest() {
                [b'<', b'?', ..] => self.skip_instruction(),
                [b'<', b'!', b'-', b'-', ..] => self.skip_past(b"<!--".len(), b"-->"),
                rest if rest.starts_with(b"<![CDATA[") => self.character_data()?,
                [b'<', b'!', ..] => self.document_type()?,
                [b'<', b'/', ..] => self.end_tag(),
                [b'<', first, ..] if begins_name(*first) => self.start_tag()?,
                _ => self.text()?,
            }
        }
        if !self.open.is_empty() || self.roots == 0 {
            self.builder.note_syntax(Defect::BodySyntax, self.at);
        }
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        self.sent.get(self.at..).unwrap_or_default()
    }

    /// Moves behind the end of a construct; to the end of the body where it has none.
    fn skip_past(&mut self, opening: usize, closing: &[u8]) {
        let from = (self.at + opening).min(self.sent.len());
        let found = self.sent.get(from..).and_then(|rest| memchr::memmem::find(rest, closing));
        self.at = found.map_or(self.sent.len(), |found| from + found + closing.len());
        if found.is_none() {
            self.builder.note_syntax(Defect::BodySyntax, self.at);
        }
    }

    /// `<?…?>`; of the declaration the encoding counts.
    fn skip_instruction(&mut self) {
        let start = self.at;
        self.skip_past(2, b"?>");
        let text = self.sent.get(start..self.at).unwrap_or_default();
        if text.starts_with(b"<?xml") && !names_plain_encoding(text) {
            self.builder.note(Defect::BodyEncoding);
        }
    }

    fn character_data(&mut self) -> Result<(), Spent> {
        let opening = b"<![CDATA[".len();
        let start = self.at + opening;
        self.skip_past(opening, b"]]>");
        let ended = self.sent.get(start..self.at).is_some_and(|data| data.ends_with(b"]]>"));
        let end = if ended { self.at - 3 } else { self.at };
        if start < end {
            let (text, raw) = self.plain(start, end);
            self.add(Kind::String, (start, end), (Text::None, Text::None), (text, raw))?;
        }
        Ok(())
    }

    /// A document type with its internal subset, kept as it is.
    fn document_type(&mut self) -> Result<(), Spent> {
        let start = self.at;
        let mut depth = 0_i32;
        let mut quote = None;
        let mut ended = false;
        for byte in self.sent.get(start..).unwrap_or_default() {
            self.at += 1;
            match (quote, byte) {
                (Some(open), byte) if open == *byte => quote = None,
                (None, b'"' | b'\'') => quote = Some(*byte),
                (None, b'[') => depth += 1,
                (None, b']') => depth -= 1,
                (None, b'>') if depth <= 0 => {
                    ended = true;
                    break;
                }
                (Some(_) | None, _) => {}
            }
        }
        if !ended {
            self.builder.note_syntax(Defect::BodySyntax, self.at);
        }
        self.builder.note(Defect::XmlDoctype);
        let name = self.builder.undone();
        self.builder.undo(b"!DOCTYPE");
        let name = self.builder.kept(name);
        let text = self.plain(start, self.at);
        self.add(Kind::String, (start, self.at), name, text)
    }

    fn end_tag(&mut self) {
        let start = self.at + 2;
        let rest = self.sent.get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'>', rest) else {
            self.at = self.sent.len();
            return self.builder.note_syntax(Defect::BodySyntax, self.at);
        };
        self.at = start + length + 1;
        let name = rest.get(..length).unwrap_or_default().trim_ascii_end();
        let named = |range: &(usize, usize)| self.sent.get(range.0..range.1) == Some(name);
        match self.open.iter().rposition(named) {
            Some(place) => {
                if place + 1 != self.open.len() {
                    self.builder.note(Defect::BodySyntax);
                }
                while self.open.len() > place {
                    self.open.pop();
                    self.builder.close(self.at);
                }
            }
            None => self.builder.note(Defect::BodySyntax),
        }
    }

    fn start_tag(&mut self) -> Result<(), Spent> {
        let start = self.at;
        let name = (start + 1, self.name_end(start + 1));
        let (text, _) = self.plain(name.0, name.1);
        if self.open.is_empty() {
            self.roots += 1;
            if self.roots > 1 {
                self.builder.note(Defect::BodyTrailing);
            }
        }
        self.builder.open(Kind::Element, start, text)?;
        self.open.push(name);
        self.at = name.1;
        while self.at < self.sent.len() {
            let spaces = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.at += spaces;
            match self.rest() {
                [b'>', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    self.open.pop();
                    self.builder.close(self.at);
                    return Ok(());
                }
                [b'<', ..] => {
                    self.builder.note(Defect::BodySyntax);
                    return Ok(());
                }
                [] => {}
                _ => {
                    if spaces == 0 {
                        self.builder.note(Defect::BodySyntax);
                    }
                    self.attribute()?;
                }
            }
        }
        self.builder.note_syntax(Defect::BodySyntax, self.at);
        Ok(())
    }

    /// `name="value"`; a value without quotes ends at white space.
    fn attribute(&mut self) -> Result<(), Spent> {
        let start = self.at;
        // At least one byte, so that this moves on whatever stands here.
        let name_end = self.name_end(start).max(start + 1);
        self.at = name_end;
        self.skip_space();
        let mut value = (name_end, name_end);
        if self.rest().first() == Some(&b'=') {
            self.at += 1;
            self.skip_space();
            value = self.attribute_value();
        } else {
            self.builder.note_syntax(Defect::BodySyntax, self.at);
        }
        let name = self.builder.undone();
        self.builder.undo(b"@");
        self.builder.undo(self.sent.get(start..name_end).unwrap_or_default());
        let name = self.builder.kept(name);
        let text = self.referring(value.0, value.1);
        self.add(Kind::Attribute, value, name, text)
    }

    /// The range of a value, quotes off; moves behind it.
    fn attribute_value(&mut self) -> (usize, usize) {
        let at = self.at;
        if let Some(quote @ (b'"' | b'\'')) = self.rest().first().copied() {
            let start = at + 1;
            let found = self.sent.get(start..).and_then(|rest| memchr::memchr(quote, rest));
            let end = found.map_or(self.sent.len(), |found| start + found);
            self.at = (end + 1).min(self.sent.len());
            if found.is_none() {
                self.builder.note_syntax(Defect::BodySyntax, self.at);
            }
            return (start, end);
        }
        self.builder.note_syntax(Defect::BodySyntax, at);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
        let length = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        self.at += length;
        (at, at + length)
    }

    /// Text up to the next tag. Outside the outermost element only white space may stand.
    fn text(&mut self) -> Result<(), Spent> {
        let start = self.at;
        // A `<` that begins no tag is text, too.
        let found = self.sent.get(start + 1..).and_then(|rest| memchr::memchr(b'<', rest));
        let end = found.map_or(self.sent.len(), |found| start + 1 + found);
        self.at = end;
        let text = self.sent.get(start..end).unwrap_or_default();
        if text.iter().all(u8::is_ascii_whitespace) {
            self.builder.gap();
            return Ok(());
        }
        if text.starts_with(b"<") || (self.open.is_empty() && self.roots == 0) {
            self.builder.note_syntax(Defect::BodySyntax, if found.is_none() { end } else { start });
        } else if self.open.is_empty() {
            self.builder.note(Defect::BodyTrailing);
        }
        let kept = self.referring(start, end);
        self.add(Kind::String, (start, end), (Text::None, Text::None), kept)
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    fn name_end(&self, start: usize) -> usize {
        let rest = self.sent.get(start..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=' | b'<');
        start + rest.iter().position(ends).unwrap_or(rest.len())
    }

    /// A range of the body as it was sent.
    fn plain(&mut self, start: usize, end: usize) -> (Text, Text) {
        if self.utf8 {
            let sent = Text::Sent(start as u32, end as u32);
            return (sent, sent);
        }
        let undone = self.builder.undone();
        self.builder.undo(self.sent.get(start..end).unwrap_or_default());
        self.builder.kept(undone)
    }

    /// A range of the body with its character and entity references undone.
    fn referring(&mut self, start: usize, end: usize) -> (Text, Text) {
        let text = self.sent.get(start..end).unwrap_or_default();
        if memchr::memchr(b'&', text).is_none() {
            return self.plain(start, end);
        }
        let undone = self.builder.undone();
        if let Some(defect) = references::undo(text, self.builder.undoing()) {
            self.builder.note(defect);
        }
        self.builder.kept(undone)
    }

    fn add(
        &mut self,
        kind: Kind,
        span: (usize, usize),
        name: (Text, Text),
        text: (Text, Text),
    ) -> Result<(), Spent> {
        let index = self.builder.leaf(kind, span, name.0, text.0)?;
        if name.0 != name.1 || text.0 != text.1 {
            self.builder.raw(index, name.1, text.1);
        }
        Ok(())
    }
}

const fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':' | 0x80..)
}

/// Whether a declaration names no encoding, or one in which ASCII is ASCII.
fn names_plain_encoding(declaration: &[u8]) -> bool {
    let text = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    let Some((_, named)) = text.split_once("encoding") else { return true };
    let named = named.trim_start_matches([' ', '\t', '\r', '\n', '=', '"', '\'']);
    ["utf-8", "us-ascii", "iso-8859-1", "windows-1252", "ascii"].iter().any(|plain| named.starts_with(plain))
}
