//! Neighbours: which bytes have to stand next to each other for a transformation to change a value.
//!
//! Spaces between words, dots of numbers and dashes of identifiers are in most values, while two of them in a row, or
//! one at an end, are rare. Invariants, held by property tests: a value that has neither a lone trigger nor a pair of
//! neighbours of a transformation comes out unchanged; sets of neighbours do not tell the cases of letters apart.

use super::Transformation;
use crate::scan::bytes::ByteSet;

/// A byte and the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What comes first; the beginning of the value where it is no byte.
    pub first: Option<ByteSet>,
    /// What follows; the end of the value where it is no byte.
    pub second: Option<ByteSet>,
}

/// What tells more closely than [`Transformation::triggers`] that nothing changes.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours {
    /// Bytes that change wherever they stand.
    pub alone: ByteSet,
    /// Those of `alone` that change more than their case.
    pub alone_beyond_case: ByteSet,
    /// What changes only next to each other.
    pub pairs: &'static [Pair],
}

const fn pair(first: &[u8], second: &[u8]) -> Pair {
    Pair { first: Some(ByteSet::of(first)), second: Some(ByteSet::of(second)) }
}

const fn first(set: &[u8]) -> Pair {
    Pair { first: None, second: Some(ByteSet::of(set)) }
}

const fn last(set: &[u8]) -> Pair {
    Pair { first: Some(ByteSet::of(set)), second: None }
}

const fn neighbours(alone: &[u8], pairs: &'static [Pair]) -> Neighbours {
    let alone = ByteSet::of(alone);
    Neighbours { alone, alone_beyond_case: alone, pairs }
}

const SPACES: &[u8] = b" \t\n\x0b\x0c\r";
const C_COMMENT: Pair = pair(b"/", b"*");
const HTML_COMMENT: Pair = pair(b"<", b"!");
const SQL_COMMENT: Pair = pair(b"-", b"-");

const BLANKS: Neighbours = neighbours(b"\t\n\x0b\x0c\r", &[pair(b" ", b" ")]);
const ENDS: Neighbours = neighbours(b"", &[first(SPACES), last(SPACES)]);
const BEGINNING: Neighbours = neighbours(b"", &[first(SPACES)]);
const END: Neighbours = neighbours(b"", &[last(SPACES)]);
const PATH: Neighbours = neighbours(b"", &[pair(b"/", b"/."), first(b".")]);
const WINDOWS_PATH: Neighbours = neighbours(b"\\", PATH.pairs);
const COMMENTS: Neighbours = neighbours(b"#", &[C_COMMENT, HTML_COMMENT, SQL_COMMENT]);
const COMMENT_MARKS: Neighbours = neighbours(b"#", &[C_COMMENT, HTML_COMMENT, SQL_COMMENT, pair(b"*", b"/")]);
const C_COMMENTS: Neighbours = neighbours(b"", &[C_COMMENT]);
const HEXADECIMAL: Neighbours = neighbours(b"", &[pair(b"0", b"xX")]);
const COMMAND_MARKS: ByteSet = ByteSet::of(b"\"'\\^,;\t\r\n");
const COMMAND: Neighbours = Neighbours {
    alone: COMMAND_MARKS.union(&ByteSet::new().with(b'A'..=b'Z')),
    alone_beyond_case: COMMAND_MARKS,
    pairs: &[pair(b" ", b" /(")],
};

impl Transformation {
    /// Of which a value must have something for this to change it; `None` if only single bytes say so.
    pub const fn neighbours(self) -> Option<&'static Neighbours> {
        Some(match self {
            Self::CmdLine => &COMMAND,
            Self::CompressWhitespace => &BLANKS,
            Self::NormalizePath => &PATH,
            Self::NormalizePathWin => &WINDOWS_PATH,
            Self::RemoveComments => &COMMENTS,
            Self::RemoveCommentsChar => &COMMENT_MARKS,
            Self::ReplaceComments => &C_COMMENTS,
            Self::SqlHexDecode => &HEXADECIMAL,
            Self::Trim => &ENDS,
            Self::TrimLeft => &BEGINNING,
            Self::TrimRight => &END,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transform::Changed;

    fn has(pair: &Pair, value: &[u8]) -> bool {
        let holds = |set: Option<ByteSet>, byte: Option<&u8>| match (set, byte) {
            (None, None) => true,
            (Some(set), Some(byte)) => set.contains(*byte),
            _ => false,
        };
        (0..=value.len()).any(|at| {
            holds(pair.first, at.checked_sub(1).map(|at| &value[at])) && holds(pair.second, value.get(at))
        })
    }

    proptest! {
        #[test]
        fn without_neighbours_nothing_changes(value in r"[ \t\n\v/.*<!#0xXaA'^;,(\\-]{0,6}") {
            let value = value.as_bytes();
            for &transformation in Transformation::ALL {
                let Some(neighbours) = transformation.neighbours() else { continue };
                let mut out = Vec::new();
                let changed = transformation.apply(value, &mut out) == Changed::Changed;
                if neighbours.pairs.iter().any(|pair| has(pair, value)) {
                    continue;
                }
                prop_assert!(!changed || neighbours.alone.occurs_in(value), "{}", transformation.name());
                let other = changed && !out.eq_ignore_ascii_case(value);
                prop_assert!(!other || neighbours.alone_beyond_case.occurs_in(value), "{}", transformation.name());
            }
        }
    }

    #[test]
    fn neighbours_do_not_tell_cases_apart() {
        for neighbours in Transformation::ALL.iter().filter_map(|each| each.neighbours()) {
            let sets = neighbours.pairs.iter().flat_map(|pair| [pair.first, pair.second]).flatten();
            for set in sets.chain([neighbours.alone_beyond_case]) {
                assert_eq!(set, set.in_both_cases());
            }
        }
    }
}
