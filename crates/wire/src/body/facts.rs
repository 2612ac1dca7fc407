//! How a body is written, beside what it says: the facts that rule languages ask for by name.
//!
//! Invariants: facts never depend on budgets other than through what was read; the names of multipart flaws follow
//! `ModSecurity`'s `MULTIPART_*` variables, so that rules written for it mean the same here.
//! Does not know which of them are wrong.

use std::borrow::Cow;

/// What a body was read as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Not a byte.
    #[default]
    Empty,
    /// `application/json` and kin.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/*`.
    Multipart,
    /// `application/xml` and kin.
    Xml,
    /// A GraphQL document, `application/graphql`.
    GraphQl,
    /// Protocol buffers without their schema.
    Protobuf,
    /// UTF-8 of no known structure.
    Text,
    /// Bytes of no known structure.
    Binary,
}

impl Format {
    /// Whether a body of this format is a tree with names.
    pub const fn has_fields(self) -> bool {
        !matches!(self, Self::Empty | Self::Text | Self::Binary)
    }
}

/// A way in which a multipart body or its boundary is written unusually.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Flaw {
    /// The boundary parameter is quoted.
    BoundaryQuoted,
    /// White space stands around the boundary parameter's equals sign.
    BoundaryWhitespace,
    /// No semicolon stands before the boundary parameter.
    MissingSemicolon,
    /// Bytes stand before the first delimiter.
    DataBefore,
    /// Bytes stand behind the last delimiter.
    DataAfter,
    /// A part's field goes on in a second line.
    HeaderFolding,
    /// Such a line begins with white space other than space and tab.
    InvalidHeaderFolding,
    /// A line of a part's head or a delimiter ends with a bare line feed.
    LfLine,
    /// A line of a part's head or a delimiter ends with CR LF, as it should.
    CrlfLine,
    /// A single quote stands in or around a part's name or file name.
    InvalidQuoting,
    /// A part has no name.
    InvalidPart,
    /// A line of a part's head is malformed, repeated or not ended.
    InvalidHeader,
    /// The boundary is missing, ambiguous or malformed.
    InvalidBoundary,
    /// Something else than a line end follows a delimiter.
    InvalidDelimiter,
    /// The boundary stands behind two dashes in the middle of a line.
    Lookalike,
    /// The last delimiter, the one that ends the body, is missing.
    Unfinished,
}

impl Flaw {
    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// What lines that look like delimiters did, as `MULTIPART_UNMATCHED_BOUNDARY` counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmatched {
    /// No line looks like a delimiter without being one, and none follows the first.
    #[default]
    None = 0,
    /// A line looks like a delimiter and is none.
    Found = 1,
    /// Only true delimiters follow the first.
    Matched = 2,
}

/// How a multipart body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Multipart {
    flaws: u32,
    /// What lines that look like delimiters did.
    pub unmatched: Unmatched,
    /// How many parts name a file.
    pub files: u32,
    /// The bytes of all files.
    pub file_bytes: u64,
}

impl Multipart {
    /// Whether it is written so.
    pub const fn has(&self, flaw: Flaw) -> bool {
        self.flaws & flaw.bit() != 0
    }

    /// Notes a flaw.
    pub(crate) const fn note(&mut self, flaw: Flaw) {
        self.flaws |= flaw.bit();
    }

    /// Whether the body does not follow its media type (`REQBODY_ERROR`).
    pub fn is_broken(&self) -> bool {
        use Flaw::{InvalidBoundary, InvalidDelimiter, InvalidHeader, InvalidPart, Unfinished};
        let broken = [InvalidBoundary, InvalidDelimiter, InvalidHeader, InvalidPart, Unfinished];
        broken.iter().any(|flaw| self.has(*flaw))
    }

    /// Whether anything is other than a careful client writes it (`MULTIPART_STRICT_ERROR`).
    pub fn is_strict_error(&self) -> bool {
        self.flaws & !(Flaw::CrlfLine.bit() | Flaw::Lookalike.bit()) != 0
    }

    /// Whether both kinds of line end occur (`MULTIPART_CRLF_LF_LINES`).
    pub const fn mixes_line_ends(&self) -> bool {
        self.has(Flaw::LfLine) && self.has(Flaw::CrlfLine)
    }
}

/// The fields of a part's head, folded lines joined by a space, line ends off.
pub fn part_fields(head: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let mut field: Option<Cow<'_, [u8]>> = None;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let folded = line.first().is_some_and(u8::is_ascii_whitespace);
            match &mut field {
                None => field = Some(Cow::Borrowed(line)),
                Some(field) if folded => {
                    let field = field.to_mut();
                    field.push(b' ');
                    field.extend_from_slice(line.trim_ascii_start());
                }
                Some(_) => break,
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        field
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_part_are_unfolded() {
        let head = b"Content-Type: text/plain;\r\n\tcharset=x\r\nA: b\nC";
        let fields: Vec<_> =
            part_fields(head).map(|field| String::from_utf8_lossy(&field).into_owned()).collect();
        assert_eq!(fields, ["Content-Type: text/plain; charset=x", "A: b", "C"]);
        assert_eq!(part_fields(b"").count(), 0);
    }

    #[test]
    fn a_careful_client_makes_no_strict_error() {
        let mut written = Multipart::default();
        written.note(Flaw::CrlfLine);
        assert!(!written.is_strict_error() && !written.mixes_line_ends());
        written.note(Flaw::LfLine);
        assert!(written.is_strict_error() && written.mixes_line_ends() && !written.is_broken());
    }
}
