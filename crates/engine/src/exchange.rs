//! The machine: runs an exchange's phases in order, and stops where the host must act or the verdict is refusing.
//!
//! Head (normal form, place, bans, rules and limits that need no identity; then identity, operation, rules,
//! authorisation, limits), body, response head, response body, end. Within a phase every stage has its say, and the
//! strictest wins; a phase whose verdict refuses is the last.
//!
//! A browser's GET under a contract, lists, seven rules and a header template costs about 2 µs from arrival to summary,
//! its event another 3.5 µs where it is kept (`cargo bench -p portcullis-engine --bench exchange`, one busy core).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_model::counter::{Answers, Batch, StoreFailure};
use portcullis_model::event::{Phase, UpstreamRecord};
use portcullis_model::{Action, BanView, CallerKey, Reason, ResponseHead, Stage, TagSet, Tick, Verdict};
use portcullis_wire::{EncodedSlash, normalise};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::arrival::{Arrival, HeldBody};
use crate::calls;
use crate::deliver::{Deliver, HeldAsk, HeldStep, ResponseAsk, ResponseMode, ResponseStep};
use crate::forward::{Forward, RequestFailure, UpstreamFailure};
use crate::header_edits::HeaderEdits;
use crate::identity::Replied;
use crate::phase::bans as bans_in_force;
use crate::phase::{
    authorise, body, challenge, contract, filter, head, limits, login, operation, response, rules, upstream,
};
use crate::refusal::{self, Connection, Refusal};
use crate::scope::Turn;
use crate::sending::Sending;
use crate::sensitive::{self, Sensitive};
use crate::site::Site;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Matched, State};
use crate::step::{CountersAsk, CredentialAsk, DelayAsk, Delayed, Refuse, RequestBodyAsk, Step};

/// One exchange under way.
pub(crate) struct Exchange {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) state: State,
}

impl Exchange {
    pub(crate) fn begin(snapshot: Arc<Snapshot>, arrival: Arrival, bans: &dyn BanView) -> Step {
        let defects = arrival.defects.clone();
        // Some 3 KiB, made where it stays.
        let room = Box::new_uninit();
        let mut exchange = Box::write(room, Self { state: State::new(&snapshot, arrival), snapshot });
        let Self { snapshot, state } = &mut *exchange;
        head::refuse_defects(state, &defects);
        if state.refused() {
            return exchange.refuse();
        }
        head::locate(snapshot, state);
        let defects = std::mem::take(&mut state.normal.defects);
        head::refuse_defects(state, &defects);
        operation::find(snapshot, state);
        if !state.refused() {
            bans_in_force::check(snapshot, state, bans);
        }
        if state.refused() {
            return exchange.refuse();
        }
        if challenge::is_reserved(state) {
            return exchange.reserved();
        }
        upstream::choose(snapshot, state);
        if state.refused() {
            return exchange.refuse();
        }
        challenge::recognise(snapshot, state);
        rules::run(snapshot, state, Turn::Located);
        bans_in_force::check_tags(snapshot, state, bans);
        match exchange.count(Turn::Located) {
            Ok(ask) => Step::Counters(ask),
            Err(exchange) => exchange.located(bans),
        }
    }

    /// What is under the reserved path is the gateway's own and never reaches the upstream.
    fn reserved(mut self: Box<Self>) -> Step {
        let Self { snapshot, state } = &mut *self;
        match login::receive(snapshot, state) {
            login::Received::Asks(ask) => return Step::Credential(CredentialAsk { exchange: self, ask }),
            login::Received::Answered => return self.refuse(),
            login::Received::Another => {}
        }
        match challenge::receive(&mut self.state) {
            Some(bounds) => Step::RequestBody(RequestBodyAsk { exchange: self, bounds }),
            None => self.refuse(),
        }
    }

    /// The store answered.
    pub(crate) fn counted(
        mut self: Box<Self>,
        answers: Result<Answers, StoreFailure>,
        bans: &dyn BanView,
        now: Tick,
    ) -> Step {
        self.state.book(Phase::Counters, now);
        if let Some(asking) = self.state.asking.take() {
            let batch = filter::resume(&self.snapshot, &mut self.state, &asking, answers);
            return self.filtered(asking.phase, batch);
        }
        match limits::judge(&self.snapshot, &mut self.state, answers) {
            Some(Turn::Located) => self.located(bans),
            Some(Turn::RequestBody) => self.admit(),
            _ => self.authorised(),
        }
    }

    /// All that the connection and the head's place tell is judged: who calls, and may they?
    fn located(mut self: Box<Self>, bans: &dyn BanView) -> Step {
        if self.state.refused() {
            return self.refuse();
        }
        let Self { snapshot, state } = &mut *self;
        if let Some(ask) = head::authenticate(snapshot, state, bans) {
            return Step::Credential(CredentialAsk { exchange: self, ask });
        }
        if state.identity.is_some() {
            bans_in_force::check(snapshot, state, bans);
            if state.refused() {
                return self.refuse();
            }
        }
        rules::run(snapshot, state, Turn::Authenticated);
        rules::run(snapshot, state, Turn::Operation);
        bans_in_force::check_tags(snapshot, state, bans);
        authorise::run(snapshot, state);
        match self.count(Turn::Operation) {
            Ok(ask) => Step::Counters(ask),
            Err(exchange) => exchange.authorised(),
        }
    }

    /// The host looked at a credential: what it proves is asked again.
    pub(crate) fn replied(mut self: Box<Self>, replied: Replied, bans: &dyn BanView, now: Tick) -> Step {
        self.state.book(Phase::Credential, now);
        if let Some(begun) = self.state.login.take() {
            login::complete(&self.snapshot, &mut self.state, &begun, &replied.reply, bans);
            return self.refuse();
        }
        self.state.replies.push(replied);
        self.located(bans)
    }

    /// Who calls may: is what it sends harmless?
    fn authorised(mut self: Box<Self>) -> Step {
        if self.state.refused() {
            return self.refuse();
        }
        let batch = filter::run(&self.snapshot, &mut self.state, filter::Phase::RequestHead);
        self.filtered(filter::Phase::RequestHead, batch)
    }

    /// The filter looked at a part of the request, or waits for collections.
    fn filtered(self: Box<Self>, phase: filter::Phase, batch: Option<Batch>) -> Step {
        match (batch, phase) {
            (Some(batch), _) => Step::Counters(CountersAsk { exchange: self, batch: Box::new(batch) }),
            (None, filter::Phase::RequestHead) => self.head_judged(),
            (None, _) => self.body_filtered(),
        }
    }

    /// The head is judged: is the body needed?
    fn head_judged(mut self: Box<Self>) -> Step {
        if self.state.refused() {
            return self.refuse();
        }
        match body::plan(&self.snapshot, &mut self.state) {
            Some(bounds) => Step::RequestBody(RequestBodyAsk { exchange: self, bounds }),
            None => self.body_judged(),
        }
    }

    /// The body was held.
    pub(crate) fn body_held(mut self: Box<Self>, held: &HeldBody, now: Tick) -> Step {
        self.state.book(Phase::Body, now);
        let Self { snapshot, state } = &mut *self;
        if state.solving {
            challenge::solve(snapshot, state, held);
            return self.refuse();
        }
        body::take(snapshot, state, held);
        if state.refused() {
            return self.refuse();
        }
        self.body_judged()
    }

    /// What the body tells is known, also that there is none: a condition that misses a field of it holds then, too.
    fn body_judged(mut self: Box<Self>) -> Step {
        calls::note(&self.snapshot, &mut self.state);
        contract::run(&self.snapshot, &mut self.state);
        let batch = filter::run(&self.snapshot, &mut self.state, filter::Phase::RequestBody);
        self.filtered(filter::Phase::RequestBody, batch)
    }

    fn body_filtered(mut self: Box<Self>) -> Step {
        let Self { snapshot, state } = &mut *self;
        rules::run(snapshot, state, Turn::RequestBody);
        match self.count(Turn::RequestBody) {
            Ok(ask) => Step::Counters(ask),
            Err(exchange) => exchange.admit(),
        }
    }

    fn admit(mut self: Box<Self>) -> Step {
        if self.state.refused() {
            return self.refuse();
        }
        match self.state.delay.take() {
            Some((by, order)) => Step::Delay(DelayAsk { exchange: self, by, order }),
            None => Step::Forward(Forward { exchange: self }),
        }
    }

    /// It was held, or there are too many others.
    pub(crate) fn delayed(
        mut self: Box<Self>,
        outcome: Delayed,
        by: SmolStr,
        wait: Duration,
        now: Tick,
    ) -> Step {
        self.state.book(Phase::Delay, now);
        if outcome == Delayed::TooMany {
            limits::refuse_delay(&mut self.state, by, wait);
        }
        self.admit()
    }

    fn count(mut self: Box<Self>, turn: Turn) -> Result<CountersAsk, Box<Self>> {
        match limits::plan(&self.snapshot, &mut self.state, turn) {
            Some(batch) => Ok(CountersAsk { exchange: self, batch: Box::new(batch) }),
            None => Err(self),
        }
    }

    fn refuse(self: Box<Self>) -> Step {
        Step::Refuse(self.refusal())
    }

    /// The refusal the verdict asks for.
    fn refusal(mut self: Box<Self>) -> Refuse {
        let own = self.state.answer.take().unwrap_or_else(|| Answer::status(403));
        let site = self.state.place.and_then(|place| self.snapshot.site(place.site));
        let answer = Refusal {
            status: own.status,
            title: refusal::title(own.status),
            headers: own.headers,
            body: own.body,
            page: site.and_then(|site| site.page.clone()),
            prove: own.prove,
            id: self.state.id,
            connection: if own.close { Connection::Close } else { Connection::Keep },
        };
        // What an upstream answered is not what the client gets.
        self.state.refusal_sent = true;
        Refuse { exchange: self, answer: Box::new(answer) }
    }
}

/// From the moment the request is admitted.
impl Exchange {
    pub(crate) fn answered(
        mut self: Box<Self>,
        head: ResponseHead,
        record: UpstreamRecord,
        now: Tick,
    ) -> ResponseStep {
        self.state.upstream_done(record, now);
        self.state.response = Some(head);
        match filter::run(&self.snapshot, &mut self.state, filter::Phase::ResponseHead) {
            Some(batch) => {
                ResponseStep::Counters(Box::new(ResponseAsk { exchange: self, batch, mode: None }))
            }
            None => self.response_head_filtered(),
        }
    }

    /// The store answered what rules over the response asked.
    pub(crate) fn response_counted(
        mut self: Box<Self>,
        answers: Result<Answers, StoreFailure>,
        mode: Option<ResponseMode>,
        now: Tick,
    ) -> ResponseStep {
        match (self.resume_filter(answers, now), mode) {
            (Some(batch), _) => ResponseStep::Counters(Box::new(ResponseAsk { exchange: self, batch, mode })),
            (None, None) => self.response_head_filtered(),
            (None, Some(mode)) => self.deliver(mode),
        }
    }

    fn resume_filter(&mut self, answers: Result<Answers, StoreFailure>, now: Tick) -> Option<Batch> {
        self.state.book(Phase::Counters, now);
        let asking = self.state.asking.take()?;
        filter::resume(&self.snapshot, &mut self.state, &asking, answers)
    }

    fn response_head_filtered(mut self: Box<Self>) -> ResponseStep {
        let Self { snapshot, state } = &mut *self;
        contract::answer::run_head(snapshot, state);
        rules::run(snapshot, state, Turn::ResponseHead);
        if state.refused() {
            return ResponseStep::Refuse(self.refusal());
        }
        let mode = response::plan(snapshot, state);
        if matches!(mode, ResponseMode::Hold { .. }) {
            return ResponseStep::Deliver(Deliver { exchange: self, mode });
        }
        // Nothing of the body will be known; what conditions make of that, they must say before it is sent.
        match filter::run(snapshot, state, filter::Phase::ResponseBody) {
            Some(batch) => {
                ResponseStep::Counters(Box::new(ResponseAsk { exchange: self, batch, mode: Some(mode) }))
            }
            None => self.deliver(mode),
        }
    }

    /// A response whose body is not held goes on its way.
    fn deliver(mut self: Box<Self>, mode: ResponseMode) -> ResponseStep {
        let Self { snapshot, state } = &mut *self;
        rules::run(snapshot, state, Turn::ResponseBody);
        if state.refused() {
            return ResponseStep::Refuse(self.refusal());
        }
        ResponseStep::Deliver(Deliver { exchange: self, mode })
    }

    pub(crate) fn response_held(mut self: Box<Self>, held: &HeldBody, now: Tick) -> HeldStep {
        self.state.book(Phase::ResponseBody, now);
        let Self { snapshot, state } = &mut *self;
        response::take(snapshot, state, held);
        if state.refused() {
            return HeldStep::Refuse(self.refusal());
        }
        match filter::run(snapshot, state, filter::Phase::ResponseBody) {
            Some(batch) => {
                HeldStep::Counters(Box::new(HeldAsk { exchange: self, batch, held: held.clone() }))
            }
            None => self.held_filtered(held),
        }
    }

    /// The store answered what rules over the held body asked.
    pub(crate) fn held_counted(
        mut self: Box<Self>,
        answers: Result<Answers, StoreFailure>,
        held: HeldBody,
        now: Tick,
    ) -> HeldStep {
        match self.resume_filter(answers, now) {
            Some(batch) => HeldStep::Counters(Box::new(HeldAsk { exchange: self, batch, held })),
            None => self.held_filtered(&held),
        }
    }

    fn held_filtered(mut self: Box<Self>, held: &HeldBody) -> HeldStep {
        let Self { snapshot, state } = &mut *self;
        let cuts = contract::answer::run_body(snapshot, state, held);
        if snapshot.scope(state.place).reads_data {
            sensitive::look_at_held(state);
        }
        rules::run(snapshot, state, Turn::ResponseBody);
        let rewritten: Option<Bytes> =
            if state.refused() { None } else { response::rewrite(snapshot, state, held, cuts) };
        if state.refused() {
            return HeldStep::Refuse(self.refusal());
        }
        match rewritten {
            Some(bytes) => HeldStep::Rewritten(Sending::new(self), bytes),
            None => HeldStep::Deliver(Sending::new(self)),
        }
    }

    pub(crate) fn upstream_failed(
        mut self: Box<Self>,
        failure: &UpstreamFailure,
        record: UpstreamRecord,
        now: Tick,
    ) -> Refuse {
        self.state.upstream_done(record, now);
        let reason = Reason::new(Stage::Upstream, failure.code(), Action::Block);
        let reason = match failure {
            UpstreamFailure::Garbage(defect) => reason.detail(SmolStr::new_static(defect.code())),
            _ => reason,
        };
        let answer = match failure.again() {
            Some(again) => Answer::busy(failure.status(), again),
            None => Answer::status(failure.status()),
        };
        self.state.decide_always(reason, answer);
        self.refusal()
    }

    pub(crate) fn request_failed(
        mut self: Box<Self>,
        failure: &RequestFailure,
        record: UpstreamRecord,
        now: Tick,
    ) -> Refuse {
        self.state.upstream_done(record, now);
        let stage = match failure {
            RequestFailure::Broken(defect) => defect.stage(),
            RequestFailure::Stalled | RequestFailure::Short => Stage::Body,
        };
        let reason = Reason::new(stage, failure.code(), Action::Block);
        self.state.decide_always(reason, Answer::status(failure.status()).closing());
        self.refusal()
    }

    /// The site, once it is found.
    pub(crate) fn site(&self) -> Option<&Site> {
        self.state.place.and_then(|place| self.snapshot.site(place.site))
    }

    /// Whether the response's body will be read.
    pub(crate) fn reads_response_body(&self) -> bool {
        response::reads_body(&self.snapshot, &self.state)
    }

    /// Looks at bytes on their way to the client.
    pub(crate) fn tee(&mut self, bytes: &[u8]) {
        let Some(tee) = &mut self.state.tee else { return };
        let room = tee.limit.saturating_sub(tee.bytes.len());
        tee.cut |= bytes.len() > room;
        tee.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }
}

impl State {
    #[inline]
    pub(crate) fn new(snapshot: &Snapshot, arrival: Arrival) -> Self {
        let Arrival { id, now, peer, head, defects: _, body: hint, lent, proofs } = arrival;
        let normal = normalise(&head, EncodedSlash::Keep);
        let client = snapshot.client_ip.resolve(peer.address.ip(), &head.headers);
        Self {
            id,
            began: now,
            ticked: now.tick,
            peer,
            head,
            hint,
            normal,
            client,
            caller: CallerKey::address(client),
            located: std::sync::OnceLock::new(),
            named: std::sync::OnceLock::new(),
            place: None,
            prefix: None,
            identity: None,
            others: Vec::new(),
            failed: None,
            signed: Vec::new(),
            strange_keys: SmallVec::new(),
            matched: Matched::Nothing,
            frozen: None,
            proved: false,
            solving: false,
            login: None,
            renewed: None,
            preflight: false,
            tags: TagSet::default(),
            verdict: Verdict::default(),
            answer: None,
            bans: SmallVec::new(),
            skipped: SmallVec::new(),
            rules_ended: false,
            edits: HeaderEdits::default(),
            counting: None,
            announced: SmallVec::new(),
            delay: None,
            given: SmallVec::new(),
            lent,
            proofs,
            replies: SmallVec::new(),
            filter: filter::Standing::default(),
            asking: None,
            body: None,
            looked: None,
            conformance: None,
            answer_conformance: None,
            response: None,
            response_body: None,
            teed: None,
            sensitive: Sensitive::default(),
            masking: SmallVec::new(),
            upstream: None,
            sampled: None,
            tee: None,
            without_key: None,
            refusal_sent: false,
            not_inspected: SmallVec::new(),
            phases: SmallVec::new(),
            reports: 0,
            outcome: None,
        }
    }

    /// Books the upstream's time apart from what came before it.
    fn upstream_done(&mut self, record: UpstreamRecord, now: Tick) {
        let whole = now.since(self.ticked).as_micros() as u64;
        self.ticked = self.ticked.max(now);
        let upstream = record.head_us.unwrap_or(0).min(whole);
        self.book_micros(Phase::Head, whole - upstream);
        self.book_micros(Phase::Upstream, upstream);
        self.upstream = Some(record);
    }
}
