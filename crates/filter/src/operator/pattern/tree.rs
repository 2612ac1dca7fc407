//! Patterns as trees: what PCRE's syntax means, before an engine is chosen.
//!
//! Plain data. Case and the dot's meaning are already resolved into sets of bytes.

use crate::scan::bytes::ByteSet;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// One byte of a set.
    Set(ByteSet),
    /// A condition on the place.
    Look(Look),
    /// A group, numbered if it captures.
    Group(Option<u32>, Box<Node>),
    /// Something again and again.
    Repeat(Box<Repeat>),
    /// One after the other; nothing if empty.
    Sequence(Vec<Node>),
    /// The first that leads to a match.
    Choice(Vec<Node>),
    /// What has to stand, or must not stand, after or before.
    Around(Box<Around>),
    /// A group that is not entered again once left.
    Atomic(Box<Node>),
    /// What a group captured.
    Back(u32, Case),
}

/// A repetition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Repeat {
    /// What.
    pub(super) node: Node,
    /// How often at least.
    pub(super) min: u32,
    /// How often at most.
    pub(super) max: Option<u32>,
    /// What is tried first.
    pub(super) greed: Greed,
}

/// Which number of repetitions is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    /// The most.
    Greedy,
    /// The fewest.
    Lazy,
    /// The most, and no other.
    Possessive,
}

/// A condition on the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The beginning.
    Start,
    /// The very end.
    End,
    /// The beginning of a line.
    LineStart,
    /// The end of a line.
    LineEnd,
    /// Between a word and what is none.
    Word,
    /// Not there.
    NotWord,
}

/// Look-around.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Around {
    /// What is looked for.
    pub(super) node: Node,
    /// In which direction.
    pub(super) side: Side,
    /// Whether it has to be there.
    pub(super) wanted: Wanted,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `(?=` and `(?!`.
    Ahead,
    /// `(?<=` and `(?<!`.
    Behind,
}

/// Presence or absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// It has to be there.
    Present,
    /// It must not be.
    Absent,
}

/// Whether letters match the other case too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// No.
    Exact,
    /// Yes, in ASCII.
    Folded,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    /// Its root.
    pub(super) root: Node,
    /// How many groups capture.
    pub(super) groups: u32,
}
