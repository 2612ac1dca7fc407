//! Broken YAML: where, why in the parser's words, and what was probably meant in ours.

use std::sync::Arc;

use granit_parser::ScanError;

use crate::place::{Place, SourceFile};
use crate::problem::Problem;

/// The problem of a syntax error.
pub(super) fn explain(file: &Arc<SourceFile>, error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or(0);
    let end = file.text().get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
    let problem = Problem::error("document.syntax", "this is not YAML").at(&Place::new(file, at..end));
    let problem = problem.label(error.kind().to_string());
    match meant(file.text(), at) {
        Some(remedy) => problem.remedy(remedy),
        None => problem,
    }
}

/// What was probably meant where the syntax broke down at a byte: the mistakes people make.
fn meant(text: &str, at: usize) -> Option<&'static str> {
    let (before, after) = text.split_at_checked(at)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let above =
        before.trim_end().rsplit_once('\n').map_or("", |(rest, _)| rest).lines().last().unwrap_or_default();
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let key_before = line.trim_start().contains(": ");
    if line.contains('\t') || after.starts_with('\t') {
        return Some("indent with spaces; YAML allows no tabs there");
    }
    match after.chars().next() {
        Some('*' | '&' | '!' | '@' | '%' | '`') => {
            Some("put quotes around a text that begins with such a sign")
        }
        Some('"' | '\'') if key_before => Some("is the closing quote missing?"),
        Some(':') if unclosed_brackets(before) => Some("is a `]` or `}` missing above?"),
        Some(':') if key_before => Some("put quotes around a text that has `: ` in it"),
        Some(':') if indent(line) != indent(above) => {
            Some("is the indentation right? Keys of one map begin in the same column")
        }
        _ => None,
    }
}

/// Whether more brackets open than close; those in texts count too, which is good enough for a question.
fn unclosed_brackets(text: &str) -> bool {
    let count = |signs: [char; 2]| text.matches(signs).count();
    count(['[', '{']) > count([']', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn broken_syntax_says_what_was_probably_meant() {
        for (text, remedy) in [
            ("a:\n\tb: 1\n", "indent with spaces"),
            ("a: [b, c\nd: x\n", "`]` or `}` missing"),
            ("a: b\n  c: d\n", "indentation"),
            ("a: \"b\nc: d\n", "closing quote"),
            ("a: b == 1 && c: 2\n", "quotes around a text that has `: `"),
            ("a: *\n", "begins with such a sign"),
            ("a: @b\n", "begins with such a sign"),
        ] {
            let problems = parse(&SourceFile::new("t.yaml", text)).unwrap_err();
            let said = problems[0].remedy.as_deref().unwrap_or_default();
            assert!(said.contains(remedy), "{text:?}: {said} {:?}", problems[0].label);
        }
    }
}
