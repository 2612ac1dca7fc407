//! The head hyper gets in place of the client's: its framing and nothing else.
//!
//! Invariant: written from what the follower understood, never copied from the wire, so hyper cannot read a length,
//! a coding or an end of connection that the follower did not. It also spares hyper reading fields that exchanges
//! are not judged by: those are in the [`HeadRecord`](crate::head::HeadRecord).

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use portcullis_model::Version;
use portcullis_wire::framing::{BodyLength, HeadRecord, Switch};

/// What hyper gets in place of a defective request. The record queued for it says what it stands for.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";

/// Writes the head of a defective request's stand-in.
pub(super) fn write_stand_in(out: &mut BytesMut) {
    out.clear();
    out.put_slice(STAND_IN);
}

/// Writes what hyper needs of a head that has passed.
pub(super) fn write_frame(record: &HeadRecord, out: &mut BytesMut) {
    out.clear();
    out.put_slice(record.head.method.as_str().as_bytes());
    let old = record.head.version == Version::Http10;
    out.put_slice(if old { b" / HTTP/1.0\r\n" } else { b" / HTTP/1.1\r\n" });
    match record.body {
        BodyLength::Length(length) => {
            // Writing to a buffer that grows cannot fail.
            let _ = write!(out, "Content-Length: {length}\r\n");
        }
        BodyLength::Chunked => out.put_slice(b"Transfer-Encoding: chunked\r\n"),
        BodyLength::None | BodyLength::UntilClose => {}
    }
    match (old, record.persistent) {
        (false, false) => out.put_slice(b"Connection: close\r\n"),
        (true, true) => out.put_slice(b"Connection: keep-alive\r\n"),
        (false, true) | (true, false) => {}
    }
    if record.switch == Switch::Upgrade {
        out.put_slice(b"Upgrade: asked\r\n");
    }
    if record.expects_continue {
        out.put_slice(b"Expect: 100-continue\r\n");
    }
    if record.head.headers.get("te").is_some_and(takes_trailers) {
        out.put_slice(b"TE: trailers\r\n");
    }
    out.put_slice(b"\r\n");
}

/// Whether a `TE` field says that trailers may be sent (RFC 9110 §10.1.4).
fn takes_trailers(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

#[cfg(test)]
mod tests {
    use portcullis_model::Scheme;
    use portcullis_wire::framing::{FramingLimits, RequestFollower, What};

    use super::*;

    fn check(sent: &str, frame: &str) {
        let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
        let What::Head(record) = follower.feed(sent.as_bytes()).what else { panic!("{sent:?} is no head") };
        let mut out = BytesMut::from("left over");
        write_frame(&record, &mut out);
        assert_eq!(std::str::from_utf8(&out).unwrap(), frame);
    }

    #[test]
    fn a_frame_is_what_the_follower_understood() {
        check("GET /a?b HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
        check("GET http://x/a HTTP/1.0\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\n\r\n");
        check(
            "HEAD / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
            "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        );
        check(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 17\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
        );
        check(
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nTE: gzip, Trailers\r\n\r\n",
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n",
        );
        check(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: asked\r\n\r\n",
        );
        check("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", "CONNECT / HTTP/1.1\r\n\r\n");
    }
}
