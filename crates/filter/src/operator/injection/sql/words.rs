//! What words of SQL are, and which fingerprints attacks have.
//!
//! The list has both: words in capitals, and fingerprints in capitals after a `0`.

use libinjectionrs::sqli::sqli_data::SQL_KEYWORDS;

use super::plain::{may_be_fingerprint, may_be_listed};
use super::token::{Kind, LONGEST};

/// Where words that begin with a byte stand in the list: from its index to the next one's.
static BEGINS: [u16; 257] = begins();

const fn begins() -> [u16; 257] {
    let mut begins = [0u16; 257];
    let mut list = SQL_KEYWORDS;
    while let [first, rest @ ..] = list {
        list = rest;
        if let [byte, ..] = first.word.as_bytes() {
            let (_, above) = begins.split_at_mut(*byte as usize + 1);
            if let [count, ..] = above {
                *count += 1;
            }
        }
    }
    let mut sum = 0;
    let mut rest: &mut [u16] = &mut begins;
    while let [first, after @ ..] = rest {
        sum += *first;
        *first = sum;
        rest = after;
    }
    begins
}

/// What a word is, in any case; `None` if the list does not have it.
pub(super) fn kind(word: &[u8]) -> Option<Kind> {
    // Most words are none of the list, and one look tells; only fingerprints begin with a 0.
    if word.first()?.is_ascii_alphabetic() && !may_be_listed(word) {
        return None;
    }
    let mut capitals = [0; LONGEST];
    let capitals = capitals.get_mut(..word.len())?;
    capitals.copy_from_slice(word);
    capitals.make_ascii_uppercase();
    let first = usize::from(*capitals.first()?);
    let (from, to) = (*BEGINS.get(first)?, *BEGINS.get(first + 1)?);
    let candidates = SQL_KEYWORDS.get(usize::from(from)..usize::from(to))?;
    let at = candidates.binary_search_by(|known| known.word.as_bytes().cmp(capitals)).ok()?;
    Kind::of_word(candidates.get(at)?.token_type)
}

/// Whether attacks have this fingerprint.
pub(super) fn is_attack(letters: &[u8]) -> bool {
    let mut key = [b'0'; 8];
    let Some(rest) = key.get_mut(1..=letters.len()) else { return false };
    rest.copy_from_slice(letters);
    let key = key.get(..=letters.len()).filter(|key| may_be_fingerprint(key));
    !letters.is_empty() && key.and_then(kind) == Some(Kind::Fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        assert_eq!(SQL_KEYWORDS.len(), 9352);
        assert!(SQL_KEYWORDS.windows(2).all(|pair| pair[0].word < pair[1].word));
        for known in SQL_KEYWORDS {
            assert_eq!(kind(known.word.as_bytes()), Kind::of_word(known.token_type), "{}", known.word);
        }
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert_eq!(kind(b"select"), Some(Kind::Expression));
        assert_eq!(kind(b"Union All"), Some(Kind::Union));
        assert_eq!(kind(b""), None);
        assert_eq!(kind(&[b'a'; 40]), None);
        assert!(is_attack(b"1UE") && !is_attack(b"n") && !is_attack(b""));
    }
}
