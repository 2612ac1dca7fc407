//! The transaction: one exchange's state, driven by the host phase by phase.
//!
//! Invariants: phases run in order and once; after an interruption only logging runs; a transaction that is dropped
//! without [`Transaction::finish`] loses nothing but room that could have been used again.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use crate::seclang::{EngineMode, LimitAction, Phase, Switch};
use crate::transaction::budget::Budget;
use crate::transaction::fill::Fill;
use crate::transaction::program::Program;
use crate::transaction::run::{Run, Scanning, Stopped};
use crate::transaction::state::{Ended, Spent, State};
use crate::transaction::treatment::Treatments;
use crate::transaction::{
    BodyInput, CollectionWrite, Disruption, Ender, Fields, Interruption, Match, Request, Response, RuleSet,
    Scores, Step, Workspace,
};

/// One exchange under one rule set.
#[derive(Debug)]
pub struct Transaction {
    program: Arc<Program>,
    state: Box<State>,
    phase: Phase,
    scanning: Scanning,
    /// The request's `Content-Type`, for reading its body.
    content_type: Vec<u8>,
}

impl Transaction {
    /// A transaction before its first phase.
    pub fn new(rules: &RuleSet, budget: Budget, workspace: &mut Workspace) -> Self {
        let program = Arc::clone(&rules.program);
        let mut state = workspace.take_room().unwrap_or_else(|| Box::new(State::new(&program)));
        state.clear(&program, budget);
        Self { program, state, phase: Phase::RequestHead, scanning: Scanning::On, content_type: Vec::new() }
    }

    /// With what the site makes of matches.
    #[must_use]
    pub fn treated(mut self, treatments: Arc<dyn Treatments>) -> Self {
        self.state.treatments = Some(treatments);
        self
    }

    /// Without ending anything, whatever the rules say of the engine: what would have is told by
    /// [`Self::would_interrupt`].
    #[must_use]
    pub fn detecting(mut self) -> Self {
        self.state.only_detects = true;
        self
    }

    /// Without scans: every rule is tried on every value it names. The verdict is the same; tests hold that.
    #[must_use]
    pub fn exhaustive(mut self) -> Self {
        self.scanning = Scanning::Off;
        self
    }

    /// Says how much time has passed since the exchange began; the host does so before each phase.
    #[must_use]
    pub fn after(&mut self, elapsed: Duration) -> &mut Self {
        self.state.elapsed = elapsed;
        self
    }

    /// Phase 1: the request's head.
    pub fn request_head(&mut self, request: &Request<'_>, workspace: &mut Workspace) -> Step {
        self.content_type = request.head.headers.get("content-type").unwrap_or_default().to_vec();
        // The exchange's id is random: nobody can choose texts whose hashes meet.
        self.state.strings.clear(foldhash::fast::FixedState::default().hash_one(request.id));
        self.fill().request_head(request);
        self.start(Phase::RequestHead, workspace)
    }

    /// Whether the rules want to see the request's body: hold it and hand it to [`Self::request_body`].
    pub fn reads_request_body(&self) -> bool {
        self.runs(Phase::RequestBody) && self.state.controls.request_body_access == Switch::On
    }

    /// Phase 2: the request's body; call it without one too, since phase 2 rules read heads as well.
    pub fn request_body(&mut self, body: Option<&BodyInput<'_>>, workspace: &mut Workspace) -> Step {
        if !self.runs(Phase::RequestBody) {
            return self.step();
        }
        let content_type = std::mem::take(&mut self.content_type);
        let reached = self.fill().request_body(body, &content_type);
        if let Some(limit) =
            reached.filter(|_| self.program.config.request_body_limit_action == LimitAction::Reject)
        {
            self.reject(limit, 413);
            return self.step();
        }
        self.start(Phase::RequestBody, workspace)
    }

    /// Phase 3: the response's head.
    pub fn response_head(&mut self, response: &Response<'_>, workspace: &mut Workspace) -> Step {
        if !self.runs(Phase::ResponseHead) {
            return self.step();
        }
        self.fill().response_head(*response);
        self.start(Phase::ResponseHead, workspace)
    }

    /// Whether the rules want to see this response's body (its type is one of those they name).
    pub fn reads_response_body(&self) -> bool {
        self.runs(Phase::ResponseBody)
            && self.state.response_body_wanted
            && self.state.controls.response_body_access == Switch::On
    }

    /// Phase 4: the response's body, or as much of it as was held.
    pub fn response_body(&mut self, body: Option<&BodyInput<'_>>, workspace: &mut Workspace) -> Step {
        if !self.runs(Phase::ResponseBody) {
            return self.step();
        }
        self.fill().response_body(body);
        self.start(Phase::ResponseBody, workspace)
    }

    /// Phase 5: logging. It cannot interrupt any more.
    pub fn logging(&mut self, workspace: &mut Workspace) -> Step {
        match self.start(Phase::Logging, workspace) {
            Step::Interrupt(_) => Step::Done,
            step => step,
        }
    }

    /// Goes on with the phase that asked for collections; one answer a key, in their order.
    pub fn resume(&mut self, collections: Vec<Fields>, workspace: &mut Workspace) -> Step {
        self.state.collections.answer(collections);
        self.go_on(workspace)
    }

    /// What matched so far, in order; at most [`Match::KEPT`].
    pub fn matches(&self) -> &[Match] {
        &self.state.matches
    }

    /// The anomaly scores so far.
    pub fn scores(&self) -> Scores {
        let number = |slot| self.state.slots.get(slot).number(&self.state.arena);
        let slots = self.program.scores;
        Scores {
            inbound: number(slots.inbound),
            outbound: number(slots.outbound),
            inbound_threshold: number(slots.inbound_threshold),
            outbound_threshold: number(slots.outbound_threshold),
        }
    }

    /// A variable of `TX`, as text.
    pub fn variable(&mut self, name: &str) -> Option<String> {
        let held = self.state.slots.get_named(&self.program.slots, name);
        let span = held.span(&mut self.state.arena)?;
        Some(String::from_utf8_lossy(self.state.arena.get(span)).into_owned())
    }

    /// What ended the exchange.
    pub fn interruption(&self) -> Option<&Interruption> {
        self.state.interruption.as_ref()
    }

    /// What would have ended it first, were the engine not set to detection only.
    pub fn would_interrupt(&self) -> Option<&Interruption> {
        self.state.would_interrupt.as_ref()
    }

    /// What of the budget was used up first.
    pub fn spent(&self) -> Option<Spent> {
        self.state.spent.or_else(|| self.state.arena.is_full().then_some(Spent::Memory))
    }

    /// Steps that are left.
    pub fn steps_left(&self) -> u64 {
        self.state.steps
    }

    /// What persistent collections have to be changed by, in order; the host takes them at the end.
    pub fn take_writes(&mut self) -> Vec<CollectionWrite> {
        self.state.collections.take_writes()
    }

    /// Gives what can be used again back to a worker's workspace.
    pub fn finish(self, workspace: &mut Workspace) {
        workspace.give_room(self.state);
    }

    fn fill(&mut self) -> Fill<'_> {
        Fill { program: &self.program, state: &mut self.state }
    }

    /// Whether a phase still runs after what happened before it.
    fn runs(&self, phase: Phase) -> bool {
        let ended = match self.state.ended {
            Ended::Nothing => false,
            Ended::Request => phase <= Phase::RequestBody,
            Ended::Everything => phase < Phase::Logging,
        };
        self.state.controls.engine != EngineMode::Off && self.state.interruption.is_none() && !ended
    }

    fn start(&mut self, phase: Phase, workspace: &mut Workspace) -> Step {
        self.phase = phase;
        self.state.cursor = 0;
        self.go_on(workspace)
    }

    fn go_on(&mut self, workspace: &mut Workspace) -> Step {
        let mut cache = workspace.take_cache(&self.program);
        cache.work.steps = self.state.pattern_steps;
        cache.work.exhausted = false;
        std::mem::swap(&mut cache.work.paid, &mut self.state.paid);
        let mut run = Run {
            program: &self.program,
            state: &mut self.state,
            cache: &mut cache,
            phase: self.phase.index(),
            scanning: self.scanning,
            rule: None,
        };
        let stopped = run.run();
        self.state.pattern_steps = cache.work.steps;
        std::mem::swap(&mut cache.work.paid, &mut self.state.paid);
        if cache.work.exhausted {
            self.state.spent.get_or_insert(Spent::Steps);
        }
        workspace.give_cache(cache);
        match stopped {
            Stopped::Asking(keys) => Step::Collections(keys),
            Stopped::Done => self.step(),
        }
    }

    /// Ends the exchange for a limit that the rules set, unless they only detect.
    fn reject(&mut self, limit: &'static str, status: u16) {
        let interruption = Interruption { cause: Ender::Limit(limit), status, kind: Disruption::Deny };
        if self.state.controls.engine == EngineMode::On && !self.state.only_detects {
            self.state.interruption.get_or_insert(interruption);
        } else {
            self.state.would_interrupt.get_or_insert(interruption);
        }
    }

    fn step(&self) -> Step {
        self.state.interruption.clone().map_or(Step::Done, Step::Interrupt)
    }
}
