//! The detectors: each reads a value in the language it knows and says what it sees there.
//!
//! Invariants: each is linear in the value, or bounded by a constant number of passes; each is asked only if the bytes
//! it starts from are present. Do not know rules or levels.

mod graphql;
mod html;
mod path;
mod queries;
mod script;
mod shell;
mod sql;
mod template;
mod url;
mod words;

use aho_corasick::{AhoCorasick, BuildError};

use crate::builtin::marks::Marks;
use crate::builtin::reading::Reading;
use crate::builtin::signal::Hits;
use crate::builtin::walk::Site;

/// One reading of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) marks: Marks,
    pub(super) site: &'a Site<'a>,
    /// What detectors search with.
    pub(super) tools: &'a Tools,
    /// The reading, unless it is the value itself.
    pub(super) reading: Option<&'a Reading>,
}

/// Searches for many texts at once, built with the pack.
#[derive(Debug)]
pub(super) struct Tools {
    /// [`path::FILES`].
    files: AhoCorasick,
    /// [`queries::SIGNS`].
    xpath: AhoCorasick,
}

impl Tools {
    pub(super) fn new() -> Result<Self, BuildError> {
        let builder = |texts: &[&str]| AhoCorasick::builder().ascii_case_insensitive(true).build(texts);
        Ok(Self { files: builder(path::FILES)?, xpath: builder(queries::SIGNS)? })
    }
}

impl View<'_> {
    /// Whether it was put together from pieces.
    fn is_joined(&self) -> bool {
        self.reading.is_some_and(Reading::is_joined)
    }
}

const QUOTES: Marks = Marks::SINGLE.or(Marks::DOUBLE).or(Marks::BACKTICK);

/// Shows a reading to every detector that could see something in it.
pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let marks = view.marks;
    let digits_alone = !marks.any(Marks::LETTER) && !marks.any(QUOTES.or(Marks::DOT).or(Marks::BRACE));
    if digits_alone && !marks.any(Marks::OPEN.or(Marks::PIPE).or(Marks::STAR)) {
        return;
    }
    let spread =
        Marks::SPACE.or(QUOTES).or(Marks::OPEN).or(Marks::STAR).or(Marks::SEMICOLON).or(Marks::EQUAL);
    if marks.any(spread.or(Marks::LINE).or(Marks::AT)) {
        sql::detect(view, hits);
    }
    if marks.any(Marks::LESS.or(Marks::EQUAL).or(Marks::GREATER)) {
        html::detect(view, hits);
    }
    if marks.any(Marks::OPEN.or(Marks::BACKTICK).or(Marks::EQUAL).or(Marks::BRACKET).or(Marks::DOT)) {
        script::detect(view, hits);
    }
    shell::detect(view, hits);
    if marks.any(Marks::DOT.or(Marks::SLASH).or(Marks::BACKSLASH)) {
        path::detect(view, hits);
    }
    if marks.any(Marks::COLON.or(Marks::SLASH).or(Marks::AT).or(Marks::BACKSLASH)) {
        url::detect(view, hits);
    }
    if marks.any(Marks::BRACE.or(Marks::OPEN).or(Marks::LESS)) {
        template::detect(view, hits);
    }
    queries::detect(view, hits);
    if marks.has(Marks::LETTER) && marks.any(Marks::BRACE) {
        graphql::detect(view, hits);
    }
}
