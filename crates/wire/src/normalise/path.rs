//! A request target in normal form: the text that is forwarded, and its path's segments decoded.
//!
//! A path without escapes and dot segments, almost every one, is copied and split, nothing else.

use smallvec::SmallVec;

use crate::defect::{Defect, Defects};
use crate::grammar::{hex_digit, lookup};
use crate::normalise::{EncodedSlash, Query};

/// Path and query in normal form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NormalTarget {
    /// `path[?query]`.
    text: String,
    /// Where the path ends in `text`.
    path_end: usize,
    segments: SmallVec<[Segment; 8]>,
    /// The decoded text of the segments that differ from their encoded one.
    decoded: String,
}

/// Where a segment's decoded text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    /// In the target itself: it has no escapes.
    Plain { start: u32, end: u32 },
    /// In the decoded text.
    Decoded { start: u32, end: u32 },
}

impl NormalTarget {
    /// The whole target as forwarded: path, and query where there is one.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path, encoded; `*` or `host:port` for a target that is no path.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_end).unwrap_or_default()
    }

    /// The query.
    pub fn query(&self) -> Query<'_> {
        Query::new(self.text.get(self.path_end + 1..).unwrap_or_default())
    }

    /// The decoded segments: `/a/b` has `a` and `b`, `/a/` has `a` and an empty one, `/` has one empty one; a target
    /// that is no path has none. Bytes that are not UTF-8 show as U+FFFD.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.segments.iter().map(|segment| self.segment_text(*segment))
    }

    /// A target that is not a path: `*`, or the authority of a CONNECT.
    pub(super) fn opaque(target: &[u8]) -> Self {
        let text = String::from_utf8_lossy(target).into_owned();
        Self { path_end: text.len(), text, segments: SmallVec::new(), decoded: String::new() }
    }

    /// The normal form of an origin-form target; an empty path is `/`.
    pub(super) fn new(target: &[u8], encoded_slash: EncodedSlash, defects: &mut Defects) -> Self {
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
            None => (target, None),
        };
        let mut normal = Self { text: String::with_capacity(target.len() + 1), ..Self::default() };
        match std::str::from_utf8(path) {
            Ok(plain) if is_normal(path) => normal.text.push_str(plain),
            _ => push_resolved(&mut normal.text, &canonical(path, encoded_slash, defects)),
        }
        normal.path_end = normal.text.len();
        normal.split(defects);
        if let Some(query) = query {
            normal.text.push('?');
            push_query(&mut normal.text, query);
        }
        normal
    }

    fn segment_text(&self, segment: Segment) -> &str {
        match segment {
            Segment::Plain { start, end } => self.text.get(start as usize..end as usize),
            Segment::Decoded { start, end } => self.decoded.get(start as usize..end as usize),
        }
        .unwrap_or_default()
    }

    /// Finds the segments of the normal path, decoding those with escapes.
    fn split(&mut self, defects: &mut Defects) {
        let path = self.text.get(..self.path_end).unwrap_or_default();
        let mut start = 1;
        // By bytes: searching for a letter costs more than walking over the few there are.
        let slashes = path.bytes().enumerate().skip(1).filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
        let ends = slashes.chain((!path.is_empty()).then_some(path.len()));
        for end in ends {
            let segment = path.get(start..end).unwrap_or_default();
            let place = if segment.bytes().any(|byte| byte == b'%') {
                let from = self.decoded.len();
                decode_segment(segment, &mut self.decoded, defects);
                Segment::Decoded { start: from as u32, end: self.decoded.len() as u32 }
            } else {
                if segment.starts_with('.') && hides_dots(segment.as_bytes()) {
                    note(defects, Defect::HiddenDotSegment);
                }
                Segment::Plain { start: start as u32, end: end as u32 }
            };
            self.segments.push(place);
            start = end + 1;
        }
    }
}

/// Bytes that stand in a normal path as they are: RFC 3986's `pchar` without the percent sign, and the slash.
const PLAIN: [bool; 256] = plain_table();

#[expect(
    clippy::indexing_slicing,
    reason = "a byte cannot lie outside a table of 256; const code has no get_mut"
)]
const fn plain_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_unreserved(byte as u8)
            || matches!(
                byte as u8,
                b'!' | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b';'
                    | b'='
                    | b':'
                    | b'@'
                    | b'/'
            );
        byte += 1;
    }
    table
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether a path is in normal form for certain: plain bytes, and no segment that begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    let mut previous = 0;
    path.starts_with(b"/")
        && path.iter().all(|byte| {
            let fine = lookup(&PLAIN, *byte) && !(*byte == b'.' && previous == b'/');
            previous = *byte;
            fine
        })
}

/// The path with canonical escapes, dot segments still in it.
fn canonical(path: &[u8], encoded_slash: EncodedSlash, defects: &mut Defects) -> String {
    let mut text = String::with_capacity(path.len() + 16);
    if !path.starts_with(b"/") {
        text.push('/');
    }
    let mut rest = path;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (*byte, behind) {
            (b'%', [high, low, behind @ ..]) => {
                if let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low)) {
                    rest = behind;
                    push_decoded(&mut text, high << 4 | low, encoded_slash, defects);
                } else {
                    note(defects, Defect::PercentEncoding);
                    push_escape(&mut text, b'%');
                }
            }
            (b'%', _) => {
                note(defects, Defect::PercentEncoding);
                push_escape(&mut text, b'%');
            }
            (byte, _) if lookup(&PLAIN, byte) => text.push(char::from(byte)),
            (byte, _) => {
                if byte == b'\\' {
                    note(defects, Defect::Backslash);
                }
                push_escape(&mut text, byte);
            }
        }
    }
    text
}

/// What an escape of `byte` becomes.
fn push_decoded(text: &mut String, byte: u8, encoded_slash: EncodedSlash, defects: &mut Defects) {
    match byte {
        _ if is_unreserved(byte) => return text.push(char::from(byte)),
        b'/' if encoded_slash == EncodedSlash::Decode => return text.push('/'),
        b'/' | b'\\' if encoded_slash == EncodedSlash::Refuse => note(defects, Defect::EncodedSlash),
        0..0x20 | 0x7f => note(defects, Defect::EncodedControl),
        _ => {}
    }
    push_escape(text, byte);
}

fn push_escape(text: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
}

/// Appends the path with its dot segments resolved (RFC 3986 §5.2.4).
fn push_resolved(text: &mut String, path: &str) {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    text.truncate(text.rfind('/').unwrap_or(0));
                }
                if last {
                    text.push('/');
                }
            }
            segment => {
                text.push('/');
                text.push_str(segment);
            }
        }
    }
}

/// Appends a segment's decoded text.
fn decode_segment(segment: &str, text: &mut String, defects: &mut Defects) {
    let decoded = undo_escapes(segment.as_bytes());
    if hides_dots(&decoded) {
        note(defects, Defect::HiddenDotSegment);
    }
    if let Ok(decoded) = std::str::from_utf8(&decoded) {
        return text.push_str(decoded);
    }
    if is_overlong(&decoded) {
        note(defects, Defect::OverlongUtf8);
    }
    text.push_str(&String::from_utf8_lossy(&decoded));
}

fn undo_escapes(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let mut byte = *byte;
        if let (b'%', [high, low, behind @ ..]) = (byte, behind)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            rest = behind;
            byte = high << 4 | low;
        }
        decoded.push(byte);
    }
    decoded
}

/// Whether a segment holds a `.` or `..` for a server that reads (back)slashes in it, drops path parameters from
/// `;` on, or decodes once or twice more.
fn hides_dots(segment: &[u8]) -> bool {
    let dotted = |part: &[u8]| {
        let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    };
    let mut text = std::borrow::Cow::Borrowed(segment);
    for _ in 0..3 {
        if text.split(|byte| matches!(byte, b'/' | b'\\')).any(dotted) {
            return true;
        }
        if !text.contains(&b'%') {
            return false;
        }
        text = std::borrow::Cow::Owned(undo_escapes(&text));
    }
    false
}

/// Whether bytes hold a UTF-8 form longer than its character needs: a disguise for `/`, `.` and their like.
fn is_overlong(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| {
        matches!(
            pair,
            [0xc0 | 0xc1, _] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f] | [0xf8 | 0xfc, 0x80..=0xbf]
        )
    })
}

/// Appends a query as it is; only bytes that may not stand in a URI are encoded.
fn push_query(text: &mut String, query: &[u8]) {
    let fine = |byte: &u8| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'<' | b'>' | b'#');
    match std::str::from_utf8(query) {
        Ok(plain) if query.iter().all(fine) => text.push_str(plain),
        _ => {
            for byte in query {
                if fine(byte) { text.push(char::from(*byte)) } else { push_escape(text, *byte) }
            }
        }
    }
}

fn note(defects: &mut Defects, defect: Defect) {
    if !defects.contains(&defect) {
        defects.push(defect);
    }
}
