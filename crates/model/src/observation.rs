//! Observations: what learning needs of an exchange. Shapes, counts and keyed hashes; never stored.
//!
//! Invariant: no value, but for words that may be one of a few a field can have (`PENDING`, `asc`) and the words of a
//! path. Knows nothing of how it was made.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::call::{MadeCall, Speaking};
use crate::caller::Proof;
use crate::data_class::FieldData;
use crate::id::{EventId, OperationId};
use crate::time::Timestamp;
use crate::version::SeenVersion;

/// What one exchange looked like, for learning.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The exchange's id, and its event's.
    pub id: EventId,
    /// When the exchange began.
    pub time: Timestamp,
    /// The site.
    pub site: SmolStr,
    /// How many exchanges it stands for: those like it that were not looked at, and itself.
    pub weight: u32,
    /// The host the request named, lower case, without its port.
    pub host: SmolStr,
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
    /// Names of the request's cookies.
    pub cookies: Vec<SmolStr>,
    /// What the request showed to say who it is from, proved or not.
    pub credentials: Vec<Credential>,
    /// How the caller proved an identity, if it did.
    pub proof: Option<Proof>,
    /// Procedures it calls by name, where one path takes many.
    pub calls: Vec<MadeCall>,
    /// Another way of speaking than request and answer, if it is one.
    pub speaking: Option<Speaking>,
    /// Versions it names beside the path.
    pub versions: Vec<SeenVersion>,
    /// The request body's media type and shape, where it was read.
    pub request_body: Option<BodyShape>,
    /// The status answered.
    pub status: u16,
    /// The media type the answer names, without parameters, lower case; also where its body was not read.
    pub response_type: Option<SmolStr>,
    /// The response body's media type and shape, where it was read.
    pub response_body: Option<BodyShape>,
    /// What looks like a word in fields of both bodies that name things: the field and a keyed hash, as segments have it.
    pub identifiers: Vec<Identifier>,
    /// Classes of sensitive data by field: names of fields, never values.
    pub data: Vec<FieldData>,
    /// What the answer says of the operation's end.
    pub farewell: Option<Farewell>,
    /// A keyed hash of the caller.
    pub caller: u64,
    /// Request body bytes.
    pub request_bytes: u64,
    /// Response body bytes.
    pub response_bytes: u64,
    /// From first byte in to last byte out, microseconds.
    pub duration_us: u64,
}

/// Where a request carries a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// `Authorization` with this scheme, lower case.
    Scheme(SmolStr),
    /// A header field of this name.
    Header(SmolStr),
    /// A query parameter.
    Query(SmolStr),
    /// A cookie.
    Cookie(SmolStr),
    /// A client certificate.
    Certificate,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(name) => f.write_str(name),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Query(name) => write!(f, "query parameter {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Certificate => f.write_str("client certificate"),
        }
    }
}

/// A word in a field that names a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The field's name.
    pub field: SmolStr,
    /// A keyed hash of the word.
    pub hash: u64,
}

/// What an answer announces of its operation (RFC 9745 `Deprecation`, RFC 8594 `Sunset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Farewell {
    /// Since when it should not be called, where it says.
    pub deprecated: Option<Timestamp>,
    /// When it will be, or was, switched off.
    pub sunset: Option<Timestamp>,
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
    Integer(Magnitude),
    /// A number with a fraction or exponent.
    Number,
    /// A string: its length and what it looks like.
    String {
        /// Characters.
        length: u32,
        /// What it looks like.
        kind: SegmentKind,
        /// The text, where it may be one of a few that the field can have and says nothing of a person.
        word: Option<SmolStr>,
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

/// How large an integer is, to its number of digits: 0 for 0, 2 for 42, -1 for -7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Magnitude(i8);

impl Magnitude {
    /// Of a number.
    pub fn of(number: i64) -> Self {
        let digits = number.unsigned_abs().checked_ilog10().map_or(0, |digits| digits as i8 + 1);
        Self(if number < 0 { -digits } else { digits })
    }

    /// Of what does not fit a number of 64 bits.
    pub const fn huge() -> Self {
        Self(20)
    }

    /// The least number of this magnitude; none where it does not fit.
    pub fn least(self) -> Option<i64> {
        match self.0 {
            ..0 => 10_i64.checked_pow(u32::from(self.0.unsigned_abs())).map(|power| 1 - power),
            0 => Some(0),
            digits => 10_i64.checked_pow(u32::from(digits.unsigned_abs()) - 1),
        }
    }

    /// The greatest; none where it does not fit.
    pub fn greatest(self) -> Option<i64> {
        Self(-self.0).least().map(|least| if self.0 == 0 { 0 } else { -least })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_bound_their_numbers() {
        for (number, least, greatest) in [
            (0, Some(0), Some(0)),
            (7, Some(1), Some(9)),
            (42, Some(10), Some(99)),
            (-7, Some(-9), Some(-1)),
            (-10, Some(-99), Some(-10)),
            (i64::MAX, Some(1_000_000_000_000_000_000), None),
        ] {
            let magnitude = Magnitude::of(number);
            assert_eq!((magnitude.least(), magnitude.greatest()), (least, greatest), "{number}");
        }
        assert!(Magnitude::of(-10) < Magnitude::of(-7) && Magnitude::of(-7) < Magnitude::of(0));
        assert!(Magnitude::of(9) < Magnitude::of(10) && Magnitude::of(i64::MAX) < Magnitude::huge());
    }
}
