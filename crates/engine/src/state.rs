//! Everything known of one exchange under way, and what was decided so far.
//!
//! Invariant: only grows; a phase adds what it learned and never takes back what an earlier one said.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_model::counter::{CounterKey, Window};
use portcullis_model::event::{End, NotInspected, Phase, PhaseTiming, Standing, UpstreamRecord};
use portcullis_model::{
    Action, Ban, CallerKey, Cause, EventId, Moment, OperationId, Peer, Reason, RequestHead, ResponseHead,
    TagSet, Tick, Verdict,
};
use portcullis_policy::{DelayOrder, Mode, Skippable};
use portcullis_wire::Normal;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::arrival::BodyHint;
use crate::filter::{Asking, Workspaces};
use crate::geo::Located;
use crate::header_edits::HeaderEdits;
use crate::identity::{Failed, Identity, Proofs, Replied, Signed};
use crate::names::Named;
use crate::phase::body::Parsed;
use crate::phase::{filter, limits, login};
use crate::refusal::Prove;
use crate::scope::Turn;
use crate::sensitive::Sensitive;
use crate::snapshot::Snapshot;

/// The site and route an exchange was located at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) site: usize,
    pub(crate) route: Option<usize>,
}

/// The operation of an exchange.
#[derive(Clone, Debug, Default)]
pub(crate) enum Matched {
    /// None: no site, or not looked for.
    #[default]
    Nothing,
    /// The contract's operation of that index.
    Declared { index: usize, params: SmallVec<[SmolStr; 2]>, standing: Standing },
    /// Grouped with calls like it: as was learned, with the id learned, or by the look of its path.
    Grouped { name: SmolStr, id: Option<OperationId>, standing: Option<Standing> },
}

/// How a request compares with the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conformance {
    Valid,
    Invalid,
}

impl Conformance {
    /// The value of its `contract:` tag.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

/// What is told to a client that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: SmallVec<[(SmolStr, String); 1]>,
    pub(crate) body: Option<Arc<str>>,
    pub(crate) prove: Option<Prove>,
    pub(crate) close: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: SmallVec::new(), body: None, prove: None, close: false }
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((SmolStr::new_static(name), value));
        self
    }

    /// 429, and when to come back.
    pub(crate) fn retry_after(wait: Duration) -> Self {
        Self::busy(429, wait)
    }

    /// A status, and when to come back (RFC 9110 §10.2.3), in whole seconds rounded up.
    pub(crate) fn busy(status: u16, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::status(status).header("retry-after", seconds.max(1).to_string())
    }

    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// Bytes looked at on their way to the client.
#[derive(Debug)]
pub(crate) struct Tee {
    /// As they come.
    pub(crate) bytes: BytesMut,
    /// All of them, once the exchange is over.
    pub(crate) whole: Bytes,
    pub(crate) limit: usize,
    pub(crate) cut: bool,
}

/// How it ended, or how far it has come.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) status: u16,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// What trailers say came of a call.
    pub(crate) grpc_status: Option<SmolStr>,
    pub(crate) duration: Duration,
}

/// What a limit gave an exchange until its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given {
    /// A place among those under way at once.
    Place(CounterKey),
    /// Leave to carry bytes, which are counted then.
    Bytes(CounterKey, Window),
}

/// See the module.
pub(crate) struct State {
    pub(crate) id: EventId,
    pub(crate) began: Moment,
    pub(crate) ticked: Tick,
    pub(crate) peer: Arc<Peer>,
    pub(crate) head: RequestHead,
    pub(crate) hint: BodyHint,
    pub(crate) normal: Normal,
    pub(crate) client: IpAddr,
    pub(crate) caller: CallerKey,
    /// Where the client's address is from, once somebody asked.
    pub(crate) located: OnceLock<Located>,
    /// What is known of the names of the client's address, once somebody asked.
    pub(crate) named: OnceLock<Named>,
    pub(crate) place: Option<Place>,
    /// The prefix by which the path goes to an upstream of its own, by its place in the site's list.
    pub(crate) prefix: Option<usize>,
    pub(crate) identity: Option<Arc<Identity>>,
    /// What further credentials of the request proved.
    pub(crate) others: Vec<Arc<Identity>>,
    pub(crate) failed: Option<Failed>,
    /// What is still to be seen of signatures that are valid.
    pub(crate) signed: Vec<Signed>,
    /// Providers whose issuer is worth asking for its keys again.
    pub(crate) strange_keys: SmallVec<[SmolStr; 1]>,
    pub(crate) matched: Matched,
    /// The frozen operation of that index, where nothing declares the call: with its path parameters.
    pub(crate) frozen: Option<(usize, SmallVec<[SmolStr; 2]>)>,
    /// Whether the browser proved itself before, or just now.
    pub(crate) proved: bool,
    /// Whether this is the solution to a puzzle, which goes nowhere.
    pub(crate) solving: bool,
    /// A login under way: somebody is back from the issuer, and its code is being changed for a token.
    pub(crate) login: Option<Box<login::Begun>>,
    /// The cookie of a session that goes on for longer.
    pub(crate) renewed: Option<String>,
    /// Whether a browser only asks for leave (CORS preflight).
    pub(crate) preflight: bool,
    pub(crate) tags: TagSet,
    pub(crate) verdict: Verdict,
    pub(crate) answer: Option<Answer>,
    pub(crate) bans: SmallVec<[Ban; 1]>,
    pub(crate) skipped: SmallVec<[Skippable; 2]>,
    /// An enforced block among the rules ends them.
    pub(crate) rules_ended: bool,
    pub(crate) edits: HeaderEdits,
    /// The limits of the batch the store was last asked.
    pub(crate) counting: Option<(Turn, SmallVec<[u16; 4]>)>,
    /// What clients are told of limits with an answer that passes.
    pub(crate) announced: SmallVec<[limits::Announced; 1]>,
    /// How long it is held before it goes on, and by which limit.
    pub(crate) delay: Option<(SmolStr, DelayOrder)>,
    /// What the end gives back to limits, or adds to them.
    pub(crate) given: SmallVec<[Given; 1]>,
    /// Scratch memory the host lends.
    pub(crate) lent: Arc<Workspaces>,
    pub(crate) proofs: Arc<dyn Proofs>,
    /// What the host said of credentials.
    pub(crate) replies: SmallVec<[Replied; 1]>,
    pub(crate) filter: filter::Standing,
    /// Collections the store was last asked for.
    pub(crate) asking: Option<Asking>,
    pub(crate) body: Option<Box<Parsed>>,
    /// The request's body where learning alone looks at it.
    pub(crate) looked: Option<Box<Parsed>>,
    /// Whether the request is what the contract says; absent where nobody looked.
    pub(crate) conformance: Option<Conformance>,
    /// How the response does.
    pub(crate) answer_conformance: Option<Conformance>,
    pub(crate) response: Option<ResponseHead>,
    pub(crate) response_body: Option<Box<Parsed>>,
    /// What passed by of a response that was not held, read at the end.
    pub(crate) teed: Option<Box<Parsed>>,
    pub(crate) sensitive: Sensitive,
    /// Rules that asked for fields to be masked.
    pub(crate) masking: SmallVec<[SmolStr; 1]>,
    pub(crate) upstream: Option<UpstreamRecord>,
    /// How many exchanges this one stands for, where learning looks at it.
    pub(crate) sampled: Option<u32>,
    pub(crate) tee: Option<Tee>,
    /// Path and query without an API key that stood in the query.
    pub(crate) without_key: Option<String>,
    /// Whether the client got an answer of the gateway's own.
    pub(crate) refusal_sent: bool,
    pub(crate) not_inspected: SmallVec<[NotInspected; 1]>,
    pub(crate) phases: SmallVec<[PhaseTiming; 4]>,
    pub(crate) reports: u32,
    pub(crate) outcome: Option<Outcome>,
}

impl State {
    /// Adds a reason; in monitor mode it is only recorded. The first enforced reason of the strictest action
    /// gives the answer.
    pub(crate) fn decide(&mut self, mode: Mode, reason: Reason, answer: Answer) {
        match mode {
            Mode::Monitor if reason.action > Action::Monitor => self.verdict.add(reason.would_have()),
            _ => self.decide_always(reason, answer),
        }
    }

    /// Adds a reason that no mode relaxes: framing, budgets, the upstream's failures.
    pub(crate) fn decide_always(&mut self, reason: Reason, answer: Answer) {
        if reason.action.refuses() && reason.action > self.verdict.action() {
            self.answer = Some(answer);
        }
        self.verdict.add(reason);
    }

    /// Adds a reason that refuses nothing.
    pub(crate) fn note(&mut self, reason: Reason) {
        self.verdict.add(reason);
    }

    pub(crate) fn refused(&self) -> bool {
        self.verdict.action().refuses()
    }

    pub(crate) fn skips(&self, stage: Skippable) -> bool {
        self.skipped.contains(&stage)
    }

    pub(crate) fn tag(&mut self, tag: &SmolStr, cause: Cause) {
        self.tags.set(tag.clone(), cause);
    }

    pub(crate) fn uninspected(&mut self, what: &'static str, why: &'static str) {
        let (what, why) = (SmolStr::new_static(what), SmolStr::new_static(why));
        if self.not_inspected.iter().all(|known| known.what != what || known.why != why) {
            self.not_inspected.push(NotInspected { what, why });
        }
    }

    /// Books the time since the last reading under a phase.
    pub(crate) fn book(&mut self, phase: Phase, now: Tick) {
        let us = now.since(self.ticked).as_micros() as u64;
        self.ticked = self.ticked.max(now);
        self.book_micros(phase, us);
    }

    pub(crate) fn book_micros(&mut self, phase: Phase, us: u64) {
        match self.phases.iter_mut().find(|timing| timing.phase == phase) {
            Some(timing) => timing.us = timing.us.saturating_add(us),
            None => self.phases.push(PhaseTiming { phase, us }),
        }
    }

    /// The request's body, whoever asked for it; for what decides nothing.
    pub(crate) fn sent(&self) -> Option<&Parsed> {
        self.body.as_deref().or(self.looked.as_deref())
    }

    /// The site's name; empty where none was found.
    pub(crate) fn site_name<'a>(&self, snapshot: &'a Snapshot) -> &'a str {
        self.place.and_then(|place| snapshot.site(place.site)).map_or("", |site| site.name.as_str())
    }

    /// Path and query as forwarded.
    pub(crate) fn target(&self) -> &str {
        self.without_key.as_deref().unwrap_or_else(|| self.normal.target.as_str())
    }

    /// Whether the site has a contract that does not declare this call.
    pub(crate) fn is_undeclared(&self) -> bool {
        matches!(self.matched, Matched::Grouped { standing: Some(_), .. })
    }

    pub(crate) fn standing(&self) -> Option<Standing> {
        match &self.matched {
            Matched::Nothing => None,
            Matched::Declared { standing, .. } => Some(*standing),
            Matched::Grouped { standing, .. } => *standing,
        }
    }
}
