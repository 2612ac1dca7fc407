//! Values that cannot inject SQL, told in one pass without reading tokens.
//!
//! Without quotes, parentheses, comments and the like, tokens are words, numbers, operators and separators. No fingerprint
//! that attacks have is made of those alone: each also has a word of the list. So a value is plain if no part of it
//! could be such a word. Invariant: what is plain has no fingerprint that attacks have, however it is quoted.

use libinjectionrs::sqli::sqli_data::SQL_KEYWORDS;

use super::token::LONGEST;

/// What a byte is here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Part of a word.
    Letter,
    Digit,
    /// Stands between words, and is at most an operand's neighbour.
    Separator,
    Dot,
    /// An operator, or ends a statement.
    Operator,
    /// Two of them, or it and a star, begin a comment.
    CommentSign,
    /// Begins a variable.
    Variable,
    /// Could begin something that takes tokens to understand.
    Telling,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Separator; 256];
    let mut rest: &mut [Class] = &mut classes;
    let mut byte: u8 = 0;
    while let [class, after @ ..] = rest {
        *class = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'.' => Class::Dot,
            b'!' | b'%' | b'*' | b'+' | b':' | b';' | b'<' | b'=' | b'>' | b'^' | b'~' => Class::Operator,
            b'-' | b'/' => Class::CommentSign,
            b'@' => Class::Variable,
            0 | b'"' | b'#' | b'$' | b'&' | b'\'' | b'(' | b')' | b'\\' | b'`' | b'{' | b'|' => {
                Class::Telling
            }
            _ => Class::Separator,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    classes
}

#[inline]
fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Telling)
}

/// Bits for words, told by their hash; a power of two.
const BITS: usize = 1 << 17;

/// For the hash of each word of the list up to its first mark or space, two bits.
static WORDS: [u64; BITS / 64] = {
    let mut words = [0; BITS / 64];
    let mut list = SQL_KEYWORDS;
    while let [known, rest @ ..] = list {
        list = rest;
        if known.token_type == b'F' {
            continue;
        }
        let bytes = known.word.as_bytes();
        let mut end = 0;
        while let Some((_, [byte, ..])) = bytes.split_at_checked(end)
            && (byte.is_ascii_alphanumeric() || *byte == b'_')
        {
            end += 1;
        }
        add(&mut words, hash_of(bytes, end));
    }
    words
};

/// The same for the list's fingerprints: few texts have one, and to search for each would be slow.
static FINGERPRINTS: [u64; BITS / 64] = {
    let mut fingerprints = [0; BITS / 64];
    let mut list = SQL_KEYWORDS;
    while let [known, rest @ ..] = list {
        list = rest;
        if known.token_type == b'F' {
            add(&mut fingerprints, hash_of(known.word.as_bytes(), known.word.len()));
        }
    }
    fingerprints
};

const fn add(bits: &mut [u64], hash: u32) {
    let [first, second] = bits_of(hash);
    set(bits, first);
    set(bits, second);
}

const fn set(words: &mut [u64], bit: usize) {
    let (_, above) = words.split_at_mut(bit / 64);
    if let [word, ..] = above {
        *word |= 1 << (bit % 64);
    }
}

/// The two bits of a hash: one alone would be there by chance for one word in a hundred.
#[inline]
const fn bits_of(hash: u32) -> [usize; 2] {
    [hash as usize % BITS, hash.wrapping_mul(0x85eb_ca6b) as usize >> 15]
}

/// The hash of the first `end` bytes, from the last to the first.
const fn hash_of(bytes: &[u8], mut end: usize) -> u32 {
    let mut hash = 0;
    while end > 0
        && let Some((_, [byte, ..])) = bytes.split_at_checked(end - 1)
    {
        hash = hashed(hash, *byte);
        end -= 1;
    }
    hash
}

/// A hash with one more byte in front, in any case.
#[inline]
const fn hashed(hash: u32, byte: u8) -> u32 {
    let hash = (hash ^ (byte & 0xdf) as u32).wrapping_mul(0x9e37_79b1);
    hash ^ (hash >> 15)
}

/// For the length of each such word, its first byte and its last, a bit: three bytes tell most words that are none of
/// the list.
static ENDS: [u32; LENGTHS * LETTERS] = ends();

/// Lengths that are told apart.
const LENGTHS: usize = 32;
/// Bytes that are told apart: by their five lower bits.
const LETTERS: usize = 32;

const fn ends() -> [u32; LENGTHS * LETTERS] {
    let mut ends = [0; LENGTHS * LETTERS];
    let mut list = SQL_KEYWORDS;
    while let [known, rest @ ..] = list {
        list = rest;
        if known.token_type == b'F' {
            continue;
        }
        let mut word = known.word.as_bytes();
        let mut len = 0;
        let (mut first, mut last) = (0, 0);
        while let [byte, after @ ..] = word
            && (byte.is_ascii_alphanumeric() || *byte == b'_')
        {
            word = after;
            first = if len == 0 { *byte } else { first };
            last = *byte;
            len += 1;
        }
        let (_, above) = ends.split_at_mut(end_of(len, first));
        if let [lasts, ..] = above {
            *lasts |= 1 << (last as usize % LETTERS);
        }
    }
    ends
}

const fn end_of(len: usize, first: u8) -> usize {
    len % LENGTHS * LETTERS + first as usize % LETTERS
}

/// Whether a word of that length begins and ends as this does.
#[inline]
fn has_ends(run: &[u8]) -> bool {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
    ENDS.get(end_of(run.len(), *first)).is_some_and(|lasts| lasts >> (usize::from(*last) % LETTERS) & 1 == 1)
}

#[inline]
fn may_be_word(hash: u32) -> bool {
    has(&WORDS, hash)
}

/// Whether a fingerprint of the list could be this one, which has its `0`.
pub(super) fn may_be_fingerprint(letters: &[u8]) -> bool {
    has(&FINGERPRINTS, hash_of(letters, letters.len()))
}

#[inline]
fn has(bits: &[u64; BITS / 64], hash: u32) -> bool {
    let is_set = |bit: usize| bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1);
    let [first, second] = bits_of(hash);
    is_set(first) && is_set(second)
}

/// Whether a word of the list could begin with the letters and digits that `text` begins with, and go on with a mark or
/// end. The list's fingerprints are no words.
pub(super) fn may_be_listed(text: &[u8]) -> bool {
    let len = text.iter().take_while(|byte| is_part_of_word(**byte)).count();
    let run = text.get(..len).unwrap_or_default();
    has_ends(run) && may_be_word(hash_of(run, len))
}

/// Whether a value surely does not inject. `false` says nothing.
pub(in crate::operator::injection) fn is_plain(value: &[u8]) -> bool {
    let (mut operator, mut variable) = (false, false);
    let mut before = Class::Separator;
    let mut rest = value;
    while let [byte, after @ ..] = rest {
        let this = class(*byte);
        match this {
            Class::Letter | Class::Digit => {
                let len = rest.iter().take_while(|byte| is_part_of_word(**byte)).count();
                let (run, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
                // A number may end in the middle of what begins with a digit, or with its exponent behind a dot.
                let numeric = this == Class::Digit || before == Class::Dot;
                if if numeric {
                    may_end_in_word(run)
                } else {
                    has_ends(run) && may_be_word(hash_of(run, len))
                } {
                    return false;
                }
                before = Class::Letter;
                rest = after;
                continue;
            }
            Class::Telling => return false,
            Class::CommentSign => {
                if matches!(after, [b'-' | b'*', ..]) {
                    return false;
                }
                operator = true;
            }
            Class::Operator => operator = true,
            Class::Variable => variable = true,
            Class::Separator | Class::Dot => {}
        }
        before = this;
        rest = after;
    }
    !(operator && variable)
}

#[inline]
fn is_part_of_word(byte: u8) -> bool {
    matches!(class(byte), Class::Letter | Class::Digit)
}

/// Whether what is left of a run once a number took some of it could be a word.
fn may_end_in_word(run: &[u8]) -> bool {
    if run.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut hash = 0;
    run.iter().rev().take(LONGEST).any(|byte| {
        hash = hashed(hash, *byte);
        !byte.is_ascii_digit() && may_be_word(hash)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::token::Kind;
    use super::super::{either, words};
    use super::*;
    use crate::operator::injection::sql::lexer::Quote;

    #[test]
    fn what_people_write_is_plain() {
        for value in [
            "",
            "Ember 42",
            "violet-3fa91c02",
            "2026-07-14T09:15:00Z",
            "amber.1234@example.com",
            "River of the quartz Meadow",
            "amber/webp;q=0.9",
            "é, ü",
        ] {
            assert!(is_plain(value.as_bytes()), "{value}");
        }
        for value in
            ["1 or 1", "1;drop table", "1union", "1.e5union select", "a--", "/*", "1.funion", "(1)", "x'"]
        {
            assert!(!is_plain(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn every_word_of_the_list_is_seen() {
        for known in SQL_KEYWORDS.iter().filter(|known| known.token_type != b'F') {
            let is_word = known.word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_');
            assert!(!is_word || !is_plain(known.word.to_lowercase().as_bytes()), "{}", known.word);
        }
    }

    /// What plain values are made of: no fingerprint has these alone.
    #[test]
    fn no_fingerprint_is_plain() {
        let fingerprints = SQL_KEYWORDS.iter().filter(|known| known.token_type == b'F');
        for fingerprint in fingerprints.filter_map(|known| known.word.strip_prefix('0')) {
            let lacks = |marks: &[u8]| !fingerprint.bytes().all(|kind| marks.contains(&kind));
            assert!(lacks(b"N1O.,:;?}]") && lacks(b"N1V.,?}]"), "{fingerprint}");
        }
        assert_eq!(words::kind(b"and"), Some(Kind::Logic));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_plain_has_no_fingerprint(
            value in r"(union|select|or|and|1|0x1|1e|1\.|e5|0b1|in|not|if|null|binary|@a|::|:=|--|/|\*|-|=|[+!~^%<>;?,:@.\[\]}]| |[a-z0-9_.]|[ -~]|\PC){0,10}",
        ) {
            if is_plain(value.as_bytes()) {
                prop_assert_eq!(either(value.as_bytes(), Quote::None), None);
                prop_assert_eq!(super::super::fingerprint(value.as_bytes()), None);
            }
        }
    }
}
