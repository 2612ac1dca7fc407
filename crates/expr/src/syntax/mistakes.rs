//! The parser's syntax errors, said so that a person can mend them.
//!
//! Only the first is shown: what a parser says after it lost its way is noise.

use std::ops::Range;

use cel::{ParseError, ParseErrors};

use crate::problem::ExprProblem;

/// What people write who know other languages, and what is meant here.
const FOREIGN: &[(&str, &str)] = &[
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("not", "write `!`"),
    ("AND", "write `&&`"),
    ("OR", "write `||`"),
    ("NOT", "write `!`"),
    ("&", "write `&&`"),
    ("|", "write `||`"),
    ("=", "write `==` to compare"),
    ("<>", "write `!=`"),
    ("~", "write `text.matches(\"…\")`"),
    ("like", "write `text.matches(\"…\")`"),
    ("is", "write `==`"),
    ("“", "write plain quotes, `\"`"),
    ("”", "write plain quotes, `\"`"),
    ("#", "comments begin with `//`"),
];

/// The first of the parser's errors as a problem.
pub(super) fn explain(errors: &ParseErrors, source: &str) -> ExprProblem {
    if errors.errors.iter().any(is_too_deep) {
        return too_deep(source);
    }
    let Some(error) = errors.errors.first() else {
        return ExprProblem::new(0..source.len(), "this is not an expression");
    };
    let span = foreign_before(byte_of(error.pos, source), source);
    let token = source.get(span.clone()).unwrap_or_default();
    let problem = ExprProblem::new(span.clone(), said(&error.msg, token));
    match remedy(&error.msg, token, &span, source) {
        Some(remedy) => problem.remedy(remedy),
        None => problem,
    }
}

/// The token at a byte; or the foreign word just before it, over which the parser only trips afterwards.
fn foreign_before(at: usize, source: &str) -> Range<usize> {
    let here = at..at + token_length(source.get(at..).unwrap_or_default());
    let before = source.get(..at).unwrap_or_default().trim_end();
    let word = before.split_whitespace().next_back().unwrap_or_default();
    let is_foreign = word.chars().all(char::is_alphabetic) && foreign(word).is_some();
    if is_foreign { before.len() - word.len()..before.len() } else { here }
}

fn foreign(word: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(foreign, _)| *foreign == word).map(|(_, remedy)| *remedy)
}

/// The problem of an expression that would nest the parser's calls, and later ours, too deeply.
pub(super) fn too_deep(source: &str) -> ExprProblem {
    ExprProblem::new(0..source.len(), "the expression nests too deeply")
        .remedy("split it into several rules that set tags, or use `in [\"a\", \"b\"]`")
}

fn is_too_deep(error: &ParseError) -> bool {
    let inner = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
    error.msg.contains("Recursion limit") || inner.contains("Recursion limit")
}

/// Which byte a line and column, both counted from 1, the column in characters, stand for.
fn byte_of((line, column): (isize, isize), source: &str) -> usize {
    let before: usize =
        source.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum();
    let rest = source.get(before..).unwrap_or_default();
    let characters = usize::try_from(column - 1).unwrap_or(0);
    before + rest.char_indices().nth(characters).map_or(rest.len(), |(at, _)| at)
}

fn token_length(rest: &str) -> usize {
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) }
}

fn said(message: &str, token: &str) -> String {
    if let Some(name) = message.strip_prefix("reserved identifier: ") {
        return format!("`{name}` is a word the language keeps for itself");
    }
    if let Some(what) = message.strip_prefix("unsupported syntax ") {
        return format!("`{}` is not supported", what.trim_matches('\''));
    }
    if message.starts_with("invalid") {
        return message.split(": ").next().unwrap_or(message).to_owned();
    }
    match token {
        "" => "the expression ends too early".to_owned(),
        "\"" | "'" => "this string is not closed, or has an escape that is none".to_owned(),
        token => format!("`{token}` is not expected here"),
    }
}

fn remedy(message: &str, token: &str, span: &Range<usize>, source: &str) -> Option<String> {
    if matches!(token, "\"" | "'") {
        return Some("write a backslash as `\\\\`, or use a raw string, `r\"…\"`".to_owned());
    }
    if message.starts_with("unsupported syntax") {
        return Some("leave the `?` out: what is absent is null".to_owned());
    }
    if message.starts_with("invalid int") {
        return Some(format!("whole numbers go from {} to {}", i64::MIN, i64::MAX));
    }
    let pair = source.get(span.start..).and_then(|rest| rest.get(..2)).unwrap_or_default();
    foreign(pair).or_else(|| foreign(token)).map(str::to_owned)
}
