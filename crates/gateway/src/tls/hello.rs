//! Keeping the bytes of a `ClientHello`, which rustls does not hand out, for fingerprints such as JA4.
//!
//! Invariants: at most [`LIMIT`] bytes are kept; writes and reads pass through untouched.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is kept: a record layer's worth, which no client's hello comes near.
pub(crate) const LIMIT: usize = 16 * 1024;

/// A transport that remembers what was read from it.
#[derive(Debug)]
pub(super) struct Recording<T> {
    inner: T,
    read: BytesMut,
}

impl<T> Recording<T> {
    /// Wraps a transport nothing was read from yet.
    pub(super) fn new(inner: T) -> Self {
        Self { inner, read: BytesMut::new() }
    }

    /// The transport, and what was read from it.
    pub(super) fn into_parts(self) -> (T, Bytes) {
        (self.inner, self.read.freeze())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Recording<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        let room = LIMIT.saturating_sub(this.read.len());
        this.read.extend_from_slice(new.get(..room.min(new.len())).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Recording<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
