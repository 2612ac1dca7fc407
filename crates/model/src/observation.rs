//! Observations: what learning needs of an exchange. Shapes, counts and keyed hashes; never values, never stored.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::id::OperationId;
use crate::time::Timestamp;

/// What one exchange looked like, for learning.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When the exchange began.
    pub time: Timestamp,
    /// The site.
    pub site: SmolStr,
    /// The operation it was matched to, if declared.
    pub operation: Option<OperationId>,
    /// The method.
    pub method: SmolStr,
    /// The path's segments, in order.
    pub segments: Vec<Segment>,
    /// Query parameter names with the shape of their values.
    pub query: Vec<(SmolStr, Shape)>,
    /// Names of the request's header fields, lower case.
    pub headers: Vec<SmolStr>,
    /// The request body's media type and shape, where it was read.
    pub request_body: Option<BodyShape>,
    /// The status answered.
    pub status: u16,
    /// The media type the answer names, without parameters, lower case; also where its body was not read.
    pub response_type: Option<SmolStr>,
    /// The response body's media type and shape, where it was read.
    pub response_body: Option<BodyShape>,
    /// A keyed hash of the caller.
    pub caller: u64,
    /// Whether the caller proved an identity.
    pub known: bool,
    /// Request body bytes.
    pub request_bytes: u64,
    /// Response body bytes.
    pub response_bytes: u64,
    /// From first byte in to last byte out, microseconds.
    pub duration_us: u64,
}

/// One path segment: its type, a keyed hash of its text and, only for plain words, the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it looks like.
    pub kind: SegmentKind,
    /// A keyed hash of the text.
    pub hash: u64,
    /// The text, where it is a word and so names a resource rather than an instance, or a number that is as short as
    /// a version's.
    pub word: Option<SmolStr>,
    /// The format written behind a value, dot included: `.json` of `42.json`, where `kind` and `hash` are of `42`.
    pub format: Option<SmolStr>,
}

/// What a path segment looks like by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Letters, `-`, `_`, `.`: a word, kept literally.
    Word,
    /// Decimal digits only.
    Number,
    /// A UUID (RFC 9562).
    Uuid,
    /// Twelve or more hexadecimal digits, a hash or an object id.
    Hash,
    /// An RFC 3339 date, or date and time.
    Date,
    /// An e-mail address.
    Email,
    /// Anything else: mixed letters and digits, long tokens.
    Opaque,
}

impl SegmentKind {
    /// The name a shadow operation's template shows, e.g. `{number}`; `None` for a word.
    pub const fn placeholder(self) -> Option<&'static str> {
        match self {
            Self::Word => None,
            Self::Number => Some("{number}"),
            Self::Uuid => Some("{uuid}"),
            Self::Hash => Some("{hash}"),
            Self::Date => Some("{date}"),
            Self::Email => Some("{email}"),
            Self::Opaque => Some("{token}"),
        }
    }
}

/// A body's media type and shape.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyShape {
    /// The media type without parameters, lower case.
    pub media_type: SmolStr,
    /// Its shape.
    pub shape: Shape,
}

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// `null`.
    Null,
    /// A boolean.
    Bool,
    /// An integer.
    Integer,
    /// A number with a fraction or exponent.
    Number,
    /// A string: its length and what it looks like.
    String {
        /// Characters.
        length: u32,
        /// What it looks like.
        kind: SegmentKind,
    },
    /// An array: how many items and their shapes, equal ones once.
    Array {
        /// Items.
        length: u32,
        /// Shapes met among them.
        items: Vec<Shape>,
    },
    /// An object's fields, in order.
    Object(Vec<(SmolStr, Shape)>),
    /// Cut off: deeper, longer or other than what is read.
    Cut,
}
