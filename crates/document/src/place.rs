//! Source files and places in them: which bytes of which file a thing was read from.
//!
//! Lines and columns count from 1; a column counts characters, as editors do. A place holds no text of its own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::scalar;

/// One file's text under the name people know it by.
pub struct SourceFile {
    name: Box<str>,
    text: Box<str>,
    /// The byte each line begins at, ascending; the first is 0.
    lines: Vec<u32>,
}

impl SourceFile {
    /// A file of that name and text.
    pub fn new(name: impl Into<Box<str>>, text: impl Into<Box<str>>) -> Arc<Self> {
        let text = text.into();
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(after_breaks.map(|(at, _)| at as u32 + 1)).collect();
        Arc::new(Self { name: name.into(), text, lines })
    }

    /// The name as shown to people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column, both from 1, of a byte offset; one past the end is the end.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.lines.partition_point(|start| *start as usize <= offset);
        let start = self.lines.get(line.saturating_sub(1)).map_or(0, |start| *start as usize);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line.max(1), column + 1)
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceFile({}, {} bytes)", self.name, self.text.len())
    }
}

/// Some bytes of one file.
#[derive(Clone)]
pub struct Place {
    file: Arc<SourceFile>,
    start: u32,
    end: u32,
}

impl Place {
    /// Those bytes of that file; cut to the file's length.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>) -> Self {
        let end = span.end.min(file.text.len());
        Self { file: Arc::clone(file), start: span.start.min(end) as u32, end: end as u32 }
    }

    /// The file.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The bytes.
    pub fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The line the place begins on, from 1.
    pub fn line(&self) -> usize {
        self.file.line_column(self.start as usize).0
    }

    /// The column the place begins at, in characters from 1.
    pub fn column(&self) -> usize {
        self.file.line_column(self.start as usize).1
    }

    /// The text of the place as the file has it.
    pub fn text(&self) -> &str {
        self.file.text.get(self.span()).unwrap_or_default()
    }

    /// Where some bytes of the text that was read from this place stand: through quotes, escapes, folded lines and
    /// the indentation of block scalars.
    pub fn within(&self, text: &str, span: Range<usize>) -> Self {
        let found = scalar::locate(self.text(), text, span);
        let base = self.start as usize;
        Self::new(&self.file, base + found.start..base + found.end)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.file.name == other.file.name && self.span() == other.span()
    }
}

impl Eq for Place {}

/// `file:line:column`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.file.line_column(self.start as usize);
        write!(f, "{}:{line}:{column}", self.file.name)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_those_of_an_editor() {
        let file = SourceFile::new("a.yaml", "one\nzwölf: x\n");
        let at = |offset| file.line_column(offset);
        assert_eq!([at(0), at(3), at(4), at(11), at(99)], [(1, 1), (1, 4), (2, 1), (2, 7), (3, 1)]);
        assert_eq!(Place::new(&file, 4..10).to_string(), "a.yaml:2:1");
        assert_eq!(Place::new(&file, 4..10).text(), "zwölf");
    }

    #[test]
    fn a_place_outside_its_file_is_cut() {
        let file = SourceFile::new("a.yaml", "one");
        assert_eq!(Place::new(&file, 2..90).span(), 2..3);
        assert_eq!(Place::new(&file, 50..90).span(), 3..3);
    }
}
