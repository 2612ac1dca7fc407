//! One HTTP/1.1 connection to an upstream server, driven by the exchange that uses it.
//!
//! hyper's connection is a future that something must poll. Here no task of its own does: the exchange polls it
//! while it waits for the head, the response's body polls it while it is read, and between exchanges it rests in
//! the pool. That saves several wake-ups across tasks per exchange, and an exchange that is dropped takes its
//! connection with it. Invariant: only a connection that is between messages goes back to the pool.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Builder, Connection, Parts, SendRequest};
use hyper_util::rt::TokioIo;
use portcullis_model::{ResponseHead, Tick};
use portcullis_wire::Defect;

use super::connection::Asking;
use super::strict::{Strict, Witness, strict};
use super::transport::Transport;
use crate::body::UpstreamBody;
use crate::pace::Timer;

type Driven = Connection<TokioIo<Strict<Transport>>, UpstreamBody>;

/// A connection that carries one exchange at a time.
pub(crate) struct Http1 {
    sender: SendRequest<UpstreamBody>,
    life: Life,
    witness: Witness,
    remote: SocketAddr,
    rested_at: Tick,
    reused: bool,
    timer: Option<Timer>,
}

/// hyper's connection, or what is left of it.
enum Life {
    Open(Box<Driven>),
    /// It ended, or changed its protocol: the stream, and what was read of it beyond HTTP.
    Over(Parts<TokioIo<Strict<Transport>>>),
    /// Between the two; never seen.
    Ending,
}

impl Life {
    /// Polls the connection unless it is over. Once it is over it must not outlive that: whatever hyper still had
    /// of a request is only answered when its side of the queue is dropped.
    fn drive(&mut self, cx: &mut Context<'_>) {
        let Self::Open(connection) = self else { return };
        if connection.poll_without_shutdown(cx).is_ready()
            && let Self::Open(connection) = std::mem::replace(self, Self::Ending)
        {
            *self = Self::Over(connection.into_parts());
        }
    }
}

/// Why a request brought no response.
pub(crate) struct AskFailure {
    /// What hyper says.
    pub(crate) error: hyper::Error,
    /// The request, if nothing of it was written.
    pub(crate) unsent: Option<Request<UpstreamBody>>,
}

impl Http1 {
    /// Begins to speak HTTP/1.1 on a connected stream.
    pub(crate) async fn begin(transport: Transport, remote: SocketAddr) -> hyper::Result<Self> {
        let witness = Witness::new();
        let io = TokioIo::new(strict(transport, witness.clone()));
        // Of fields it reads as many as [`Strict`] lets through, a hundred; to be told a number it would take 32 KiB from
        // the heap for each head.
        let (sender, connection) = Builder::new().handshake(io).await?;
        Ok(Self {
            sender,
            life: Life::Open(Box::new(connection)),
            witness,
            remote,
            rested_at: Tick::default(),
            reused: false,
            timer: None,
        })
    }

    /// Sends a request and waits for the response's head, a final one or 101.
    pub(crate) async fn ask(&mut self, asking: Asking) -> Result<Response<Incoming>, Box<AskFailure>> {
        let Asking { request, lines } = asking;
        self.witness.expect(request.method(), request.headers(), lines);
        // The answer is made while the connection is polled, by this very task, so it needs no waker; and it must
        // not be kept back by a spent cooperative budget, as nothing would wake the task again.
        let mut answer = pin!(tokio::task::unconstrained(self.sender.try_send_request(request)));
        let life = &mut self.life;
        let answered = poll_fn(|cx| {
            life.drive(cx);
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        answered.await.map_err(|mut failed| {
            let unsent = failed.take_message();
            Box::new(AskFailure { error: failed.into_error(), unsent })
        })
    }

    /// The response's head as it was on the wire, once.
    pub(crate) fn take_head(&self) -> Option<ResponseHead> {
        self.witness.take_head()
    }

    /// What was wrong with what the server sent, if something was.
    pub(crate) fn defect(&self) -> Option<Defect> {
        self.witness.defect()
    }

    /// The next frame of the response's body.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        // As above: the body's frames are made while the connection is polled.
        let mut unwoken = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut unwoken) {
            return Poll::Ready(frame);
        }
        self.life.drive(cx);
        Pin::new(body).poll_frame(&mut unwoken)
    }

    /// Whether the connection is between messages and still open; polls it once to find out.
    pub(crate) fn rests(&mut self) -> bool {
        self.life.drive(&mut Context::from_waker(Waker::noop()));
        matches!(self.life, Life::Open(_)) && self.sender.is_ready() && self.witness.is_idle()
    }

    /// Notes when it was put to rest.
    pub(crate) fn rest(&mut self, now: Tick) {
        self.rested_at = now;
        self.reused = true;
    }

    /// The timer of the exchange before, for the next one.
    pub(crate) fn timer(&mut self) -> &mut Option<Timer> {
        &mut self.timer
    }

    /// Since when it rests.
    pub(crate) fn rested_at(&self) -> Tick {
        self.rested_at
    }

    /// Whether it carried an exchange before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// The server's address.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Takes the stream out after a 101: what was read beyond the head, and the stream itself.
    pub(crate) fn into_tunnel(mut self) -> Option<(Bytes, Strict<Transport>)> {
        self.life.drive(&mut Context::from_waker(Waker::noop()));
        match self.life {
            Life::Over(parts) => Some((parts.read_buf, parts.io.into_inner())),
            Life::Open(_) | Life::Ending => None,
        }
    }
}
