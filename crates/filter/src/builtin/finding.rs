//! What an inspection found.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;

use crate::builtin::rule::BuiltinRule;

/// Whether a name or a value was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The name of a parameter, field, cookie or member.
    Name,
    /// Its value.
    Value,
}

/// What one rule saw in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<BuiltinRule>,
    /// Where: `path`, `query.q`, `headers.user-agent`, `cookies.id`, `body.items[2].note`, `body.file (file name)`.
    pub place: SmolStr,
    /// Whether it is the name or the value there.
    pub subject: Subject,
    /// The part that matched, in bytes of the reading it matched in.
    pub range: Range<usize>,
    /// The matched part of that reading, at most 120 bytes; not redacted.
    pub matched: Bytes,
    /// How the value had to be read, outermost first (`url base64`); empty if as it was sent.
    pub readings: SmolStr,
    /// What it adds to the exchange's score.
    pub score: u32,
}

/// All findings of one inspection.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// In the order of the walk; one per rule, place and subject.
    pub found: Vec<Finding>,
    /// The step budget ran out before everything was read.
    pub spent: bool,
}
