//! Many texts at once, letters in either case: `@pm` and `@pmFromFile`.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use crate::scan::Necessary;

/// A set of texts to look for.
#[derive(Clone, Debug)]
pub(super) struct Words {
    automaton: AhoCorasick,
    words: Arc<[Vec<u8>]>,
}

impl Words {
    /// Compiles a set; empty texts are left out, as they say nothing.
    pub(super) fn compile(words: Vec<Vec<u8>>) -> Result<Self, String> {
        let words: Arc<[Vec<u8>]> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(words.iter());
        Ok(Self { automaton: automaton.map_err(|error| error.to_string())?, words })
    }

    /// Where the text that ends first stands.
    pub(super) fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        self.automaton.find(value).map(|found| found.range())
    }

    /// What a value needs for one to be found.
    pub(super) fn necessary(&self) -> Necessary {
        Necessary::of_literals(self.words.iter())
    }
}

/// The texts of an argument: separated by spaces, `|41 42|` for bytes.
pub(super) fn of_argument(argument: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut words = vec![Vec::new()];
    let mut rest = argument;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, words.last_mut()) {
            (b' ', _) => words.push(Vec::new()),
            (b'|', Some(word)) => {
                let end =
                    memchr::memchr(b'|', rest).ok_or("a `|` that begins bytes has no other to end them")?;
                let (digits, after) = rest.split_at(end);
                word.extend(bytes(digits)?);
                rest = after.get(1..).unwrap_or_default();
            }
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    Ok(words)
}

/// `41 42`.
fn bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').collect();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    bytes.ok_or_else(|| "between `|` stand pairs of hexadecimal digits".into())
}

/// The texts of a file: one a line, without empty lines and lines that begin with `#`.
pub(super) fn of_file(content: &[u8]) -> Vec<Vec<u8>> {
    let lines = content.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let texts = lines.filter(|line| !line.is_empty() && !line.trim_ascii_start().starts_with(b"#"));
    texts.map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_split_at_spaces_and_bytes_are_read() {
        let words = |text: &str| of_argument(text.as_bytes());
        assert_eq!(words("a |42 43|d").unwrap(), [b"a".to_vec(), b"BCd".to_vec()]);
        assert!(words("|4").is_err() && words("|4x|").is_err());
    }

    #[test]
    fn a_file_has_comments() {
        assert_eq!(of_file(b"# c\n\nab\r\n  # d\nx y #z\n"), [b"ab".to_vec(), b"x y #z".to_vec()]);
    }
}
