//! Problems as people read them: file, line, excerpt, what is wrong, what would be right.
//!
//! Drawn by miette; nothing of the terminal is asked, the caller says how it is to look.

use std::fmt::{self, Write};
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    ThemeCharacters, ThemeStyles,
};

use crate::place::{Place, SourceFile};
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
    let mut texts = Texts::hiding(problems);
    let mut out = String::new();
    for problem in ordered.iter().take(MAX_SHOWN) {
        if handler.render_report(&mut out, &Drawn::new(problem, &mut texts)).is_err() {
            out.push_str(&problem.to_string());
        }
        out.push('\n');
    }
    if let Some(more) = ordered.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "… and {more} more\n");
    }
    out.push_str(&tally(problems));
    out
}

/// How many problems are drawn; a broken generated document can have thousands.
const MAX_SHOWN: usize = 100;

/// Files' texts as they may be shown: without control characters, and without what a problem conceals.
struct Texts<'a> {
    concealed: Vec<&'a Place>,
    shown: Vec<(&'a Arc<SourceFile>, Arc<str>)>,
}

impl<'a> Texts<'a> {
    fn hiding(problems: &'a [Problem]) -> Self {
        let concealed =
            problems.iter().filter(|problem| problem.conceals).filter_map(|problem| problem.place.as_ref());
        Self { concealed: concealed.collect(), shown: Vec::new() }
    }

    fn of(&mut self, file: &'a Arc<SourceFile>) -> Arc<str> {
        if let Some((_, text)) = self.shown.iter().find(|(known, _)| Arc::ptr_eq(known, file)) {
            return Arc::clone(text);
        }
        let mut text = printable(file.text());
        for place in self.concealed.iter().filter(|place| place.file().name() == file.name()) {
            let stars: String = place
                .text()
                .chars()
                .flat_map(|c| if c == '\n' { vec![c] } else { vec!['*'; c.len_utf8()] })
                .collect();
            text.replace_range(place.span(), &stars);
        }
        let text: Arc<str> = text.into();
        self.shown.push((file, Arc::clone(&text)));
        text
    }
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
    source: Option<NamedSource<Arc<str>>>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Drawn<'a> {
    fn new(problem: &'a Problem, texts: &mut Texts<'a>) -> Self {
        let file = problem.place.as_ref().map(Place::file);
        let source = file.map(|file| NamedSource::new(printable(file.name()), texts.of(file)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, problems: impl Fn(&Arc<SourceFile>) -> Vec<Problem>) -> String {
        let file = SourceFile::new("portcullis.yaml", text);
        render(&problems(&file), Style::Plain)
    }

    #[test]
    fn problems_are_drawn_with_excerpt_and_remedy() {
        let text = "sites:\n  shop:\n    upsteam: x\n    hosts: [a]\n";
        insta::assert_snapshot!(shown(text, |file| vec![
            Problem::warning("a.b", "this is loose").at(&Place::new(file, 38..41)),
            Problem::error("a.c", "`upsteam` is not a key of a site")
                .at(&Place::new(file, 19..26))
                .label("not known here")
                .remedy("did you mean `upstream`?"),
            Problem::error("a.d", "two files disagree")
                .at(&Place::new(file, 9..13))
                .also(&Place::new(&SourceFile::new("b.yaml", "x: 1"), 0..1), "the other is here"),
            Problem::error("a.e", "there is no such file"),
        ]));
    }

    #[test]
    fn what_is_concealed_is_shown_in_no_excerpt() {
        let text = "secret: hunter2\nlisten: x\n";
        let out = shown(text, |file| {
            vec![
                Problem::error("a.b", "not here").at(&Place::new(file, 8..15)).concealed(),
                Problem::error("a.c", "the line below").at(&Place::new(file, 16..22)),
            ]
        });
        assert!(!out.contains("hunter2") && out.contains("secret: *******"), "{out}");
    }

    #[test]
    fn a_document_cannot_drive_the_terminal() {
        let out = shown("a: \u{1b}[2J\u{9b}x\n", |file| {
            vec![Problem::error("a.b", "\u{1b}[31mred").at(&Place::new(file, 3..4)).label("\u{7}")]
        });
        assert!(!out.contains(|c: char| c.is_control() && c != '\n'), "{out:?}");
    }

    #[test]
    fn colours_are_only_where_they_are_asked_for() {
        let problem = [Problem::error("a.b", "wrong")];
        assert!(render(&problem, Style::Colour).contains('\u{1b}'));
        assert!(!render(&problem, Style::Plain).contains('\u{1b}'));
    }
}
