//! Templates: text with `${…}` expressions in it, such as a header's value.
//!
//! Invariant: what a template renders holds no control character, so no value can end a header field or begin
//! another.

use std::ops::Range;
use std::sync::Arc;

use crate::checked::{Env, check_value};
use crate::problem::ExprProblem;
use crate::program::Program;
use crate::reads::Reads;
use crate::value::Facts;

/// A checked and compiled template; cheap to clone.
#[derive(Clone, Debug)]
pub struct Template {
    source: Arc<str>,
    parts: Arc<[Part]>,
    reads: Arc<Reads>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Value(Program),
}

impl Template {
    /// The template as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What its expressions read.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The text with every `${…}` replaced; `None` where one of them is null or holds a control character, so
    /// that nothing half said is sent.
    pub fn render(&self, facts: &dyn Facts) -> Option<String> {
        let mut text = String::with_capacity(self.source.len() + 32);
        for part in &*self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(program) => {
                    text.push_str(&program.text(facts).filter(|value| !value.chars().any(char::is_control))?);
                }
            }
        }
        Some(text)
    }

    /// The text with each `${…}` replaced by what `fill` writes of its value; null comes as `None`.
    ///
    /// For where something must stand in each place, as in the lines of a log: what a value may not hold there is up to
    /// `fill`.
    pub fn render_with(&self, facts: &dyn Facts, mut fill: impl FnMut(&mut String, Option<&str>)) -> String {
        let mut text = String::with_capacity(self.source.len() + 128);
        for part in &*self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(program) => fill(&mut text, program.text(facts).as_deref()),
            }
        }
        text
    }
}

/// Two are equal if they are written alike and read the same.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.reads == other.reads
    }
}

/// Checks a template. `$${` stands for `${` itself.
pub fn check_template(source: &str, env: &Env<'_>) -> Result<Template, Vec<ExprProblem>> {
    let mut reads = Reads::default();
    let mut problems = Vec::new();
    let mut parts = Vec::new();
    for piece in pieces(source) {
        match checked(piece, source, env) {
            Ok((part, read)) => {
                reads.merge(&read);
                parts.push(part);
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(Template { source: source.into(), parts: parts.into(), reads: Arc::new(reads) })
    } else {
        Err(problems)
    }
}

/// A stretch of a template.
enum Piece {
    /// Bytes that stand for themselves.
    Literal(Range<usize>),
    /// `$${`, which stands for `${`.
    Escape,
    /// The expression between braces.
    Expression(Range<usize>),
    /// `${` that is never closed, to the end.
    Unclosed(Range<usize>),
}

fn pieces(source: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let dollar = memchr::memmem::find(rest.as_bytes(), b"${").unwrap_or(rest.len());
        let is_escape = dollar > 0 && rest.as_bytes().get(dollar - 1) == Some(&b'$') && dollar < rest.len();
        let literal = if is_escape { dollar - 1 } else { dollar };
        if literal > 0 {
            pieces.push(Piece::Literal(at..at + literal));
        }
        at += literal;
        if is_escape {
            pieces.push(Piece::Escape);
            at += 3;
        } else if literal < rest.len() {
            let length = rest.get(literal..).and_then(placeholder_length);
            pieces.push(match length {
                Some(length) => Piece::Expression(at + 2..at + length - 1),
                None => Piece::Unclosed(at..source.len()),
            });
            at = length.map_or(source.len(), |length| at + length);
        }
    }
    pieces
}

/// How many bytes a `${…}` takes, braces included; `None` if it is not closed. Braces in strings do not count.
fn placeholder_length(rest: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '}') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn checked(piece: Piece, source: &str, env: &Env<'_>) -> Result<(Part, Reads), Vec<ExprProblem>> {
    match piece {
        Piece::Escape => Ok((Part::Literal("${".to_owned()), Reads::default())),
        Piece::Literal(span) => {
            let text = source.get(span.clone()).unwrap_or_default();
            match text.char_indices().find(|(_, c)| c.is_control()) {
                Some((at, c)) => Err(vec![control(span.start + at, c)]),
                None => Ok((Part::Literal(text.to_owned()), Reads::default())),
            }
        }
        Piece::Unclosed(span) => Err(vec![
            ExprProblem::new(span, "this `${` is not closed")
                .remedy("close it with `}`, or write `$${` for the two characters"),
        ]),
        Piece::Expression(span) => {
            let checked =
                check_value(source.get(span.clone()).unwrap_or_default(), env).map_err(|problems| {
                    problems.into_iter().map(|problem| moved(problem, span.start)).collect::<Vec<_>>()
                })?;
            Ok((Part::Value(checked.compile()), checked.reads().clone()))
        }
    }
}

fn control(at: usize, c: char) -> ExprProblem {
    ExprProblem::new(at..at + c.len_utf8(), "a control character cannot be sent here")
        .remedy("write the value on one line")
}

fn moved(mut problem: ExprProblem, by: usize) -> ExprProblem {
    problem.span = problem.span.start + by..problem.span.end + by;
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{RULES, Sample};

    fn render(source: &str) -> Option<String> {
        check_template(source, &RULES).expect(source).render(&Sample::default())
    }

    #[test]
    fn placeholders_are_replaced_and_braces_in_strings_are_not_ends() {
        assert_eq!(render("user ${identity.subject} via ${method}").as_deref(), Some("user ada via GET"));
        assert_eq!(render("${\"}\" + method}").as_deref(), Some("}GET"));
        assert_eq!(render("$${method} ${status}").as_deref(), Some("${method} 404"));
        assert_eq!(render("${identity.groups}").as_deref(), Some("admin,staff"));
        assert_eq!(render("plain $ text").as_deref(), Some("plain $ text"));
    }

    #[test]
    fn what_is_absent_or_unsafe_is_not_sent_at_all() {
        assert_eq!(render("x ${headers.missing}"), None);
        assert_eq!(render("x ${headers.split}"), None);
    }

    #[test]
    fn mistakes_are_at_their_bytes_of_the_template() {
        let source = "ä ${methd} ${path\n";
        let problems = check_template(source, &RULES).unwrap_err();
        let marked: Vec<&str> = problems.iter().map(|problem| &source[problem.span.clone()]).collect();
        assert_eq!(marked, ["methd", "${path\n"]);
        assert!(check_template("a\r\nb", &RULES).is_err());
        assert!(check_template("${headers}", &RULES).is_err());
    }

    #[test]
    fn a_template_reads_what_its_expressions_read() {
        let template = check_template("${method} ${standing}", &RULES).unwrap();
        assert_eq!(template.reads().known, crate::Known::Operation);
    }
}
