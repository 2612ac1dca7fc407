//! Sets of bytes in patterns: `[a-z]`, `\d`, `\x41`.
//!
//! Functions take the text after what they are for and give the set and the text behind it. Does not know flags other
//! than case.

use super::tree::Case;
use crate::scan::bytes::ByteSet;

const DIGITS: ByteSet = ByteSet::new().with(b'0'..=b'9');
const LOWER: ByteSet = ByteSet::new().with(b'a'..=b'z');
const UPPER: ByteSet = ByteSet::new().with(b'A'..=b'Z');
const ALPHA: ByteSet = LOWER.union(&UPPER);
const ALNUM: ByteSet = ALPHA.union(&DIGITS);
const WORD: ByteSet = ALNUM.with(b'_'..=b'_');
const SPACE: ByteSet = ByteSet::of(b" \t\n\x0b\x0c\r");
const BLANK: ByteSet = ByteSet::of(b" \t");
const HORIZONTAL: ByteSet = ByteSet::of(b" \t\xa0");
const VERTICAL: ByteSet = ByteSet::of(b"\n\x0b\x0c\r\x85");
const GRAPHIC: ByteSet = ByteSet::new().with(0x21..=0x7e);

type Read<'a> = Result<(ByteSet, &'a [u8]), String>;

/// The set with its letters in both cases, if case does not matter.
pub(super) fn folded(set: ByteSet, case: Case) -> ByteSet {
    match case {
        Case::Exact => set,
        Case::Folded => set.in_both_cases(),
    }
}

/// A class, after its `[`.
pub(super) fn bracketed(text: &[u8], case: Case) -> Read<'_> {
    let negated = text.first() == Some(&b'^');
    let mut rest = text.get(usize::from(negated)..).unwrap_or_default();
    let mut set = ByteSet::new();
    let mut first = true;
    loop {
        match rest {
            [] => return Err("a class is not closed".into()),
            [b']', after @ ..] if !first => {
                let set = folded(set, case);
                return Ok((if negated { set.complement() } else { set }, after));
            }
            [b'\\', b'Q', after @ ..] => {
                let end = memchr::memmem::find(after, b"\\E").unwrap_or(after.len());
                let (quoted, behind) = after.split_at(end);
                set = set.union(&ByteSet::of(quoted));
                rest = behind.get(2..).unwrap_or_default();
            }
            [b'\\', b'E', after @ ..] => rest = after,
            _ => {
                let (item, after) = item(rest)?;
                let (item, after) = range(item, after)?;
                set = set.union(&item);
                rest = after;
            }
        }
        first = false;
    }
}

/// One item of a class: a byte, an escape, a named class.
fn item(text: &[u8]) -> Read<'_> {
    match text {
        [b'\\', b'b', after @ ..] => Ok((ByteSet::of(b"\x08"), after)),
        [b'\\', after @ ..] => match octal(after) {
            Some(read) => Ok(read),
            None => escaped(after),
        },
        [b'[', b':', after @ ..] if let Some(read) = named(after)? => Ok(read),
        [byte, after @ ..] => Ok((ByteSet::of(&[*byte]), after)),
        [] => Err("a class is not closed".into()),
    }
}

/// The range that begins with `low`, if `-` and another byte follow.
fn range(low: ByteSet, text: &[u8]) -> Read<'_> {
    let [b'-', end, ..] = text else { return Ok((low, text)) };
    let (Some(from), true) = (single(&low), *end != b']') else { return Ok((low, text)) };
    let (high, after) = item(text.get(1..).unwrap_or_default())?;
    match single(&high) {
        Some(to) if from <= to => Ok((ByteSet::new().with(from..=to), after)),
        Some(_) => Err("the ends of a range are in the wrong order".into()),
        None => Ok((low.union(&ByteSet::of(b"-")).union(&high), after)),
    }
}

fn single(set: &ByteSet) -> Option<u8> {
    set.iter().next().filter(|_| set.len() == 1)
}

/// `alpha:]` and its kind, after `[:`; `None` if it is no named class at all.
fn named(text: &[u8]) -> Result<Option<(ByteSet, &[u8])>, String> {
    let negated = text.first() == Some(&b'^');
    let name = text.get(usize::from(negated)..).unwrap_or_default();
    let len = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = name.split_at(len);
    let Some(after) = rest.strip_prefix(b":]") else { return Ok(None) };
    let set = match name {
        b"alpha" => ALPHA,
        b"digit" => DIGITS,
        b"alnum" => ALNUM,
        b"upper" => UPPER,
        b"lower" => LOWER,
        b"space" => SPACE,
        b"blank" => BLANK,
        b"word" => WORD,
        b"graph" => GRAPHIC,
        b"print" => GRAPHIC.with(b' '..=b' '),
        b"punct" => GRAPHIC.intersection(&ALNUM.complement()),
        b"cntrl" => ByteSet::new().with(0..=0x1f).with(0x7f..=0x7f),
        b"xdigit" => DIGITS.with(b'a'..=b'f').with(b'A'..=b'F'),
        b"ascii" => ByteSet::new().with(0..=0x7f),
        _ => return Err("there is no named class of this name".into()),
    };
    Ok(Some((if negated { set.complement() } else { set }, after)))
}

/// What follows a backslash, where it stands for bytes.
pub(super) fn escaped(text: &[u8]) -> Read<'_> {
    let Some((&letter, after)) = text.split_first() else {
        return Err("a backslash ends the pattern".into());
    };
    let set = match letter {
        b'd' => DIGITS,
        b'D' => DIGITS.complement(),
        b'w' => WORD,
        b'W' => WORD.complement(),
        b's' => SPACE,
        b'S' => SPACE.complement(),
        b'h' => HORIZONTAL,
        b'H' => HORIZONTAL.complement(),
        b'v' => VERTICAL,
        b'V' => VERTICAL.complement(),
        b'N' => ByteSet::of(b"\n").complement(),
        b'x' => return hexadecimal(after),
        b'0' => return octal(text).ok_or_else(|| "no octal digits".into()),
        b'c' => {
            let Some((&control, after)) = after.split_first() else {
                return Err("`\\c` needs a letter".into());
            };
            return Ok((ByteSet::of(&[control.to_ascii_uppercase() ^ 0x40]), after));
        }
        b'a' => ByteSet::of(b"\x07"),
        b'e' => ByteSet::of(b"\x1b"),
        b'f' => ByteSet::of(b"\x0c"),
        b'n' => ByteSet::of(b"\n"),
        b'r' => ByteSet::of(b"\r"),
        b't' => ByteSet::of(b"\t"),
        other => ByteSet::of(&[other]),
    };
    Ok((set, after))
}

/// `41` and `{41}`, after `\x`.
fn hexadecimal(text: &[u8]) -> Read<'_> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    if let Some(braced) = text.strip_prefix(b"{") {
        let end = memchr::memchr(b'}', braced).ok_or("`}` is missing")?;
        let (digits, after) = braced.split_at(end);
        let value = digits.iter().try_fold(0u32, |value, byte| Some((value << 4).min(0xffff) | digit(byte)?));
        let byte = value.and_then(|value| u8::try_from(value).ok());
        let byte = byte.ok_or("`\\x{…}` stands for a byte, up to ff")?;
        return Ok((ByteSet::of(&[byte]), after.get(1..).unwrap_or_default()));
    }
    let len = text.iter().take(2).take_while(|byte| digit(byte).is_some()).count();
    let (digits, after) = text.split_at(len);
    let value = digits.iter().filter_map(digit).fold(0, |value, digit| value << 4 | digit);
    Ok((ByteSet::of(&[value as u8]), after))
}

/// One to three octal digits, the lower byte of which counts.
pub(super) fn octal(text: &[u8]) -> Option<(ByteSet, &[u8])> {
    let len = text.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, after) = text.split_at(len);
    let value = digits.iter().fold(0u32, |value, byte| value << 3 | u32::from(byte - b'0'));
    (len > 0).then(|| (ByteSet::of(&[(value & 0xff) as u8]), after))
}
