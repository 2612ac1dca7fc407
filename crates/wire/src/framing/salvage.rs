//! What can be read of a head that did not pass: for the event of its refusal, never for a decision.

use bytes::Bytes;
use http::Method;
use portcullis_model::{Headers, RequestHead, Scheme, Version};

use crate::framing::field::split_field;
use crate::framing::limits::FramingLimits;
use crate::framing::line::check_target;
use crate::grammar::is_token;

/// The most fields salvaged; enough for the usual ones, whatever the limits allow.
const FIELDS: usize = 100;

/// Method, target and fields as far as they can be read; GET and an empty target where they cannot.
pub(super) fn salvage(head: &Bytes, scheme: Scheme, limits: &FramingLimits) -> RequestHead {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut parts = first.trim_ascii_end().splitn(3, |byte| *byte == b' ');
    let method = parts.next().filter(|method| method.len() <= 32 && is_token(method));
    let target =
        parts.next().filter(|target| target.len() <= limits.target_bytes && check_target(target).is_ok());
    let version = if parts.next() == Some(b"HTTP/1.0") { Version::Http10 } else { Version::Http11 };
    let mut headers = Headers::default();
    // A line that has not ended may be half a secret; only whole ones are read.
    let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
    for line in whole.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).take(FIELDS.min(limits.fields)) {
        if let Ok(field) = split_field(line) {
            headers.push(head.slice_ref(field.name), head.slice_ref(field.value));
        }
    }
    RequestHead {
        method: method.and_then(|method| Method::from_bytes(method).ok()).unwrap_or_default(),
        target: target.map(|target| head.slice_ref(target)).unwrap_or_default(),
        authority: None,
        version,
        scheme,
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_is_kept() {
        let read = |text: &'static str| {
            salvage(&Bytes::from_static(text.as_bytes()), Scheme::Http, &FramingLimits::default())
        };
        let head = read("POST /a HTTP/1.1\r\nHost : x\r\nHost: a.example\nX: \r\nCut: of");
        assert_eq!((head.method, &*head.target), (Method::POST, &b"/a"[..]));
        assert_eq!((head.headers.len(), head.headers.get("host")), (2, Some(&b"a.example"[..])));
        let head = read("\x16\x03\x01 \0\n");
        assert_eq!((head.method, &*head.target), (Method::GET, &b""[..]));
        assert_eq!(&*read("GET /only").target, b"/only");
        assert!(read("").headers.is_empty());
    }
}
