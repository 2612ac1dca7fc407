//! JSON (RFC 8259) into the marked tree, in one pass.
//!
//! Repeated keys are problems after which reading goes on; broken syntax ends it, saying what was probably meant.

use std::ops::Range;
use std::sync::Arc;

use crate::node::{Entry, Key, Node, Value};
use crate::parse::{MAX_DEPTH, MAX_NODES, Parsed, keep_first, over_bound};
use crate::place::{Place, SourceFile};
use crate::problem::Problem;

/// Reads a file as one JSON value.
pub(crate) fn read(file: &Arc<SourceFile>) -> Parsed {
    let mut reader = Reader { file, bytes: file.text().as_bytes(), at: 0, nodes: 0, problems: Vec::new() };
    if file.text().starts_with('\u{feff}') {
        reader.at = 3;
    }
    let root = reader.value(0).and_then(|root| {
        reader.skip_blanks();
        if reader.at < reader.bytes.len() {
            Err(reader.syntax("the JSON value ended before this"))
        } else {
            Ok(root)
        }
    });
    let mut problems = reader.problems;
    let root = root.map_err(|problem| problems.push(problem)).ok();
    Parsed { root, problems }
}

type Read<T> = Result<T, Problem>;

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    bytes: &'a [u8],
    at: usize,
    nodes: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count();
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::new(self.file, span)
    }

    fn syntax(&self, label: impl Into<Box<str>>) -> Problem {
        let end = self.file.text().get(self.at..).and_then(|rest| rest.chars().next());
        let place = self.place(self.at..self.at + end.map_or(0, char::len_utf8));
        Problem::error("document.syntax", "this is not JSON").at(&place).label(label)
    }

    fn value(&mut self, depth: usize) -> Read<Node> {
        self.skip_blanks();
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            let what = if depth > MAX_DEPTH { "nests too deep" } else { "has too many values" };
            return Err(over_bound(&self.place(self.at..self.at + 1), format!("the document {what}")));
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'\'') => return Err(self.syntax("text takes double quotes in JSON")),
            Some(b'/' | b'#') => return Err(self.syntax("JSON has no comments")),
            Some(b',' | b']' | b'}') => return Err(self.syntax("a value is missing here")),
            Some(_) => return Err(self.syntax("no JSON value begins like this")),
            None => return Err(self.syntax("the file ends here, within a value")),
        };
        Ok(Node { place: self.place(start..self.at), value })
    }

    fn map(&mut self, depth: usize) -> Read<Value> {
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(entries));
        }
        loop {
            let key = self.key()?;
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, value });
            if !self.goes_on(b'}')? {
                return Ok(Value::Map(keep_first(entries, &mut self.problems)));
            }
        }
    }

    fn key(&mut self) -> Read<Key> {
        self.skip_blanks();
        let start = self.at;
        match self.peek() {
            Some(b'"') => {}
            Some(b'}') => return Err(self.syntax("JSON allows no comma before the end")),
            _ => return Err(self.syntax("a key in double quotes must stand here")),
        }
        let text = self.string()?;
        let place = self.place(start..self.at);
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.syntax("a `:` is missing after the key"));
        }
        self.at += 1;
        Ok(Key { text, place })
    }

    fn list(&mut self, depth: usize) -> Read<Value> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if !self.goes_on(b']')? {
                return Ok(Value::List(items));
            }
        }
    }

    /// After a member: whether a comma announces another, or `end` ends the list or map.
    fn goes_on(&mut self, end: u8) -> Read<bool> {
        self.skip_blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => Err(self.syntax(format!("a `,` or `{}` is missing before this", end as char))),
            None => Err(self.syntax(format!("the file ends before the closing `{}`", end as char))),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Read<Value> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.syntax(format!("`{word}` was probably meant here")));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Read<Value> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
        let text = self.file.text().get(self.at..self.at + length).unwrap_or_default();
        if !is_number(text) {
            return Err(self.syntax(format!("`{text}` is not a JSON number")));
        }
        let value = text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Float));
        let value = value.map_err(|_| self.syntax(format!("`{text}` is not a JSON number")))?;
        self.at += length;
        Ok(value)
    }

    fn string(&mut self) -> Read<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
            let run = self.file.text().get(self.at..self.at + plain).unwrap_or_default();
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    if text.is_empty() {
                        return Ok(run.to_owned());
                    }
                    text.push_str(run);
                    return Ok(text);
                }
                Some(b'\\') => {
                    text.push_str(run);
                    text.push(self.escape()?);
                }
                Some(b'\n') => {
                    return Err(self.syntax("the line ends within a text; the closing `\"` is missing"));
                }
                Some(_) => return Err(self.syntax("a control character must be escaped in JSON")),
                None => return Err(self.syntax("the file ends within a text")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let kind = self.bytes.get(self.at + 1).copied();
        let simple = match kind {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.syntax("JSON knows no such escape")),
        };
        self.at += 2;
        Ok(simple)
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let broken = |reader: &Self| reader.syntax("this escape names no character");
        let high = self.unit(self.at).ok_or_else(|| broken(self))?;
        if let Some(found) = char::from_u32(u32::from(high)) {
            self.at += 6;
            return Ok(found);
        }
        let low = self.unit(self.at + 6).ok_or_else(|| broken(self))?;
        let found =
            char::decode_utf16([high, low]).next().and_then(Result::ok).ok_or_else(|| broken(self))?;
        self.at += 12;
        Ok(found)
    }

    /// The UTF-16 unit that `\uXXXX` at `at` names.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.file.text().get(at..at + 6)?.strip_prefix("\\u")?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hexadecimal.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    }
}

/// RFC 8259 §6: no leading zeros, digits on both sides of the point.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<String> {
        let problems = read(&SourceFile::new("t.json", text)).problems;
        problems.iter().map(|problem| problem.label.as_deref().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn trees_come_out_as_serde_json_reads_them() {
        for text in [
            r#"{"a": [1, -2.5e3, true, false, null, "x"], "b": {"": {}}, "c": []}"#,
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            "  [\n\t1 , 99999999999999999999]\n",
            "0",
        ] {
            let tree = read(&SourceFile::new("t.json", text)).root.unwrap();
            assert_eq!(tree.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn places_are_the_text_they_were_read_from() {
        let root = read(&SourceFile::new("t.json", r#"{"a": [1, "x"] , "b": 2}"#)).root.unwrap();
        assert_eq!(root.get("a").unwrap().place.text(), r#"[1, "x"]"#);
        assert_eq!(root.entry("b").unwrap().key.place.text(), r#""b""#);
    }

    #[test]
    fn broken_json_is_explained() {
        for (text, label) in [
            ("{\"a\": 1,}", "JSON allows no comma before the end"),
            ("{\"a\" 1}", "a `:` is missing after the key"),
            ("{a: 1}", "a key in double quotes must stand here"),
            ("[1 2]", "a `,` or `]` is missing before this"),
            ("[1, ]", "a value is missing here"),
            ("['x']", "text takes double quotes in JSON"),
            ("[01]", "`01` is not a JSON number"),
            ("[tru]", "`true` was probably meant here"),
            ("// hi\n1", "JSON has no comments"),
            ("\"a\nb\"", "the line ends within a text; the closing `\"` is missing"),
            ("\"\\ud800x\"", "this escape names no character"),
            ("\"\\x41\"", "JSON knows no such escape"),
            ("{\"a\": 1", "the file ends before the closing `}`"),
            ("1 2", "the JSON value ended before this"),
            ("", "the file ends here, within a value"),
            ("{\"a\": 1, \"a\": 2}", "given again here"),
        ] {
            assert_eq!(labels(text), [label], "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let parsed = read(&SourceFile::new("t.json", "[".repeat(100_000)));
        assert_eq!(parsed.problems[0].code, "document.too_complex");
    }
}
