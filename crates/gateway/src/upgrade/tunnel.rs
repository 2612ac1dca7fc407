//! One tunnel: bytes both ways, counted, until a side ends it or it stands still for too long.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use portcullis_model::event::End;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::exchange::Course;
use crate::pace::{Lapse, Pace};
use crate::upstream::{Strict, Transport};

/// What passed so far, and whether the upstream's side broke.
#[derive(Default)]
struct Traffic {
    to_upstream: AtomicU64,
    to_client: AtomicU64,
    upstream_broke: AtomicBool,
}

impl Traffic {
    fn sum(&self) -> u64 {
        self.to_upstream.load(Ordering::Relaxed).wrapping_add(self.to_client.load(Ordering::Relaxed))
    }

    fn note(&self, course: &mut Course) {
        course.seen.tunnel_bytes = self.to_upstream.load(Ordering::Relaxed);
        course.seen.response_bytes = self.to_client.load(Ordering::Relaxed);
    }
}

/// Carries a tunnel to its end; `ahead` is what the upstream sent right behind its 101.
pub(super) async fn carry(
    mut course: Box<Course>,
    client: Upgraded,
    upstream: Strict<Transport>,
    ahead: Bytes,
    mut pace: Pace,
) {
    let traffic = Traffic::default();
    let stopped = course.connection.node.stopped.clone();
    let end = {
        let mut client = Counted { inner: TokioIo::new(client), passed: &traffic.to_client, broke: None };
        let broke = Some(&traffic.upstream_broke);
        let mut upstream = Counted { inner: upstream, passed: &traffic.to_upstream, broke };
        let carrying = async {
            client.write_all(&ahead).await?;
            tokio::io::copy_bidirectional(&mut client, &mut upstream).await
        };
        tokio::select! {
            biased;
            () = stopped.cancelled() => End::Stopped,
            end = keep_pace(carrying, &traffic, &mut pace, &mut course) => end,
        }
    };
    traffic.note(&mut course);
    course.end(end);
}

async fn keep_pace(
    carrying: impl Future<Output = io::Result<(u64, u64)>>,
    traffic: &Traffic,
    pace: &mut Pace,
    course: &mut Course,
) -> End {
    let mut carrying = pin!(carrying);
    let mut passed = 0;
    poll_fn(|cx| {
        match carrying.as_mut().poll(cx) {
            Poll::Ready(Ok(_)) => return Poll::Ready(End::Complete),
            Poll::Ready(Err(_)) if traffic.upstream_broke.load(Ordering::Relaxed) => {
                return Poll::Ready(End::UpstreamFailed);
            }
            Poll::Ready(Err(_)) => return Poll::Ready(End::ClientGone),
            Poll::Pending => {}
        }
        if traffic.sum() != passed {
            passed = traffic.sum();
            pace.moved();
        }
        loop {
            match std::task::ready!(pace.poll_lapse(cx)) {
                Lapse::Stalled | Lapse::Overdue => return Poll::Ready(End::TimedOut),
                Lapse::Report => {
                    traffic.note(course);
                    course.report();
                }
            }
        }
    })
    .await
}

/// A side of the tunnel: counts what is written to it and notes when it breaks.
struct Counted<'a, T> {
    inner: T,
    passed: &'a AtomicU64,
    broke: Option<&'a AtomicBool>,
}

impl<T> Counted<'_, T> {
    fn note<R>(&self, result: &Poll<io::Result<R>>) {
        if let (Poll::Ready(Err(_)), Some(broke)) = (result, self.broke) {
            broke.store(true, Ordering::Relaxed);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<'_, T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.inner).poll_read(cx, buf);
        this.note(&read);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<'_, T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = &written {
            this.passed.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        this.note(&written);
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
