//! The byte classes HTTP's grammar is made of (RFC 9110 §5.6, RFC 3986 §2).
//!
//! Written as matches, folds and words of eight bytes, which compile to fast code without `unsafe`.

/// The table of a class of bytes, written as a pattern.
macro_rules! byte_table {
    ($($pattern:tt)*) => {{
        let mut table = [false; 256];
        let mut byte = 0_u8;
        loop {
            if matches!(byte, $($pattern)*) {
                $crate::grammar::set(&mut table, byte);
            }
            if byte == 255 {
                break;
            }
            byte += 1;
        }
        table
    }};
}
pub(crate) use byte_table;

/// `tchar`: what names, methods and other tokens are made of.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    const TABLE: [bool; 256] = byte_table!(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
        | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
    lookup(&TABLE, byte)
}

/// Sets one entry of a class table while it is built.
#[expect(
    clippy::indexing_slicing,
    reason = "a byte cannot lie outside a table of 256; const code has no get_mut"
)]
pub(crate) const fn set(table: &mut [bool; 256], byte: u8) {
    table[byte as usize] = true;
}

/// One entry of a class table.
#[expect(
    clippy::indexing_slicing,
    reason = "a byte cannot lie outside a table of 256; const code has no get"
)]
pub(crate) const fn lookup(table: &[bool; 256], byte: u8) -> bool {
    table[byte as usize]
}

/// Whether the text is a token: not empty, only `tchar`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

/// Whether a field value is free of control characters other than the tab. Bytes from 0x80 pass (obs-text).
pub(crate) fn is_field_value(value: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is_fine = |byte: &u8| (*byte >= 0x20 || *byte == b'\t') && *byte != 0x7f;
    // The high bit of every byte that is zero; of others only behind one that is.
    let zeroes = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (words, rest) = value.as_chunks::<8>();
    let suspicious = words.iter().fold(0, |found, word| {
        let word = u64::from_le_bytes(*word);
        // Below 0x20 nothing is left of a byte without its low five bits.
        found | zeroes(word & (LOW * 0xe0)) | zeroes(word ^ (LOW * 0x7f))
    });
    // A tab is suspicious too; it is rare enough to look twice.
    (suspicious == 0 || words.as_flattened().iter().all(is_fine)) && rest.iter().all(is_fine)
}

/// How many control characters there are, tabs among them.
pub fn controls(text: &[u8]) -> usize {
    // In pieces of a fixed size, so that counting runs on whole vectors of bytes.
    let (pieces, rest) = text.as_chunks::<64>();
    let (small, rest) = rest.as_chunks::<16>();
    let in_pieces: usize = pieces.iter().map(|piece| controls_of(piece)).sum();
    let in_small: usize = small.iter().map(|piece| controls_of(piece)).sum();
    in_pieces + in_small + controls_of(rest)
}

/// The same of at most 255 bytes.
#[inline]
fn controls_of(piece: &[u8]) -> usize {
    usize::from(
        piece.iter().fold(0_u8, |count, byte| count + u8::from(*byte < 0x20) + u8::from(*byte == 0x7f)),
    )
}

/// The value without spaces and tabs at its ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    trim_end(value)
}

/// The value without spaces and tabs at its end.
pub(crate) fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The elements of a comma-separated list, trimmed; empty ones are left out (RFC 9110 §5.6.1.2).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|element| !element.is_empty())
}

/// The value of one hexadecimal digit.
pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        assert!(is_token(b"X-Api_Key~!") && !is_token(b"") && !is_token(b"a b") && !is_token(b"a:"));
        assert!(is_field_value(b"a\tb \xff") && !is_field_value(b"a\0") && !is_field_value(b"\x7f"));
        for place in 0..24 {
            let with = |byte: u8| (0..24).map(|at| if at == place { byte } else { b'~' }).collect::<Vec<_>>();
            for byte in 0..=255 {
                let fine = byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
                assert_eq!(is_field_value(&with(byte)), fine, "{byte} at {place}");
            }
        }
        for length in 0..200 {
            let text: Vec<u8> =
                (0..length).map(|at| [b'a', 0, b' ', 0x7f, b'\t', 0xff, 0x1f][at % 7]).collect();
            let counted = text.iter().filter(|byte| byte.is_ascii_control()).count();
            assert_eq!(controls(&text), counted, "{length}");
        }
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(list(b" a ,, b,").collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
