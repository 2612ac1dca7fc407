//! Percent-encoding and its relatives.
//!
//! What is no encoding stays as it is.

use memchr::memchr2;

use super::Changed;
use super::hex;
use super::rewrite::{hex_pair, rewrite, unicode_low};

/// `%HH` and `+`.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr2(b'%', b'+', text),
        |from, out| {
            let (byte, read) = match from {
                [b'+', ..] => (b' ', 1),
                [_, digits @ ..] => (hex_pair(digits)?, 3),
                [] => return None,
            };
            out.push(byte);
            Some(read)
        },
    )
}

/// `%HH`, `+` and `%uHHHH`, of which the lower byte counts.
pub(super) fn decode_unicode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr2(b'%', b'+', text),
        |from, out| {
            let (byte, read) = match from {
                [b'+', ..] => (b' ', 1),
                [_, b'u' | b'U', digits @ ..] => (unicode_low(digits)?, 6),
                [_, digits @ ..] => (hex_pair(digits)?, 3),
                [] => return None,
            };
            out.push(byte);
            Some(read)
        },
    )
}

/// Letters, digits and `*` stay, a space becomes `+`, everything else `%hh`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) -> Changed {
    let next = |text: &[u8]| text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'*');
    rewrite(input, out, next, |from, out| {
        match from.first()? {
            b' ' => out.push(b'+'),
            other => {
                out.push(b'%');
                hex::push_byte(*other, out);
            }
        }
        Some(1)
    })
}

/// Every character beyond ASCII to `%uhhhh`; bytes that are no UTF-8 stay.
pub(super) fn escape_utf8(input: &[u8], out: &mut Vec<u8>) -> Changed {
    if input.is_ascii() {
        return Changed::Unchanged;
    }
    rewrite(
        input,
        out,
        |text| text.iter().position(|byte| !byte.is_ascii()),
        |from, out| {
            let (character, read) = first_character(from)?;
            let [_, high, middle, low] = u32::from(character).to_be_bytes();
            out.extend_from_slice(b"%u");
            match high {
                0 => {}
                16.. => hex::push_byte(high, out),
                _ => hex::push_nibble(high, out),
            }
            hex::push_byte(middle, out);
            hex::push_byte(low, out);
            Some(read)
        },
    )
}

fn first_character(text: &[u8]) -> Option<(char, usize)> {
    let chunk = text.get(..text.len().min(4))?;
    let valid = match std::str::from_utf8(chunk) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(chunk.get(..error.valid_up_to())?).ok()?,
    };
    let character = valid.chars().next()?;
    Some((character, character.len_utf8()))
}
