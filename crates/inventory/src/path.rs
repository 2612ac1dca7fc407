//! Paths as they are folded: words stay, what is a value by its form becomes its kind.
//!
//! Invariant: two observations of one path give equal paths. Knows nothing of other paths.

use portcullis_model::observation::{Observation, Segment, SegmentKind};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::lexicon;

/// A method and a path: what a cell is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) method: SmolStr,
    pub(crate) path: Box<[Part]>,
}

impl Key {
    pub(crate) fn of(observation: &Observation) -> Self {
        let parts = observation.segments.iter().enumerate().map(|(at, segment)| Part::of(segment, at));
        Self { method: observation.method.clone(), path: parts.collect() }
    }
}

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Part {
    /// A word: a name, or a value that looks like one.
    Word(SmolStr),
    /// A value by its form, with the format written behind it (`.json`), if any.
    Value {
        /// What it looks like.
        kind: SegmentKind,
        /// The format, dot included; often empty.
        format: SmolStr,
    },
}

impl Part {
    /// A segment at a place of its path. A number near the start is a version where it looks like one.
    pub(crate) fn of(segment: &Segment, at: usize) -> Self {
        match &segment.word {
            Some(word) if segment.kind == SegmentKind::Word => Self::Word(word.clone()),
            Some(word) if at == 0 && lexicon::is_version(word) => Self::Word(word.clone()),
            _ => Self::Value { kind: segment.kind, format: segment.format.clone().unwrap_or_default() },
        }
    }

    /// What is written behind a value: the format of a word counts if it turns out to be one.
    pub(crate) fn format(&self) -> &str {
        match self {
            Self::Word(word) => lexicon::split_format(word).1,
            Self::Value { format, .. } => format,
        }
    }
}
