//! `application/x-www-form-urlencoded` (the URL Standard §5.1): pairs as an object, duplicates kept.
//!
//! A name that occurs twice is how forms write lists, and so no defect. Invariant: nothing is allocated for a pair;
//! decoded texts lie one behind the other in the tree.

use crate::body::builder::{Builder, Spent};
use crate::body::tree::{Kind, Text};
use crate::defect::Defect;
use crate::grammar::{byte_table, lookup};
use crate::urlencoded::{Escapes, decode_into};

/// What cannot stay as it was sent: escapes, and what may not be UTF-8.
const NOT_PLAIN: [bool; 256] = byte_table!(b'%' | b'+' | 0x80..);

/// Reads pairs into the builder.
pub(super) fn parse(builder: &mut Builder) {
    let sent = builder.sent();
    if builder.open(Kind::Object, 0, Text::None).is_err() {
        return;
    }
    builder.expect_values(memchr::memchr_iter(b'&', &sent).count() + 2);
    let mut start = 0;
    while start < sent.len() {
        let rest = sent.get(start..).unwrap_or_default();
        let end = memchr::memchr(b'&', rest).map_or(sent.len(), |length| start + length);
        if end > start && pair(builder, &sent, start, end).is_err() {
            return;
        }
        start = end + 1;
    }
    builder.close(sent.len());
}

/// One pair that is not empty.
fn pair(builder: &mut Builder, sent: &[u8], start: usize, end: usize) -> Result<(), Spent> {
    let equals = sent.get(start..end).and_then(|pair| memchr::memchr(b'=', pair));
    let name_ends = equals.map_or(end, |equals| start + equals);
    let value_starts = equals.map_or(end, |_| name_ends + 1);
    let (name, raw_name) = text(builder, sent, start, name_ends);
    let (value, raw_value) = text(builder, sent, value_starts, end);
    let index = builder.leaf(Kind::String, (value_starts, end), name, value)?;
    if name != raw_name || value != raw_value {
        builder.raw(index, raw_name, raw_value);
    }
    Ok(())
}

/// The decoded text of a range of the body, in UTF-8 and as it is.
fn text(builder: &mut Builder, sent: &[u8], start: usize, end: usize) -> (Text, Text) {
    let raw = sent.get(start..end).unwrap_or_default();
    if !raw.iter().any(|byte| lookup(&NOT_PLAIN, *byte)) {
        let sent = Text::Sent(start as u32, end as u32);
        return (sent, sent);
    }
    let start = builder.undone();
    if decode_into(raw, builder.undoing()) == Escapes::Invalid {
        builder.note(Defect::FormEscape);
    }
    builder.kept(start)
}
