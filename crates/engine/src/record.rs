//! The record of an exchange: the summary every exchange leaves, the event of those that are kept.

use portcullis_model::counter::Batch;
use portcullis_model::event::{
    Answerer, CallerRecord, End, Event, FORMAT, IdentityRecord, OperationRecord, PeerRecord, Phase,
    RequestRecord, ResponseRecord, Summary,
};
use portcullis_model::{Direction, Tag};
use portcullis_policy::KeepHeaders;
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use crate::exchange::Exchange;
use crate::facts::{View, text_of};
use crate::finished::{EndFacts, Finished, ProgressFacts};
use crate::observe::teed;
use crate::phase::{filter, limits};
use crate::redact::{cut, redact_path, scrub};
use crate::state::{Outcome, State};
use crate::{sensitive, tags};

/// The longest host, `User-Agent` or media type kept, in bytes.
const AGENT: usize = 256;

/// The most header fields kept.
const FIELDS: usize = 128;

impl Exchange {
    /// The end, whatever came before it.
    pub(crate) fn finish(mut self: Box<Self>, end: EndFacts) -> Finished {
        let state = &mut self.state;
        state.book(last_phase(state), end.now.tick);
        state.upstream = end.upstream.or(state.upstream.take());
        for part in end.not_inspected {
            if !state.not_inspected.contains(&part) {
                state.not_inspected.push(part);
            }
        }
        state.outcome = Some(Outcome {
            end: end.end,
            status: end.status,
            request_bytes: end.request_bytes,
            response_bytes: end.response_bytes,
            grpc_status: end.grpc_status,
            duration: end.now.tick.since(state.began.tick),
        });
        let Self { snapshot, state } = &mut *self;
        if state.sampled.is_some() {
            if let Some(tee) = &mut state.tee {
                tee.whole = std::mem::take(&mut tee.bytes).freeze();
            }
            state.teed = teed(state).map(Box::new);
            sensitive::look_at_all(state);
        }
        let kept = filter::end(snapshot, state);
        let mut ops = limits::end(snapshot, state);
        ops.extend(kept.into_iter().flat_map(|batch| batch.ops));
        let writes = (!ops.is_empty()).then(|| Batch { now: state.began.wall, ops });
        let summary = self.summary();
        Finished { exchange: self, summary, writes }
    }

    /// A report on the way.
    pub(crate) fn progress(&mut self, facts: ProgressFacts) -> Event {
        let state = &mut self.state;
        state.reports += 1;
        state.outcome = Some(Outcome {
            end: End::Ongoing,
            status: facts.status,
            request_bytes: facts.request_bytes,
            response_bytes: facts.response_bytes,
            grpc_status: None,
            duration: facts.now.tick.since(state.began.tick),
        });
        let event = Event { progress: Some(state.reports), ..self.event() };
        self.state.outcome = None;
        event
    }

    fn view(&self) -> View<'_> {
        View { snapshot: &self.snapshot, state: &self.state }
    }

    pub(crate) fn summary(&self) -> Summary {
        let (state, view) = (&self.state, self.view());
        let outcome = state.outcome.as_ref();
        let none = SmolStr::new_static("-");
        let verdict = &state.verdict;
        Summary {
            time: state.began.wall,
            site: view.site().map_or_else(|| none.clone(), |site| site.name.clone()),
            operation: view.operation_name().cloned().unwrap_or(none),
            standing: state.standing(),
            action: verdict.action(),
            would_have: verdict.would_have(),
            decided_by: verdict.decisive().filter(|_| verdict.action().refuses()).map(|reason| reason.stage),
            status: outcome.map_or(0, |outcome| outcome.status),
            duration: outcome.map(|outcome| outcome.duration).unwrap_or_default(),
            request_bytes: outcome.map_or(0, |outcome| outcome.request_bytes),
            response_bytes: outcome.map_or(0, |outcome| outcome.response_bytes),
            caller: state.caller.clone(),
        }
    }

    /// The event, redacted.
    pub(crate) fn event(&self) -> Event {
        let (state, view) = (&self.state, self.view());
        let outcome = state.outcome.as_ref();
        Event {
            version: FORMAT,
            id: state.id,
            progress: None,
            time: state.began.wall,
            // The host's to say.
            trace: None,
            duration_us: outcome.map_or(0, |outcome| outcome.duration.as_micros() as u64),
            direction: Direction::Ingress,
            peer: peer(state),
            caller: caller(state),
            site: view.site().map(|site| site.name.clone()),
            route: view.scope().route.clone(),
            operation: operation(&view),
            request: request(&view),
            response: response(state),
            upstream: state.upstream.clone(),
            tags: all_tags(&view),
            data: state.sensitive.fields().to_vec(),
            verdict: (&state.verdict).into(),
            reasons: state.verdict.reasons().to_vec(),
            skipped: state.skipped.iter().map(|stage| SmolStr::new_static(stage.as_str())).collect(),
            not_inspected: state.not_inspected.to_vec(),
            phases: state.phases.to_vec(),
            end: outcome.map_or(End::Ongoing, |outcome| outcome.end),
        }
    }
}

/// The phase the time up to the end belongs to.
fn last_phase(state: &State) -> Phase {
    if state.response.is_some() { Phase::ResponseBody } else { Phase::Head }
}

fn peer(state: &State) -> PeerRecord {
    let peer = &state.peer;
    let (ip, port) = (peer.address.ip(), peer.address.port());
    PeerRecord { ip, port, listener: peer.listener.clone(), tls: peer.tls.clone() }
}

fn caller(state: &State) -> CallerRecord {
    let identity = state.identity.as_deref().map(|identity| IdentityRecord {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        proof: identity.proof,
        groups: identity.groups.clone(),
    });
    CallerRecord { key: state.caller.clone(), ip: state.client, identity }
}

fn operation(view: &View<'_>) -> Option<OperationRecord> {
    let name = view.operation_name()?.clone();
    Some(OperationRecord { id: tags::operation_id(view)?, name, standing: view.state.standing() })
}

fn request(view: &View<'_>) -> RequestRecord {
    let state = view.state;
    let redact = &view.scope().redact;
    let query = state.normal.query();
    let headers = &state.head.headers;
    let agent = headers.get("user-agent").map(text_of);
    RequestRecord {
        method: SmolStr::new(state.head.method.as_str()),
        scheme: state.head.scheme,
        host: shortened(&state.normal.host),
        path: redact_path(state.normal.path()),
        query: (!query.raw().is_empty()).then(|| redact.query(query.raw())),
        version: state.head.version,
        headers: kept_headers(view),
        user_agent: agent.map(|agent| shortened(&SmolStr::new(scrub(&agent)))),
        referer: headers.get("referer").map(|value| shortened(&redact.header("referer", value).into())),
        content_type: content_type(headers),
        body_bytes: state.outcome.as_ref().map_or(0, |outcome| outcome.request_bytes),
    }
}

fn kept_headers(view: &View<'_>) -> Vec<(SmolStr, String)> {
    let refused = view.state.verdict.action().refuses() || view.state.verdict.would_have().refuses();
    match view.snapshot.keeps_headers() {
        Some(KeepHeaders::All) => {}
        Some(KeepHeaders::Refused) if refused => {}
        _ => return Vec::new(),
    }
    let redact = &view.scope().redact;
    let fields = view.state.head.headers.iter().take(FIELDS);
    let kept = fields.map(|field| {
        let name = cut(String::from_utf8_lossy(field.name).into_owned(), AGENT);
        let value = redact.header(&name, field.value);
        (SmolStr::new(name), value)
    });
    kept.collect()
}

fn content_type(headers: &portcullis_model::Headers) -> Option<SmolStr> {
    let parsed = headers.get("content-type").and_then(MediaType::parse)?;
    Some(shortened(&parsed.into_essence()))
}

/// Bounded; what is short enough, as nearly everything is, is not copied.
fn shortened(text: &SmolStr) -> SmolStr {
    if text.len() <= AGENT { text.clone() } else { cut(text.to_string(), AGENT).into() }
}

fn response(state: &State) -> Option<ResponseRecord> {
    let outcome = state.outcome.as_ref().filter(|outcome| outcome.status != 0)?;
    let answered = state.response.as_ref().filter(|_| !state.refusal_sent);
    Some(ResponseRecord {
        status: outcome.status,
        from: if answered.is_some() { Answerer::Upstream } else { Answerer::Gateway },
        content_type: answered.and_then(|head| content_type(&head.headers)),
        body_bytes: outcome.response_bytes,
    })
}

/// Automatic ones first, then those that rules, limits and lists set, each once.
fn all_tags(view: &View<'_>) -> Vec<Tag> {
    let mut tags = tags::automatic(view);
    for tag in view.state.tags.iter() {
        if tags.iter().all(|known| known.tag != tag.tag) {
            tags.push(tag.clone());
        }
    }
    tags
}
