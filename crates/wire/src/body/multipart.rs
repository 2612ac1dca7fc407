//! Multipart bodies (RFC 2046 §5.1, RFC 7578), leniently: every part that some server would find is a value, and what
//! servers are known to read differently is a flaw.
//!
//! A form's parts are the members of an object, those of any other multipart body the items of an array; a part
//! that is not UTF-8 is binary. Invariant: bytes between two delimiters belong to the head or the content of a part.

mod boundary;
mod delimiters;

use bytes::Bytes;

use crate::body::Format;
use crate::body::builder::{Builder, Spent};
use crate::body::facts::{Flaw, Multipart, part_fields};
use crate::body::multipart::delimiters::{Delimiter, Delimiters, Role};
use crate::body::tree::{Kind, Part, Text};
use crate::defect::Defect;
use crate::fields::{Disposition, MediaType};
use crate::framing::split_field;
use crate::grammar::trim;

/// The most fields of one part that are read.
const PART_FIELDS: usize = 16;

/// Reads the parts of a body into the builder.
pub(super) fn parse(builder: &mut Builder, media_type: &MediaType) {
    let mut facts = Multipart::default();
    let boundary = boundary::read(media_type.sent(), &mut facts);
    if let Some(boundary) = boundary {
        let form = media_type.essence() == "multipart/form-data";
        let kind = if form { Kind::Object } else { Kind::Array };
        let dashed = [b"--", boundary].concat();
        let sent = builder.sent();
        if builder.open(kind, 0, Text::None).is_ok() {
            let mut parts = Parts { sent: &sent, builder, facts: &mut facts, form };
            // Budgets that are spent were noted by the builder.
            let _ = parts.read(&dashed);
            builder.close(sent.len());
        }
    } else {
        builder.whole();
    }
    note_defects(builder, &facts);
    builder.read_as(Format::Multipart);
    builder.multipart(facts);
}

/// What about the writing makes servers disagree.
fn note_defects(builder: &mut Builder, facts: &Multipart) {
    use Flaw::{
        DataAfter, DataBefore, HeaderFolding, InvalidBoundary, InvalidDelimiter, InvalidHeader, InvalidPart,
        LfLine, Lookalike, Unfinished,
    };
    let parts = [DataBefore, HeaderFolding, InvalidDelimiter, InvalidHeader, InvalidPart, LfLine, Lookalike];
    if parts.iter().any(|flaw| facts.has(*flaw)) {
        builder.note(Defect::MultipartPart);
    }
    if facts.has(InvalidBoundary) {
        builder.note(Defect::MultipartBoundary);
    }
    if facts.has(DataAfter) {
        builder.note(Defect::BodyTrailing);
    }
    if facts.has(Unfinished) {
        let end = builder.sent().len();
        builder.note_syntax(Defect::BodySyntax, end);
    }
}

struct Parts<'a> {
    sent: &'a Bytes,
    builder: &'a mut Builder,
    facts: &'a mut Multipart,
    form: bool,
}

/// What a part's fields say.
#[derive(Default)]
struct PartHead {
    disposition: Option<Disposition>,
    media_type: Option<Vec<u8>>,
}

impl Parts<'_> {
    fn read(&mut self, dashed: &[u8]) -> Result<(), Spent> {
        let sent = self.sent;
        let mut delimiters = Delimiters::new(sent, dashed);
        let mut open: Option<Delimiter> = None;
        while let Some(delimiter) = delimiters.next(self.facts) {
            match open {
                Some(before) => self.part(before.end, delimiter.start)?,
                // What stands in front of the first delimiter only a mail reader would show; servers disagree on it.
                None if delimiter.start > 0 => self.facts.note(Flaw::DataBefore),
                None => {}
            }
            if delimiter.role == Role::Ends {
                if delimiter.end < sent.len() {
                    self.facts.note(Flaw::DataAfter);
                }
                return Ok(());
            }
            open = Some(delimiter);
        }
        self.facts.note(Flaw::Unfinished);
        if delimiters.met() == 0 && !sent.is_empty() {
            self.facts.note(Flaw::DataBefore);
        }
        match open {
            Some(before) if before.end < sent.len() => self.part(before.end, sent.len()),
            _ => Ok(()),
        }
    }

    /// One part, up to the delimiter behind it: its fields, an empty line, its content.
    fn part(&mut self, start: usize, delimiter: usize) -> Result<(), Spent> {
        let (head_end, content_start) = self.split_head(start, delimiter);
        let content_end = self.content_end(content_start, delimiter);
        let sent = self.sent;
        let head = self.read_head(sent.get(start..head_end).unwrap_or_default());
        self.add((start, head_end), (content_start, content_end), head)
    }

    /// The line end before a delimiter belongs to it.
    fn content_end(&mut self, start: usize, delimiter: usize) -> usize {
        let content = self.sent.get(start..delimiter).unwrap_or_default();
        if delimiter == self.sent.len() {
            return delimiter;
        }
        match content {
            [.., b'\r', b'\n'] => delimiter - 2,
            [.., b'\n'] => {
                self.facts.note(Flaw::LfLine);
                delimiter - 1
            }
            _ => delimiter,
        }
    }

    /// Where the fields of a part end and its content begins. Where no empty line ends them, content begins with the
    /// first line that is no field.
    fn split_head(&mut self, start: usize, end: usize) -> (usize, usize) {
        let mut at = start;
        let mut stray = None;
        while let Some(rest) = self.sent.get(at..end).filter(|rest| !rest.is_empty()) {
            let line_end = memchr::memchr(b'\n', rest);
            let line = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
            let (line, crlf) = line.strip_suffix(b"\r").map_or((line, false), |line| (line, true));
            if line_end.is_some() {
                self.facts.note(if crlf { Flaw::CrlfLine } else { Flaw::LfLine });
            }
            let next = line_end.map_or(end, |line_end| at + line_end + 1);
            if line.is_empty() {
                return (at, next);
            }
            if stray.is_none() && !line.contains(&b':') && !line.first().is_some_and(u8::is_ascii_whitespace)
            {
                stray = Some(at);
            }
            at = next;
        }
        self.facts.note(Flaw::InvalidHeader);
        (stray.unwrap_or(end), stray.unwrap_or(end))
    }

    fn read_head(&mut self, sent: &[u8]) -> PartHead {
        let mut head = PartHead::default();
        let mut names: Vec<Vec<u8>> = Vec::new();
        self.note_folding(sent);
        for (place, field) in part_fields(sent).enumerate() {
            if place == PART_FIELDS {
                self.facts.note(Flaw::InvalidHeader);
                break;
            }
            let Some((name, value)) = self.field(&field) else { continue };
            let name = name.to_ascii_lowercase();
            if names.contains(&name) {
                self.facts.note(Flaw::InvalidHeader);
            }
            self.note_field(&name, value, &mut head);
            names.push(name);
        }
        head
    }

    fn note_folding(&mut self, head: &[u8]) {
        for line in head.split(|byte| *byte == b'\n') {
            match line {
                [b' ' | b'\t', ..] => self.facts.note(Flaw::HeaderFolding),
                [b'\x0b' | b'\x0c', ..] => {
                    self.facts.note(Flaw::HeaderFolding);
                    self.facts.note(Flaw::InvalidHeaderFolding);
                }
                _ => {}
            }
        }
    }

    /// A field's name and value; a malformed one is read all the same where it has a colon.
    fn field<'f>(&mut self, field: &'f [u8]) -> Option<(&'f [u8], &'f [u8])> {
        if let Ok(field) = split_field(field) {
            return Some((field.name, field.value));
        }
        self.facts.note(Flaw::InvalidHeader);
        let (name, value) = field.split_at_checked(memchr::memchr(b':', field)?)?;
        Some((trim(name), trim(value.get(1..)?)))
    }

    /// Takes note of one field; what is malformed, repeated or changes how content is read is a flaw.
    fn note_field(&mut self, name: &[u8], value: &[u8], head: &mut PartHead) {
        let fine = match name {
            b"content-disposition" => {
                let read = Disposition::parse(value);
                if read.as_ref().is_some_and(|read| read.single_quotes) || value.ends_with(b"'") {
                    self.facts.note(Flaw::InvalidQuoting);
                }
                let fine = read.as_ref().is_some_and(|read| !read.ambiguous) && head.disposition.is_none();
                // One that breaks off still says what it said before.
                head.disposition = head.disposition.take().or(read).or_else(|| Disposition::salvage(value));
                fine
            }
            b"content-type" => {
                let first = head.media_type.is_none();
                head.media_type.get_or_insert_with(|| value.to_vec());
                first && MediaType::parse(value).is_some()
            }
            b"content-transfer-encoding" => {
                [&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain))
            }
            _ => true,
        };
        if !fine {
            self.facts.note(Flaw::InvalidHeader);
        }
    }

    fn add(&mut self, fields: (usize, usize), content: (usize, usize), head: PartHead) -> Result<(), Spent> {
        let bytes = self.sent.get(content.0..content.1).unwrap_or_default();
        let kind = if std::str::from_utf8(bytes).is_ok() { Kind::String } else { Kind::Binary };
        let disposition = head.disposition.unwrap_or_default();
        if self.form && disposition.name.as_ref().is_none_or(Vec::is_empty) {
            self.facts.note(Flaw::InvalidPart);
        }
        let text = Text::Sent(content.0 as u32, content.1 as u32);
        let (name, raw_name) = self.keep(disposition.name.as_deref());
        let index = self.builder.leaf(kind, content, name, text)?;
        if name != raw_name {
            self.builder.raw(index, raw_name, text);
        }
        if disposition.file_name.as_ref().is_some_and(|name| !name.is_empty()) {
            self.facts.files += 1;
            self.facts.file_bytes += bytes.len() as u64;
        }
        let (file_name, raw_file_name) = self.keep(disposition.file_name.as_deref());
        let (media_type, _) = self.keep(head.media_type.as_deref());
        let head = Text::Sent(fields.0 as u32, fields.1 as u32);
        self.builder.part(Part { index, file_name, raw_file_name, media_type, head });
        Ok(())
    }

    /// A text brought into UTF-8, and as it is.
    fn keep(&mut self, text: Option<&[u8]>) -> (Text, Text) {
        text.map_or((Text::None, Text::None), |text| {
            let start = self.builder.undone();
            self.builder.undo(text);
            self.builder.kept(start)
        })
    }
}
