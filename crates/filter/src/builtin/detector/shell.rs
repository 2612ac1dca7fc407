//! Shell commands, by reading a value as what follows a command line's argument: separators, then a command that makes
//! sense with what stands behind it, however quoted, escaped or wildcarded.

mod command;
mod quoting;

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, part, skip, skip_space};
use crate::builtin::marks::Marks;
use crate::builtin::scope::Kind;
use crate::builtin::signal::{Hits, Signal, note};

use command::{Position, plausible};

/// Signs of which a command line's arguments hold one.
const ARGUMENTS: Marks = Marks::SLASH
    .or(Marks::DASH)
    .or(Marks::BACKSLASH)
    .or(Marks::DOLLAR)
    .or(Marks::STAR)
    .or(Marks::QUESTION)
    .or(Marks::LESS)
    .or(Marks::GREATER)
    .or(Marks::COLON)
    .or(Marks::DOT);
/// The most separators looked behind.
const MOST: usize = 64;

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    // Pairs of a query are separated as commands are; its names and values are looked at alone.
    if matches!(view.site.kind, Kind::WholeQuery | Kind::Standard)
        || !view.marks.has(Marks::LETTER) && !view.marks.has(Marks::SLASH)
    {
        return;
    }
    let separators = Marks::SEMICOLON
        .or(Marks::PIPE)
        .or(Marks::AMPERSAND)
        .or(Marks::BACKTICK)
        .or(Marks::DOLLAR)
        .or(Marks::LINE);
    if view.marks.any(separators.or(Marks::LESS).or(Marks::BRACE)) {
        separated(view.bytes, Signal::ShellCommand, hits);
    }
    if !view.is_joined() && view.site.kind != Kind::Path && view.marks.any(ARGUMENTS) {
        bare(view.bytes, hits);
    }
    let odd = Marks::DOLLAR
        .or(Marks::BACKSLASH)
        .or(Marks::QUESTION)
        .or(Marks::STAR)
        .or(Marks::SINGLE)
        .or(Marks::DOUBLE);
    if view.marks.any(odd)
        && view
            .marks
            .any(Marks::SLASH.or(Marks::SEMICOLON).or(Marks::PIPE).or(Marks::DOLLAR).or(Marks::BACKTICK))
    {
        disguised(view.bytes, hits);
    }
}

/// Where words and prose stand in a text, found once.
struct Prose {
    /// The first letter, or byte outside ASCII.
    word: usize,
    /// The first letter that a space follows.
    first: usize,
    /// The last space that a letter follows.
    last: Option<usize>,
}

impl Prose {
    fn of(text: &[u8]) -> Self {
        let spaced =
            |pair: &[u8]| pair.first().is_some_and(u8::is_ascii_alphabetic) && pair.last() == Some(&b' ');
        let worded =
            |pair: &[u8]| pair.first() == Some(&b' ') && pair.last().is_some_and(u8::is_ascii_alphabetic);
        let word = text.iter().position(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
        Self {
            word: word.unwrap_or(text.len()),
            first: text.windows(2).position(spaced).unwrap_or(text.len()),
            last: text.windows(2).rposition(worded),
        }
    }

    /// Whether a letter and a space stand before an index.
    const fn before(&self, index: usize) -> bool {
        self.first + 2 <= index
    }

    /// Whether a space and a letter stand from an index on.
    fn behind(&self, index: usize) -> bool {
        self.last.is_some_and(|last| last >= index)
    }
}

/// Commands behind separators and within substitutions.
fn separated(text: &[u8], signal: Signal, hits: &mut Hits) {
    let prose = Prose::of(text);
    let mut tried = 0;
    let mut index = 0;
    while index < text.len() && tried < MOST {
        let (length, position) = separator(text, index, &prose);
        let Some(position) = position else {
            index += 1;
            continue;
        };
        tried += 1;
        let start = command_start(text, index + length);
        if let Some(end) = plausible(text, start, position) {
            let signal = if position == Position::Within { Signal::ShellSubstitution } else { signal };
            note(hits, signal, index..end);
        }
        index += length;
    }
}

/// The separator at an index: its length, and where it puts a command.
fn separator(text: &[u8], index: usize, prose: &Prose) -> (usize, Option<Position>) {
    let behind = at(text, index + 1);
    let first = index <= prose.word;
    let strong = if first { Position::First } else { Position::Behind };
    match (at(text, index), behind) {
        (b';', _) => (1, Some(strong)),
        (b'|', b'|' | b'&') | (b'&', b'&') => (2, Some(strong)),
        (b'|', _) => (1, Some(if first { Position::First } else { Position::Pipe })),
        (b'&', _) => (1, Some(if first { Position::First } else { Position::Ampersand })),
        (b'\n' | b'\r', _) => (1, Some(Position::Line)),
        (b'$' | b'<' | b'>', b'(') => (2, Some(Position::Within)),
        (b'`', _) => (1, backtick(text, index, prose)),
        (b'{', b'\\' | b'\'' | b'"' | b'a'..=b'z') if first => (1, Some(Position::Brace)),
        _ => (1, None),
    }
}

/// A backtick opens a command only where no prose stands around it: there it marks code.
fn backtick(text: &[u8], index: usize, prose: &Prose) -> Option<Position> {
    if prose.before(index) {
        return None;
    }
    // Backticks lie between what each of them looks through, so all of them together look through the text once.
    let close = skip(text, index + 1, |byte| byte != b'`');
    (close > index + 1 && !prose.behind(close + 1)).then_some(Position::Within)
}

/// Where a command's name begins: behind space, plus signs, redirections, assignments and `sudo`.
fn command_start(text: &[u8], from: usize) -> usize {
    let start = skip(text, from, |byte| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'+' | b'(' | b'{' | b'!' | b'@' | b'|' | b'&' | b'"' | b'\'')
    });
    let word = part(text, start..text.len());
    for prefix in ["sudo ", "exec ", "nohup ", "env ", "time ", "command "] {
        if super::words::starts_with(word, prefix) {
            return skip_space(text, start + prefix.len());
        }
    }
    start
}

/// A command line from the beginning of the value.
fn bare(text: &[u8], hits: &mut Hits) {
    const LONGEST: usize = 300;
    if text.len() > LONGEST {
        return;
    }
    let start = command_start(text, 0);
    if let Some(end) = plausible(text, start, Position::Start) {
        note(hits, Signal::ShellBare, start..end);
    }
}

/// Commands and files that show only once quoting, escapes, empty variables and wildcards are read as a shell would.
fn disguised(text: &[u8], hits: &mut Hits) {
    if let Some(range) = quoting::wildcard_path(text) {
        note(hits, Signal::ShellDisguised, range);
    }
    let Some(unquoted) = quoting::unquote(text) else { return };
    let mut plain = Hits::new();
    separated(&unquoted, Signal::ShellCommand, &mut plain);
    let mut before = Hits::new();
    separated(text, Signal::ShellCommand, &mut before);
    let path = quoting::wildcard_path(&unquoted).is_some();
    if plain.len() > before.len() || path || quoting::field_separator(text) {
        note(hits, Signal::ShellDisguised, 0..text.len());
    }
}
