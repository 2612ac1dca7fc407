//! What the host must do next, up to the moment something is sent to the upstream or the client.
//!
//! Invariant: each ask owns the continuation that only its answer can resume, so a host that answers out of
//! order does not compile; each can be abandoned, and then the exchange still has an end.

use std::time::Duration;

use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::event::UpstreamRecord;
use portcullis_model::{Ban, BanView, CallerKey, EventId, RequestHead, Tick};
use portcullis_policy::DelayOrder;
use smol_str::SmolStr;

use crate::arrival::{HeldBody, HoldBounds};
use crate::exchange::Exchange;
use crate::finished::{EndFacts, Finished};
use crate::forward::{Forward, UpstreamFailure};
use crate::identity::{Ask, CredentialCheck, CredentialReply, Replied};
use crate::load::{Load, Shed};
use crate::refusal::Refusal;
use crate::sending::Sending;

/// What the host must do next.
#[must_use]
pub enum Step {
    /// Look at a credential.
    Credential(CredentialAsk),
    /// Carry out a batch in the store.
    Counters(CountersAsk),
    /// Hold the request's body.
    RequestBody(RequestBodyAsk),
    /// Hold it for a while.
    Delay(DelayAsk),
    /// Send the request to the upstream.
    Forward(Forward),
    /// Refuse.
    Refuse(Refuse),
}

/// A credential only the host can look at: it is expensive, or somebody else's to judge.
#[must_use]
pub struct CredentialAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) ask: Ask,
}

impl CredentialAsk {
    /// What to look at, away from where others wait.
    pub fn check(&self) -> CredentialCheck {
        self.ask.check.clone()
    }

    /// Who shows it, as far as the connection tells.
    pub fn caller(&self) -> &CallerKey {
        &self.exchange.state.caller
    }

    /// Goes on with what the host found out.
    pub fn answer(self, reply: CredentialReply, bans: &dyn BanView, now: Tick) -> Step {
        let replied = Replied { provider: self.ask.provider, reply };
        self.exchange.replied(replied, bans, now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

/// A batch for the store.
#[must_use]
pub struct CountersAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) batch: Box<Batch>,
}

impl CountersAsk {
    /// What to carry out.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Goes on with the store's answers, or without them as policy says.
    pub fn answer(self, answers: Result<Answers, StoreFailure>, bans: &dyn BanView, now: Tick) -> Step {
        self.exchange.counted(answers, bans, now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

/// A wish to see the request's body before anything is sent upstream.
#[must_use]
pub struct RequestBodyAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) bounds: HoldBounds,
}

impl RequestBodyAsk {
    /// How many bytes to hold at most.
    pub fn limit(&self) -> u64 {
        self.bounds.limit
    }

    /// How long to wait at most.
    pub fn deadline(&self) -> Duration {
        self.bounds.deadline
    }

    /// Goes on with what was held.
    pub fn answer(self, body: &HeldBody, now: Tick) -> Step {
        self.exchange.body_held(body, now)
    }

    /// What it would be to its upstream; `None` for what never reaches one.
    pub fn load(&self) -> Option<Load<'_>> {
        self.exchange.load()
    }

    /// There is too much to do for it.
    pub fn shed(self, why: Shed, again: Duration, now: Tick) -> Refuse {
        self.exchange.upstream_failed(&UpstreamFailure::Shed { why, again }, UpstreamRecord::default(), now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

/// A wish to slow the caller down: all is judged, and it goes on after a while.
#[must_use]
pub struct DelayAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) by: SmolStr,
    pub(crate) order: DelayOrder,
}

/// What became of a wish to hold an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delayed {
    /// It was held that long.
    Over,
    /// As many were held already as may be at once.
    TooMany,
}

impl DelayAsk {
    /// For how long.
    pub fn span(&self) -> Duration {
        self.order.duration
    }

    /// How many may be held at once, this one included.
    pub fn at_once(&self) -> u64 {
        self.order.at_once.get()
    }

    /// Goes on once it was held, or could not be.
    pub fn answer(self, outcome: Delayed, now: Tick) -> Step {
        self.exchange.delayed(outcome, self.by, self.order.duration, now)
    }

    /// What it would be to its upstream; `None` for what never reaches one.
    pub fn load(&self) -> Option<Load<'_>> {
        self.exchange.load()
    }

    /// There is too much to do for it.
    pub fn shed(self, why: Shed, again: Duration, now: Tick) -> Refuse {
        self.exchange.upstream_failed(&UpstreamFailure::Shed { why, again }, UpstreamRecord::default(), now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

/// A refusal to be sent to the client.
#[must_use]
pub struct Refuse {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) answer: Box<Refusal>,
}

impl Refuse {
    /// What to tell the client.
    pub fn answer(&self) -> &Refusal {
        &self.answer
    }

    /// Bans to be stored.
    pub fn bans(&self) -> &[Ban] {
        &self.exchange.state.bans
    }

    /// The exchange's id.
    pub fn id(&self) -> EventId {
        self.exchange.state.id
    }

    /// The request's head as received.
    pub fn head(&self) -> &RequestHead {
        &self.exchange.state.head
    }

    /// The site's name, if one was found.
    pub fn site(&self) -> Option<&str> {
        self.exchange.site().map(|site| site.name.as_str())
    }

    /// The answer is on its way.
    pub fn begin(self) -> Sending {
        Sending::new(self.exchange)
    }

    /// The client went away before any of it was sent.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}
