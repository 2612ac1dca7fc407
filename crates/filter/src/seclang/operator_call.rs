//! Operators as written: `@rx ^a`, `!@ipMatch 10.0.0.0/8`, or a pattern alone; compiled where they are read.

use std::collections::HashMap;

use bytes::Bytes;
use portcullis_document::{Problem, Sources, join, nearest};

use super::inventory::{self, Treatment};
use super::line::{Span, Word};
use super::rule::OperatorCall;
use super::text::Macro;
use crate::operator::Operator;

/// Reads operators of one set of files, so that equal ones share what they were compiled to.
pub(super) struct Operators<'a> {
    sources: &'a dyn Sources,
    /// By folder's file, name and argument.
    compiled: HashMap<(String, &'static str, String), Operator>,
    /// Operators whose being ignored was already said.
    ignored: Vec<&'static str>,
}

impl<'a> Operators<'a> {
    /// None read yet.
    pub(super) fn new(sources: &'a dyn Sources) -> Self {
        Self { sources, compiled: HashMap::new(), ignored: Vec::new() }
    }

    /// The operator a word calls, or a problem.
    pub(super) fn read(&mut self, word: Word<'_>, problems: &mut Vec<Problem>) -> Option<OperatorCall> {
        let value = word.value();
        let (negated, name, argument) = split(&value);
        let Some((name, treatment)) = inventory::operator(name) else {
            problems.push(unknown(name, word.span));
            return None;
        };
        let mut effective = name;
        match treatment {
            Treatment::Done | Treatment::Idle(_) => {}
            Treatment::Ignored(why) => {
                effective = "noMatch";
                self.ignore(name, why, word.span, problems);
            }
            Treatment::Refused(why) => {
                let message = format!("the operator `@{name}` is refused: {why}");
                problems.push(name_span(name, word.span).error("seclang.refused", message));
                return None;
            }
        }
        let written = Macro::parse(argument);
        match self.compile(effective, argument, &written, word.span) {
            Ok(compiled) => Some(OperatorCall { negated, name: name.into(), argument: written, compiled }),
            Err(problem) => {
                problems.push(problem);
                None
            }
        }
    }

    fn compile(
        &mut self,
        name: &'static str,
        text: &str,
        argument: &Macro,
        word: Span<'_>,
    ) -> Result<Operator, Problem> {
        let place = word.place();
        let base = place.file().name();
        let key = (base.to_owned(), name, text.to_owned());
        if let Some(known) = self.compiled.get(&key) {
            return Ok(known.clone());
        }
        let mut data = |named: &str| -> Result<Bytes, smol_str::SmolStr> {
            let path = join(base, named);
            self.sources.read(&path).map_err(|why| format!("`{path}`: {why}").into())
        };
        let compiled = Operator::compile(name, argument, &mut data).map_err(|why| {
            let message = format!("`@{name}` cannot be used: {why}");
            Problem::error("seclang.operator", message).at(&place)
        })?;
        self.compiled.insert(key, compiled.clone());
        Ok(compiled)
    }

    fn ignore(&mut self, name: &'static str, why: &str, word: Span<'_>, problems: &mut Vec<Problem>) {
        if self.ignored.contains(&name) {
            return;
        }
        self.ignored.push(name);
        let message = format!("the operator `@{name}` has no effect here: {why}");
        let at = name_span(name, word).place();
        problems.push(Problem::warning("seclang.ignored", message).at(&at));
    }
}

/// Negation, name without `@`, argument.
fn split(written: &str) -> (bool, &str, &str) {
    let written = written.trim_start();
    let (negated, written) = match written.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, written),
    };
    let (name, argument) = match written.strip_prefix('@') {
        Some(call) => call.split_once(char::is_whitespace).unwrap_or((call, "")),
        None => ("rx", written),
    };
    (negated, name, argument.trim_start())
}

fn unknown(name: &str, word: Span<'_>) -> Problem {
    let at = name_span(name, word);
    let problem = at.error("seclang.operator", format!("`@{name}` is not an operator"));
    match nearest(name, inventory::operator_names()) {
        Some(near) => problem.remedy(format!("did you mean `@{near}`?")),
        None => problem,
    }
}

/// Where the name stands in the word.
fn name_span<'a>(name: &str, word: Span<'a>) -> Span<'a> {
    let at = word.raw().find('@').map_or(0, |at| at + 1);
    word.part(at..at + name.len())
}
