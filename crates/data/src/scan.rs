//! The pass over one value: at every word's beginning, what could stand there is tried.
//!
//! Invariant: what is tried at a place is bounded, or moves the pass on past what it read.

use memchr::memchr_iter;
use portcullis_model::data_class::{Confidence, DataClass};

use crate::classes::Classes;
use crate::name::Hint;
use crate::number::{Number, is_ssn};
use crate::phone::IsNamed;
use crate::{card, email, iban, phone, secret};

/// How many bytes of a value are looked at.
pub const LONGEST: usize = 64 * 1024;
/// A text shorter than this belongs to no class by itself.
const SHORTEST: usize = 6;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As text.
    Text,
    /// As a number, of which most name or count something.
    Number,
}

/// The classes a value belongs to, given what its field's name says.
pub fn classify(hint: Hint, written: Written, value: &str) -> Classes {
    let text = value.as_bytes();
    let text = text.get(..text.len().min(LONGEST)).unwrap_or_default().trim_ascii();
    let mut classes = Classes::default();
    if text.is_empty() {
        return classes;
    }
    if text.len() >= SHORTEST {
        match written {
            Written::Text => scan(hint, text, &mut classes),
            Written::Number => {
                weigh_number(hint, written, text, &mut classes);
            }
        }
    }
    if let Some(class) = hint.class {
        weigh_name(hint, class, written, text, &mut classes);
    }
    classes
}

/// Adds what the name says where the value does not contradict it.
fn weigh_name(hint: Hint, class: DataClass, written: Written, text: &[u8], classes: &mut Classes) {
    if classes.get(class) == Some(Confidence::Sure) || secret::is_masked(text) {
        return;
    }
    if written == Written::Number && matches!(class, DataClass::Email | DataClass::Iban | DataClass::Secret) {
        return;
    }
    let confidence = match class {
        _ if classes.get(class).is_some() => Confidence::Sure,
        DataClass::Secret if written == Written::Text && secret::is_random(text) => Confidence::Sure,
        DataClass::Secret if hint.is_password && written == Written::Text => Confidence::Likely,
        _ => Confidence::Named,
    };
    classes.add(class, confidence);
}

fn scan(hint: Hint, text: &[u8], classes: &mut Classes) {
    for at in memchr_iter(b'@', text) {
        if secret::is_password_before(text, at) {
            classes.add(DataClass::Secret, Confidence::Sure);
        } else if email::around(text, at) {
            classes.add(DataClass::Email, Confidence::Sure);
        }
    }
    if text.len() > 32 && memchr::memchr(b'-', text).is_some() && secret::holds_private_key(text) {
        classes.add(DataClass::Secret, Confidence::Sure);
    }
    scan_words(hint, text, classes);
}

fn scan_words(hint: Hint, text: &[u8], classes: &mut Classes) {
    let mut place = 0;
    let mut is_within = false;
    while let Some(byte) = text.get(place) {
        let begins = !is_within;
        let is_of_word = in_word(*byte);
        is_within = is_of_word;
        let rest = text.get(place..).unwrap_or_default();
        match byte {
            b'0'..=b'9' | b'+' | b'(' if begins => {
                let end = weigh_number(hint, Written::Text, rest, classes);
                place += end;
                is_within = text.get(place - 1).is_some_and(u8::is_ascii_digit);
                continue;
            }
            b'A'..=b'Z' if begins && iban::at_start(rest).is_some() => {
                classes.add(DataClass::Iban, Confidence::Sure);
            }
            _ => {}
        }
        // A key may stand in a path, a number that does is no card.
        let may_be_key = begins || place.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'/');
        if may_be_key && secret::may_begin(*byte) && secret::at_start(rest) {
            classes.add(DataClass::Secret, Confidence::Sure);
        }
        place += 1;
        if is_of_word {
            // Nothing begins within a word.
            let word = text.get(place..).unwrap_or_default();
            place += length_of(word);
        }
        // What follows a dot, a dash or a slash directly goes on with something: a host, a version, a path, a UUID.
        is_within |= !begins && matches!(byte, b'.' | b'-' | b'/' | b'#' | b'%');
    }
}

/// Whether a word goes on with this byte.
const fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// How many bytes the rest of a word has. Of long ones, which encoded files and pictures are, blocks are looked at as a
/// whole, which is done in vectors.
fn length_of(word: &[u8]) -> usize {
    const SHORT: usize = 32;
    const BLOCK: usize = 64;
    let ends = |byte: &u8| !in_word(*byte);
    let (beginning, long) = word.split_at_checked(SHORT).unwrap_or((word, &[]));
    if let Some(length) = beginning.iter().position(ends) {
        return length;
    }
    let (blocks, _) = long.as_chunks::<BLOCK>();
    // Numbers instead of conditions, so that it becomes a few operations on vectors.
    let is_word =
        |block: &&[u8; BLOCK]| block.iter().fold(0, |ends, byte| ends | u8::from(!in_word(*byte))) == 0;
    let skipped = beginning.len() + blocks.iter().take_while(is_word).count() * BLOCK;
    let rest = word.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(ends).unwrap_or(rest.len())
}

/// Tries the number at the beginning; where it ends.
fn weigh_number(hint: Hint, written: Written, text: &[u8], classes: &mut Classes) -> usize {
    let (number, end) = Number::at_start(text);
    let Some(number) = number else { return end };
    let number = if end == text.len() { number.said_whole() } else { number };
    if let Some(confidence) = weigh_card(hint, written, &number) {
        classes.add(DataClass::PaymentCard, confidence);
        return end;
    }
    let named = |class| hint.class == Some(class);
    if named(DataClass::UsSsn) && number.is_whole() && is_ssn(number.digits()) {
        classes.add(DataClass::UsSsn, Confidence::Sure);
    } else if written == Written::Text && number.is_grouped_ssn() && !hint.is_reference {
        classes.add(DataClass::UsSsn, Confidence::Likely);
    }
    let is_named = if named(DataClass::Phone) { IsNamed::Yes } else { IsNamed::No };
    if (is_named == IsNamed::Yes || (written == Written::Text && !hint.is_reference))
        && let Some(confidence) = phone::weigh(&number, is_named)
    {
        classes.add(DataClass::Phone, confidence);
    }
    end
}

/// A card's number in its groups is one for sure; digits alone may be anything's, unless the name says so.
fn weigh_card(hint: Hint, written: Written, number: &Number<'_>) -> Option<Confidence> {
    let is_named = hint.class == Some(DataClass::PaymentCard);
    if number.groups().len() > 1 {
        let confidence =
            if is_named || number.is_evenly_joined() { Confidence::Sure } else { Confidence::Likely };
        return card::stands_in(number).then_some(confidence);
    }
    let may_be = is_named || (hint.class.is_none() && written == Written::Text && !hint.is_reference);
    let is_card = may_be && !number.begins_with_plus() && card::is_card(number.digits());
    is_card.then_some(if is_named { Confidence::Sure } else { Confidence::Likely })
}
