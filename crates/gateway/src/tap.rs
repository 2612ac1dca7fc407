//! The byte tap: every byte of an HTTP/1 connection is followed strictly before hyper sees it.
//!
//! Invariants: hyper gets a head only after all of it has passed, and of it only the framing, one message at a
//! time; exactly one [`HeadRecord`] is queued for each head it gets; a request whose defect is found before its head was passed on
//! is replaced by a well-formed one that asks to close, so that it is answered in its turn; after a defect no
//! further byte is passed on; bytes behind a request for another protocol wait for its answer. What waits here is
//! bounded by the follower's limits and one read. Deliberately absent: what is answered.

mod frame;
mod heads;
mod patience;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use portcullis_model::{Moment, Scheme};
use portcullis_wire::Defect;
use portcullis_wire::framing::{self, RequestFollower, What};
use smallvec::smallvec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use frame::{write_frame, write_stand_in};
pub(crate) use heads::{Heads, Switch};
use patience::Linger;
pub(crate) use patience::Patience;

use crate::clock::Clock;
use crate::head::HeadRecord;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// The most that is read ahead while bytes wait for the answer to an upgrade: enough to notice that a client went.
const HELD_BEHIND_UPGRADE: usize = 16 * 1024;

/// What is read of a message at first by whoever waits for one.
const FIRST: usize = 512;

/// A defect met in a body whose head had been passed on; found in the source chain of the body's error.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body is defective")]
pub(crate) struct BodyDefect(#[source] pub(crate) Defect);

/// Where the tap is in the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before a message.
    Between,
    /// In a head whose first byte was read then.
    Head(Moment),
    /// In a body whose head was passed on.
    Body,
    /// Behind a request for another protocol, its answer unknown.
    Waiting,
    /// In another protocol.
    Tunnel,
    /// Behind what the client said was its last message.
    Closed,
    /// Behind the stand-in for a defective request.
    Refused,
    /// Behind a defect in a body.
    Broken(Defect),
}

/// What a tap works under.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Whether the connection is encrypted.
    pub(crate) scheme: Scheme,
    /// What it may cost.
    pub(crate) limits: Arc<Limits>,
    /// Dates heads.
    pub(crate) clock: Clock,
    /// Counts defects and timeouts.
    pub(crate) metrics: Arc<Metrics>,
}

/// A client's transport, followed.
pub(crate) struct Tap<T> {
    inner: T,
    follower: RequestFollower,
    at: At,
    heads: Arc<Heads>,
    /// A head that has passed and of which hyper has nothing yet.
    fresh: Option<HeadRecord>,
    /// Whether the message followed is the client's last by its own word.
    last: bool,
    /// Bytes hyper may have: a head's frame, then body.
    head: BytesMut,
    body: BytesMut,
    /// Bytes the follower has not taken yet.
    unread: BytesMut,
    reading: Patience,
    writing: Patience,
    linger: Linger,
    terms: Terms,
}

impl<T> Tap<T> {
    /// Follows a connection from its first byte.
    pub(crate) fn new(inner: T, heads: Arc<Heads>, terms: Terms) -> Self {
        Self {
            inner,
            follower: RequestFollower::new(terms.limits.framing, terms.scheme),
            at: At::Between,
            heads,
            fresh: None,
            last: false,
            head: BytesMut::new(),
            body: BytesMut::new(),
            unread: BytesMut::new(),
            reading: Patience::default(),
            writing: Patience::default(),
            linger: Linger::default(),
            terms,
        }
    }

    /// Feeds what is unread until it is used up, a message ends, or nothing more may be passed on.
    fn follow(&mut self) {
        loop {
            if self.at == At::Between {
                if self.unread.is_empty() {
                    return;
                }
                self.at = At::Head(self.terms.clock.now());
            }
            let fed = self.follower.feed(&self.unread);
            match fed.what {
                What::More => {
                    self.unread.advance(fed.consumed);
                    return;
                }
                What::Head(record) => {
                    self.unread.advance(fed.consumed);
                    self.take_head(record);
                }
                What::Body => {
                    let passed = self.unread.split_to(fed.consumed);
                    self.pass_body(passed);
                }
                What::MessageEnd => {
                    self.at = if self.last { At::Closed } else { At::Between };
                    return;
                }
                What::Waiting => {
                    self.at = At::Waiting;
                    return;
                }
                // Entered only by `resume`, after which nothing is followed.
                What::Tunnel => return,
                What::Defect(defect) => return self.fail(defect),
            }
        }
    }

    fn take_head(&mut self, record: framing::HeadRecord) {
        let received = match self.at {
            At::Head(received) => received,
            _ => self.terms.clock.now(),
        };
        self.at = At::Body;
        self.reading.rest();
        self.last = !record.persistent;
        write_frame(&record, &mut self.head);
        self.fresh = Some(HeadRecord::followed(record, received));
    }

    fn pass_body(&mut self, bytes: BytesMut) {
        if self.body.is_empty() {
            self.body = bytes;
        } else {
            self.body.unsplit(bytes);
        }
    }

    /// Ends the connection over a defect: with an answer if the request is still ours, else by breaking its body.
    fn fail(&mut self, defect: Defect) {
        self.terms.metrics.defect(defect.code());
        self.unread.clear();
        self.body.clear();
        let record = match (self.fresh.take(), self.at) {
            (Some(record), _) => record,
            (None, At::Head(received)) => HeadRecord::salvaged(self.follower.salvage(), received),
            (None, _) => {
                self.at = At::Broken(defect);
                return;
            }
        };
        self.fresh = Some(HeadRecord { defects: smallvec![defect], ..record });
        write_stand_in(&mut self.head);
        self.at = At::Refused;
    }

    /// Goes on after the answer to a request for another protocol.
    fn resume(&mut self, switch: Switch) {
        match switch {
            Switch::Switched => {
                self.follower.accepted();
                self.at = At::Tunnel;
                let held = self.unread.split();
                self.pass_body(held);
            }
            Switch::Stayed => {
                self.follower.refused();
                self.at = if self.last { At::Closed } else { At::Between };
            }
        }
    }

    /// Gives hyper what it may have; whether that was anything.
    fn release(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if self.head.is_empty() && self.body.is_empty() {
            return false;
        }
        if let Some(record) = self.fresh.take() {
            self.heads.queue(record);
        }
        put(&mut self.head, buf);
        if self.head.is_empty() {
            put(&mut self.body, buf);
        }
        true
    }

    /// Follows bytes just read into `buf` behind `start`, leaving there what hyper may have.
    fn follow_in_place(&mut self, buf: &mut ReadBuf<'_>, start: usize) {
        let read = buf.filled().get(start..).unwrap_or_default();
        let mut passed = 0;
        if self.at == At::Body {
            let fed = self.follower.feed(read);
            match fed.what {
                What::Body => passed = fed.consumed,
                What::Defect(defect) => self.fail(defect),
                // Nothing was consumed: following what is left says it again.
                _ => {}
            }
        }
        if !matches!(self.at, At::Broken(_)) {
            self.unread.extend_from_slice(read.get(passed..).unwrap_or_default());
            self.follow();
        }
        buf.set_filled(start + passed);
    }

    /// Gives up room that the next message will want again, if there is one.
    fn shrink(&mut self) {
        for buffer in [&mut self.head, &mut self.body, &mut self.unread] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
    }

    /// Has hyper get bytes again that it gave back unread.
    pub(crate) fn give_again(&mut self, bytes: &[u8]) {
        self.head.extend_from_slice(bytes);
    }

    /// Whether the client may still be sending what nobody will read.
    fn unfinished(&self) -> bool {
        !matches!(self.at, At::Between | At::Closed | At::Tunnel) || !self.unread.is_empty()
    }
}

fn put(from: &mut impl Buf, to: &mut ReadBuf<'_>) {
    let taken = from.remaining().min(to.remaining());
    to.put_slice(from.chunk().get(..taken).unwrap_or_default());
    from.advance(taken);
}

impl<T: AsyncRead + Unpin> Tap<T> {
    /// Waits between two messages until the client sends something, `true`, or goes.
    pub(crate) fn poll_begins(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.at != At::Between || !self.head.is_empty() || !self.unread.is_empty() {
            return Poll::Ready(true);
        }
        self.shrink();
        let mut first = [0; FIRST];
        let mut buf = ReadBuf::new(&mut first);
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf));
        self.unread.extend_from_slice(buf.filled());
        Poll::Ready(read.is_ok() && !self.unread.is_empty())
    }

    /// Reads ahead while an upgrade is undecided, to notice a client that went away.
    fn poll_waiting(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let start = buf.filled().len();
        while self.unread.len() < HELD_BEHIND_UPGRADE {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            let read = buf.filled().get(start..).unwrap_or_default();
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.unread.extend_from_slice(read);
            buf.set_filled(start);
        }
        Poll::Pending
    }

    /// Nothing came: how long may that go on?
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let allowed = match self.at {
            At::Head(_) => self.terms.limits.head,
            At::Body => self.terms.limits.body,
            _ => return Poll::Pending,
        };
        ready!(self.reading.poll_exhausted(cx, allowed));
        if matches!(self.at, At::Head(_)) {
            self.terms.metrics.timed_out("head");
            self.fail(Defect::HeadTimeout);
            return Poll::Ready(Ok(()));
        }
        self.terms.metrics.timed_out("body");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tap<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.heads.note_between(false);
        loop {
            if this.release(buf) {
                return Poll::Ready(Ok(()));
            }
            match this.at {
                // hyper answers the stand-in and closes; that is all there is to wait for.
                At::Refused => return Poll::Pending,
                At::Broken(defect) => return Poll::Ready(Err(io::Error::other(BodyDefect(defect)))),
                At::Waiting => match this.heads.poll_answer(cx) {
                    Poll::Ready(switch) => {
                        this.resume(switch);
                        continue;
                    }
                    Poll::Pending => return this.poll_waiting(cx, buf),
                },
                _ => {}
            }
            if !this.unread.is_empty() {
                this.follow();
                continue;
            }
            let start = buf.filled().len();
            let Poll::Ready(read) = Pin::new(&mut this.inner).poll_read(cx, buf) else {
                this.heads.note_between(this.at == At::Between);
                ready!(this.poll_patience(cx))?;
                continue;
            };
            read?;
            if buf.filled().len() == start || this.at == At::Tunnel {
                return Poll::Ready(Ok(()));
            }
            if this.at == At::Closed {
                buf.set_filled(start);
                continue;
            }
            if this.at == At::Body {
                this.reading.rest();
            }
            this.follow_in_place(buf, start);
            if buf.filled().len() > start {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Tap<T> {
    /// Bounds how long a client may take nothing of its response.
    fn watch_write<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            if self.writing.is_tried() {
                self.heads.note_blocked(false);
                self.writing.rest();
            }
            return written;
        }
        self.heads.note_blocked(true);
        if self.at == At::Tunnel {
            return Poll::Pending;
        }
        ready!(self.writing.poll_exhausted(cx, self.terms.limits.write));
        self.terms.metrics.timed_out("write");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tap<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.watch_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.watch_write(cx, flushed)
    }

    /// Closes the write side; where the client may still be sending, reads on for a while, because closing a
    /// socket with unread bytes makes the system drop the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let unfinished = this.unfinished();
        this.linger.poll(&mut this.inner, unfinished, cx)
    }
}

#[cfg(test)]
mod tests;
