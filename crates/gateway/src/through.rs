//! A transport whose reads go through something of ours, and whose writes pass as they are.
//!
//! Invariant: nothing is written, buffered or closed but what whoever holds it asks for. Does not know what a read
//! becomes; that is up to each [`Reads`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What stands between a transport and whoever reads it.
pub(crate) trait Reads: Unpin {
    /// Reads, from the transport or from what was kept of it.
    fn poll_read<T: AsyncRead + Unpin>(
        &mut self,
        transport: &mut T,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>;
}

/// A transport and what its reads go through.
#[derive(Debug)]
pub(crate) struct Through<R, T> {
    reads: R,
    transport: T,
}

impl<R, T> Through<R, T> {
    /// Puts something before a transport's reads.
    pub(crate) const fn over(transport: T, reads: R) -> Self {
        Self { reads, transport }
    }
}

impl<R: Reads, T: AsyncRead + Unpin> AsyncRead for Through<R, T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.reads.poll_read(&mut this.transport, cx, buf)
    }
}

impl<R: Unpin, T: AsyncWrite + Unpin> AsyncWrite for Through<R, T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().transport).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().transport).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}
