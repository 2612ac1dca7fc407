//! Multipart bodies (RFC 2046 §5.1, RFC 7578), strictly: what servers are known to split differently is a defect.
//!
//! A form's parts are the members of an object, those of any other multipart body the items of an array; a part
//! that is not UTF-8 is binary.

use bytes::Bytes;

use crate::body::builder::{Builder, Spent};
use crate::body::tree::{Kind, Part, Text};
use crate::defect::Defect;
use crate::fields::{Disposition, MediaType};
use crate::framing::split_field;

/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES: usize = 70;
/// The most field lines of one part.
const PART_FIELDS: usize = 16;

/// Reads the parts of a body into the builder.
pub(super) fn parse(builder: &mut Builder, media_type: &MediaType) {
    let boundary = media_type.parameter("boundary").filter(|_| media_type.count("boundary") == 1);
    let Some(boundary) = boundary.filter(|boundary| is_boundary(boundary)) else {
        builder.note(Defect::MultipartBoundary);
        return builder.whole();
    };
    let form = media_type.essence() == "multipart/form-data";
    let kind = if form { Kind::Object } else { Kind::Array };
    let sent = builder.sent();
    if builder.open(kind, 0, Text::None).is_err() {
        return;
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Parts { sent, at: 0, delimiter: delimiter.as_bytes(), builder, form };
    // Budgets that are spent were noted by the builder.
    let _ = parts.read();
}

/// `bcharsnospace` and inner spaces, not more than seventy.
fn is_boundary(boundary: &str) -> bool {
    !boundary.is_empty()
        && boundary.len() <= BOUNDARY_BYTES
        && !boundary.ends_with(' ')
        && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte))
}

struct Parts<'a> {
    sent: Bytes,
    at: usize,
    /// CR LF, two dashes and the boundary.
    delimiter: &'a [u8],
    builder: &'a mut Builder,
    form: bool,
}

/// What stands behind a delimiter.
enum Behind {
    Part,
    End,
    Broken,
}

/// What a part's field lines say.
#[derive(Default)]
struct PartHead {
    disposition: Option<Disposition>,
    media_type: Option<String>,
}

impl Parts<'_> {
    fn read(&mut self) -> Result<(), Spent> {
        let first = self.delimiter.get(2..).unwrap_or_default();
        if !self.sent.starts_with(first) {
            // Before the first delimiter only a mail reader would show anything; servers disagree on it.
            self.builder.note(Defect::MultipartPart);
            let Some(found) = memchr::memmem::find(&self.sent, self.delimiter) else {
                self.broken();
                return Ok(());
            };
            self.at = found + 2;
        }
        self.at += first.len();
        loop {
            match self.behind_delimiter() {
                Behind::Part => {
                    if !self.part()? {
                        return Ok(());
                    }
                }
                Behind::End => {
                    self.epilogue();
                    return Ok(());
                }
                Behind::Broken => {
                    self.broken();
                    return Ok(());
                }
            }
        }
    }

    fn behind_delimiter(&mut self) -> Behind {
        let rest = self.sent.get(self.at..).unwrap_or_default();
        let behind = match rest {
            [b'\r', b'\n', ..] => Behind::Part,
            [b'-', b'-', ..] => Behind::End,
            [] | [b'\r' | b'-'] => {
                self.at = self.sent.len();
                return Behind::Broken;
            }
            _ => return Behind::Broken,
        };
        self.at += 2;
        behind
    }

    /// One part, up to behind the next delimiter; `false` if the body ends in it.
    fn part(&mut self) -> Result<bool, Spent> {
        let Some(head) = self.part_head() else {
            self.broken();
            return Ok(false);
        };
        let rest = self.sent.get(self.at..).unwrap_or_default();
        let found = memchr::memmem::find(rest, self.delimiter);
        let start = self.at;
        let end = start + found.unwrap_or(rest.len());
        self.add(start, end, head)?;
        if found.is_none() {
            self.at = self.sent.len();
            self.broken();
            return Ok(false);
        }
        self.at = end + self.delimiter.len();
        Ok(true)
    }

    /// The field lines of a part, up to behind its empty line; `None` if they do not end.
    fn part_head(&mut self) -> Option<PartHead> {
        let mut head = PartHead::default();
        for _ in 0..=PART_FIELDS {
            let rest = self.sent.get(self.at..)?;
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.at = self.sent.len();
                return None;
            };
            let line = self.sent.slice(self.at..self.at + end);
            self.at += end + 1;
            let Some(line) = line.strip_suffix(b"\r") else {
                self.builder.note(Defect::MultipartPart);
                return None;
            };
            if line.is_empty() {
                return Some(head);
            }
            if !note_field(line, &mut head) {
                self.builder.note(Defect::MultipartPart);
            }
        }
        None
    }

    fn add(&mut self, start: usize, end: usize, head: PartHead) -> Result<(), Spent> {
        let content = self.sent.get(start..end).unwrap_or_default();
        if hides_delimiter(content, self.delimiter) {
            self.builder.note(Defect::MultipartPart);
        }
        let kind = if std::str::from_utf8(content).is_ok() { Kind::String } else { Kind::Binary };
        let disposition = head.disposition.unwrap_or_default();
        let name = match &disposition.name {
            Some(name) => self.builder.keep(name),
            None => Text::None,
        };
        if self.form && disposition.name.is_none() {
            self.builder.note(Defect::MultipartPart);
        }
        let index = self.builder.leaf(kind, (start, end), name, Text::Sent(start as u32, end as u32))?;
        if disposition.file_name.is_some() || head.media_type.is_some() {
            let mut keep = |text: Option<String>| text.map_or(Text::None, |text| self.builder.keep(&text));
            let (file_name, media_type) = (keep(disposition.file_name), keep(head.media_type));
            self.builder.part(Part { index, file_name, media_type, head: Text::None });
        }
        Ok(())
    }

    /// Behind the last delimiter nothing but one line end may follow.
    fn epilogue(&mut self) {
        if !matches!(self.sent.get(self.at..), None | Some([] | [b'\r', b'\n'])) {
            self.builder.note(Defect::BodyTrailing);
        }
        self.builder.close(self.sent.len());
    }

    fn broken(&mut self) {
        self.builder.note_syntax(Defect::BodySyntax, self.at);
    }
}

/// Takes note of one field line of a part; `false` if it is malformed, repeated or changes how content is read.
fn note_field(line: &[u8], head: &mut PartHead) -> bool {
    let Ok(field) = split_field(line) else { return false };
    let (name, value) = (field.name, field.value);
    if name.eq_ignore_ascii_case(b"content-disposition") {
        let read = Disposition::parse(value);
        let fine = read.as_ref().is_some_and(|read| !read.ambiguous) && head.disposition.is_none();
        head.disposition = head.disposition.take().or(read);
        return fine;
    }
    if name.eq_ignore_ascii_case(b"content-type") {
        let text = String::from_utf8_lossy(value).into_owned();
        return head.media_type.replace(text).is_none() && MediaType::parse(value).is_some();
    }
    if name.eq_ignore_ascii_case(b"content-transfer-encoding") {
        return [&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
    }
    true
}

/// Whether a part holds its own delimiter behind a bare line feed, where lenient servers would end it.
fn hides_delimiter(content: &[u8], delimiter: &[u8]) -> bool {
    delimiter.get(1..).is_some_and(|line| memchr::memmem::find(content, line).is_some())
        || delimiter.get(2..).is_some_and(|dashes| content.starts_with(dashes))
}
