//! Writes requests' heads onto an upstream's connection, in place of the request lines hyper writes.
//!
//! Invariant: while a head waits, nothing is written before it; what stands in its place has to be the request line it
//! was made for, or nothing is written at all. Reads pass as they are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::strict::Witness;
use crate::forward::Lines;

/// A transport and the head that is being written onto it.
#[derive(Debug)]
pub(crate) struct Heads<T> {
    transport: T,
    witness: Witness,
    /// A head of which some is written, and how many of the bytes hyper wrote it stands for.
    writing: Option<(Lines, usize)>,
}

impl<T> Heads<T> {
    /// Over a transport; the witness brings the heads.
    pub(super) fn new(transport: T, witness: Witness) -> Self {
        Self { transport, witness, writing: None }
    }
}

impl<T: AsyncWrite + Unpin> Heads<T> {
    /// Writes the head that waits, if one does: how many bytes of `pieces` it stands for.
    fn poll_head<'p>(
        &mut self,
        cx: &mut Context<'_>,
        pieces: impl Iterator<Item = &'p [u8]>,
    ) -> Poll<io::Result<Option<usize>>> {
        if self.writing.is_none() {
            let Some(mut lines) = self.witness.take_lines() else { return Poll::Ready(Ok(None)) };
            let covered = lines.stand_for(pieces)?;
            self.writing = Some((lines, covered));
        }
        let Some((lines, covered)) = &mut self.writing else { return Poll::Ready(Ok(None)) };
        while !lines.left().is_empty() {
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, lines.left()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            lines.advance(written);
        }
        let covered = *covered;
        self.writing = None;
        Poll::Ready(Ok(Some(covered)))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Heads<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heads<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.poll_head(cx, std::iter::once(buf)))? {
            Some(covered) => Poll::Ready(Ok(covered)),
            None => Pin::new(&mut this.transport).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.poll_head(cx, bufs.iter().map(|piece| &**piece)))? {
            Some(covered) => Poll::Ready(Ok(covered)),
            None => Pin::new(&mut this.transport).poll_write_vectored(cx, bufs),
        }
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
