//! Values beside an argument: as texts and as numbers.

use std::cmp::Ordering;
use std::ops::Range;

use memchr::memmem;

use crate::scan::Necessary;

/// What a value has to have to do with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Begins with it.
    Begins,
    /// Has it somewhere.
    Contains,
    /// Has it somewhere with no letter beside it.
    ContainsWord,
    /// Ends with it.
    Ends,
    /// Is it.
    Equals,
    /// Stands somewhere in it.
    Within,
}

impl Relation {
    /// Where in `value` the relation to `text` shows, if it holds.
    pub(super) fn find(self, value: &[u8], text: &[u8]) -> Option<Range<usize>> {
        let all = 0..value.len();
        match self {
            Self::Begins => value.starts_with(text).then_some(0..text.len()),
            Self::Contains => place(value, text).map(|at| at..at + text.len()),
            Self::ContainsWord => word(value, text),
            Self::Ends => {
                value.ends_with(text).then_some(value.len().saturating_sub(text.len())..value.len())
            }
            Self::Equals => (value == text).then_some(all),
            Self::Within => place(text, value).map(|_| all),
        }
    }
}

impl Relation {
    /// What must hold of a value for its relation to `text` to hold.
    pub(super) fn necessary(self, text: &[u8]) -> Necessary {
        match self {
            Self::Begins => Necessary::of_prefixes([text]),
            Self::Contains | Self::ContainsWord => Necessary::of_literals([text]),
            Self::Ends => Necessary::of_suffixes([text]),
            Self::Equals if !text.is_empty() => Necessary::of_whole([text]),
            Self::Equals | Self::Within => Necessary::any(),
        }
    }
}

/// Texts as short are searched for one byte first: to prepare a faster search costs more than it saves.
const SHORT: usize = 256;

/// Where `text` first stands in `value`.
fn place(value: &[u8], text: &[u8]) -> Option<usize> {
    // Texts in lists stand between marks: their middle tells them apart sooner.
    let middle = text.len() / 2;
    let Some(byte) = text.get(middle) else { return Some(0) };
    if value.len() > SHORT {
        return memmem::find(value, text);
    }
    let last = value.len().checked_sub(text.len())?;
    let middles = value.get(middle..=last + middle)?;
    memchr::memchr_iter(*byte, middles).find(|at| value.get(*at..at + text.len()) == Some(text))
}

fn word(value: &[u8], text: &[u8]) -> Option<Range<usize>> {
    if text.is_empty() {
        return Some(0..0);
    }
    let is_letter = |at: Option<usize>| at.and_then(|at| value.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let mut from = 0;
    loop {
        let begin = from + memmem::find(value.get(from..)?, text)?;
        let end = begin + text.len();
        if !is_letter(begin.checked_sub(1)) && !is_letter(Some(end)) {
            return Some(begin..end);
        }
        from = begin + 1;
    }
}

/// How a number has to compare with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// The same.
    Equal,
    /// More or the same.
    AtLeast,
    /// More.
    Above,
    /// Less or the same.
    AtMost,
    /// Less.
    Below,
}

impl Bound {
    /// Whether `value` keeps to the bound `other`.
    pub(super) fn holds(self, value: i64, other: i64) -> bool {
        let order = value.cmp(&other);
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::AtLeast => order != Ordering::Less,
            Self::Above => order == Ordering::Greater,
            Self::AtMost => order != Ordering::Greater,
            Self::Below => order == Ordering::Less,
        }
    }
}

/// The number a text begins with, as C's `atoll` reads it: 0 if it begins with none, the nearest if it is too large.
pub(super) fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0i64, |value, byte| value.saturating_mul(10).saturating_add(sign * i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_found_where_a_plain_search_finds_it(value in "[ab/]{0,40}", text in "[ab/]{0,5}") {
            let (value, text) = (value.as_bytes(), text.as_bytes());
            prop_assert_eq!(place(value, text), memmem::find(value, text));
        }
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        assert_eq!(number(b" 12a"), 12);
        assert_eq!(number(b"-5"), -5);
        assert_eq!(number(b"x"), 0);
        assert_eq!(number(b"99999999999999999999"), i64::MAX);
        assert_eq!(number(b"-99999999999999999999"), i64::MIN);
    }

    #[test]
    fn a_text_is_found_at_its_first_place() {
        let long = [&b"/host/ /via/ "[..], &b"x".repeat(SHORT), b"/cookie/"].concat();
        let (short, _) = long.split_at(40);
        for (value, text) in
            [(&*long, &b"/cookie/"[..]), (short, b"/via/"), (short, b""), (b"", b""), (b"", b"x")]
                .into_iter()
                .chain([(short, &*long), (short, b"xx"), (&short[..3], b"st"), (short, b"/cookie/")])
        {
            assert_eq!(place(value, text), memmem::find(value, text));
        }
    }

    #[test]
    fn words_have_no_letters_beside_them() {
        assert_eq!(word(b"hidingX hiding", b"hiding"), Some(8..14));
        assert_eq!(word(b"xyz", b"y"), None);
        assert_eq!(word(b"1y2", b"y"), Some(1..2));
    }
}
