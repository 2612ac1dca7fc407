//! The source with its strings and comments blanked, so that brackets and names can be found by looking.

use std::ops::Range;

/// The bytes of a source, with every byte inside a string, an escaped name or a comment replaced.
#[derive(Debug)]
pub(super) struct Outline {
    bytes: Vec<u8>,
}

/// What a bracket nests the parser's calls by, measured in the stack they take, where one link of a chain is 1.
const BRACKET: usize = 25;
/// The same for a choice, `c ? x : y`.
const CHOICE: usize = 3;

/// Stands for a byte of a string.
const IN_STRING: u8 = 1;

impl Outline {
    pub(super) fn new(source: &str) -> Self {
        let mut bytes = source.as_bytes().to_vec();
        let mut at = 0;
        while let Some(rest) = source.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
            let (length, blank) = match rest {
                [b'/', b'/', ..] => (memchr::memchr(b'\n', rest).unwrap_or(rest.len()), b' '),
                [b'"' | b'\'', ..] => (string_length(rest, is_raw(source.as_bytes(), at)), IN_STRING),
                [b'`', tail @ ..] => {
                    (memchr::memchr(b'`', tail).map_or(rest.len(), |end| end + 2), IN_STRING)
                }
                _ => (1, 0),
            };
            if blank != 0 {
                bytes.iter_mut().skip(at).take(length).for_each(|byte| *byte = blank);
            }
            at += length.max(1);
        }
        Self { bytes }
    }

    /// How deep the deepest node lies, at most, in units of one operator or dot of a chain.
    ///
    /// `&&`, `||` and commas begin anew: the parser keeps those flat.
    pub(super) fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut current = 0_usize;
        // Where each open bracket began, and in it every choice, whose second side nests in it to its end.
        let mut begun = vec![0_usize];
        for (at, byte) in self.bytes.iter().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => {
                    current += BRACKET;
                    begun.push(current);
                }
                b')' | b']' | b'}' if begun.len() > 1 => {
                    current = (begun.pop().unwrap_or(0) + 1).saturating_sub(BRACKET);
                }
                b'&' | b'|' | b',' => current = begun.last().copied().unwrap_or(0),
                b'?' => {
                    current += CHOICE;
                    begun.iter_mut().next_back().into_iter().for_each(|start| *start += CHOICE);
                }
                b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' => current += 1,
                b'i' if self.is_in(at) => current += 1,
                _ => {}
            }
            deepest = deepest.max(current);
        }
        deepest
    }

    fn is_in(&self, at: usize) -> bool {
        let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let before = at.checked_sub(1).and_then(|before| self.bytes.get(before));
        self.bytes.get(at + 1) == Some(&b'n') && !word(before) && !word(self.bytes.get(at + 2))
    }

    /// The bytes of the name, possibly escaped, that follows the dot at `dot`.
    pub(super) fn name_after(&self, dot: usize, name: &str) -> Range<usize> {
        let start = dot + 1 + self.blanks_from(dot + 1);
        let escaped = self.bytes.get(start) == Some(&IN_STRING);
        start..start + name.len() + if escaped { 2 } else { 0 }
    }

    /// The bytes of the name before the bracket at `open`.
    pub(super) fn name_before(&self, open: usize, name: &str) -> Range<usize> {
        let before = self.bytes.get(..open).unwrap_or_default();
        let start = memchr::memmem::rfind(before, name.as_bytes()).unwrap_or(open);
        start..(start + name.len()).min(self.bytes.len())
    }

    /// One past the bracket that closes the one at `open`.
    pub(super) fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, byte) in self.bytes.iter().enumerate().skip(open) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' if depth <= 1 => return at + 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
        self.bytes.len()
    }

    fn blanks_from(&self, at: usize) -> usize {
        self.bytes.iter().skip(at).take_while(|byte| byte.is_ascii_whitespace()).count()
    }
}

/// Whether the quote at `quote` opens a raw string: an `r` before it that does not end a longer word.
fn is_raw(source: &[u8], quote: usize) -> bool {
    let before = |back: usize| quote.checked_sub(back).and_then(|at| source.get(at)).copied();
    matches!(before(1), Some(b'r' | b'R'))
        && !before(2).is_some_and(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'b' | b'B'))
}

/// How long the string that `rest` begins with is, quotes included; to the end where it is not closed.
fn string_length(rest: &[u8], raw: bool) -> usize {
    let quote = rest.first().copied().unwrap_or(b'"');
    let width = if rest.starts_with(&[quote; 3]) { 3 } else { 1 };
    let mut at = width;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.len() >= width && tail.iter().take(width).all(|byte| *byte == quote) {
            return at + width;
        }
        at += if tail.first() == Some(&b'\\') && !raw { 2 } else { 1 };
    }
    rest.len()
}
