//! The end of an exchange: the summary at once, the event and the observation on demand.
//!
//! Invariant: an event is built only when asked for, so that one sampled away costs nothing. Deliberately
//! absent: who keeps them.

use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::event::{End, NotInspected, Summary, UpstreamRecord};
use portcullis_model::guess::Guess;
use portcullis_model::observation::Observation;
use portcullis_model::{Ban, Event, Moment, Proof, Timestamp};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::exchange::Exchange;
use crate::phase::limits;

/// How an exchange ended, as only the host can know.
#[derive(Clone, Debug)]
pub struct EndFacts {
    /// How it ended.
    pub end: End,
    /// The status sent to the client; 0 if none was.
    pub status: u16,
    /// Request body bytes received.
    pub request_bytes: u64,
    /// Response body bytes sent to the client.
    pub response_bytes: u64,
    /// The upstream's part, where it says more than what was handed in with the response's head.
    pub upstream: Option<UpstreamRecord>,
    /// What the trailers of the answer say came of a call (`grpc-status`).
    pub grpc_status: Option<SmolStr>,
    /// When the last byte was sent, or the end was noticed.
    pub now: Moment,
    /// What the host could not look at, and why.
    pub not_inspected: SmallVec<[NotInspected; 1]>,
}

/// How far an exchange that is still going on has come.
#[derive(Clone, Copy, Debug)]
pub struct ProgressFacts {
    /// The status sent to the client; 0 if none was.
    pub status: u16,
    /// Request body bytes received so far.
    pub request_bytes: u64,
    /// Response body bytes sent so far.
    pub response_bytes: u64,
    /// Now.
    pub now: Moment,
}

/// A finished exchange.
pub struct Finished {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) summary: Summary,
    pub(crate) writes: Option<Batch>,
}

impl Finished {
    /// What the per-minute totals need.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the store is to carry out now; its answers are for [`Self::settle`].
    pub fn writes(&self) -> Option<&Batch> {
        self.writes.as_ref()
    }

    /// Takes the store's answers up: what limits make of an exchange that is over. Answers the bans to be stored.
    pub fn settle(&mut self, answers: Result<Answers, StoreFailure>) -> &[Ban] {
        let Exchange { snapshot, state } = &mut *self.exchange;
        // Those of its refusal are stored by now.
        state.bans.clear();
        if state.counting.is_some() {
            limits::judge_end(snapshot, state, answers);
            self.summary = self.exchange.summary();
        }
        &self.exchange.state.bans
    }

    /// What was not looked at, and why.
    pub fn not_inspected(&self) -> &[NotInspected] {
        &self.exchange.state.not_inspected
    }

    /// The providers a token came to that names a key they do not have, though its issuer may have it by now.
    pub fn strange_keys(&self) -> &[SmolStr] {
        &self.exchange.state.strange_keys
    }

    /// When the exchange began.
    pub fn began(&self) -> Timestamp {
        self.exchange.state.began.wall
    }

    /// The API keys that proved who called: their providers and ids.
    pub fn keys_used(&self) -> impl Iterator<Item = (&str, &str)> {
        let state = &self.exchange.state;
        let identities = state.identity.iter().chain(&state.others);
        identities
            .filter(|identity| identity.proof == Proof::ApiKey)
            .filter_map(|identity| Some((identity.provider.as_str(), identity.credential.as_deref()?)))
    }

    /// The credential of this exchange that failed, where it may have been guessed.
    pub fn guess(&self) -> Option<Guess> {
        self.exchange.guess()
    }

    /// The redacted record; made anew at each call.
    pub fn event(&self) -> Event {
        self.exchange.event()
    }

    /// What learning needs; absent where this exchange is not among those it looks at, or found no site.
    pub fn observation(&self) -> Option<Observation> {
        self.exchange.observation()
    }
}
