//! Plain scalars by YAML 1.2's core schema, and where a scalar's text stands in its source.

use std::ops::Range;

use crate::node::Value;

/// What a plain (unquoted) scalar means: YAML 1.2.2 §10.3.2. `yes`, `no`, `on` and `off` are text, as they are there.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number = if numeric { number(text) } else { None };
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn number(text: &str) -> Option<Value> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let signed = digits.starts_with(['-', '+']);
            return i64::from_str_radix(digits, radix).ok().filter(|_| !signed).map(Value::Int);
        }
    }
    if let Ok(whole) = text.parse() {
        return Some(Value::Int(whole));
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let some = text.bytes().any(|byte| byte.is_ascii_digit());
    (some && digits(text)).then(|| text.parse().ok()).flatten().map(Value::Float)
}

/// The bytes of `source` (a scalar as written, with its quotes or block header) that became `span` of its `text`.
///
/// Never fails: what cannot be followed (which no text read by this crate makes) is pointed at as a whole.
pub(crate) fn locate(source: &str, text: &str, span: Range<usize>) -> Range<usize> {
    let mut walk = Walk::new(source);
    let (mut start, mut end) = (None, None);
    for (at, wanted) in text.char_indices() {
        let Some(found) = walk.next(wanted) else { return 0..source.len() };
        if at <= span.start {
            start = Some(found.start);
        }
        if at < span.end || end.is_none() {
            end = Some(found.end);
        }
        if at >= span.end {
            break;
        }
    }
    if span.start >= text.len() {
        start = end;
    }
    match (start, end) {
        (Some(start), Some(end)) => start..end.max(start),
        _ => 0..source.len(),
    }
}

/// Walks a scalar's source in step with its text.
struct Walk<'a> {
    source: &'a str,
    at: usize,
    escape: Option<char>,
    /// A block scalar's indentation; absent for flow scalars, whose continuation lines are trimmed.
    indent: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a str) -> Self {
        let flow = |at, escape| Self { source, at, escape, indent: None };
        match source.chars().next() {
            Some('\'') => flow(1, Some('\'')),
            Some('"') => flow(1, Some('\\')),
            Some('|' | '>') => {
                let body = source.find('\n').map_or(source.len(), |at| at + 1);
                let lines = source.get(body..).unwrap_or_default().lines();
                let filled = lines.into_iter().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let indent = filled.len() - filled.trim_start_matches(' ').len();
                let mut walk = Self { source, at: body, escape: None, indent: Some(indent) };
                walk.skip_indent();
                walk
            }
            _ => flow(0, None),
        }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn skip_indent(&mut self) {
        let most = self.indent.unwrap_or(usize::MAX);
        self.at += self.rest().bytes().take_while(|byte| *byte == b' ').count().min(most);
    }

    /// Where the next character of the text, which is `wanted`, stands.
    fn next(&mut self, wanted: char) -> Option<Range<usize>> {
        if wanted.is_whitespace() && self.at_line_break() {
            return Some(self.fold(wanted));
        }
        self.skip_break_that_says_nothing();
        let start = self.at;
        let first = self.rest().chars().next()?;
        self.at += if Some(first) == self.escape { escaped_length(self.rest())? } else { first.len_utf8() };
        (first == wanted || Some(first) == self.escape).then_some(start..self.at)
    }

    /// Whether only blanks stand before the line's end, so that the line is folded here.
    fn at_line_break(&self) -> bool {
        let rest =
            if self.indent.is_none() { self.rest().trim_start_matches([' ', '\t']) } else { self.rest() };
        rest.starts_with(['\n', '\r'])
    }

    /// A folded line break: one blank, or as many line feeds as there are further empty lines.
    fn fold(&mut self, wanted: char) -> Range<usize> {
        let start = self.at;
        let blanks = self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r']).len();
        self.at += blanks + 1;
        let mut line_feed_follows = self.rest().trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        if self.indent.is_some() {
            line_feed_follows = false;
        }
        if wanted == ' ' || !line_feed_follows {
            self.skip_indent();
        }
        start..self.at
    }

    /// A line break the text does not show: an escaped one, or the first of several.
    fn skip_break_that_says_nothing(&mut self) {
        while self.at_line_break() {
            let broken = self.rest().find('\n').map_or(self.source.len(), |at| self.at + at + 1);
            self.at = broken;
            self.skip_indent();
        }
        if self.escape == Some('\\') && self.rest().starts_with("\\\n") {
            self.at += 2;
            self.skip_indent();
        }
    }
}

/// How long the escape at the beginning of `rest` is.
fn escaped_length(rest: &str) -> Option<usize> {
    let mut chars = rest.chars();
    let (lead, kind) = (chars.next()?, chars.next()?);
    if lead == '\'' {
        return Some(2);
    }
    Some(match kind {
        'x' => 4,
        'u' if is_high_surrogate(rest) => 12,
        'u' => 6,
        'U' => 10,
        other => 1 + other.len_utf8(),
    })
}

fn is_high_surrogate(rest: &str) -> bool {
    let unit = rest.get(2..6).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    unit.is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceFile, parse};

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let text = |text: &str| Value::String(text.to_owned());
        for (written, meant) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("true", Value::Bool(true)),
            ("yes", text("yes")),
            ("12", Value::Int(12)),
            ("-0x1", text("-0x1")),
            ("0x1F", Value::Int(31)),
            ("0o17", Value::Int(15)),
            ("1.5e3", Value::Float(1500.0)),
            ("1.2.3", text("1.2.3")),
            ("99999999999999999999", Value::Float(1e20)),
            ("-", text("-")),
            (".", text(".")),
            ("10.0.0.0/8", text("10.0.0.0/8")),
            ("15m", text("15m")),
            ("e", text("e")),
            ("infinity", text("infinity")),
        ] {
            assert_eq!(resolve(written), meant, "{written:?}");
        }
    }

    /// Each source has the word `WORD` once; locating it in the value must find it in the file.
    #[test]
    fn text_is_found_again_in_its_source() {
        for source in [
            "k: path == WORD and more\n",
            "k: 'it''s a ''WORD'' here'\n",
            "k: \"a \\\"b\\\" \\u00e9\\x41\\n\\ud83d\\ude00 WORD\"\n",
            "k: |\n  first\n    indented WORD\n  last\n",
            "k: |-\n\n  after an empty line WORD\n",
            "k: >-\n  folded\n  lines WORD\n\n  more\n",
            "k: >\n  folded\n\n  after a gap WORD\n",
            "k: plain over\n  two lines WORD\n  and three\n",
            "k: plain over\n\n  a gap WORD\n",
            "k: \"quoted over\n  two WORD\"\n",
            "k: \"quoted \\\n  joined WORD\"\n",
            "k: 'ünïcode WORD'\n",
            "k:\n  - x\n  - |\n    in a list WORD\n",
        ] {
            let file = SourceFile::new("t.yaml", source);
            let tree = parse(&file).unwrap();
            let node = tree.get("k").unwrap();
            let node = node.items().map_or(node, |items| items.last().unwrap());
            let at = node.as_str().unwrap().find("WORD").unwrap();
            assert_eq!(node.within(at..at + 4).text(), "WORD", "{source:?}");
            let whole = node.within(0..node.as_str().unwrap().len());
            assert!(
                whole.text().contains("WORD") && !whole.text().starts_with(['|', '>', '"', '\'']),
                "{source:?}"
            );
        }
    }
}
