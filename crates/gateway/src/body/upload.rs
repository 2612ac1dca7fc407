//! Request bodies on their way to an upstream.
//!
//! Invariants: a body judged before forwarding is sent as it was judged; a body that waits for `100 Continue`
//! reads nothing from the client until the upstream asked for it; what the client did to the body (finished it,
//! broke it, vanished) is told apart from what the upstream did. It knows no policy and no connection.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use portcullis_engine::HeaderEdits;
use portcullis_wire::Defect;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::connection::{ConnectionContext, Protocol};
use crate::forward::clean_trailers;
use crate::metrics::Metrics;
use crate::tap::{BodyDefect, Patience};

/// Why a client's body did not arrive whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The client went away.
    Gone,
    /// It sent nothing for longer than `connections.body_timeout`.
    Stalled,
    /// Its framing is wrong.
    Defect(Defect),
}

impl Broken {
    /// Reads what the downstream half, or h2, left in the chain of causes of the error that ended `body`.
    pub(crate) fn of(error: &hyper::Error, body: &Incoming) -> Self {
        let announced = body.size_hint().exact().is_some();
        let mut cause = error.source();
        while let Some(error) = cause {
            if announced && error.downcast_ref::<h2::Error>().is_some_and(is_malformed) {
                return Self::Defect(Defect::H2LengthMismatch);
            }
            if let Some(defect) = error.downcast_ref::<BodyDefect>() {
                return Self::Defect(defect.0);
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                if let Some(defect) = error.get_ref().and_then(|inner| inner.downcast_ref::<BodyDefect>()) {
                    return Self::Defect(defect.0);
                }
                if error.kind() == io::ErrorKind::TimedOut {
                    return Self::Stalled;
                }
            }
            cause = error.source();
        }
        Self::Gone
    }
}

/// Whether h2 found the stream malformed; of a body with an announced length, that is its length.
fn is_malformed(error: &h2::Error) -> bool {
    error.is_library() && error.reason() == Some(h2::Reason::PROTOCOL_ERROR)
}

/// What is known of a streamed request body while it passes.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    bytes: AtomicU64,
    waits: AtomicBool,
    answered: AtomicBool,
    broken: OnceLock<Broken>,
}

impl Passage {
    /// Data bytes read from the client so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the upstream wants more of it and the client has not sent it.
    pub(crate) fn waits_for_client(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Notes that the upstream answered: what still comes is a conversation, which may rest.
    pub(crate) fn answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// How the client broke the body, if it did.
    pub(crate) fn broken(&self) -> Option<&Broken> {
        self.broken.get()
    }

    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A request body towards an upstream.
#[derive(Default)]
pub(crate) enum UpstreamBody {
    /// No body.
    #[default]
    Empty,
    /// A body held whole: its bytes, then its trailers.
    Held(Bytes, Option<HeaderMap>),
    /// Only the trailers of a held body are left.
    Trailers(HeaderMap),
    /// A body that passes through.
    Stream(Box<Stream>),
}

/// A body that passes through, after what was held of it.
pub(crate) struct Stream {
    gate: Option<Gate>,
    held: Bytes,
    rest: Incoming,
    passage: Arc<Passage>,
    bound: Option<Bound>,
    edits: HeaderEdits,
}

impl UpstreamBody {
    /// What was held, then the rest as it comes.
    pub(crate) fn stream(
        held: Bytes,
        rest: Incoming,
        passage: Arc<Passage>,
        connection: &ConnectionContext,
    ) -> Self {
        let bound = Bound::of(connection);
        Self::Stream(Box::new(Stream {
            gate: None,
            held,
            rest,
            passage,
            bound,
            edits: HeaderEdits::default(),
        }))
    }

    /// Whether there is nothing to send, so that sending it twice sends nothing twice.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Lets no trailer pass that `edits` would not let pass as a field.
    pub(crate) fn guard_trailers(&mut self, edits: &HeaderEdits) {
        match self {
            Self::Held(_, Some(trailers)) | Self::Trailers(trailers) => clean_trailers(trailers, edits),
            Self::Stream(stream) => stream.edits = edits.clone(),
            Self::Empty | Self::Held(_, None) => {}
        }
    }

    /// Keeps the body back until the gate opens; a body that is here already is not kept back.
    pub(crate) fn wait_for(&mut self, gate: Gate) {
        if let Self::Stream(stream) = self {
            stream.gate = Some(gate);
        }
    }
}

/// The client broke its body off; told to hyper so that the upstream's connection ends with it.
#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
pub(crate) struct Aborted;

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if let Self::Stream(stream) = &mut *self {
            return stream.poll(cx);
        }
        Poll::Ready(match std::mem::take(&mut *self) {
            Self::Held(bytes, trailers) => {
                if let Some(trailers) = trailers {
                    *self = Self::Trailers(trailers);
                }
                Some(Ok(Frame::data(bytes)))
            }
            Self::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Self::Empty | Self::Stream(_) => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Held(bytes, trailers) => bytes.is_empty() && trailers.is_none(),
            Self::Trailers(_) => false,
            Self::Stream(stream) => stream.held.is_empty() && stream.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Held(bytes, None) => SizeHint::with_exact(bytes.len() as u64),
            Self::Held(..) | Self::Trailers(_) => SizeHint::default(),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_open(cx));
            self.gate = None;
        }
        if !self.held.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.held)))));
        }
        let frame = Pin::new(&mut self.rest).poll_frame(cx);
        self.passage.waits.store(frame.is_pending(), Ordering::Relaxed);
        let Poll::Ready(frame) = frame else { return self.poll_bound(cx) };
        if let Some(bound) = &mut self.bound {
            bound.patience.rest();
        }
        Poll::Ready(match frame {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    clean_trailers(trailers, &self.edits);
                }
                self.passage.count(frame.data_ref().map_or(0, Bytes::len));
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                let _ = self.passage.broken.set(Broken::of(&error, &self.rest));
                Some(Err(Aborted))
            }
            None => None,
        })
    }

    /// The client has sent nothing: how long may that go on?
    fn poll_bound<T>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Aborted>>> {
        let Some(bound) = self.bound.as_mut().filter(|_| !self.passage.answered.load(Ordering::Relaxed))
        else {
            return Poll::Pending;
        };
        ready!(bound.patience.poll_exhausted(cx, bound.allowed));
        if self.passage.answered.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        bound.metrics.timed_out("body");
        let _ = self.passage.broken.set(Broken::Stalled);
        Poll::Ready(Some(Err(Aborted)))
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        rest.exact()
            .and_then(|left| left.checked_add(self.held.len() as u64))
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// How long an HTTP/2 client may let its body stand still before it is answered; the tap bounds HTTP/1.
struct Bound {
    allowed: Duration,
    metrics: Arc<Metrics>,
    patience: Patience,
}

impl Bound {
    fn of(connection: &ConnectionContext) -> Option<Self> {
        (connection.protocol == Protocol::Http2).then(|| Self {
            allowed: connection.limits.body,
            metrics: Arc::clone(&connection.node.ports.metrics),
            patience: Patience::default(),
        })
    }
}

/// Keeps a body back until the upstream says `100 Continue`, or has said nothing for a while.
///
/// An upstream that answers at once instead never opens it: the body is then dropped unread, and the client,
/// which was not told to continue, keeps it (RFC 9110 §10.1.1).
pub(crate) struct Gate {
    opened: oneshot::Receiver<()>,
    patience: Pin<Box<Sleep>>,
    answered: bool,
}

impl Gate {
    /// A gate, and what opens it.
    pub(crate) fn new(patience: Sleep) -> (Self, oneshot::Sender<()>) {
        let (open, opened) = oneshot::channel();
        (Self { opened, patience: Box::pin(patience), answered: false }, open)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.answered {
            match Pin::new(&mut self.opened).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                Poll::Ready(Err(_)) => self.answered = true,
                Poll::Pending => return self.patience.as_mut().poll(cx),
            }
        }
        Poll::Pending
    }
}
