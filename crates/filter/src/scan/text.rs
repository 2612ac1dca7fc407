//! The texts of which a match holds one, and how telling they are.
//!
//! Texts are kept folded ([`super::fold`]): what is true of a value is true of its folded form. A [`Run`]
//! is a text in the making: bytes with assertions before, between and after them. How telling a text is is a guess
//! about ordinary values; a bad guess costs time and never a match.

use smallvec::SmallVec;

use super::bytes::ByteSet;
use super::fold::{folded, unfold};
use super::pattern::Edge;

/// Pairs of texts compared to tell whether one list makes another superfluous.
const COMPARED_TEXTS: usize = 256;

/// One place of a run: a folded byte, or an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// An assertion.
    Edge(Edge),
    /// A byte, folded.
    Byte(u8),
}

/// Bytes and assertions one after the other.
pub(super) type Run = SmallVec<[Place; 24]>;

/// A text that may have to occur, perhaps at the beginning or end of the value or of a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Text {
    /// Folded, never empty.
    pub bytes: Vec<u8>,
    /// What must hold before it.
    pub before: Option<Edge>,
    /// What must hold after it.
    pub after: Option<Edge>,
}

impl Text {
    /// A text that may stand anywhere.
    pub(super) fn anywhere(bytes: &[u8]) -> Self {
        Self { bytes: folded(bytes), before: None, after: None }
    }

    /// The text of a run, if it has a byte. Assertions between bytes are taken as true.
    pub(super) fn of_run(run: &[Place]) -> Option<Self> {
        let bytes: Vec<u8> = run.iter().filter_map(|place| byte_of(*place)).collect();
        if bytes.is_empty() {
            return None;
        }
        let edge = |places: &mut dyn Iterator<Item = &Place>| {
            places.map_while(|place| if let Place::Edge(edge) = place { Some(*edge) } else { None }).max()
        };
        let before = edge(&mut run.iter()).filter(|edge| *edge != Edge::End);
        let after = edge(&mut run.iter().rev()).filter(|edge| *edge != Edge::Start);
        Some(Self { bytes, before, after })
    }

    /// Does it stand in `value` at `start..end`, where its bytes were found?
    #[inline]
    pub(super) fn stands(
        before: Option<Edge>,
        after: Option<Edge>,
        value: &[u8],
        start: usize,
        end: usize,
    ) -> bool {
        edge_holds(before, value, start) && edge_holds(after, value, end)
    }

    /// Does it occur in `value`, which is folded? The plain meaning.
    pub(super) fn occurs_in(&self, value: &[u8]) -> bool {
        value.windows(self.bytes.len()).enumerate().any(|(start, part)| {
            part == self.bytes
                && Self::stands(self.before, self.after, value, start, start + self.bytes.len())
        })
    }

    /// Does `part` stand in every value in which this text stands?
    fn implies(&self, part: &Self) -> bool {
        let Some(last) = self.bytes.len().checked_sub(part.bytes.len()) else { return false };
        self.bytes.windows(part.bytes.len()).enumerate().any(|(start, bytes)| {
            bytes == part.bytes
                && (part.before.is_none() || (start == 0 && part.before == self.before))
                && (part.after.is_none() || (start == last && part.after == self.after))
        })
    }

    /// The byte least likely in an ordinary value.
    pub(super) fn rarest(&self) -> ByteSet {
        let rarest = self.bytes.iter().max_by(|a, b| surprise(**a).total_cmp(&surprise(**b)));
        rarest.map_or_else(ByteSet::all, |&byte| unfold(byte))
    }

    /// Bits of surprise at finding it at a given place of an ordinary value.
    fn surprise(&self) -> f64 {
        let edge = |edge: Option<Edge>| match edge {
            None => 0.0,
            Some(Edge::Word) => 1.5,
            Some(_) => 5.0,
        };
        self.bytes.iter().map(|&byte| surprise(byte)).sum::<f64>() + edge(self.before) + edge(self.after)
    }
}

/// Texts of which one has to occur.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextList {
    /// In order, without repetition.
    pub texts: Vec<Text>,
    /// Bits of surprise at finding one of them at a given place of an ordinary value.
    pub surprise: f64,
    /// Bytes of which one is in every value that holds one of them.
    pub marks: ByteSet,
}

impl TextList {
    /// The list of `texts`.
    pub(super) fn new(mut texts: Vec<Text>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        let surprise = -texts.iter().map(|text| (-text.surprise()).exp2()).sum::<f64>().log2();
        let marks = texts.iter().fold(ByteSet::new(), |marks, text| marks.union(&text.rarest()));
        Self { texts, surprise, marks }
    }

    /// The texts of all of them.
    pub(super) fn union<'a>(lists: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::new(lists.into_iter().flat_map(|list| list.texts.iter().cloned()).collect())
    }

    /// Is one of `other` in every value that has one of these?
    pub(super) fn implies(&self, other: &Self) -> bool {
        self.texts.len() * other.texts.len() <= COMPARED_TEXTS
            && self.texts.iter().all(|text| other.texts.iter().any(|part| text.implies(part)))
    }

    /// Does one of them occur in `folded`?
    pub(super) fn occurs_in(&self, folded: &[u8]) -> bool {
        self.texts.iter().any(|text| text.occurs_in(folded))
    }
}

fn edge_holds(edge: Option<Edge>, value: &[u8], at: usize) -> bool {
    match edge {
        None => true,
        Some(Edge::Start) => at == 0,
        Some(Edge::End) => at == value.len(),
        Some(Edge::Word) => may_be_word_edge(value, at),
    }
}

/// Can a word begin or end at `at`? Words may be ASCII's or Unicode's: bytes above ASCII can be either.
fn may_be_word_edge(value: &[u8], at: usize) -> bool {
    let kind = |byte: Option<&u8>| match byte {
        None => Some(false),
        Some(byte) if byte.is_ascii() => Some(byte.is_ascii_alphanumeric() || *byte == b'_'),
        Some(_) => None,
    };
    match (kind(at.checked_sub(1).and_then(|at| value.get(at))), kind(value.get(at))) {
        (Some(before), Some(after)) => before != after,
        _ => true,
    }
}

/// The byte of a place.
pub(super) fn byte_of(place: Place) -> Option<u8> {
    match place {
        Place::Byte(byte) => Some(byte),
        Place::Edge(_) => None,
    }
}

/// Bits of surprise at a folded byte: English letters and the usual marks of parameters.
pub(super) fn surprise(byte: u8) -> f64 {
    match byte {
        b'e' | b' ' => 3.2,
        b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 3.8,
        b'h' | b'l' | b'd' | b'c' | b'u' | b'm' => 4.8,
        b'p' | b'f' | b'g' | b'w' | b'y' | b'b' | b'0'..=b'9' | b'.' | b',' | b'-' | b'_' | b'/' => 5.6,
        b'v' | b'k' | b':' | b'=' => 7.0,
        b'x' | b'j' | b'q' | b'z' => 9.0,
        b'\'' | b'(' | b')' | b';' | b'&' | b'?' => 8.0,
        _ => 10.0,
    }
}
