//! What a connection is doing: how many exchanges it carries, since when it carries none, how often its client
//! gave one up.
//!
//! Invariant: an exchange counts from the call into it to the drop of its response's body, however it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use portcullis_model::Tick;

use crate::body::ClientBody;
use crate::connection::{ConnectionContext, Protocol};

/// The state of one connection's exchanges.
#[derive(Debug)]
pub(crate) struct Activity {
    running: AtomicU32,
    /// The tick at which the last exchange ended, or the connection began.
    quiet_since: AtomicU64,
    /// Responses of which the client has taken nothing more for now.
    kept_waiting: AtomicU32,
    /// The tick at which a response was last taken from, or the first began to wait.
    taken_at: AtomicU64,
    /// Streams given up in the window that began at `resets_since`.
    resets: AtomicU32,
    resets_since: AtomicU64,
}

/// The window over which given-up streams are counted.
const RESET_WINDOW: Duration = Duration::from_secs(10);

impl Activity {
    /// Of a connection that began at `now`.
    pub(crate) fn new(now: Tick) -> Self {
        Self {
            running: AtomicU32::new(0),
            quiet_since: AtomicU64::new(now.0),
            kept_waiting: AtomicU32::new(0),
            taken_at: AtomicU64::new(now.0),
            resets: AtomicU32::new(0),
            resets_since: AtomicU64::new(now.0),
        }
    }

    /// Whether the connection carries nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0
    }

    /// How long the connection may go on carrying nothing, of `allowed`; zero once that is used up.
    pub(crate) fn patience(&self, allowed: Duration, now: Tick) -> Duration {
        if self.running.load(Ordering::Relaxed) > 0 {
            return allowed;
        }
        let quiet = now.since(Tick(self.quiet_since.load(Ordering::Relaxed)));
        allowed.saturating_sub(quiet)
    }

    /// How long the client may go on taking nothing of any response, of `allowed`; zero once that is used up.
    fn patience_to_take(&self, allowed: Duration, now: Tick) -> Duration {
        if self.kept_waiting.load(Ordering::Relaxed) == 0 {
            return allowed;
        }
        allowed.saturating_sub(now.since(Tick(self.taken_at.load(Ordering::Relaxed))))
    }

    /// Counts one given-up stream; answers how many there were in this window.
    fn given_up(&self, now: Tick) -> u32 {
        let began = Tick(self.resets_since.load(Ordering::Relaxed));
        if now.since(began) > RESET_WINDOW {
            self.resets_since.store(now.0, Ordering::Relaxed);
            self.resets.store(0, Ordering::Relaxed);
        }
        self.resets.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Resolves when the connection has carried nothing for `allowed`.
pub(crate) async fn wait_idle(connection: &ConnectionContext, allowed: Duration) {
    loop {
        let left = connection.activity.patience(allowed, connection.node.ports.clock.tick());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// Resolves when the client has taken nothing of any response that waits for it for `allowed`.
pub(crate) async fn wait_untaken(connection: &ConnectionContext, allowed: Duration) {
    loop {
        let left = connection.activity.patience_to_take(allowed, connection.node.ports.clock.tick());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// One exchange in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    connection: Arc<ConnectionContext>,
    ended: bool,
    turn: Turn,
}

/// Whose turn it is to keep a response going; told apart for HTTP/2 only, as the tap bounds writing HTTP/1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The client's, to make room.
    Client,
    /// Somebody else's.
    Ours,
}

impl InFlight {
    /// Counts an exchange that begins.
    pub(crate) fn begin(connection: Arc<ConnectionContext>) -> Self {
        let before = connection.activity.running.fetch_add(1, Ordering::Relaxed);
        if connection.protocol == Protocol::Http2 && before.saturating_add(1) == connection.limits.streams {
            connection.node.ports.metrics.streams_full();
        }
        Self { connection, ended: false, turn: Turn::Ours }
    }

    /// Notes whose turn it is now.
    fn give_turn(&mut self, turn: Turn) {
        if self.turn == turn || self.connection.protocol != Protocol::Http2 {
            return;
        }
        self.turn = turn;
        let activity = &self.connection.activity;
        let now = self.connection.node.ports.clock.tick().0;
        match turn {
            Turn::Client if activity.kept_waiting.fetch_add(1, Ordering::Relaxed) > 0 => {}
            Turn::Client => activity.taken_at.store(now, Ordering::Relaxed),
            Turn::Ours => {
                activity.kept_waiting.fetch_sub(1, Ordering::Relaxed);
                activity.taken_at.store(now, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.give_turn(Turn::Ours);
        let now = self.connection.node.ports.clock.tick();
        let activity = &self.connection.activity;
        activity.quiet_since.store(now.0, Ordering::Relaxed);
        activity.running.fetch_sub(1, Ordering::Relaxed);
        if !self.ended {
            self.connection.stream_given_up(activity.given_up(now));
        }
    }
}

/// A response's body that keeps its exchange counted until it is dropped.
#[derive(Debug)]
pub(crate) struct CountedBody {
    body: ClientBody,
    exchange: InFlight,
}

impl CountedBody {
    /// Ties a body to its exchange.
    pub(crate) fn new(body: ClientBody, mut exchange: InFlight) -> Self {
        exchange.ended = body.is_end_stream();
        if !exchange.ended {
            exchange.give_turn(Turn::Client);
        }
        Self { body, exchange }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = <ClientBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.exchange.give_turn(Turn::Ours);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        // An error is the upstream's or ours, not the client's giving up.
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.exchange.ended = true;
        }
        // hyper keeps a frame until the client has room for it, and drops the body once the last one went.
        if matches!(frame, Some(Ok(_))) {
            self.exchange.give_turn(Turn::Client);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
