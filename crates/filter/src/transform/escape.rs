//! Backslash escapes of JavaScript and C.
//!
//! Escapes that are none lose their backslash, as in ModSecurity.

use memchr::memchr;

use super::Changed;
use super::rewrite::{hex_pair, rewrite, unicode_low};

/// `\uHHHH` (the lower byte), `\xHH`, `\OOO` up to 377, `\n` and its kind.
pub(super) fn decode_js(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr(b'\\', text),
        |from, out| {
            let (byte, read) = match from.get(1..)? {
                [b'u', digits @ ..] if let Some(byte) = unicode_low(digits) => (byte, 6),
                [b'x', digits @ ..] if let Some(byte) = hex_pair(digits) => (byte, 4),
                [b'0'..=b'7', ..] => octal(from, Octal::OneByte),
                [other, ..] => (control(*other).unwrap_or(*other), 2),
                [] => return None,
            };
            out.push(byte);
            Some(read)
        },
    )
}

/// `\xHH`, `\OOO` (the lower byte), `\n` and its kind.
pub(super) fn decode_c(input: &[u8], out: &mut Vec<u8>) -> Changed {
    rewrite(
        input,
        out,
        |text| memchr(b'\\', text),
        |from, out| {
            let (byte, read) = match from.get(1..)? {
                [b'x' | b'X', digits @ ..] if let Some(byte) = hex_pair(digits) => (byte, 4),
                [b'0'..=b'7', ..] => octal(from, Octal::LowerByte),
                [other, ..] => (control(*other).unwrap_or(*other), 2),
                [] => return None,
            };
            out.push(byte);
            Some(read)
        },
    )
}

/// What three octal digits above 377 mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Octal {
    /// Only two of them count.
    OneByte,
    /// Their lower byte.
    LowerByte,
}

/// The byte that an escape of one to three octal digits stands for, and the length of the escape.
fn octal(escape: &[u8], above: Octal) -> (u8, usize) {
    let digits = escape.iter().skip(1).take(3).take_while(|byte| matches!(byte, b'0'..=b'7'));
    let mut value = 0u16;
    let mut read = 1;
    for &byte in digits {
        let more = value << 3 | u16::from(byte - b'0');
        if more > 0xff && above == Octal::OneByte {
            break;
        }
        value = more;
        read += 1;
    }
    ((value & 0xff) as u8, read)
}

const fn control(letter: u8) -> Option<u8> {
    match letter {
        b'a' => Some(0x07),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0b),
        _ => None,
    }
}
