//! A request's head as HTTP/1 writes it, around what hyper has to know of it.
//!
//! hyper frames messages, and for that it is given the fields that frame them; all others would only be read into its
//! table and written out of it again, so they go past it, as they are spelled: they take the place of the request line
//! hyper writes. Invariant: no value ends a line, so the head has exactly the fields it was made of. It does not know
//! where it is written.

use std::io;

use http::{HeaderMap, Method};
use portcullis_wire::controls;

use super::fields::{Field, Fields};

/// Behind the method in the request line hyper writes, its target being `/`; the last digit may be `0`.
const BEHIND_METHOD: &[u8] = b" / HTTP/1.1\r\n";

/// How much of what follows the request line is copied behind the head, to go out with it in one piece.
const ALONG: usize = 4096;

/// What goes onto the wire in place of a request line.
#[derive(Debug)]
pub(crate) struct Lines {
    text: Vec<u8>,
    /// How much of it is on the wire.
    written: usize,
    method: Method,
    /// Where the version's last digit is.
    digit_at: usize,
}

impl Lines {
    /// The head of a request, and apart the fields hyper has to know; nothing, where it cannot be written as it is.
    pub(crate) fn write(method: &Method, target: &str, fields: &Fields<'_>) -> Option<(Self, HeaderMap)> {
        let mut text = Vec::with_capacity(1024 + target.len());
        text.extend_from_slice(method.as_str().as_bytes());
        text.extend_from_slice(b" ");
        text.extend_from_slice(target.as_bytes());
        text.extend_from_slice(b" HTTP/1.1\r\n");
        let digit_at = text.len() - 3;
        let mut framing = HeaderMap::new();
        let mut lines = 1;
        for field in fields.iter() {
            if frames(field) {
                field.add_to(&mut framing);
            } else {
                write_line(&mut text, field);
                lines += 1;
            }
        }
        let ended = controls(&text) == 2 * lines || controls(&text) - tabs(&text) == 2 * lines;
        let whole = ended && !target.bytes().any(|byte| matches!(byte, b' ' | b'\t'));
        whole.then(|| (Self { text, written: 0, method: method.clone(), digit_at }, framing))
    }

    /// Puts what is written in `pieces` behind the request line at its place in the head; how many bytes of `pieces`
    /// that covers.
    pub(crate) fn stand_for<'p>(&mut self, pieces: impl Iterator<Item = &'p [u8]>) -> io::Result<usize> {
        let mut pieces = pieces.skip_while(|piece| piece.is_empty());
        let first = pieces.next().unwrap_or_default();
        let behind = first.strip_prefix(self.method.as_str().as_bytes()).unwrap_or_default();
        let (line, rest) = behind.split_at_checked(BEHIND_METHOD.len()).unwrap_or_default();
        let [.., digit @ (b'0' | b'1'), b'\r', b'\n'] = line else { return Err(unexpected()) };
        if line.get(..line.len() - 3) != BEHIND_METHOD.get(..line.len() - 3) {
            return Err(unexpected());
        }
        if let Some(place) = self.text.get_mut(self.digit_at) {
            *place = *digit;
        }
        let mut covered = first.len() - rest.len();
        for piece in std::iter::once(rest).chain(pieces) {
            let along = piece.get(..piece.len().min(ALONG)).unwrap_or_default();
            self.text.extend_from_slice(along);
            covered += along.len();
            if along.len() < piece.len() || self.text.len() > ALONG {
                break;
            }
        }
        Ok(covered)
    }

    /// What is still to be written.
    pub(crate) fn left(&self) -> &[u8] {
        self.text.get(self.written..).unwrap_or_default()
    }

    /// That much was written.
    pub(crate) fn advance(&mut self, written: usize) {
        self.written += written;
    }
}

/// The connection's own head is not where it should be; nothing may be written then.
fn unexpected() -> io::Error {
    io::Error::other("a request line was to be written, and something else came")
}

/// Whether hyper has to know the field: it frames the message, or says what becomes of the connection.
fn frames(field: &Field<'_>) -> bool {
    const FRAMING: [&str; 5] = ["connection", "content-length", "trailer", "transfer-encoding", "upgrade"];
    let first = field.name.first().map(u8::to_ascii_lowercase);
    matches!(first, Some(b'c' | b't' | b'u')) && FRAMING.iter().any(|name| field.is(name))
}

fn write_line(text: &mut Vec<u8>, field: &Field<'_>) {
    text.reserve(field.name.len() + field.value.len() + 4);
    text.extend_from_slice(field.name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(&field.value);
    text.extend_from_slice(b"\r\n");
}

/// How many tabs there are: the one control that a value may have.
fn tabs(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\t', text).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(fields: &[(&'static str, &'static str)], target: &str) -> Option<(Lines, HeaderMap)> {
        let mut list = Fields::default();
        for (name, value) in fields {
            list.keep(name.as_bytes(), value.as_bytes());
        }
        Lines::write(&Method::POST, target, &list)
    }

    #[test]
    fn a_head_stands_for_the_request_line() {
        for digit in [b'1', b'0'] {
            let (mut lines, framing) =
                lines(&[("Host", "x"), ("Content-Length", "2"), ("X-Odd", "\t\u{e9}")], "/a?b").unwrap();
            assert_eq!(framing.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["content-length"]);
            let hyper = [b"POST / HTTP/1.", &[digit][..], b"\r\ncontent-length: 2\r\n\r\n"].concat();
            let covered = lines.stand_for([&[][..], &hyper, b"hi"].into_iter()).unwrap();
            assert_eq!(covered, hyper.len() + 2);
            let head = [
                b"POST /a?b HTTP/1.",
                &[digit][..],
                "\r\nHost: x\r\nX-Odd: \t\u{e9}\r\ncontent-length: 2\r\n\r\nhi".as_bytes(),
            ];
            assert_eq!(lines.left(), head.concat());
        }
    }

    #[test]
    fn a_long_body_goes_behind() {
        let (mut lines, _) = lines(&[("host", "x")], "/").unwrap();
        let body = vec![b'x'; 3 * ALONG];
        let covered = lines.stand_for([&b"POST / HTTP/1.1\r\n\r\n"[..], &body].into_iter()).unwrap();
        assert_eq!(covered, "POST / HTTP/1.1\r\n\r\n".len() + ALONG);
        assert!(lines.left().ends_with(b"xx"));
    }

    #[test]
    fn what_would_not_be_one_head_is_not_written() {
        for value in ["a\r\nx: y", "a\n", "\0", "\u{7f}"] {
            assert!(lines(&[("x", value)], "/").is_none(), "{value:?}");
        }
        assert!(lines(&[], "/a b").is_none() && lines(&[], "/a\r\n").is_none());
        for other in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "POST /x HTTP/1.1\r\n\r\n",
            "POST / HTTP/2.1\r\n\r\n",
            "POST / HTTP",
        ] {
            let (mut lines, _) = lines(&[], "/").unwrap();
            assert!(lines.stand_for([other.as_bytes()].into_iter()).is_err(), "{other:?}");
        }
    }
}
