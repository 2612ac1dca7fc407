//! Response bodies on their way to a client.
//!
//! Invariants: an exchange ends exactly when its response's body is sent, breaks, or is dropped; a body that
//! breaks after bytes have gone is reported to hyper as an error, which resets the stream, so that a client never
//! takes a part for the whole; an upstream connection goes back to its pool only after the body's last byte.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use portcullis_model::event::End;

use crate::clock::Clock;
use crate::exchange::Course;
use crate::pace::{Lapse, Pace};
use crate::upstream::{Connection, Lease, ServerSet, Strict, Transport};

/// What a response carries towards the client.
#[derive(Default)]
pub(crate) enum ClientBody {
    /// Nothing (more).
    #[default]
    Empty,
    /// One piece, made or held here.
    Whole(Box<Whole>),
    /// One piece that answers no exchange.
    Apart(Bytes),
    /// The upstream's body, as it comes.
    Download(Box<Download>),
}

/// Why a response's body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenOff {
    /// The upstream broke it.
    #[error("the upstream broke off its response")]
    Upstream,
    /// The upstream sent nothing for too long.
    #[error("the upstream stalled in its response")]
    Stalled,
    /// The exchange took longer than it may.
    #[error("the exchange took longer than it may")]
    Overdue,
}

impl ClientBody {
    /// One piece; the exchange ends once it is sent.
    pub(crate) fn whole(bytes: Bytes, trailers: Option<HeaderMap>, course: Box<Course>) -> Self {
        Self::Whole(Box::new(Whole { bytes, trailers, course }))
    }
}

/// One piece and the exchange it answers.
pub(crate) struct Whole {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
    course: Box<Course>,
}

impl Whole {
    fn next(&mut self) -> Option<Frame<Bytes>> {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            self.course.seen.response_bytes += bytes.len() as u64;
            return Some(Frame::data(bytes));
        }
        let trailers = self.trailers.take()?;
        self.course.seen.read_trailers(&trailers);
        Some(Frame::trailers(trailers))
    }

    fn is_sent(&self) -> bool {
        self.bytes.is_empty() && self.trailers.is_none()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if self.is_sent() {
            self.course.end(End::Complete);
        }
    }
}

/// What a response's bytes come on.
pub(crate) struct Carrier {
    connection: Connection,
    lease: Lease,
    set: Arc<ServerSet>,
}

impl Carrier {
    /// A connection to a server of a set.
    pub(crate) fn new(connection: Connection, lease: Lease, set: Arc<ServerSet>) -> Self {
        Self { connection, lease, set }
    }

    /// Gives the connection back, which is between messages.
    fn release(self, clock: Clock, pace: &mut Pace) {
        if let Connection::Http1(mut connection) = self.connection {
            *connection.timer() = pace.give_away();
            self.set.keep(&self.lease, connection, clock.tick());
        }
    }

    /// Takes the stream out of a connection that changed its protocol, and what counts it.
    pub(crate) fn into_tunnel(self) -> Option<(Bytes, Strict<Transport>, Lease)> {
        match self.connection {
            Connection::Http1(connection) => {
                connection.into_tunnel().map(|(ahead, stream)| (ahead, stream, self.lease))
            }
            Connection::Http2(_) => None,
        }
    }
}

/// Whether what passes is shown to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looking {
    /// It is.
    Tee,
    /// It is not.
    Away,
}

/// The upstream's body, the connection it comes on, and the exchange it answers.
pub(crate) struct Download {
    held: Bytes,
    body: Incoming,
    carrier: Option<Carrier>,
    pace: Pace,
    clock: Clock,
    looking: Looking,
    state: State,
    /// Bytes of the request's body that had passed when the response last stood still.
    uploaded: u64,
    course: Option<Box<Course>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

impl Download {
    /// A body that has just begun, or of which the beginning is held already.
    pub(crate) fn new(body: Incoming, carrier: Carrier, pace: Pace, clock: Clock) -> Box<Self> {
        Box::new(Self {
            held: Bytes::new(),
            body,
            carrier: Some(carrier),
            pace,
            clock,
            looking: Looking::Away,
            state: State::Open,
            uploaded: 0,
            course: None,
        })
    }

    /// Makes it the answer of an exchange: after what was held of it, what is to come.
    pub(crate) fn answer(
        mut self: Box<Self>,
        held: Bytes,
        looking: Looking,
        course: Box<Course>,
    ) -> ClientBody {
        self.held = held;
        self.looking = looking;
        self.course = Some(course);
        self.upload_moved();
        ClientBody::Download(self)
    }

    /// Whether nothing is left to come from the upstream.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Ended || self.body.is_end_stream()
    }

    /// Gives the carrier back after the last byte.
    fn release(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            carrier.release(self.clock, &mut self.pace);
        }
    }

    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Some(carrier) = &mut self.carrier else { return Poll::Ready(Some(Err(BrokenOff::Upstream))) };
        let frame = carrier.connection.poll_frame(&mut self.body, cx);
        match frame {
            Poll::Ready(Some(Ok(frame))) => {
                self.pace.moved();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BrokenOff::Upstream))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.poll_pace(cx),
        }
    }

    fn poll_pace<T>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, BrokenOff>>> {
        loop {
            match ready!(self.pace.poll_lapse(cx)) {
                Lapse::Stalled if self.upload_moved() => self.pace.moved(),
                Lapse::Stalled => return Poll::Ready(Some(Err(BrokenOff::Stalled))),
                Lapse::Overdue => return Poll::Ready(Some(Err(BrokenOff::Overdue))),
                Lapse::Report => {
                    if let Some(course) = &mut self.course {
                        course.report();
                    }
                }
            }
        }
    }

    /// Whether the request's body went on since this was asked last: a conversation may move in one direction only.
    fn upload_moved(&mut self) -> bool {
        let passage = self.course.as_ref().and_then(|course| course.seen.passage.as_ref());
        let uploaded = passage.map_or(0, |passage| passage.bytes());
        uploaded != std::mem::replace(&mut self.uploaded, uploaded)
    }

    fn pass(&mut self, frame: &Frame<Bytes>) {
        let Some(course) = &mut self.course else { return };
        if let Some(trailers) = frame.trailers_ref() {
            course.seen.read_trailers(trailers);
        }
        let Some(data) = frame.data_ref() else { return };
        course.seen.response_bytes += data.len() as u64;
        if self.looking == Looking::Tee {
            course.tee(data);
        }
    }

    fn finish(&mut self, end: End) {
        if let Some(course) = &mut self.course {
            course.end(end);
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = &mut *self;
        if !this.held.is_empty() {
            let frame = Frame::data(std::mem::take(&mut this.held));
            this.pass(&frame);
            return Poll::Ready(Some(Ok(frame)));
        }
        match this.state {
            State::Open => {}
            State::Ended => return Poll::Ready(None),
            State::Broken => {
                // Only what stalled while it was held comes here with its exchange still open.
                this.finish(End::TimedOut);
                return Poll::Ready(Some(Err(BrokenOff::Stalled)));
            }
        }
        let frame = ready!(this.poll_upstream(cx));
        match &frame {
            Some(Ok(frame)) => this.pass(frame),
            Some(Err(broken)) => {
                this.state = State::Broken;
                this.carrier = None;
                this.finish(match broken {
                    BrokenOff::Upstream => End::UpstreamFailed,
                    BrokenOff::Stalled | BrokenOff::Overdue => End::TimedOut,
                });
            }
            None => {
                this.state = State::Ended;
                this.release();
                this.finish(End::Complete);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.len() as u64;
        let rest = self.body.size_hint();
        rest.exact()
            .and_then(|left| left.checked_add(held))
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // hyper drops a body of known length without asking it once more whether it is over.
        if self.state == State::Open && self.is_end_stream() {
            self.release();
            self.finish(End::Complete);
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Apart(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Apart(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Whole(whole) => Poll::Ready(whole.next().map(Ok)),
            Self::Download(download) => Pin::new(&mut **download).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Apart(bytes) => bytes.is_empty(),
            Self::Whole(whole) => whole.is_sent(),
            Self::Download(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Apart(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Whole(whole) if whole.trailers.is_none() => SizeHint::with_exact(whole.bytes.len() as u64),
            Self::Whole(_) => SizeHint::default(),
            Self::Download(download) => download.size_hint(),
        }
    }
}

impl std::fmt::Debug for ClientBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Apart(_) => "Apart",
            Self::Whole(_) => "Whole",
            Self::Download(_) => "Download",
        })
    }
}
