//! Protocol buffers without their schema: field numbers as names, and a guess at what is nested.
//!
//! Invariants: a field's bytes are looked at once for each level they could be a message at, so work is linear in the
//! bytes times the depth budget at worst; a guess that is wrong shows the same bytes in other pieces, it hides none.
//! Who knows a message's schema reads its [`fields`]. Deliberately absent: names, packed lists, groups (which nothing writes any more).

use bytes::Bytes;

use crate::body::Format;
use crate::body::builder::{Builder, Spent};
use crate::body::tree::{Kind, Text};
use crate::defect::Defect;

/// Reads a message into the builder.
pub(super) fn parse(builder: &mut Builder) {
    builder.read_as(Format::Protobuf);
    let sent = builder.sent();
    if builder.open(Kind::Object, 0, Text::None).is_err() {
        return;
    }
    // Budgets that are spent were noted by the builder.
    if message(builder, &sent, 0, sent.len()).is_ok() {
        builder.close(sent.len());
    }
}

/// Reads the messages of a gRPC body into an array: each has a byte that says whether it is compressed and four of
/// length before it. A compressed one is kept as bytes, and is a defect.
pub(super) fn parse_framed(builder: &mut Builder) {
    builder.read_as(Format::Protobuf);
    let sent = builder.sent();
    if builder.open(Kind::Array, 0, Text::None).is_ok() && frames(builder, &sent).is_ok() {
        builder.close(sent.len());
    }
}

fn frames(builder: &mut Builder, sent: &Bytes) -> Result<(), Spent> {
    let mut rest = 0;
    while let Some([compressed, a, b, c, d]) = sent.get(rest..).and_then(<[u8]>::first_chunk).copied() {
        let start = rest + 5;
        let wanted = start.saturating_add(u32::from_be_bytes([a, b, c, d]) as usize);
        let end = wanted.min(sent.len());
        if wanted > end {
            builder.note_syntax(Defect::BodySyntax, end);
        }
        if compressed == 0 {
            builder.open(Kind::Object, start, Text::None)?;
            message(builder, sent, start, end)?;
            builder.close(end);
        } else {
            builder.note(Defect::BodyEncoding);
            leaf(builder, sent, Text::None, start, end)?;
        }
        rest = end;
    }
    if rest < sent.len() {
        builder.note_syntax(Defect::BodySyntax, rest);
    }
    Ok(())
}

/// What a field of a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held<'a> {
    /// A number, of whatever width.
    Number(u64),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message by their numbers, for who knows its schema; `None` where the bytes are none, and nothing behind.
pub fn fields(message: &[u8]) -> impl Iterator<Item = Option<(u64, Held<'_>)>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= message.len() {
            return None;
        }
        let read = field(message, at, message.len());
        at = read.map_or(message.len(), |field| field.next);
        Some(read.and_then(|field| {
            let held = match field.payload {
                Payload::Number(number) => Held::Number(number),
                Payload::Bytes(from, to) => Held::Bytes(message.get(from..to)?),
            };
            Some((field.number, held))
        }))
    })
}

/// What a field holds, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payload {
    Number(u64),
    Bytes(usize, usize),
}

/// A field with its number and where its payload and the next field begin.
#[derive(Clone, Copy, Debug)]
struct Field {
    number: u64,
    payload: Payload,
    start: usize,
    next: usize,
}

/// The field at an offset; `None` where there can be none.
fn field(bytes: &[u8], at: usize, end: usize) -> Option<Field> {
    let bytes = bytes.get(..end)?;
    let (tag, start) = varint(bytes, at)?;
    let number = tag >> 3;
    if !(1..1 << 29).contains(&number) {
        return None;
    }
    let fixed = |length: usize| {
        let raw = bytes.get(start..start + length)?;
        let value = raw.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        Some((Payload::Number(value), start + length))
    };
    let (payload, next) = match tag & 7 {
        0 => varint(bytes, start).map(|(value, next)| (Payload::Number(value), next))?,
        1 => fixed(8)?,
        5 => fixed(4)?,
        2 => {
            let (length, from) = varint(bytes, start)?;
            let next = from.checked_add(usize::try_from(length).ok()?).filter(|next| *next <= end)?;
            (Payload::Bytes(from, next), next)
        }
        _ => return None,
    };
    Some(Field { number, payload, start, next })
}

/// A number of at most ten bytes with seven bits each, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (place, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, at + place + 1));
        }
    }
    None
}

/// Whether a range could be a message: fields up to its very end.
fn is_message(bytes: &[u8], start: usize, end: usize) -> bool {
    let mut at = start;
    while at < end {
        match field(bytes, at, end) {
            Some(field) => at = field.next,
            None => return false,
        }
    }
    start < end
}

/// The fields of a range as members of the object that is open. Depth is bounded by the builder.
fn message(builder: &mut Builder, sent: &Bytes, start: usize, end: usize) -> Result<(), Spent> {
    let mut at = start;
    while at < end {
        let Some(field) = field(sent, at, end) else {
            builder.note_syntax(Defect::BodySyntax, at);
            // What follows is kept, as what it may be.
            return leaf(builder, sent, Text::None, at, end);
        };
        at = field.next;
        let name = number(builder, field.number);
        match field.payload {
            Payload::Number(value) => {
                let text = number(builder, value);
                builder.leaf(Kind::Integer, (field.start, field.next), name, text)?;
            }
            Payload::Bytes(from, to) if nests(sent, from, to) => {
                builder.open(Kind::Object, from, name)?;
                message(builder, sent, from, to)?;
                builder.close(to);
            }
            Payload::Bytes(from, to) => leaf(builder, sent, name, from, to)?,
        }
    }
    Ok(())
}

/// Whether bytes are rather a message than a text: a message begins with a tag, which in texts is a control character
/// unless the field's number is four or more.
fn nests(sent: &[u8], from: usize, to: usize) -> bool {
    let bytes = sent.get(from..to).unwrap_or_default();
    let plain = |byte: &u8| *byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r');
    let text = bytes.first().is_none_or(|first| *first >= 0x20)
        && bytes.iter().all(plain)
        && std::str::from_utf8(bytes).is_ok();
    !text && is_message(sent, from, to)
}

fn leaf(builder: &mut Builder, sent: &[u8], name: Text, from: usize, to: usize) -> Result<(), Spent> {
    let text = sent.get(from..to).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    let kind = if text { Kind::String } else { Kind::Binary };
    builder.leaf(kind, (from, to), name, Text::Sent(from as u32, to as u32)).map(|_| ())
}

/// A number written out.
fn number(builder: &mut Builder, number: u64) -> Text {
    let start = builder.undone();
    let mut digits = [0; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    builder.undo(digits.get(digits.len() - used..).unwrap_or_default());
    builder.kept(start).0
}
