//! Lines as SecLang counts them: physical lines joined where a backslash ends one, each byte knowing its place.
//!
//! A line is split into words at white space; quotes hold a word together. Comments continue over a backslash too, as
//! they do in Apache's files. Does not know what any word means.

use std::ops::Range;
use std::sync::Arc;

use portcullis_document::{Place, Problem, SourceFile};

/// One logical line, not empty and no comment.
pub(super) struct Line {
    file: Arc<SourceFile>,
    text: String,
    /// Where pieces of the text begin, in it and in the file; ascending, the first at 0.
    pieces: Vec<(usize, usize)>,
}

impl Line {
    fn new(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), text: String::new(), pieces: Vec::new() }
    }

    fn push(&mut self, text: &str, at: usize) {
        self.pieces.push((self.text.len(), at));
        self.text.push_str(text);
    }

    /// All of it.
    pub(super) fn span(&self) -> Span<'_> {
        Span { line: self, start: 0, end: self.text.len() }
    }

    fn offset(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        self.pieces.get(piece).map_or(0, |(start, source)| source + (at - start))
    }

    fn is_code(&self) -> bool {
        let text = self.text.trim_start();
        !text.is_empty() && !text.starts_with('#')
    }
}

/// The lines of a file that say something.
pub(super) fn lines(file: &Arc<SourceFile>) -> Vec<Line> {
    let mut found = Vec::new();
    let mut line = Line::new(file);
    let mut at = 0;
    for physical in file.text().split_inclusive('\n') {
        let text = physical.trim_end_matches('\n').trim_end_matches('\r');
        if let Some(begun) = text.strip_suffix('\\') {
            line.push(begun, at);
        } else {
            line.push(text, at);
            found.push(std::mem::replace(&mut line, Line::new(file)));
        }
        at += physical.len();
    }
    found.push(line);
    found.retain(Line::is_code);
    found
}

/// Some of a line's text.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    line: &'a Line,
    start: usize,
    end: usize,
}

impl<'a> Span<'a> {
    /// The text as written, continuations removed.
    pub(super) fn raw(self) -> &'a str {
        self.line.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Where it stands.
    pub(super) fn place(self) -> Place {
        let start = self.line.offset(self.start);
        let end = if self.end > self.start { self.line.offset(self.end - 1) + 1 } else { start };
        Place::new(&self.line.file, start..end)
    }

    /// A part of it, by bytes of its own text.
    pub(super) fn part(self, range: Range<usize>) -> Self {
        let start = (self.start + range.start).min(self.end);
        Self { start, end: (self.start + range.end).clamp(start, self.end), ..self }
    }

    /// From that byte of its own text on.
    pub(super) fn from(self, start: usize) -> Self {
        self.part(start..self.end - self.start)
    }

    /// Without white space at both ends.
    pub(super) fn trim(self) -> Self {
        let raw = self.raw();
        let start = raw.len() - raw.trim_start().len();
        self.part(start..start + raw.trim().len())
    }

    /// What stands before and after the first of those characters.
    pub(super) fn split_once(self, at: impl Fn(char) -> bool) -> Option<(Self, Self)> {
        let (index, found) = self.raw().char_indices().find(|(_, c)| at(*c))?;
        Some((self.part(0..index), self.from(index + found.len_utf8())))
    }

    /// Without the quotes around it, if it has any.
    pub(super) fn unquote(self) -> Self {
        let raw = self.raw();
        let quoted = |quote: char| raw.len() >= 2 && raw.starts_with(quote) && raw.ends_with(quote);
        if quoted('\'') || quoted('"') { self.part(1..raw.len() - 1) } else { self }
    }

    /// A mistake here.
    pub(super) fn error(self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(code, message).at(&self.place())
    }
}

/// One word of a line, without its quotes.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    /// What stands between the quotes.
    pub(super) span: Span<'a>,
    quote: Option<char>,
}

impl Word<'_> {
    /// The text with escaped quotes resolved; every other backslash stays.
    pub(super) fn value(&self) -> String {
        match self.quote {
            Some(quote) => self.span.raw().replace(&format!("\\{quote}"), quote.encode_utf8(&mut [0; 4])),
            None => self.span.raw().to_owned(),
        }
    }
}

/// A line's words, or the quote that is never closed.
pub(super) fn words(line: &Line) -> Result<Vec<Word<'_>>, Problem> {
    let mut found = Vec::new();
    let mut rest = line.span().trim();
    while let Some(first) = rest.raw().chars().next() {
        let quote = (first == '"' || first == '\'').then_some(first);
        let (span, after) = if let Some(quote) = quote {
            quoted(rest, quote)?
        } else {
            let end = rest.raw().find(char::is_whitespace).unwrap_or(rest.raw().len());
            (rest.part(0..end), rest.from(end))
        };
        found.push(Word { span, quote });
        rest = after.trim();
    }
    Ok(found)
}

/// What stands between quotes, and what follows; `rest` begins with the quote.
fn quoted(rest: Span<'_>, quote: char) -> Result<(Span<'_>, Span<'_>), Problem> {
    let close = closing(rest.raw().get(1..).unwrap_or_default(), quote);
    let Some(close) = close.map(|at| at + 1) else {
        let problem = rest.part(0..1).error("seclang.quote", "this quote is never closed");
        return Err(
            problem.remedy(format!("end the text with {quote}, and write {quote} inside it as \\{quote}"))
        );
    };
    let after = rest.from(close + 1);
    if after.raw().starts_with(|c: char| !c.is_whitespace()) {
        let problem = after.part(0..1).error("seclang.quote", "text follows the closing quote");
        return Err(problem.remedy(format!("write {quote} inside quoted text as \\{quote}")));
    }
    Ok((rest.part(1..close), after))
}

/// The byte of the first such quote without a backslash before it.
pub(super) fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&[&str]]) {
        let file = SourceFile::new("a.conf", text);
        let lines = lines(&file);
        let found: Vec<Vec<String>> =
            lines.iter().map(|line| words(line).unwrap().iter().map(Word::value).collect()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn lines_are_joined_and_comments_dropped() {
        check("", &[]);
        check("# a\n\n  # b\nSecX 1\r\nSecY", &[&["SecX", "1"], &["SecY"]]);
        check("SecX \\\n  a\\\n  b\n", &[&["SecX", "a", "b"]]);
        check("# gone \\\n still gone\nSecX\\\n", &[&["SecX"]]);
    }

    #[test]
    fn quotes_hold_words_together() {
        check(r#"a "b c" 'd "e'"#, &[&["a", "b c", "d \"e"]]);
        check(r#"a "b \" \\d \w""#, &[&["a", r#"b " \\d \w"#]]);
        check("a it's", &[&["a", "it's"]]);
        check(r#"a "ends with \\""#, &[&["a", r"ends with \\"]]);
    }

    #[test]
    fn broken_quotes_are_shown_where_they_stand() {
        let place = |text: &str| {
            let file = SourceFile::new("a.conf", text);
            words(&lines(&file)[0]).map(|_| ()).unwrap_err().to_string()
        };
        assert_eq!(place("SecX \\\n  \"a"), "a.conf:2:3: error: this quote is never closed");
        assert_eq!(place("SecX \"a\"b\""), "a.conf:1:9: error: text follows the closing quote");
    }

    #[test]
    fn every_byte_of_a_joined_line_knows_its_place() {
        let file = SourceFile::new("a.conf", "SecX \\\n  ab\\\ncd \"é\"");
        let lines = lines(&file);
        let places: Vec<String> =
            words(&lines[0]).unwrap().iter().map(|word| word.span.place().text().to_owned()).collect();
        assert_eq!(places, ["SecX", "ab\\\ncd", "é"]);
    }
}
