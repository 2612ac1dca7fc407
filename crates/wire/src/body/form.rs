//! `application/x-www-form-urlencoded` (the URL Standard §5.1): pairs as an object, duplicates kept.
//!
//! A name that occurs twice is how forms write lists, and so no defect.

use crate::body::builder::Builder;
use crate::body::tree::{Kind, Text};
use crate::normalise::decode_bytes;

/// Reads pairs into the builder.
pub(super) fn parse(builder: &mut Builder) {
    let sent = builder.sent();
    if builder.open(Kind::Object, 0, Text::None).is_err() {
        return;
    }
    let mut start = 0;
    for pair in sent.split(|byte| *byte == b'&') {
        let end = start + pair.len();
        if !pair.is_empty() {
            let equals = memchr::memchr(b'=', pair);
            let name_ends = start + equals.unwrap_or(pair.len());
            let value_starts = equals.map_or(end, |_| name_ends + 1);
            let name = text(builder, &sent, start, name_ends);
            let value = text(builder, &sent, value_starts, end);
            if builder.leaf(Kind::String, (value_starts, end), name, value).is_err() {
                return;
            }
        }
        start = end + 1;
    }
    builder.close(sent.len());
}

/// The decoded text of a range of the body.
fn text(builder: &mut Builder, sent: &[u8], start: usize, end: usize) -> Text {
    let raw = sent.get(start..end).unwrap_or_default();
    if raw.is_ascii() && memchr::memchr2(b'%', b'+', raw).is_none() {
        return Text::Sent(start as u32, end as u32);
    }
    builder.keep(&String::from_utf8_lossy(&decode_bytes(raw)))
}
