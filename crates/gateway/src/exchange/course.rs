//! The course of one exchange: where it stands with the engine, and what only the host can know of it.
//!
//! Invariant: every exchange ends exactly once. Whoever drops a course that has not ended, because a client
//! vanished or a task was cancelled, ends it as abandoned; so summary, event and observation are never missed.

use std::sync::Arc;

use http::HeaderMap;
use portcullis_engine::{
    CountersAsk, CredentialAsk, DelayAsk, Deliver, EndFacts, Finished, Forward, HeldAsk, ProgressFacts,
    Refuse, RequestBodyAsk, ResponseAsk, ResponseStep, Sending, Step,
};
use portcullis_events::Wants;
use portcullis_model::EventId;
use portcullis_model::counter::Batch;
use portcullis_model::event::{End, NotInspected, UpstreamRecord};
use portcullis_store::Reply;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::body::Passage;
use crate::connection::ConnectionContext;
use crate::ports::Ports;
use crate::trace::Trace;

/// One exchange between its arrival and its end.
pub(crate) struct Course {
    /// The client connection it came on.
    pub(crate) connection: Arc<ConnectionContext>,
    id: EventId,
    /// Its part in a trace, where policy wants traces.
    pub(crate) trace: Option<Arc<Trace>>,
    stage: Option<Stage>,
    /// What the host saw of it so far.
    pub(crate) seen: Seen,
}

/// Where an exchange stands with the engine.
pub(crate) enum Stage {
    /// A credential is looked at.
    Credential(CredentialAsk),
    /// The store is asked.
    Counters(CountersAsk),
    /// The request's body is held.
    RequestBody(RequestBodyAsk),
    /// It is held for a while.
    Delay(DelayAsk),
    /// The upstream is asked.
    Forward(Forward),
    /// The store is asked for what rules over the response read.
    ResponseCounters(Box<ResponseAsk>),
    /// The response's body is held.
    Deliver(Deliver),
    /// The store is asked for what rules over the held body read.
    HeldCounters(Box<HeldAsk>),
    /// A refusal is about to be sent.
    Refuse(Refuse),
    /// The answer is being sent.
    Sending(Sending),
}

/// What only the host knows.
#[derive(Default)]
pub(crate) struct Seen {
    /// The status on its way to the client; 0 before.
    pub(crate) status: u16,
    /// Request body bytes that were held.
    pub(crate) held_bytes: u64,
    /// The part of the request's body that streams.
    pub(crate) passage: Option<Arc<Passage>>,
    /// Request bytes of a tunnel.
    pub(crate) tunnel_bytes: u64,
    /// Response body bytes handed to the client's connection.
    pub(crate) response_bytes: u64,
    /// What the trailers of the answer say came of a call.
    pub(crate) grpc_status: Option<SmolStr>,
    /// The upstream's part, where it changed after the head was handed in.
    pub(crate) upstream: Option<UpstreamRecord>,
    /// Whether there was room for it when that was looked at.
    pub(crate) admitted: bool,
    /// What could not be looked at.
    pub(crate) not_inspected: SmallVec<[NotInspected; 1]>,
}

impl Seen {
    fn request_bytes(&self) -> u64 {
        let streamed = self.passage.as_ref().map_or(0, |passage| passage.bytes());
        self.held_bytes.saturating_add(streamed).saturating_add(self.tunnel_bytes)
    }

    /// Notes what trailers of the answer say.
    pub(crate) fn read_trailers(&mut self, trailers: &HeaderMap) {
        let status = trailers.get("grpc-status").and_then(|value| value.to_str().ok());
        // The numbers there are have two digits; what is longer says nothing anybody knows.
        self.grpc_status = status.map(|status| SmolStr::new(status.get(..3).unwrap_or(status)));
    }

    /// Notes something that was not looked at.
    pub(crate) fn skip(&mut self, what: &'static str, why: &'static str) {
        let (what, why) = (SmolStr::new_static(what), SmolStr::new_static(why));
        self.not_inspected.push(NotInspected { what, why });
    }
}

impl From<Step> for Stage {
    fn from(step: Step) -> Self {
        match step {
            Step::Credential(ask) => Self::Credential(ask),
            Step::Counters(ask) => Self::Counters(ask),
            Step::RequestBody(ask) => Self::RequestBody(ask),
            Step::Delay(ask) => Self::Delay(ask),
            Step::Forward(forward) => Self::Forward(forward),
            Step::Refuse(refuse) => Self::Refuse(refuse),
        }
    }
}

impl From<ResponseStep> for Stage {
    fn from(step: ResponseStep) -> Self {
        match step {
            ResponseStep::Deliver(deliver) => Self::Deliver(deliver),
            ResponseStep::Refuse(refuse) => Self::Refuse(refuse),
            ResponseStep::Counters(ask) => Self::ResponseCounters(ask),
        }
    }
}

impl From<Refuse> for Stage {
    fn from(refuse: Refuse) -> Self {
        Self::Refuse(refuse)
    }
}

impl Stage {
    /// What the store is asked.
    pub(crate) fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Counters(ask) => Some(ask.batch()),
            Self::ResponseCounters(ask) => Some(ask.batch()),
            Self::HeldCounters(ask) => Some(ask.batch()),
            _ => None,
        }
    }

    fn finish(self, facts: EndFacts) -> Finished {
        match self {
            Self::Credential(ask) => ask.abandon(facts),
            Self::Counters(ask) => ask.abandon(facts),
            Self::RequestBody(ask) => ask.abandon(facts),
            Self::Delay(ask) => ask.abandon(facts),
            Self::Forward(forward) => forward.abandon(facts),
            Self::ResponseCounters(ask) => ask.abandon(facts),
            Self::Deliver(deliver) => deliver.abandon(facts),
            Self::HeldCounters(ask) => ask.abandon(facts),
            Self::Refuse(refuse) => refuse.abandon(facts),
            Self::Sending(sending) => sending.finish(facts),
        }
    }
}

impl Course {
    /// An exchange at its first stage; boxed, as it is handed on many times.
    pub(crate) fn begin(
        connection: Arc<ConnectionContext>,
        (id, trace): (EventId, Option<Trace>),
        stage: impl Into<Stage>,
    ) -> Box<Self> {
        let trace = trace.map(Arc::new);
        Box::new(Self { connection, id, trace, stage: Some(stage.into()), seen: Seen::default() })
    }

    /// Where it stands; absent once it ended.
    pub(crate) fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// Takes the stage, to go on to the next with [`Self::enter`] before anything is awaited.
    pub(crate) fn take(&mut self) -> Option<Stage> {
        self.stage.take()
    }

    /// Goes on to a stage.
    pub(crate) fn enter(&mut self, stage: impl Into<Stage>) {
        self.stage = Some(stage.into());
    }

    /// Hands bytes on their way to the client to the engine.
    pub(crate) fn tee(&mut self, bytes: &[u8]) {
        if let Some(Stage::Sending(sending)) = &mut self.stage {
            sending.tee(bytes);
        }
    }

    /// Reports on an exchange that takes long.
    pub(crate) fn report(&mut self) {
        let ports = &self.connection.node.ports;
        let facts = ProgressFacts {
            status: self.seen.status,
            request_bytes: self.seen.request_bytes(),
            response_bytes: self.seen.response_bytes,
            now: ports.clock.now(),
        };
        let mut event = match &mut self.stage {
            Some(Stage::Sending(sending)) => sending.progress(facts),
            Some(Stage::Forward(forward)) => forward.progress(facts),
            _ => return,
        };
        event.trace = self.trace.as_ref().map(|trace| trace.record);
        ports.recorder.offer(event);
    }

    /// Ends the exchange; does nothing if it ended before.
    pub(crate) fn end(&mut self, end: End) {
        let Some(stage) = self.stage.take() else { return };
        let facts = EndFacts {
            end,
            status: self.seen.status,
            request_bytes: self.seen.request_bytes(),
            response_bytes: self.seen.response_bytes,
            upstream: self.seen.upstream.take(),
            grpc_status: self.seen.grpc_status.take(),
            now: self.connection.node.ports.clock.now(),
            not_inspected: std::mem::take(&mut self.seen.not_inspected),
        };
        let finished = stage.finish(facts);
        self.settle(finished);
    }

    /// Hands the store what it is to carry out, and records the exchange once it has answered.
    fn settle(&self, mut finished: Finished) {
        let (ports, told) = (&self.connection.node.ports, Told { id: self.id, trace: self.trace.clone() });
        let Some(batch) = finished.writes() else { return told.record(ports, &finished) };
        let ready = match ports.store.apply(batch) {
            Reply::Ready(answers) => Some(answers),
            Reply::Waiting(_) => None,
        };
        if let Some(answers) = ready {
            finished.settle(answers).iter().for_each(|ban| ports.store.ban(ban.clone()));
            return told.record(ports, &finished);
        }
        // Elsewhere than in memory it takes a while: asked again by a task that can wait.
        let node = Arc::clone(&self.connection.node);
        let Some(batch) = finished.writes().cloned() else { return };
        self.connection.node.tasks.spawn(async move {
            let answers = node.ports.store.apply(&batch).answers().await;
            finished.settle(answers).iter().for_each(|ban| node.ports.store.ban(ban.clone()));
            told.record(&node.ports, &finished);
        });
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.end(End::ClientGone);
    }
}

/// What is told of an exchange beside what the engine knows of it.
struct Told {
    id: EventId,
    trace: Option<Arc<Trace>>,
}

impl Told {
    /// Totals first, so that they are exact; then the event, if it is wanted; then what others make of the exchange.
    fn record(&self, ports: &Ports, finished: &Finished) {
        let summary = finished.summary();
        ports.metrics.exchange(summary);
        finished.not_inspected().iter().for_each(|part| ports.metrics.not_inspected(part));
        ports.recorder.fold(summary);
        let spans = self.trace.as_ref().zip(ports.spans.as_ref());
        let spans = spans.filter(|(trace, spans)| spans.wants(&trace.record, summary));
        // Asked in any case: it counts what the sample leaves out.
        let wants = ports.recorder.wants(summary, self.id);
        if spans.is_some() || wants != Wants::No {
            let mut event = finished.event();
            event.trace = self.trace.as_ref().map(|trace| trace.record);
            if let Some((trace, spans)) = spans {
                spans.offer(&event, &trace.record, &trace.state);
                ports.metrics.exemplar(summary, trace.record.id);
            }
            ports.recorder.offer(event);
        }
        pass_on(ports, finished);
    }
}

/// What notes keys, asks for keys, counts guesses and learns gets its part.
fn pass_on(ports: &Ports, finished: &Finished) {
    finished.keys_used().for_each(|(provider, key)| ports.key_uses.note(provider, key, finished.began()));
    if let Some(asking) = &ports.strange_keys {
        // One that is full has enough to ask for.
        finished.strange_keys().iter().for_each(|provider| drop(asking.try_send(provider.clone())));
    }
    if let Some(counting) = &ports.guesses
        && let Some(guess) = finished.guess()
        && counting.try_send(guess).is_err()
    {
        ports.metrics.guess_dropped();
    }
    if let Some(learn) = &ports.observations
        && let Some(observation) = finished.observation()
    {
        // A full queue is learning's loss, never traffic's.
        if learn.try_send(observation).is_err() {
            ports.metrics.observation_dropped();
        }
    }
}
