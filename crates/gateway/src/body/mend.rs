//! Mend the fields of a response whose body was rewritten.
//!
//! Invariant: after mending, no field speaks of bytes the client does not get: not their number, their coding,
//! their digest, nor ranges of them.

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue,
    TRAILER,
};

/// Fields that are digests of, or signatures over, the bytes sent before (RFC 9530, RFC 3230, RFC 1864, RFC 9421).
const OVER_THE_BYTES: [HeaderName; 6] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];

/// Makes the fields true for a body of `length` bytes with no content coding.
pub(crate) fn mend(fields: &mut HeaderMap, length: u64) {
    fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    for name in [CONTENT_ENCODING, CONTENT_RANGE, TRAILER].iter().chain(&OVER_THE_BYTES) {
        fields.remove(name);
    }
    weaken(fields);
}

/// A strong validator promises equal bytes; the rewritten body keeps only the weak promise (RFC 9110 §8.8.1).
fn weaken(fields: &mut HeaderMap) {
    let Some(tag) = fields.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else { return };
    let weak = [b"W/", tag.as_bytes()].concat();
    match HeaderValue::from_bytes(&weak) {
        Ok(weak) => fields.insert(ETAG, weak),
        Err(_) => fields.remove(ETAG),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &[(&'static str, &'static str)], after: &[(&str, &str)]) {
        let mut fields: HeaderMap = before
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        mend(&mut fields, 7);
        let mut left: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, after);
    }

    #[test]
    fn nothing_speaks_of_the_old_bytes() {
        check(
            &[
                ("content-length", "900"),
                ("content-encoding", "gzip"),
                ("content-md5", "x"),
                ("repr-digest", "sha-256=:x:"),
                ("etag", "\"v1\""),
                ("content-type", "application/json"),
            ],
            &[
                ("accept-ranges", "none"),
                ("content-length", "7"),
                ("content-type", "application/json"),
                ("etag", "W/\"v1\""),
            ],
        );
        check(
            &[("etag", "W/\"v1\""), ("accept-ranges", "bytes")],
            &[("accept-ranges", "none"), ("content-length", "7"), ("etag", "W/\"v1\"")],
        );
    }
}
