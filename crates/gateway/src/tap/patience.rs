//! Timers for clients that do nothing, made so that a client that does something pays for none.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client that is closed on may go on sending.
const LINGER: Duration = Duration::from_secs(1);
/// How much of that is read and thrown away.
const LINGER_BYTES: usize = 1024 * 1024;

/// A deadline that begins with the first fruitless poll.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Something came: the next wait begins anew.
    pub(crate) fn rest(&mut self) {
        self.since = None;
    }

    /// Whether something is waited for.
    pub(crate) fn is_tried(&self) -> bool {
        self.since.is_some()
    }

    /// Ready once `allowed` has passed since the first such poll after the last [`Self::rest`].
    pub(crate) fn poll_exhausted(&mut self, cx: &mut Context<'_>, allowed: Duration) -> Poll<()> {
        let deadline = *self.since.get_or_insert_with(Instant::now) + allowed;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // The timer may be set for an earlier wait: it is moved when it fires, not at every wait.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        while Instant::now() < deadline {
            timer.as_mut().reset(deadline);
            ready!(timer.as_mut().poll(cx));
        }
        self.since = None;
        Poll::Ready(())
    }
}

/// Closing a connection whose client may still be sending.
#[derive(Debug, Default)]
pub(super) struct Linger {
    patience: Patience,
    closed: bool,
    dropped: usize,
}

impl Linger {
    /// Shuts the write side down and then, if the client is `unfinished`, reads to its end within bounds.
    pub(super) fn poll<T>(
        &mut self,
        stream: &mut T,
        unfinished: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        if !self.closed {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            self.closed = true;
        }
        if unfinished {
            ready!(self.poll_drain(stream, cx));
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the client is done, or was given enough time or bytes.
    fn poll_drain<T: AsyncRead + Unpin>(&mut self, stream: &mut T, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 4096];
        while self.dropped < LINGER_BYTES {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.dropped += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.patience.poll_exhausted(cx, LINGER),
            }
        }
        Poll::Ready(())
    }
}
