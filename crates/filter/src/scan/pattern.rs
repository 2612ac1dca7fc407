//! A regular expression over bytes, with only what necessary conditions are made of.
//!
//! Invariant: a [`Pattern`] matches at least what the expression it was made from matches, and so does every narrowing
//! of it on values that hold none of the removed bytes. Captures, greed and rare assertions are dropped.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};
use regex_syntax::utf8::Utf8Sequences;

use super::bytes::ByteSet;

/// UTF-8 sequences spelled out for a class of characters; larger classes are taken for any character.
const SPELLED_SEQUENCES: usize = 48;

/// What an assertion says about a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Edge {
    /// A word begins or ends here.
    Word,
    /// The value begins here.
    Start,
    /// The value ends here.
    End,
}

/// A simplified pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Matches nothing at all.
    Never,
    /// Matches everywhere, without a byte.
    Empty,
    /// Matches without a byte, where the assertion holds.
    Edge(Edge),
    /// One byte of a set.
    Byte(ByteSet),
    /// One after the other.
    Sequence(Vec<Pattern>),
    /// One of them.
    Either(Vec<Pattern>),
    /// The same several times.
    Repeat {
        /// What is repeated.
        of: Box<Pattern>,
        /// At least so many times.
        least: u32,
        /// At most so many times.
        most: Option<u32>,
    },
}

impl Pattern {
    /// The pattern of an expression.
    pub(super) fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty => Self::Empty,
            HirKind::Literal(literal) => {
                Self::sequence(literal.0.iter().map(|&byte| Self::Byte(ByteSet::of(&[byte]))).collect())
            }
            HirKind::Class(class) => Self::of_class(class),
            HirKind::Look(look) => Self::of_look(*look),
            HirKind::Repetition(repetition) => {
                Self::repeat(Self::of(&repetition.sub), repetition.min, repetition.max)
            }
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Concat(parts) => Self::sequence(parts.iter().map(Self::of).collect()),
            HirKind::Alternation(parts) => Self::either(parts.iter().map(Self::of).collect()),
        }
    }

    fn of_class(class: &Class) -> Self {
        match class {
            Class::Bytes(class) => {
                let set = class
                    .ranges()
                    .iter()
                    .fold(ByteSet::new(), |set, range| set.with(range.start()..=range.end()));
                Self::byte(set)
            }
            Class::Unicode(class) => Self::of_characters(class),
        }
    }

    fn of_characters(class: &ClassUnicode) -> Self {
        let mut ascii = ByteSet::new();
        let mut others = Vec::new();
        for range in class.ranges() {
            for sequence in Utf8Sequences::new(range.start(), range.end()) {
                match sequence.as_slice() {
                    [single] => ascii = ascii.with(single.start..=single.end),
                    bytes if others.len() <= SPELLED_SEQUENCES => others.push(Self::sequence(
                        bytes
                            .iter()
                            .map(|range| Self::Byte(ByteSet::new().with(range.start..=range.end)))
                            .collect(),
                    )),
                    _ => {}
                }
            }
        }
        if others.len() > SPELLED_SEQUENCES {
            others = vec![Self::any_character_above_ascii()];
        }
        others.push(Self::byte(ascii));
        Self::either(others)
    }

    fn any_character_above_ascii() -> Self {
        let follows = Self::Byte(ByteSet::new().with(0x80..=0xbf));
        Self::Sequence(vec![Self::Byte(ByteSet::new().with(0xc2..=0xf4)), Self::repeat(follows, 1, Some(3))])
    }

    fn of_look(look: Look) -> Self {
        match look {
            Look::Start => Self::Edge(Edge::Start),
            Look::End => Self::Edge(Edge::End),
            Look::WordAscii | Look::WordUnicode => Self::Edge(Edge::Word),
            // The others say less than these, or are rare: taken as true.
            _ => Self::Empty,
        }
    }

    fn byte(set: ByteSet) -> Self {
        if set.is_empty() { Self::Never } else { Self::Byte(set) }
    }

    fn sequence(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Never => return Self::Never,
                Self::Empty => {}
                Self::Sequence(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        match flat.len() {
            0 => Self::Empty,
            1 => flat.swap_remove(0),
            _ => Self::Sequence(flat),
        }
    }

    fn either(parts: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Never => {}
                Self::Either(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        match flat.len() {
            0 => Self::Never,
            1 => flat.swap_remove(0),
            _ => Self::Either(flat),
        }
    }

    fn repeat(of: Self, least: u32, most: Option<u32>) -> Self {
        match of {
            Self::Empty => Self::Empty,
            Self::Never if least == 0 => Self::Empty,
            Self::Never => Self::Never,
            _ if most == Some(0) => Self::Empty,
            of if (least, most) == (1, Some(1)) => of,
            of => Self::Repeat { of: Box::new(of), least, most },
        }
    }

    /// The pattern for values that hold only bytes of `allowed`: what needs another byte is gone.
    pub(super) fn only(&self, allowed: &ByteSet) -> Self {
        match self {
            Self::Never | Self::Empty | Self::Edge(_) => self.clone(),
            Self::Byte(set) => Self::byte(set.intersection(allowed)),
            Self::Sequence(parts) => Self::sequence(parts.iter().map(|part| part.only(allowed)).collect()),
            Self::Either(parts) => Self::either(parts.iter().map(|part| part.only(allowed)).collect()),
            Self::Repeat { of, least, most } => Self::repeat(of.only(allowed), *least, *most),
        }
    }

    /// The fewest bytes a match has.
    pub(super) fn least_length(&self) -> usize {
        match self {
            Self::Never | Self::Empty | Self::Edge(_) => 0,
            Self::Byte(_) => 1,
            Self::Sequence(parts) => parts.iter().map(Self::least_length).fold(0, usize::saturating_add),
            Self::Either(parts) => parts.iter().map(Self::least_length).min().unwrap_or(0),
            Self::Repeat { of, least, .. } => of.least_length().saturating_mul(*least as usize),
        }
    }
}
