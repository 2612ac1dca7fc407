//! Telling HTTP/2 with prior knowledge from HTTP/1 on a connection in clear.
//!
//! Invariant: no byte is lost or changed; what was read to decide is read again by whoever serves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::connection::Protocol;

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
    Ok((protocol, Prefixed { prefix: read.freeze(), inner: stream }))
}

/// A transport some of whose bytes were already read.
#[derive(Debug)]
pub(crate) struct Prefixed<T> {
    prefix: Bytes,
    inner: T,
}

impl<T: AsyncRead + Unpin> AsyncRead for Prefixed<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.is_empty() {
            return Pin::new(&mut this.inner).poll_read(cx, buf);
        }
        let taken = this.prefix.len().min(buf.remaining());
        buf.put_slice(this.prefix.get(..taken).unwrap_or_default());
        this.prefix.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Prefixed<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
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
