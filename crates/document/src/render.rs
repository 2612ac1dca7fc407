//! Problems as people read them: file, line, excerpt, what is wrong, what would be right.
//!
//! Drawn by miette; nothing of the terminal is asked, the caller says how it is to look.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    ThemeCharacters, ThemeStyles,
};

use crate::place::Place;
use crate::problem::{Problem, Severity};

/// How rendered problems look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without colours: for files, pipes and logs.
    Plain,
    /// With ANSI colours: for a terminal.
    Colour,
}

/// Every problem with its excerpt, errors first, then a line that counts them. Empty if there is none.
pub fn render(problems: &[Problem], style: Style) -> String {
    let styles = match style {
        Style::Plain => ThemeStyles::none(),
        Style::Colour => ThemeStyles::ansi(),
    };
    let theme = GraphicalTheme { characters: ThemeCharacters::unicode(), styles };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
    let mut ordered: Vec<&Problem> = problems.iter().collect();
    ordered.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let mut out = String::new();
    for problem in ordered {
        if handler.render_report(&mut out, &Drawn::new(problem)).is_err() {
            out.push_str(&problem.to_string());
        }
        out.push('\n');
    }
    out.push_str(&tally(problems));
    out
}

fn tally(problems: &[Problem]) -> String {
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let some = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    };
    let counted = [some(count(Severity::Error), "mistake"), some(count(Severity::Warning), "warning")];
    let counted: Vec<String> = counted.into_iter().flatten().collect();
    if counted.is_empty() { String::new() } else { format!("{}\n", counted.join(" and ")) }
}

/// One problem as miette wants it.
#[derive(Debug)]
struct Drawn<'a> {
    problem: &'a Problem,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Drawn<'a> {
    fn new(problem: &'a Problem) -> Self {
        let file = problem.place.as_ref().map(Place::file);
        let source = file.map(|file| NamedSource::new(printable(file.name()), printable(file.text())));
        let span = |place: &Place| {
            let span = first_line(place);
            (span.start, span.len().max(1))
        };
        let primary = problem.place.iter().map(|place| {
            let (start, length) = span(place);
            LabeledSpan::new_primary_with_span(problem.label.as_deref().map(printable), (start, length))
        });
        let here = |place: &&(Place, String)| Some(place.0.file().name()) == file.map(|file| file.name());
        let others = problem.also.iter().filter(here);
        let others =
            others.map(|(place, text)| LabeledSpan::new_with_span(Some(printable(text)), span(place)));
        let labels = primary.chain(others).collect();
        Self { problem, source, labels }
    }

    /// Places in other files, which the excerpt cannot show.
    fn elsewhere(&self) -> impl Iterator<Item = String> {
        let file = self.problem.place.as_ref().map(|place| place.file().name());
        let other = self.problem.also.iter().filter(move |(place, _)| Some(place.file().name()) != file);
        other.map(|(place, text)| format!("{text}: {place}"))
    }
}

/// A place that spans lines is shown by its first.
fn first_line(place: &Place) -> std::ops::Range<usize> {
    let span = place.span();
    let length = place.text().find(['\n', '\r']).unwrap_or(span.len());
    span.start..span.start + length
}

/// The text with control characters replaced by as many bytes, so that no document can drive a terminal.
fn printable(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t' | '\r');
    if text.chars().all(harmless) {
        return text.to_owned();
    }
    let shown = |c: char| match c {
        c if harmless(c) => c,
        c if c.len_utf8() == 1 => '?',
        _ => '¿',
    };
    text.chars().map(shown).collect()
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.problem.message))
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let remedy = self.problem.remedy.as_deref().map(printable);
        let lines: Vec<String> = remedy.into_iter().chain(self.elsewhere()).collect();
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }
}
