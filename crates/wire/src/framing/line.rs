//! First lines: the request line and the status line (RFC 9112 §3, §4).
//!
//! Exactly one space between the parts, no white space elsewhere; the version is checked by its bytes.

use std::ops::Range;

use portcullis_model::Version;

use crate::defect::Defect;
use crate::framing::limits::FramingLimits;
use crate::grammar::{is_field_value, is_token, lookup};

/// The longest method read, in bytes; the longest registered one has 17.
const METHOD_BYTES: usize = 32;
/// Room in a first line beside the target: a method, two spaces and a version.
const BESIDE_TARGET: usize = METHOD_BYTES + 16;
/// What the http crate can hold as a URI.
const TARGET_MOST: usize = 65_534;

/// The first line of a message, in either direction.
pub(super) trait FirstLine: Sized {
    /// Whether one empty line before it is skipped (RFC 9112 §2.2).
    const SKIPS_EMPTY_LINE: bool;
    /// Reads the line, without its line end.
    fn parse(line: &[u8], limits: &FramingLimits) -> Result<Self, Defect>;
    /// How long the line may be, and the defect of a longer one.
    fn longest(limits: &FramingLimits) -> (usize, Defect);
}

/// A request line; the target is a range of the line.
#[derive(Debug)]
pub(super) struct RequestLine {
    pub(super) method: http::Method,
    pub(super) target: Range<usize>,
    pub(super) version: Version,
}

/// A status line; its reason phrase means nothing to anyone and is not kept.
#[derive(Debug)]
pub(super) struct StatusLine {
    pub(super) status: u16,
    pub(super) version: Version,
}

impl FirstLine for RequestLine {
    const SKIPS_EMPTY_LINE: bool = true;

    fn parse(line: &[u8], limits: &FramingLimits) -> Result<Self, Defect> {
        let Some(first) = memchr::memchr(b' ', line) else {
            return Err(unclean(line).unwrap_or(Defect::RequestLine));
        };
        let (method, rest) = line.split_at(first);
        let rest = rest.get(1..).unwrap_or_default();
        let Some(last) = memchr::memrchr(b' ', rest) else {
            return Err(unclean(line).unwrap_or(if is_token(method) && rest.starts_with(b"/") {
                Defect::SimpleRequest
            } else {
                Defect::RequestLine
            }));
        };
        let (target, version) = rest.split_at(last);
        let version = parse_version(version.get(1..).unwrap_or_default(), line, Defect::RequestLine)?;
        let method = parse_method(method, line)?;
        if target.len() > limits.target_bytes.min(TARGET_MOST) {
            return Err(Defect::TargetTooLong);
        }
        check_target(target)?;
        let start = first + 1;
        Ok(Self { method, target: start..start + target.len(), version })
    }

    fn longest(limits: &FramingLimits) -> (usize, Defect) {
        (limits.target_bytes.min(TARGET_MOST) + BESIDE_TARGET, Defect::TargetTooLong)
    }
}

impl FirstLine for StatusLine {
    const SKIPS_EMPTY_LINE: bool = false;

    fn parse(line: &[u8], _: &FramingLimits) -> Result<Self, Defect> {
        if let Some(defect) = unclean(line) {
            return Err(defect);
        }
        let (version, rest) = line.split_at_checked(8).ok_or(Defect::StatusLine)?;
        let version = parse_version(version, line, Defect::StatusLine)?;
        let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else {
            return Err(Defect::StatusLine);
        };
        // The space after the status is required, but servers without a reason phrase leave it out.
        if !(reason.is_empty() || reason.starts_with(b" ")) || !is_field_value(reason) {
            return Err(Defect::StatusLine);
        }
        let digit = |byte: &u8| u16::from(byte - b'0');
        Ok(Self { status: digit(a) * 100 + digit(b) * 10 + digit(c), version })
    }

    fn longest(limits: &FramingLimits) -> (usize, Defect) {
        (limits.head_bytes, Defect::HeadTooLarge)
    }
}

/// The defect of bytes that make a line mean different things to different readers.
pub(super) fn unclean(line: &[u8]) -> Option<Defect> {
    match memchr::memchr2(b'\r', 0, line).and_then(|at| line.get(at)) {
        Some(b'\r') => Some(Defect::BareCarriageReturn),
        Some(_) => Some(Defect::Nul),
        None => None,
    }
}

fn parse_method(method: &[u8], line: &[u8]) -> Result<http::Method, Defect> {
    if method.len() > METHOD_BYTES || !is_token(method) {
        return Err(unclean(line).unwrap_or(Defect::Method));
    }
    http::Method::from_bytes(method).map_err(|_| Defect::Method)
}

fn parse_version(version: &[u8], line: &[u8], otherwise: Defect) -> Result<Version, Defect> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        // Before 1.0 a request line had no version: one that names such a version is malformed, not old.
        [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'] => Err(Defect::UnknownVersion),
        _ => Err(unclean(line).unwrap_or(otherwise)),
    }
}

/// Checks a target's bytes: those that some client sends raw and that part nothing pass (the normaliser encodes them),
/// all others do not.
pub(crate) fn check_target(target: &[u8]) -> Result<(), Defect> {
    if !target.iter().fold(true, |fine, byte| fine & lookup(&TARGET, *byte)) {
        return Err(blame_target(target));
    }
    if target.is_empty() {
        return Err(Defect::RequestLine);
    }
    if !target.is_ascii() && std::str::from_utf8(target).is_err() {
        return Err(Defect::TargetCharacter);
    }
    Ok(())
}

#[cold]
fn blame_target(target: &[u8]) -> Defect {
    match target.iter().find(|byte| !lookup(&TARGET, **byte)) {
        Some(b' ') => Defect::RequestLine,
        Some(b'#') => Defect::TargetFragment,
        Some(b'\r') => Defect::BareCarriageReturn,
        Some(0) => Defect::Nul,
        _ => Defect::TargetCharacter,
    }
}

/// Bytes a target may hold raw: RFC 3986's, those that servers take without escape as well (quotes, angle brackets:
/// what rules look for must reach them), and UTF-8.
const TARGET: [bool; 256] = target_table();

#[expect(
    clippy::indexing_slicing,
    reason = "a byte cannot lie outside a table of 256; const code has no get_mut"
)]
const fn target_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0x21;
    while byte < 256 {
        table[byte] = !matches!(byte as u8, b'#' | 0x7f);
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<RequestLine, Defect> {
        RequestLine::parse(line.as_bytes(), &FramingLimits::default())
    }

    #[test]
    fn request_lines() {
        let line = request("GET /a?b HTTP/1.1").unwrap();
        assert_eq!((line.method, line.target, line.version), (http::Method::GET, 4..8, Version::Http11));
        assert_eq!(request("PURGE * HTTP/1.0").unwrap().version, Version::Http10);
        for (text, defect) in [
            ("GET /", Defect::SimpleRequest),
            ("GET", Defect::RequestLine),
            ("", Defect::RequestLine),
            ("GET  / HTTP/1.1", Defect::RequestLine),
            ("GET / HTTP/1.1 ", Defect::RequestLine),
            ("GET /a b HTTP/1.1", Defect::RequestLine),
            (" GET / HTTP/1.1", Defect::Method),
            ("G@T / HTTP/1.1", Defect::Method),
            ("GET / http/1.1", Defect::RequestLine),
            ("GET / HTTP/2.0", Defect::UnknownVersion),
            ("GET / HTTP/1.2", Defect::UnknownVersion),
            ("GET / HTTP/0.9", Defect::RequestLine),
            ("GET / HTTP/1.10", Defect::RequestLine),
            ("GET /#x HTTP/1.1", Defect::TargetFragment),
            ("GET /\u{1} HTTP/1.1", Defect::TargetCharacter),
            ("GET /\t HTTP/1.1", Defect::TargetCharacter),
            ("GET /\u{7f} HTTP/1.1", Defect::TargetCharacter),
            ("GET /\0 HTTP/1.1", Defect::Nul),
            ("GET /\r HTTP/1.1", Defect::BareCarriageReturn),
        ] {
            assert_eq!(request(text).err(), Some(defect), "{text:?}");
        }
        for text in ["GET /caf\u{e9} HTTP/1.1", "GET /<x>?\"`{}|^ HTTP/1.1"] {
            assert!(request(text).is_ok(), "{text:?}");
        }
        assert_eq!(
            RequestLine::parse(b"GET /caf\xe9 HTTP/1.1", &FramingLimits::default()).err(),
            Some(Defect::TargetCharacter)
        );
    }

    #[test]
    fn status_lines() {
        let status = |line: &str| StatusLine::parse(line.as_bytes(), &FramingLimits::default());
        assert_eq!(status("HTTP/1.1 200 OK").unwrap().status, 200);
        assert_eq!(status("HTTP/1.0 404").unwrap().version, Version::Http10);
        assert_eq!(status("HTTP/1.1 599 ").unwrap().status, 599);
        for text in
            ["HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 200OK", "HTTP/1.1 099 X", ""]
        {
            assert_eq!(status(text).err(), Some(Defect::StatusLine), "{text:?}");
        }
        assert_eq!(status("HTTP/2.0 200 OK").err(), Some(Defect::UnknownVersion));
        assert_eq!(status("HTTP/1.1 200 O\rK").err(), Some(Defect::BareCarriageReturn));
    }
}
