//! The ways an application might read a value: each decoding it may apply, and those applied to what they give.
//!
//! Invariants: the value itself comes first; no reading occurs twice; number, depth and bytes of readings are bounded,
//! and what the bounds cut off is said. Does not know which reading an application really makes.

mod decode;
mod join;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::builtin::marks::Marks;

/// A step from what was sent to what may be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoding {
    /// Percent escapes and plus signs.
    Url,
    /// `\u003c`, `\x3c`, `%u003c`, octal `\074`.
    Escapes,
    /// `&lt;`, `&#60;`, `&#x3c;`.
    Entities,
    /// Zero-width and control characters left out, look-alikes made ASCII, overlong UTF-8 shortened.
    Plain,
    /// Base64 of text.
    Base64,
    /// Hexadecimal of text.
    Hex,
    /// Strings and words that quotes, backslashes and concatenation cut in pieces, put together.
    Joined,
}

impl Decoding {
    const ALL: [Self; 7] =
        [Self::Url, Self::Escapes, Self::Entities, Self::Plain, Self::Base64, Self::Hex, Self::Joined];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Escapes => "escapes",
            Self::Entities => "entities",
            Self::Plain => "plain",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Joined => "joined",
        }
    }

    /// Those that could change any value with these bytes: without marks only what is made of letters and digits.
    const fn of_marks(marks: Marks) -> &'static [Self] {
        const CHANGING: Marks = Marks::PERCENT
            .or(Marks::PLUS)
            .or(Marks::BACKSLASH)
            .or(Marks::AMPERSAND)
            .or(Marks::HIGH)
            .or(Marks::CONTROL)
            .or(Marks::SINGLE)
            .or(Marks::DOUBLE)
            .or(Marks::BACKTICK)
            .or(Marks::LESS)
            .or(Marks::LINE);
        if marks.any(CHANGING) { &Self::ALL } else { &[Self::Base64, Self::Hex] }
    }

    /// Whether a value with these bytes could change.
    fn could_apply(self, value: &[u8], marks: Marks) -> bool {
        let words = Marks::LETTER.or(Marks::DIGIT);
        match self {
            Self::Url => marks.any(Marks::PERCENT.or(Marks::PLUS)) && marks.any(words),
            Self::Escapes => marks.any(Marks::BACKSLASH.or(Marks::PERCENT)) && marks.any(words),
            Self::Entities => marks.has(Marks::AMPERSAND) && marks.any(words),
            Self::Plain => marks.any(Marks::HIGH.or(Marks::CONTROL)),
            Self::Base64 => value.len() >= 8 && marks.has(Marks::LETTER),
            Self::Hex => value.len() >= 16 && marks.has(Marks::DIGIT),
            Self::Joined => {
                marks.has(Marks::LETTER)
                    && marks.any(
                        Marks::SINGLE
                            .or(Marks::DOUBLE)
                            .or(Marks::BACKSLASH)
                            .or(Marks::BACKTICK)
                            .or(Marks::LESS)
                            .or(Marks::LINE),
                    )
            }
        }
    }

    fn apply(self, value: &[u8], marks: Marks) -> Option<Vec<u8>> {
        match self {
            Self::Url => decode::url(value, marks),
            Self::Escapes => decode::escapes(value),
            Self::Entities => decode::entities(value),
            Self::Plain => decode::plain(value),
            Self::Base64 => decode::base64(value),
            Self::Hex => decode::hex(value),
            Self::Joined => join::joined(value),
        }
    }
}

/// One way to read a value.
#[derive(Debug)]
pub(super) struct Reading {
    /// The bytes so read.
    pub(super) bytes: Vec<u8>,
    /// What kinds of bytes they are.
    pub(super) marks: Marks,
    /// The decodings that led there, outermost first.
    pub(super) how: SmallVec<[Decoding; 6]>,
}

impl Reading {
    /// The decodings' names, outermost first.
    pub(super) fn how(&self) -> SmolStr {
        let names: SmallVec<[&str; 6]> = self.how.iter().map(|decoding| decoding.name()).collect();
        SmolStr::from(names.join(" "))
    }

    /// Whether it was put together from pieces, which makes words that nobody wrote.
    pub(super) fn is_joined(&self) -> bool {
        self.how.contains(&Decoding::Joined)
    }
}

/// Percent escapes undone, once; nothing if there are none.
pub(super) fn percent(value: &[u8]) -> Option<Vec<u8>> {
    decode::url(value, Marks::SPACE)
}

const MOST_READINGS: usize = 12;
const DEEPEST: usize = 5;

/// Every reading of a value beside the value itself, in order of discovery; work is charged to `steps`.
pub(super) fn readings(value: &[u8], marks: Marks, steps: &mut u64) -> Vec<Reading> {
    let mut found: Vec<Reading> = Vec::new();
    extend(value, marks, &[], value, &mut found, steps);
    let mut next = 0;
    while next < found.len() && found.len() < MOST_READINGS {
        let Some(parent) = found.get_mut(next) else { break };
        next += 1;
        // A joined reading is an end: what it says is for detectors, no decoder would be given it.
        if parent.how.len() >= DEEPEST || parent.is_joined() {
            continue;
        }
        let (bytes, marks, how) = (std::mem::take(&mut parent.bytes), parent.marks, parent.how.clone());
        extend(&bytes, marks, &how, value, &mut found, steps);
        if let Some(parent) = found.get_mut(next - 1) {
            parent.bytes = bytes;
        }
    }
    found
}

fn extend(
    bytes: &[u8],
    marks: Marks,
    how: &[Decoding],
    original: &[u8],
    found: &mut Vec<Reading>,
    steps: &mut u64,
) {
    for decoding in Decoding::of_marks(marks) {
        if found.len() >= MOST_READINGS || !decoding.could_apply(bytes, marks) {
            continue;
        }
        *steps = steps.saturating_sub(bytes.len() as u64);
        let Some(decoded) = decoding.apply(bytes, marks) else { continue };
        let known = decoded.is_empty()
            || decoded == bytes
            || decoded == original
            || found.iter().any(|reading| reading.bytes == decoded);
        if !known {
            let mut path = SmallVec::from_slice(how);
            path.push(*decoding);
            found.push(Reading { marks: Marks::of(&decoded), bytes: decoded, how: path });
        }
    }
}
