//! Telling HTTP/2 with prior knowledge from HTTP/1 on a connection in clear.
//!
//! Invariant: no byte is lost or changed; what was read to decide is read again by whoever serves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::connection::Protocol;
use crate::through::{Reads, Through};

/// What every HTTP/2 connection begins with (RFC 9113 §3.4); no HTTP/1 request can.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads until the preface is complete or impossible; the caller bounds the time.
pub(crate) async fn sniff<T: AsyncRead + Unpin>(mut stream: T) -> io::Result<(Protocol, Prefixed<T>)> {
    let mut read = BytesMut::with_capacity(PREFACE.len());
    while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
        let room = PREFACE.len() - read.len();
        if (&mut stream).take(room as u64).read_buf(&mut read).await? == 0 {
            break;
        }
    }
    let protocol = if read == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    Ok((protocol, prefixed(stream, read.freeze())))
}

/// A transport from which these bytes were read, to be read again.
pub(crate) const fn prefixed<T>(stream: T, read: Bytes) -> Prefixed<T> {
    Through::over(stream, Prefix(read))
}

/// A transport some of whose bytes were already read.
pub(crate) type Prefixed<T> = Through<Prefix, T>;

/// What was read ahead and not given out yet.
#[derive(Debug)]
pub(crate) struct Prefix(Bytes);

impl Reads for Prefix {
    fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        transport: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Pin::new(transport).poll_read(cx, buf);
        }
        let taken = self.0.len().min(buf.remaining());
        buf.put_slice(self.0.get(..taken).unwrap_or_default());
        self.0.advance(taken);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(sent: &[u8], protocol: Protocol) {
        for piece in [1, 7, sent.len()] {
            let mut stream = tokio_test_stream(sent, piece);
            let (found, mut prefixed) = sniff(&mut stream).await.unwrap();
            let mut all = Vec::new();
            prefixed.read_to_end(&mut all).await.unwrap();
            assert_eq!((found, &all[..]), (protocol, sent), "in pieces of {piece}");
        }
    }

    /// A stream that gives at most `piece` bytes a read.
    fn tokio_test_stream(sent: &[u8], piece: usize) -> impl AsyncRead + Unpin + use<> {
        let pieces: Vec<_> = sent.chunks(piece).map(|chunk| io::Cursor::new(chunk.to_vec())).collect();
        let empty: Box<dyn AsyncRead + Unpin> = Box::new(tokio::io::empty());
        pieces.into_iter().rev().fold(empty, |rest, chunk| Box::new(AsyncReadExt::chain(chunk, rest)))
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http2() {
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Protocol::Http2).await;
        check(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", Protocol::Http1).await;
        check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Protocol::Http1).await;
        check(b"PRI", Protocol::Http1).await;
    }
}
