//! One look of the rules at an exchange: nothing is decided here, and nothing of the exchange changes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_filter::builtin::{Findings, Pack};
use portcullis_filter::transaction::{
    BodyInput, Budget, CollectionKey, Fields, Request, Response, Step, Transaction,
};
use portcullis_wire::body::{self, Body};

use crate::filter::{Candidate, Each, Filtering, Running, Tried, Workspace};
use crate::phase::body::Parsed;
use crate::state::State;

use super::Phase;

/// Bytes of values one exchange may hold in SecLang's variables.
const VALUE_BYTES: usize = 64 << 20;

/// What one look found.
pub(super) struct Looked {
    /// Of the built-in rules in force, and of the candidate's.
    pub(super) findings: Both,
    /// Collections that have to be read before the phase can go on.
    pub(super) asks: Each<Vec<CollectionKey>>,
}

/// What built-in rules found.
#[derive(Default)]
pub(super) struct Both {
    pub(super) current: Findings,
    pub(super) candidate: Findings,
}

/// The rules before their first look.
pub(super) fn begin(
    filtering: &Filtering,
    enforced: bool,
    state: &State,
    workspace: &mut Workspace,
) -> Running {
    let budget = Budget { steps: filtering.steps, bytes: VALUE_BYTES, ..Budget::default() };
    let mut transaction = |rules: &portcullis_filter::transaction::RuleSet| {
        let handling = Arc::clone(&filtering.handling);
        Transaction::new(rules, budget, &mut workspace.seclang).treated(handling)
    };
    let current = filtering.rules.seclang.as_ref().map(&mut transaction);
    let current = if enforced { current } else { current.map(Transaction::detecting) };
    let sampled = |candidate: &&Candidate| draw(state) < candidate.share;
    let candidate = filtering.candidate.as_ref().filter(sampled).map(|candidate| {
        let transaction = candidate.rules.seclang.as_ref().map(transaction).map(Transaction::detecting);
        Box::new(Tried { transaction, ..Tried::default() })
    });
    Running { transaction: current, candidate, ..Running::default() }
}

/// A number from 0 up to 1 that the exchange's id fixes, so that replay draws the same.
fn draw(state: &State) -> f64 {
    let hash = blake3::hash(state.id.to_string().as_bytes());
    let bits = u32::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default());
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// Looks at a phase, or goes on with one whose collections were read.
pub(super) fn look(
    filtering: &Filtering,
    state: &State,
    running: &mut Running,
    workspace: &mut Workspace,
    (phase, resumed): (Phase, Option<Each<Vec<Fields>>>),
) -> Looked {
    let (request_body, response_body);
    let seen = Seen {
        state,
        body: match phase {
            Phase::RequestBody => {
                request_body = state.body.as_deref().map(|parsed| Part::of(parsed, filtering.body_limit));
                request_body.as_ref()
            }
            Phase::ResponseBody => {
                response_body =
                    state.response_body.as_deref().map(|parsed| Part::of(parsed, filtering.body_limit));
                response_body.as_ref()
            }
            _ => None,
        },
    };
    let mut findings = Both::default();
    if resumed.is_none() {
        findings = seen.builtin(filtering, running.candidate.is_some(), phase, workspace);
    }
    let (rules, candidate) = resumed.map(|fields| (fields.rules, fields.candidate)).unzip();
    let tried = running.candidate.as_mut().and_then(|tried| tried.transaction.as_mut());
    let asks = Each {
        rules: seen.ask(running.transaction.as_mut(), (phase, rules), workspace),
        candidate: seen.ask(tried, (phase, candidate), workspace),
    };
    Looked { findings, asks }
}

/// The collections a phase waits for. At the end nothing waits, and they are taken as empty.
fn settle(
    transaction: &mut Transaction,
    mut step: Step,
    phase: Phase,
    workspace: &mut Workspace,
) -> Vec<CollectionKey> {
    while let Step::Collections(keys) = step {
        if phase < Phase::Logging {
            return keys;
        }
        step = transaction.resume(vec![Fields::default(); keys.len()], &mut workspace.seclang);
    }
    Vec::new()
}

/// A body as far as the filter reads it.
struct Part<'a> {
    bytes: Bytes,
    parsed: std::borrow::Cow<'a, Body>,
}

impl<'a> Part<'a> {
    fn of(parsed: &'a Parsed, limit: usize) -> Self {
        if parsed.bytes.len() <= limit {
            return Self { bytes: parsed.bytes.clone(), parsed: std::borrow::Cow::Borrowed(&parsed.body) };
        }
        let bytes = parsed.bytes.slice(..limit);
        let media_type = portcullis_wire::fields::MediaType::parse(parsed.media_type.as_bytes());
        let part = body::parse(&bytes, media_type.as_ref(), &body::Budget::default());
        Self { bytes, parsed: std::borrow::Cow::Owned(part) }
    }
}

/// What the rules see.
struct Seen<'a> {
    state: &'a State,
    body: Option<&'a Part<'a>>,
}

impl Seen<'_> {
    fn builtin(&self, filtering: &Filtering, tries: bool, phase: Phase, workspace: &mut Workspace) -> Both {
        let current = filtering.rules.pack.as_ref();
        let candidate = filtering.candidate.as_ref().filter(|_| tries);
        let candidate = candidate.and_then(|candidate| candidate.rules.pack.as_ref());
        let mut ask = |pack: Option<&Arc<Pack>>| {
            pack.map(|pack| self.inspect(pack, phase, workspace)).unwrap_or_default()
        };
        let found = ask(current);
        let same = current.zip(candidate).is_some_and(|(one, other)| Arc::ptr_eq(one, other));
        let tried = if same { found.clone() } else { ask(candidate) };
        Both { current: found, candidate: tried }
    }

    fn inspect(&self, pack: &Pack, phase: Phase, workspace: &mut Workspace) -> Findings {
        let (head, normal) = (&self.state.head, &self.state.normal);
        match (phase, self.body) {
            (Phase::RequestHead, _) => pack.inspect_head(head, normal, &mut workspace.builtin),
            (Phase::RequestBody, Some(part)) => pack.inspect_body(head, &part.parsed, &mut workspace.builtin),
            _ => Findings::default(),
        }
    }

    /// Begins a phase, or goes on with it where it waited for these collections; what it waits for now.
    fn ask(
        &self,
        transaction: Option<&mut Transaction>,
        (phase, resumed): (Phase, Option<Vec<Fields>>),
        workspace: &mut Workspace,
    ) -> Vec<CollectionKey> {
        let Some(transaction) = transaction else { return Vec::new() };
        let step = match resumed {
            // The other one waited; this one is through.
            Some(fields) if fields.is_empty() => return Vec::new(),
            Some(fields) => transaction.resume(fields, &mut workspace.seclang),
            None => self.step(transaction, phase, workspace),
        };
        settle(transaction, step, phase, workspace)
    }

    fn step(&self, transaction: &mut Transaction, phase: Phase, workspace: &mut Workspace) -> Step {
        let (state, workspace) = (self.state, &mut workspace.seclang);
        let transaction = transaction.after(state.ticked.since(state.began.tick));
        let body = self.body.map(|part| BodyInput { bytes: &part.bytes, parsed: Some(&*part.parsed) });
        match phase {
            Phase::RequestHead => {
                let id = state.id.to_string();
                let request = Request {
                    head: &state.head,
                    normal: &state.normal,
                    client: SocketAddr::new(state.client, state.peer.address.port()),
                    server: state.peer.listener.parse().unwrap_or(state.peer.address),
                    began: state.began.wall,
                    id: &id,
                };
                transaction.request_head(&request, workspace)
            }
            Phase::RequestBody => transaction.request_body(body.as_ref(), workspace),
            Phase::ResponseHead => match &state.response {
                Some(head) => transaction.response_head(&Response { head }, workspace),
                None => Step::Done,
            },
            Phase::ResponseBody => transaction.response_body(body.as_ref(), workspace),
            Phase::Logging => transaction.logging(workspace),
        }
    }
}
