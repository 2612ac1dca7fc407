//! The single decodings: each gives the decoded bytes, or nothing where there is nothing to decode.
//!
//! Lenient as the laxest application is: what is not an escape stays as it is.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr;

use crate::builtin::marks::Marks;

/// Undoes percent escapes; plus signs become spaces where the value has none.
pub(super) fn url(value: &[u8], marks: Marks) -> Option<Vec<u8>> {
    let plus = marks.has(Marks::PLUS) && !marks.has(Marks::SPACE);
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    let mut changed = false;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (*byte, behind) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(digit(*high) << 4 | digit(*low));
                rest = after;
                changed = true;
            }
            (b'+', _) if plus => {
                out.push(b' ');
                changed = true;
            }
            (byte, _) => out.push(byte),
        }
    }
    changed.then_some(out)
}

/// Undoes the escapes of JavaScript, JSON, C and shells: `\u003c`, `\u{3c}`, `\x3c`, `%u003c`, `\074`, `0x3c` as a byte.
pub(super) fn escapes(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    let mut changed = false;
    while let Some((byte, behind)) = rest.split_first() {
        if matches!(byte, b'\\' | b'%')
            && let Some((character, length)) = escape(rest)
        {
            push(&mut out, character);
            rest = rest.get(length..).unwrap_or_default();
            changed = true;
        } else {
            out.push(*byte);
            rest = behind;
        }
    }
    changed.then_some(out)
}

/// The character an escape at the beginning stands for, and how long it is.
fn escape(text: &[u8]) -> Option<(u32, usize)> {
    match text {
        [b'\\' | b'%', b'u' | b'U', b'{', rest @ ..] => {
            let end = memchr(b'}', rest.get(..rest.len().min(8))?)?;
            Some((number(rest.get(..end)?, 16)?, end + 4))
        }
        [b'\\' | b'%', b'u' | b'U', rest @ ..] => Some((number(rest.get(..4)?, 16)?, 6)),
        [b'\\', b'x' | b'X', rest @ ..] => Some((number(rest.get(..2)?, 16)?, 4)),
        [b'\\', b'n', ..] => Some((10, 2)),
        [b'\\', b'r', ..] => Some((13, 2)),
        [b'\\', b't', ..] => Some((9, 2)),
        [b'\\', rest @ ..] => {
            let digits = rest.iter().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
            if digits < 2 {
                return None;
            }
            Some((number(rest.get(..digits)?, 8)?, digits + 1))
        }
        _ => None,
    }
}

/// Undoes character references, with or without the closing semicolon.
pub(super) fn entities(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    let mut changed = false;
    while let Some(at) = memchr(b'&', rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        if let Some((character, length)) = entity(from) {
            push(&mut out, character);
            rest = from.get(length..).unwrap_or_default();
            changed = true;
        } else {
            out.push(b'&');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
    changed.then_some(out)
}

fn entity(text: &[u8]) -> Option<(u32, usize)> {
    let (digits, radix, prefix) = match text {
        [b'&', b'#', b'x' | b'X', rest @ ..] => (rest, 16, 3),
        [b'&', b'#', rest @ ..] => (rest, 10, 2),
        _ => return named_entity(text),
    };
    let length = digits.iter().take(32).take_while(|digit| (**digit as char).is_digit(radix)).count();
    let character = number(digits.get(..length)?, radix)?;
    let closed = digits.get(length) == Some(&b';');
    Some((character, prefix + length + usize::from(closed)))
}

/// References that matter to markup and script (HTML, §13.5).
const NAMED: [(&[u8], u32); 26] = [
    (b"lt", 60),
    (b"gt", 62),
    (b"quot", 34),
    (b"apos", 39),
    (b"amp", 38),
    (b"Tab", 9),
    (b"NewLine", 10),
    (b"colon", 58),
    (b"semi", 59),
    (b"lpar", 40),
    (b"rpar", 41),
    (b"lbrack", 91),
    (b"lsqb", 91),
    (b"rbrack", 93),
    (b"rsqb", 93),
    (b"lbrace", 123),
    (b"lcub", 123),
    (b"rbrace", 125),
    (b"rcub", 125),
    (b"sol", 47),
    (b"bsol", 92),
    (b"period", 46),
    (b"comma", 44),
    (b"equals", 61),
    (b"grave", 96),
    (b"nbsp", 32),
];

fn named_entity(text: &[u8]) -> Option<(u32, usize)> {
    let name = text.get(1..)?;
    let length = name.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let closed = name.get(length) == Some(&b';');
    let name = name.get(..length)?;
    let found = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    // Without a semicolon only the old four are read, and `&lt` in a query is more often a parameter.
    closed.then_some((found.1, length + 2))
}

/// Leaves out what is not seen, makes look-alikes ASCII and shortens overlong UTF-8.
pub(super) fn plain(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(byte) = rest.first() {
        let length = match rest {
            // Overlong: two bytes where one would do, as old decoders accept.
            [lead @ (0xC0 | 0xC1), next @ 0x80..=0xBF, ..] => {
                out.push((lead & 1) << 6 | (next & 0x3F));
                2
            }
            [0xE0, middle @ 0x80..=0x81, last @ 0x80..=0xBF, ..] => {
                out.push((middle & 1) << 6 | (last & 0x3F));
                3
            }
            [0..=8 | 11 | 12 | 14..=31 | 127, ..] => 1,
            [0..=127, ..] => {
                out.push(*byte);
                1
            }
            _ => look_alike(rest, &mut out),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    (out != value).then_some(out)
}

/// One character outside ASCII: what it looks like, nothing if it is invisible, else itself.
fn look_alike(text: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(character) = first_character(text) else {
        out.extend(text.first());
        return 1;
    };
    match character {
        '\u{ff01}'..='\u{ff5e}' => out.push((character as u32 - 0xfee0) as u8),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => out.push(b' '),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fffd}' => {}
        '\u{2018}' | '\u{2019}' | '\u{2b9}' | '\u{2bc}' | '\u{2032}' => out.push(b'\''),
        '\u{201c}' | '\u{201d}' | '\u{2033}' => out.push(b'"'),
        '\u{2039}' | '\u{3008}' | '\u{2329}' => out.push(b'<'),
        '\u{203a}' | '\u{3009}' | '\u{232a}' => out.push(b'>'),
        '\u{2044}' | '\u{2215}' => out.push(b'/'),
        '\u{2024}' => out.push(b'.'),
        // Servers that keep the low byte of a character read a line break here.
        '\u{560a}' => out.push(b'\n'),
        '\u{560d}' => out.push(b'\r'),
        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    character.len_utf8()
}

fn first_character(text: &[u8]) -> Option<char> {
    let start = text.get(..text.len().min(4))?;
    match std::str::from_utf8(start) {
        Ok(text) => text.chars().next(),
        Err(bad) => std::str::from_utf8(start.get(..bad.valid_up_to())?).ok()?.chars().next(),
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const SHORTEST_BASE64: usize = 8;
const SHORTEST_EMBEDDED: usize = 16;

/// The text that the value, or runs of Base64 within it, stand for.
pub(super) fn base64(value: &[u8]) -> Option<Vec<u8>> {
    if let Some(whole) = (value.len() >= SHORTEST_BASE64).then(|| base64_text(value)).flatten() {
        return Some(whole);
    }
    let mut out: Vec<u8> = Vec::new();
    for run in value.split(|byte| !is_base64(*byte)).filter(|run| run.len() >= SHORTEST_EMBEDDED).take(8) {
        if run.len() < value.len()
            && let Some(text) = base64_text(run)
        {
            if !out.is_empty() {
                out.push(b'\n');
            }
            out.extend_from_slice(&text);
        }
    }
    (!out.is_empty()).then_some(out)
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

fn base64_text(run: &[u8]) -> Option<Vec<u8>> {
    let trimmed = run.trim_ascii();
    // Its first bytes say whether it can be text at all; most words and tokens end here.
    if !begins_as_text(trimmed) {
        return None;
    }
    let begin = trimmed.get(..SHORTEST_BASE64)?;
    let head = match bits_of(begin) {
        Some(bits) => looks_like_text(bits.to_be_bytes().get(2..)?),
        None => looks_like_text(&LENIENT.decode(standard(begin)?).ok()?),
    };
    if !head {
        return None;
    }
    let decoded = LENIENT.decode(standard(trimmed)?).ok()?;
    looks_like_text(&decoded).then_some(decoded)
}

/// The bits that at most ten symbols stand for; nothing if one is none.
fn bits_of(symbols: &[u8]) -> Option<u64> {
    let symbol = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u64::from(byte - b'A')),
        b'a'..=b'z' => Some(u64::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u64::from(byte - b'0') + 52),
        b'+' | b'-' | b' ' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    symbols.iter().try_fold(0, |bits, byte| Some(bits << 6 | symbol(byte)?))
}

/// Whether the first three bytes that would be decoded are text; of names and numbers most are not.
fn begins_as_text(run: &[u8]) -> bool {
    let plausible = |byte: u64| matches!(byte, 0 | 9 | 10 | 13 | 32..=126 | 0xc2..);
    run.get(..4).and_then(bits_of).is_some_and(|bits| {
        plausible(bits >> 16 & 0xff)
            && [8, 0].iter().all(|shift| {
                let byte = bits >> shift & 0xff;
                plausible(byte) || byte >= 0x80
            })
    })
}

/// The same in the standard alphabet, without line breaks.
fn standard(run: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(run.len());
    for byte in run {
        match byte {
            b'_' => out.push(b'/'),
            // A space is a plus sign that form decoding undid.
            b'-' | b' ' => out.push(b'+'),
            b'\r' | b'\n' => {}
            byte if is_base64(*byte) => out.push(*byte),
            _ => return None,
        }
    }
    // One symbol too many cannot be decoded; what stands before it can.
    let symbols = out.iter().take_while(|byte| **byte != b'=').count();
    if symbols % 4 == 1 {
        out.truncate(symbols - 1);
    }
    Some(out)
}

/// Whether decoded bytes are text rather than chance: UTF-8 or UTF-16 without stray control characters.
fn looks_like_text(bytes: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let ascii = bytes.iter().filter(|byte| printable(byte)).count();
    let zeroes = memchr::memchr_iter(0, bytes).count();
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    if ascii + zeroes == bytes.len() {
        return zeroes == 0 || (bytes.len() - 1..=bytes.len() + 1).contains(&(zeroes * 2));
    }
    // A few escapes of other scripts among much ASCII.
    ascii + high == bytes.len() && high * 4 <= bytes.len() && std::str::from_utf8(bytes).is_ok()
}

/// The text a run of hexadecimal digits stands for, as SQL and shells write it.
pub(super) fn hex(value: &[u8]) -> Option<Vec<u8>> {
    let digits = value.strip_prefix(b"0x").unwrap_or(value);
    if digits.len() < 16 || digits.len() % 2 == 1 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |value, hex| value << 4 | digit(*hex)))
        .collect();
    let telling = text.iter().any(u8::is_ascii_punctuation) && looks_like_text(&text);
    telling.then_some(text)
}

const fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        b'a'..=b'f' => hex - b'a' + 10,
        b'A'..=b'F' => hex - b'A' + 10,
        _ => 0,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| {
        value.checked_mul(radix)?.checked_add((*byte as char).to_digit(radix)?)
    })
}

/// Adds a character; what is none (a lone surrogate) keeps its low byte, as lax decoders do.
fn push(out: &mut Vec<u8>, character: u32) {
    match char::from_u32(character) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.push(character as u8),
    }
}
