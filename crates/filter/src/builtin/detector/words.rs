//! Comparing and finding words without regard to case.

use std::ops::Range;

/// Whether one of the words, given in lower case, is this one.
pub(super) fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a text begins with a word, whatever follows.
pub(super) fn starts_with(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// Where a text first occurs, ASCII letters in either case.
pub(super) fn find(text: &[u8], wanted: &str) -> Option<usize> {
    let first = wanted.bytes().next()?;
    let (low, high) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(low, high, text)
        .find(|at| text.get(*at..).is_some_and(|rest| starts_with(rest, wanted)))
}

/// A byte of a name.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The byte at an index; zero past the end.
pub(super) fn at(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(0)
}

/// A part of a text; empty where the range lies outside.
pub(super) fn part(text: &[u8], range: Range<usize>) -> &[u8] {
    text.get(range).unwrap_or_default()
}

/// The first index from `from` on whose byte is not one of these.
pub(super) fn skip(text: &[u8], from: usize, mut passes: impl FnMut(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| passes(**byte)).count()
}

/// The first index from `from` on that is no white space.
pub(super) fn skip_space(text: &[u8], from: usize) -> usize {
    skip(text, from, |byte| byte.is_ascii_whitespace() || byte == 0x0b)
}
