//! Reads what an upstream sends as strictly as what clients send, before hyper sees it.
//!
//! Invariants: a read that holds a defect gives hyper nothing, so no response is made of ambiguous bytes; what
//! was wrong is kept for the event. After a protocol switch bytes pass unread. Deliberately absent: writing,
//! which passes through, and what a defect leads to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::UPGRADE;
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use portcullis_model::ResponseHead;
use portcullis_wire::framing::AnswerKind;
use portcullis_wire::{Asked, Defect, FramingLimits, ResponseFollower, What};
use tokio::io::{AsyncRead, ReadBuf};

use super::heads::Heads;
use crate::forward::Lines;
use crate::through::{Reads, Through};

/// What the follower saw, shared between a connection's bytes and the exchange that uses it.
///
/// The lock is never contended: the task that reads the bytes is the one that asks.
#[derive(Clone, Debug)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    follower: ResponseFollower,
    head: Option<ResponseHead>,
    defect: Option<Defect>,
    /// The head of a request of which nothing was written yet.
    lines: Option<Lines>,
}

/// Whether bytes are still HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaking {
    Http,
    Other,
}

impl Witness {
    /// One that has seen nothing.
    pub(crate) fn new() -> Self {
        let follower = ResponseFollower::new(FramingLimits::default());
        Self(Arc::new(Mutex::new(Seen { follower, head: None, defect: None, lines: None })))
    }

    /// A request is about to be sent, whose head is `lines` where that is more than hyper knows of it.
    pub(crate) fn expect(&self, method: &Method, fields: &HeaderMap, lines: Option<Lines>) {
        let mut seen = self.0.lock();
        seen.head = None;
        seen.lines = lines;
        seen.follower.expect(if method == Method::HEAD {
            Asked::Head
        } else if method == Method::CONNECT {
            Asked::Connect
        } else if fields.contains_key(UPGRADE) {
            Asked::Upgrade
        } else {
            Asked::Plain
        });
    }

    /// The last final head, once.
    pub(crate) fn take_head(&self) -> Option<ResponseHead> {
        self.0.lock().head.take()
    }

    /// The head of the request that is about to be written, once.
    pub(super) fn take_lines(&self) -> Option<Lines> {
        self.0.lock().lines.take()
    }

    /// What was wrong, if anything.
    pub(crate) fn defect(&self) -> Option<Defect> {
        self.0.lock().defect
    }

    /// Whether the last response was read to its end and nothing came after it.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().follower.is_idle()
    }

    fn follow(&self, mut bytes: &[u8]) -> Result<Speaking, Defect> {
        let mut seen = self.0.lock();
        loop {
            let fed = seen.follower.feed(bytes);
            bytes = bytes.get(fed.consumed..).unwrap_or_default();
            match fed.what {
                What::More => return Ok(Speaking::Http),
                What::Tunnel => return Ok(Speaking::Other),
                What::Head(record) if record.kind == AnswerKind::Interim => {}
                What::Head(record) => seen.head = Some(record.head),
                What::Body | What::MessageEnd | What::Waiting => {}
                What::Defect(defect) => {
                    seen.defect = Some(defect);
                    return Err(defect);
                }
            }
        }
    }
}

/// A stream whose reads are followed, and onto which requests' heads are written.
pub(crate) type Strict<T> = Through<Followed, Heads<T>>;

/// Follows what is read.
#[derive(Debug)]
pub(crate) struct Followed {
    witness: Witness,
    speaking: Speaking,
}

/// Follows a stream.
pub(crate) fn strict<T>(transport: T, witness: Witness) -> Strict<T> {
    Through::over(Heads::new(transport, witness.clone()), Followed { witness, speaking: Speaking::Http })
}

impl Reads for Followed {
    fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        transport: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(transport).poll_read(cx, buf))?;
        if self.speaking == Speaking::Http {
            match self.witness.follow(buf.filled().get(before..).unwrap_or_default()) {
                Ok(speaking) => self.speaking = speaking,
                Err(defect) => {
                    buf.set_filled(before);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, defect.code())));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(answer: &'static [u8], asked: &Method) -> (io::Result<Vec<u8>>, Witness) {
        let witness = Witness::new();
        witness.expect(asked, &HeaderMap::new(), None);
        let mut stream = strict(answer, witness.clone());
        let mut bytes = Vec::new();
        (stream.read_to_end(&mut bytes).await.map(|_| bytes), witness)
    }

    #[tokio::test]
    async fn a_sound_answer_passes_and_its_head_is_kept_as_spelled() {
        let answer = b"HTTP/1.1 200 OK\r\nX-Odd: 1\r\nContent-Length: 2\r\n\r\nhi";
        let (bytes, witness) = read(answer, &Method::GET).await;
        assert_eq!(bytes.unwrap(), answer);
        let head = witness.take_head().unwrap();
        assert_eq!((head.status, head.headers.get("x-odd")), (200, Some(&b"1"[..])));
        assert!(witness.is_idle() && witness.defect().is_none());
    }

    #[tokio::test]
    async fn an_ambiguous_answer_gives_hyper_nothing() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ] {
            let (bytes, witness) = read(answer, &Method::GET).await;
            assert!(bytes.is_err() && witness.defect().is_some(), "{}", String::from_utf8_lossy(answer));
        }
    }
}
