//! The upstream's response is admitted: how its body goes to the client.
//!
//! Invariant: a body that a rule reads is held before any of it is sent, so its verdict is never late.

use std::time::Duration;

use bytes::Bytes;
use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::{EventId, ResponseHead, Tick};

use crate::arrival::HeldBody;
use crate::exchange::Exchange;
use crate::finished::{EndFacts, Finished};
use crate::mend;
use crate::phase::limits;
use crate::sending::Sending;
use crate::step::Refuse;
use crate::upstreams::Prefix;

/// What comes of an upstream's response head.
#[must_use]
pub enum ResponseStep {
    /// Send it to the client.
    Deliver(Deliver),
    /// Refuse instead.
    Refuse(Refuse),
    /// Carry out a batch in the store first.
    Counters(Box<ResponseAsk>),
}

/// A batch for the store that rules over the response wait for.
#[must_use]
pub struct ResponseAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) batch: Batch,
    /// How the body goes on, where that was decided.
    pub(crate) mode: Option<ResponseMode>,
}

/// A batch that rules over a held response body wait for.
#[must_use]
pub struct HeldAsk {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) batch: Batch,
    pub(crate) held: HeldBody,
}

/// How a response's body is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// Stream it, looking at nothing.
    Pass,
    /// Stream it, and hand what passes to [`Sending::tee`], at least the first `limit` bytes.
    Tee {
        /// Bytes wanted.
        limit: u64,
    },
    /// Hold it, then call [`Deliver::held`].
    Hold {
        /// Bytes held at most.
        limit: u64,
        /// How long to wait for them.
        deadline: Duration,
    },
}

/// An admitted response.
#[must_use]
pub struct Deliver {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) mode: ResponseMode,
}

/// What comes of a held response body.
#[must_use]
pub enum HeldStep {
    /// Send what was held, and stream the rest if there is more.
    Deliver(Sending),
    /// Send these bytes instead, content codings off; length, `ETag`, digests and ranges need mending.
    Rewritten(Sending, Bytes),
    /// Refuse instead.
    Refuse(Refuse),
    /// Carry out a batch in the store first.
    Counters(Box<HeldAsk>),
}

impl ResponseAsk {
    /// What to carry out.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Goes on with the store's answers, or without them as policy says.
    pub fn answer(self, answers: Result<Answers, StoreFailure>, now: Tick) -> ResponseStep {
        self.exchange.response_counted(answers, self.mode, now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

impl HeldAsk {
    /// What to carry out.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Goes on with the store's answers, or without them as policy says.
    pub fn answer(self, answers: Result<Answers, StoreFailure>, now: Tick) -> HeldStep {
        self.exchange.held_counted(answers, self.held, now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}

impl Deliver {
    /// Whether places in the answer's fields are named as the upstream reads paths, not as clients know them.
    pub fn renames_places(&self) -> bool {
        self.prefix().is_some_and(|prefix| prefix.rewrite.is_some())
    }

    /// A `Location` or `Content-Location` as clients know it, where the upstream names it otherwise.
    pub fn mended_location(&self, value: &str) -> Option<String> {
        mend::location(self.prefix()?, &self.exchange.state.normal.host, value)
    }

    /// A `Set-Cookie` whose path clients know, where the upstream names it otherwise.
    pub fn mended_cookie(&self, value: &str) -> Option<String> {
        mend::cookie(self.prefix()?, value)
    }

    fn prefix(&self) -> Option<&Prefix> {
        self.exchange.site()?.upstreams.prefix(self.exchange.state.prefix?)
    }

    /// How the body is handled.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The exchange's id.
    pub fn id(&self) -> EventId {
        self.exchange.state.id
    }

    /// The head the upstream answered.
    pub fn head(&self) -> Option<&ResponseHead> {
        self.exchange.state.response.as_ref()
    }

    /// Fields to add to the head: what clients are told of limits, and a session that goes on.
    pub fn added_fields(&self) -> Vec<(&'static str, String)> {
        let state = &self.exchange.state;
        let mut fields = limits::fields(&state.announced);
        fields.extend(state.renewed.clone().map(|cookie| ("set-cookie", cookie)));
        fields
    }

    /// The head is on its way; for [`ResponseMode::Pass`] and [`ResponseMode::Tee`].
    pub fn begin(self) -> Sending {
        Sending::new(self.exchange)
    }

    /// The body was held; for [`ResponseMode::Hold`].
    pub fn held(self, body: &HeldBody, now: Tick) -> HeldStep {
        self.exchange.response_held(body, now)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}
