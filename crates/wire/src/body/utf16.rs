//! Bodies in UTF-16, brought into UTF-8 before they are read.
//!
//! Invariants: what is decoded is at most one and a half times as long as what was sent; broken surrogates become
//! U+FFFD, so that nothing is hidden behind them. Deliberately absent: other encodings, which are only reported.

use bytes::Bytes;

/// In which order the bytes of a unit stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// A body of JSON or XML in UTF-8, if its first bytes say it is UTF-16.
///
/// These are what servers look at (XML 1.0, appendix F; RFC 4627, section 3). A declared charset alone is not believed:
/// it would hide a body in UTF-8 from here that a server reads all the same.
pub(super) fn decode(bytes: &[u8]) -> Option<Bytes> {
    let (order, mark) = begins(bytes)?;
    let units = bytes.get(mark..).unwrap_or_default().chunks(2).map(|unit| match (order, unit) {
        (Order::Little, [low, high]) => u16::from_le_bytes([*low, *high]),
        (Order::Big, [high, low]) => u16::from_be_bytes([*high, *low]),
        // Half a unit at the end.
        _ => 0xfffd,
    });
    let text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Some(Bytes::from(text))
}

/// A byte order mark with its length, or an ASCII character in two bytes: neither syntax begins otherwise, and neither
/// allows a null byte in UTF-8.
fn begins(bytes: &[u8]) -> Option<(Order, usize)> {
    match bytes {
        [0xff, 0xfe, ..] => Some((Order::Little, 2)),
        [0xfe, 0xff, ..] => Some((Order::Big, 2)),
        [1..=0x7f, 0, ..] => Some((Order::Little, 0)),
        [0, 1..=0x7f, ..] => Some((Order::Big, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_are_believed() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(decode(bytes).as_deref(), expected.map(str::as_bytes), "{bytes:?}");
        };
        check(b"\xff\xfe<\0a\0", Some("<a"));
        check(b"\xfe\xff\0<\0a", Some("<a"));
        check(b"[\x001\0]\0", Some("[1]"));
        check(b"\0[\x001\0]", Some("[1]"));
        check(b"\"\0\xac\x20\"", Some("\"€\u{fffd}"));
        check(b"\xff\xfe\x00\xd8", Some("\u{fffd}"));
        check(b"[1]", None);
        check(b"", None);
    }
}
