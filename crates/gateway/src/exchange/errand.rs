//! The errand to the upstream: attempts until a server answers, or none may be made any more.
//!
//! Invariants: a request goes out a second time only if nothing of it was processed, or if its method is
//! idempotent and it has no body; a failure the client caused is never taken for the server's. Deliberately
//! absent: what a failure means for the client, which is the engine's.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use portcullis_engine::{RequestFailure, UpstreamFailure};
use portcullis_model::event::UpstreamRecord;
use portcullis_model::{ResponseHead, Tick};
use portcullis_wire::Defect;

use super::course::{Course, Stage};
use super::outgoing::Outgoing;
use crate::body::{Broken, Carrier, Passage, UpstreamBody};
use crate::clock::Clock;
use crate::pace::{Lapse, Pace};
use crate::upstream::{AskFailure, Asking, Connection, Kept, Lease, Seeking, ServerSet, Tried};

/// A request on its way, and what became of it so far.
pub(super) struct Errand {
    set: Arc<ServerSet>,
    outgoing: Outgoing,
    record: UpstreamRecord,
    tried: Tried,
    began: Tick,
    pace: Pace,
    kept: Kept,
    /// What leads it to a server, where policy balances by a key.
    key: Option<u64>,
}

/// A server's answer, its body still to come, and how it was had.
pub(super) struct Answered {
    pub(super) reply: Reply,
    pub(super) record: UpstreamRecord,
    pub(super) pace: Pace,
    /// When its head was there.
    pub(super) now: Tick,
}

/// A server's answer, its body still to come.
pub(super) struct Reply {
    pub(super) response: Response<Incoming>,
    pub(super) head: ResponseHead,
    pub(super) carrier: Carrier,
}

/// No server answered.
pub(super) enum Unanswered {
    /// The upstream's doing.
    Upstream(UpstreamFailure, UpstreamRecord),
    /// The client's doing.
    Request(RequestFailure, UpstreamRecord),
    /// The client vanished.
    Gone(UpstreamRecord),
}

/// One attempt failed.
struct Setback {
    failure: Failure,
    /// The body, where it can be sent again.
    body: Option<UpstreamBody>,
    repeat: Repeat,
}

enum Failure {
    Upstream(UpstreamFailure),
    Request(RequestFailure),
    Gone,
}

/// Whether another attempt may be made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// As often as policy allows.
    Counted,
    /// Once more in any case: the connection had been closed before the request came to it.
    Stale,
    /// No.
    Never,
}

impl Errand {
    /// An errand to one of a site's servers.
    pub(super) fn new(
        set: Arc<ServerSet>,
        outgoing: Outgoing,
        (clock, began): (Clock, Tick),
        report_every: Duration,
        key: Option<u64>,
    ) -> Self {
        let timeouts = set.plan().timeouts;
        let now = clock.instant(began);
        let end = timeouts.total.map(|total| now + total);
        let pace = Pace::new(timeouts.head, end, report_every, now);
        let record = UpstreamRecord { name: set.plan().name.clone(), ..UpstreamRecord::default() };
        Self { set, outgoing, record, tried: Tried::new(), began, pace, kept: Kept::Welcome, key }
    }

    /// Makes attempts until one is answered or no further one may be made.
    pub(super) async fn run(mut self, course: &mut Course) -> Result<Answered, Unanswered> {
        let mut now = self.began;
        loop {
            let lease = match self.set.lease(&mut self.tried, Seeking { key: self.key, now }).await {
                Ok(lease) => lease,
                Err(failure) => return Err(Unanswered::Upstream(failure, self.record)),
            };
            self.record.server = lease.server().endpoint().name.clone();
            self.record.attempts += 1;
            match self.attempt(course, lease, now).await {
                Ok(reply) => return Ok(self.answered(reply, course)),
                Err(setback) => {
                    if let Err(failure) = self.again(setback) {
                        return Err(self.unanswered(failure));
                    }
                    now = course.connection.node.ports.clock.tick();
                }
            }
        }
    }

    fn answered(mut self, reply: Reply, course: &Course) -> Answered {
        let now = course.connection.node.ports.clock.tick();
        let waited = now.since(self.began);
        self.record.status = Some(reply.head.status);
        self.record.head_us = Some(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        self.record.error = None;
        self.pace.go_on(self.set.plan().timeouts.idle);
        if let Some(passage) = &self.outgoing.passage {
            passage.answer();
        }
        Answered { reply, record: self.record, pace: self.pace, now }
    }

    fn unanswered(self, failure: Failure) -> Unanswered {
        match failure {
            Failure::Upstream(failure) => Unanswered::Upstream(failure, self.record),
            Failure::Request(failure) => Unanswered::Request(failure, self.record),
            Failure::Gone => Unanswered::Gone(self.record),
        }
    }

    /// Prepares another attempt, if one may be made.
    fn again(&mut self, setback: Setback) -> Result<(), Failure> {
        let may = match setback.repeat {
            Repeat::Never => false,
            Repeat::Counted => self.record.attempts <= self.set.plan().retries,
            Repeat::Stale => self.kept == Kept::Welcome,
        };
        let Some(body) = setback.body.filter(|_| may && !self.pace.is_overdue()) else {
            return Err(setback.failure);
        };
        if setback.repeat == Repeat::Stale {
            // It was no attempt on the server, which never saw it.
            self.kept = Kept::Suspect;
            self.tried.pop();
            self.record.attempts -= 1;
        }
        self.outgoing.body = body;
        Ok(())
    }

    async fn attempt(&mut self, course: &mut Course, lease: Lease, now: Tick) -> Result<Reply, Setback> {
        let Some(Stage::Forward(forward)) = course.stage() else { return Err(Setback::gone()) };
        let need = self.outgoing.need(forward.head());
        let from = course.connection.announced(forward.client_ip());
        let mut connection = match self.set.connection(lease.server(), need, (self.kept, now), from).await {
            Ok(connection) => connection,
            Err((failure, error)) => return Err(self.not_connected(&lease, failure, error, now)),
        };
        self.record.reused = connection.is_reused();
        self.pace.take_over(connection.take_timer());
        let Some(Stage::Forward(forward)) = course.stage() else { return Err(Setback::gone()) };
        let safe_to_repeat = self.outgoing.body.is_empty() && forward.head().method.is_idempotent();
        let hop = (&*course.connection.peer, connection.framing(), course.trace.as_deref());
        let Some(asking) = self.outgoing.request(forward, hop, lease.server().endpoint()) else {
            self.record.error = Some("the target cannot be sent to a server".into());
            let failure = Failure::Upstream(UpstreamFailure::NoServer);
            return Err(Setback { failure, body: None, repeat: Repeat::Never });
        };
        match self.ask(course, &mut connection, asking).await {
            Ok(Ok(response)) => {
                let head = connection.head(&response);
                if self.set.plan().failing.contains(&head.status) {
                    self.set.failed(lease.server(), now);
                } else {
                    lease.server().health.succeeded(self.set.plan().tolerance, now);
                }
                Ok(Reply { response, head, carrier: Carrier::new(connection, lease, Arc::clone(&self.set)) })
            }
            Ok(Err(failed)) => Err(self.failed(&lease, &connection, failed, safe_to_repeat, now)),
            Err(failure) => {
                // A slow client must not get its server paused for everybody.
                if !self.waits_for_client() {
                    self.set.failed(lease.server(), now);
                }
                Err(Setback { failure: Failure::Upstream(failure), body: None, repeat: Repeat::Never })
            }
        }
    }

    /// Waits for the response's head while the exchange keeps its pace; a timeout is the outer error.
    async fn ask(
        &mut self,
        course: &mut Course,
        connection: &mut Connection,
        asking: Asking,
    ) -> Result<Result<Response<Incoming>, Box<AskFailure>>, UpstreamFailure> {
        let (pace, passage) = (&mut self.pace, self.outgoing.passage.as_deref());
        let mut asking = pin!(connection.ask(asking));
        let mut sent = 0;
        pace.moved();
        poll_fn(|cx| {
            if let Poll::Ready(answer) = asking.as_mut().poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            loop {
                match ready!(pace.poll_lapse(cx)) {
                    Lapse::Report => course.report(),
                    Lapse::Overdue => return Poll::Ready(Err(UpstreamFailure::TotalTimeout)),
                    // Before it has the request's body, the upstream cannot be expected to answer; how long the
                    // client may take over that is bounded elsewhere.
                    Lapse::Stalled
                        if passage
                            .is_some_and(|passage| passage.bytes() > sent || passage.waits_for_client()) =>
                    {
                        sent = passage.map_or(0, Passage::bytes);
                        pace.moved();
                    }
                    Lapse::Stalled => return Poll::Ready(Err(UpstreamFailure::HeadTimeout)),
                }
            }
        })
        .await
    }

    /// Whether the upstream waits for the client's body.
    fn waits_for_client(&self) -> bool {
        self.outgoing.passage.as_ref().is_some_and(|passage| passage.waits_for_client())
    }

    fn not_connected(
        &mut self,
        lease: &Lease,
        failure: UpstreamFailure,
        error: String,
        now: Tick,
    ) -> Setback {
        self.set.failed(lease.server(), now);
        self.record.error = Some(error.into());
        let body = Some(std::mem::take(&mut self.outgoing.body));
        Setback { failure: Failure::Upstream(failure), body, repeat: Repeat::Counted }
    }

    /// Tells apart what the client did, what the server sent, and a connection that was closed already.
    fn failed(
        &mut self,
        lease: &Lease,
        connection: &Connection,
        failed: Box<AskFailure>,
        safe_to_repeat: bool,
        now: Tick,
    ) -> Setback {
        let AskFailure { error, unsent } = *failed;
        self.record.error = Some(error.to_string().into());
        if let Some(broken) = self.outgoing.passage.as_ref().and_then(|passage| passage.broken()) {
            return Setback { failure: broken.clone().into(), body: None, repeat: Repeat::Never };
        }
        if let Some(request) = unsent {
            let repeat = if connection.is_reused() { Repeat::Stale } else { Repeat::Counted };
            let failure = Failure::Upstream(UpstreamFailure::Reset);
            return Setback { failure, body: Some(request.into_body()), repeat };
        }
        let garbage = connection.defect().or_else(|| error.is_parse().then_some(Defect::StatusLine));
        let stale = safe_to_repeat && connection.is_reused() && garbage.is_none();
        if !stale {
            self.set.failed(lease.server(), now);
        }
        let repeat = match garbage {
            None if stale => Repeat::Stale,
            None if safe_to_repeat || was_refused(&error) => Repeat::Counted,
            _ => Repeat::Never,
        };
        let failure = Failure::Upstream(garbage.map_or(UpstreamFailure::Reset, UpstreamFailure::Garbage));
        let body = safe_to_repeat.then_some(UpstreamBody::Empty);
        Setback { failure, body, repeat }
    }
}

/// Whether an HTTP/2 server says that it processed nothing of the request (RFC 9113 §8.7).
fn was_refused(error: &hyper::Error) -> bool {
    let reason =
        error.source().and_then(|cause| cause.downcast_ref::<h2::Error>()).and_then(h2::Error::reason);
    reason == Some(h2::Reason::REFUSED_STREAM)
}

impl Setback {
    fn gone() -> Self {
        Self { failure: Failure::Gone, body: None, repeat: Repeat::Never }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone => Self::Gone,
            Broken::Stalled => Self::Request(RequestFailure::Stalled),
            Broken::Defect(defect) => Self::Request(RequestFailure::Broken(defect)),
        }
    }
}
