//! The entries of a list's file or feed: lines, JSON or CSV, as policy says.
//!
//! Invariants: what looks like an address and is none is a mistake, never a word; more entries than policy allows are a
//! mistake; all mistakes are told, as far as people read them.

use std::borrow::Cow;

use portcullis_policy::{Column, CsvEntries, JsonEntries, List};
use serde_json::Value;
use smol_str::SmolStr;

use super::{Range, looks_like_an_address};

/// Mistakes told of one feed; the rest are not looked for.
const MOST: usize = 100;

/// What a file or feed holds.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pub(crate) ranges: Vec<Range>,
    pub(crate) words: Vec<SmolStr>,
}

/// What is wrong with a file or feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// The line, counted from 1; none where the whole is meant.
    pub line: Option<usize>,
    /// In words.
    pub why: String,
}

impl Entries {
    /// Reads what `list` has in a file or behind a URL.
    pub fn read(list: &List, bytes: &[u8]) -> Result<Self, Vec<BadEntry>> {
        let mut reading = Reading { list, entries: Self::default(), bad: Vec::new() };
        match str::from_utf8(bytes) {
            Ok(text) => reading.read(text.strip_prefix('\u{feff}').unwrap_or(text)),
            Err(_) => reading.whole("it is not UTF-8 text"),
        }
        if reading.bad.is_empty() { Ok(reading.entries) } else { Err(reading.bad) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ranges.len() + self.words.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Reading<'a> {
    list: &'a List,
    entries: Entries,
    bad: Vec<BadEntry>,
}

impl Reading<'_> {
    fn read(&mut self, text: &str) {
        match (&self.list.json, &self.list.csv) {
            (Some(json), _) => self.json(json, text),
            (None, Some(csv)) => self.csv(csv, text),
            (None, None) => {
                for (index, line) in text.lines().enumerate() {
                    self.take(uncommented(line), Some(index + 1));
                    if self.is_over() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether there are too many entries, or mistakes, to go on.
    fn is_over(&mut self) -> bool {
        let most = self.list.max_entries as usize;
        if self.entries.len() > most {
            self.whole(&format!("it has more than {most} entries, which is its `max_entries`"));
            return true;
        }
        self.bad.len() >= MOST
    }

    fn whole(&mut self, why: &str) {
        self.bad.push(BadEntry { line: None, why: why.to_owned() });
    }

    fn take(&mut self, entry: &str, line: Option<usize>) {
        let entry = entry.trim();
        if entry.is_empty() {
            return;
        }
        if let Some(range) = Range::parse(entry) {
            return self.entries.ranges.push(range);
        }
        let shown: String = entry.chars().filter(|letter| !letter.is_control()).take(60).collect();
        if looks_like_an_address(entry) {
            self.bad.push(BadEntry { line, why: format!("`{shown}` looks like an address and is none") });
        } else if self.list.is_of_addresses() {
            self.bad.push(BadEntry { line, why: format!("`{shown}` is no address, network or range") });
        } else {
            self.entries.words.push(entry.into());
        }
    }

    fn json(&mut self, form: &JsonEntries, text: &str) {
        let document: Value = match serde_json::from_str(text) {
            Ok(document) => document,
            Err(error) => {
                let why = format!("it is no JSON: {error}");
                return self.bad.push(BadEntry { line: Some(error.line()).filter(|line| *line > 0), why });
            }
        };
        let at = form.at.as_deref().unwrap_or_default();
        let Some(items) = document.pointer(at).and_then(Value::as_array) else {
            let place = if at.is_empty() { "the document" } else { at };
            return self.whole(&format!("{place} is no array"));
        };
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::Object(members) => {
                    let named = form.fields.iter().filter_map(|name| members.get(name.as_str()));
                    named.for_each(|value| self.scalar(value, index));
                }
                other => self.scalar(other, index),
            }
            if self.is_over() {
                return;
            }
        }
    }

    fn scalar(&mut self, value: &Value, index: usize) {
        let text = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Null => return,
            _ => return self.whole(&format!("item {} is neither text nor a number", index + 1)),
        };
        let known = self.bad.len();
        self.take(&text, None);
        for bad in self.bad.iter_mut().skip(known) {
            bad.why = format!("item {}: {}", index + 1, bad.why);
        }
    }

    fn csv(&mut self, form: &CsvEntries, text: &str) {
        let separator = form.separator.bytes().next().unwrap_or(b',');
        let mut rows = Rows { rest: text, separator: separator.into(), line: 1 };
        let column = match &form.column {
            Column::Number(number) => number - 1,
            Column::Name(name) => {
                let first = rows.next().map(|(_, row)| row).unwrap_or_default();
                let Some(at) = first.iter().position(|known| known.trim() == name) else {
                    return self.whole(&format!("its first row names no column `{name}`"));
                };
                at
            }
        };
        for (line, row) in rows {
            if let Some(entry) = row.get(column) {
                self.take(entry, Some(line));
            } else {
                let why = format!("the row has no column {}", column + 1);
                self.bad.push(BadEntry { line: Some(line), why });
            }
            if self.is_over() {
                return;
            }
        }
    }
}

/// A line without its comment: from `#`, and from `;` where it begins the line or follows a blank.
fn uncommented(line: &str) -> &str {
    let line = line.split_once('#').map_or(line, |(entry, _)| entry);
    let mut at = line.match_indices(';').map(|(at, _)| at);
    let comment =
        at.find(|at| line.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t'])));
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// The rows of CSV that are neither empty nor comments, with the lines they begin on.
struct Rows<'a> {
    rest: &'a str,
    separator: char,
    line: usize,
}

impl<'a> Iterator for Rows<'a> {
    type Item = (usize, Vec<Cow<'a, str>>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            if self.rest.starts_with('#') {
                self.skip_line();
                continue;
            }
            let row = self.row();
            if row.len() > 1 || row.first().is_some_and(|only| !only.trim().is_empty()) {
                return Some((line, row));
            }
        }
    }
}

impl<'a> Rows<'a> {
    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        self.line += 1;
    }

    fn row(&mut self) -> Vec<Cow<'a, str>> {
        let mut row = Vec::new();
        loop {
            row.push(if self.rest.starts_with('"') { self.quoted() } else { self.plain() });
            if let Some(rest) = self.rest.strip_prefix(self.separator) {
                self.rest = rest;
                continue;
            }
            self.skip_line();
            return row;
        }
    }

    fn plain(&mut self) -> Cow<'a, str> {
        let end = self.rest.find([self.separator, '\n']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        Cow::Borrowed(field.strip_suffix('\r').unwrap_or(field))
    }

    /// A field in quotes, which may hold separators, line ends, and quotes written twice.
    fn quoted(&mut self) -> Cow<'a, str> {
        let mut field = String::new();
        let mut rest = self.rest.strip_prefix('"').unwrap_or(self.rest);
        while let Some((part, after)) = rest.split_once('"') {
            field.push_str(part);
            self.line += part.matches('\n').count();
            rest = after;
            let Some(after) = rest.strip_prefix('"') else {
                self.rest = rest;
                // What follows the closing quote is not part of a field that is read.
                self.plain();
                return Cow::Owned(field);
            };
            field.push('"');
            rest = after;
        }
        field.push_str(rest);
        self.rest = "";
        Cow::Owned(field)
    }
}

#[cfg(test)]
pub(super) mod tests;
