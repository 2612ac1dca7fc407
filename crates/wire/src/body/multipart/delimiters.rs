//! Where delimiters stand: at the beginning of a line, whatever ends the line before, as lenient servers find them.
//!
//! Invariants: every byte is looked at a bounded number of times; delimiters come in order and do not overlap.

use crate::body::facts::{Flaw, Multipart, Unmatched};

/// A line that begins with two dashes and the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delimiter {
    /// Where its dashes stand.
    pub(super) start: usize,
    /// Behind its line end.
    pub(super) end: usize,
    pub(super) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A part follows.
    Opens,
    /// Nothing follows.
    Ends,
}

/// Finds the delimiters of a body, and what looks like one and is none.
pub(super) struct Delimiters<'a> {
    sent: &'a [u8],
    finder: memchr::memmem::Finder<'a>,
    at: usize,
    met: u32,
}

impl<'a> Delimiters<'a> {
    /// Over a body; `dashed` is two dashes and the boundary.
    pub(super) fn new(sent: &'a [u8], dashed: &'a [u8]) -> Self {
        Self { sent, finder: memchr::memmem::Finder::new(dashed), at: 0, met: 0 }
    }

    /// The next delimiter.
    pub(super) fn next(&mut self, facts: &mut Multipart) -> Option<Delimiter> {
        let mut from = self.at;
        while let Some(found) = self.sent.get(from..).and_then(|rest| self.finder.find(rest)) {
            let start = from + found;
            if !self.begins_line(start) {
                // The boundary in the middle of a line may be one for a server that is laxer still.
                facts.unmatched = Unmatched::Found;
                facts.note(Flaw::Lookalike);
                from = start + 1;
                continue;
            }
            let Some(delimiter) = self.read(start, facts) else {
                facts.note(Flaw::InvalidDelimiter);
                from = start + 1;
                continue;
            };
            self.note_dashed_lines(self.at, start, facts);
            if self.met > 0 {
                facts.unmatched = Unmatched::Matched;
            }
            self.met += 1;
            self.at = delimiter.end;
            return Some(delimiter);
        }
        self.note_dashed_lines(self.at, self.sent.len(), facts);
        self.at = self.sent.len();
        None
    }

    /// How many were found.
    pub(super) const fn met(&self) -> u32 {
        self.met
    }

    fn begins_line(&self, at: usize) -> bool {
        at == 0 || self.sent.get(at - 1) == Some(&b'\n')
    }

    /// What stands between a boundary and its line end decides what it is.
    fn read(&self, start: usize, facts: &mut Multipart) -> Option<Delimiter> {
        let behind = start + self.finder.needle().len();
        let line = self.sent.get(behind..)?;
        let ends = memchr::memchr(b'\n', line);
        let end = ends.map_or(self.sent.len(), |ends| behind + ends + 1);
        let line = line.get(..ends.unwrap_or(line.len()))?;
        let (line, crlf) = line.strip_suffix(b"\r").map_or((line, false), |line| (line, true));
        let role = if line.starts_with(b"--") { Role::Ends } else { Role::Opens };
        let padding = if role == Role::Ends { line.get(2..)? } else { line };
        if !padding.is_empty() {
            if role == Role::Opens && !padding.iter().all(u8::is_ascii_whitespace) {
                return None;
            }
            facts.note(Flaw::InvalidDelimiter);
        }
        if ends.is_some() {
            facts.note(if crlf { Flaw::CrlfLine } else { Flaw::LfLine });
        }
        Some(Delimiter { start, end, role })
    }

    /// Lines that begin with two dashes without being delimiters.
    fn note_dashed_lines(&self, from: usize, to: usize, facts: &mut Multipart) {
        let Some(lines) = self.sent.get(from..to) else { return };
        let dashes_first = lines.starts_with(b"--") && self.begins_line(from);
        let dashed = dashes_first || memchr::memmem::find(lines, b"\n--").is_some();
        if dashed && lines.len() > 3 {
            facts.unmatched = Unmatched::Found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, roles: &[Role], unmatched: Unmatched, flaws: &[Flaw]) {
        let mut facts = Multipart::default();
        let mut delimiters = Delimiters::new(text.as_bytes(), b"--B");
        let found: Vec<_> =
            std::iter::from_fn(|| delimiters.next(&mut facts)).map(|delimiter| delimiter.role).collect();
        assert_eq!(found, roles, "{text:?}");
        let mut expected = Multipart::default();
        expected.unmatched = unmatched;
        for flaw in flaws {
            expected.note(*flaw);
        }
        assert_eq!(facts, expected, "{text:?}");
    }

    #[test]
    fn delimiters_and_what_looks_like_one() {
        use Flaw::{CrlfLine, InvalidDelimiter, LfLine, Lookalike};
        use Role::{Ends, Opens};
        check("--B\r\nx\r\n--B--\r\n", &[Opens, Ends], Unmatched::Matched, &[CrlfLine]);
        check("--B\nx\n--B--", &[Opens, Ends], Unmatched::Matched, &[LfLine]);
        check("--B  \r\n", &[Opens], Unmatched::None, &[CrlfLine, InvalidDelimiter]);
        check("--Bx\r\n", &[], Unmatched::Found, &[InvalidDelimiter]);
        check("a --B\r\n", &[], Unmatched::Found, &[Lookalike]);
        check("--B\r\n--C\r\n", &[Opens], Unmatched::Found, &[CrlfLine]);
        check("--B--trailing\r\n", &[Ends], Unmatched::None, &[CrlfLine, InvalidDelimiter]);
        check("", &[], Unmatched::None, &[]);
    }
}
