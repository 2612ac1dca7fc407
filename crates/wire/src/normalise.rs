//! The one reading of host, path and query on which everything is judged, and which is forwarded.
//!
//! RFC 3986 §6.2.2: lower-case host, unreserved characters decoded, escapes in upper case, dot segments resolved;
//! segments are split before they are decoded. Invariants: normalising a normal form changes nothing; what different
//! servers are known to read differently is a defect. Does not know sites or policy beyond [`EncodedSlash`].

mod path;
mod query;
#[cfg(test)]
mod tests;

use portcullis_model::RequestHead;
use smol_str::SmolStr;

use crate::defect::{Defect, Defects};
use crate::framing::host::Authority;
use crate::framing::split_absolute;

pub use path::NormalTarget;
pub use query::Query;

/// What becomes of `%2F` (and `%5C`) in a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlash {
    /// It stays encoded and belongs to its segment.
    #[default]
    Keep,
    /// It is a defect.
    Refuse,
    /// It becomes a slash before the path is split.
    Decode,
}

/// A request's host and target in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normal {
    /// Lower case, without port and trailing dot; empty if the request names none.
    pub host: SmolStr,
    /// The port written with the host.
    pub port: Option<u16>,
    /// Path and query as forwarded.
    pub target: NormalTarget,
    /// What is ambiguous about them; empty for almost every request.
    pub defects: Defects,
}

impl Normal {
    /// The path in normal form, encoded.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The path's segments, decoded.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.target.segments()
    }

    /// The query.
    pub fn query(&self) -> Query<'_> {
        self.target.query()
    }
}

/// The normal form of a head that framing let pass, or of a recorded one.
pub fn normalise(head: &RequestHead, encoded_slash: EncodedSlash) -> Normal {
    let mut defects = Defects::new();
    let absolute = split_absolute(&head.target);
    let connect = head.method == http::Method::CONNECT && !head.target.starts_with(b"/");
    let authority = head.authority.as_deref().or_else(|| head.headers.get("host"));
    let authority = authority.or_else(|| absolute.as_ref().map(|target| target.authority));
    let (host, port) = match authority.ok_or(Defect::MissingHost).and_then(Authority::parse) {
        Ok(authority) => (authority.normal_host(), authority.port),
        Err(defect) => {
            defects.push(defect);
            (SmolStr::default(), None)
        }
    };
    let origin = absolute.as_ref().map_or(&*head.target, |target| target.path_and_query);
    let target = match origin {
        _ if connect => NormalTarget::opaque(&head.target),
        b"*" => NormalTarget::opaque(b"*"),
        origin => NormalTarget::new(origin, encoded_slash, &mut defects),
    };
    Normal { host, port, target, defects }
}
