//! The transaction: one exchange's state, driven by the host phase by phase.

use super::{
    BodyInput, CollectionWrite, Fields, Interruption, Match, Request, Response, RuleSet, Scores, Step,
    Workspace,
};

/// One exchange under one rule set.
#[derive(Debug)]
pub struct Transaction {
    rules: RuleSet,
    matches: Vec<Match>,
    interruption: Option<Interruption>,
}

impl Transaction {
    /// A transaction before its first phase.
    pub fn new(rules: &RuleSet, _workspace: &mut Workspace) -> Self {
        Self { rules: rules.clone(), matches: Vec::new(), interruption: None }
    }

    /// Phase 1: the request's head.
    pub fn request_head(&mut self, _request: &Request<'_>, _workspace: &mut Workspace) -> Step {
        self.step()
    }

    /// Whether the rules want to see the request's body: hold it and hand it to [`Self::request_body`].
    pub fn reads_request_body(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Phase 2: the request's body; call it without one too, since phase 2 rules read heads as well.
    pub fn request_body(&mut self, _body: Option<&BodyInput<'_>>, _workspace: &mut Workspace) -> Step {
        self.step()
    }

    /// Phase 3: the response's head.
    pub fn response_head(&mut self, _response: &Response<'_>, _workspace: &mut Workspace) -> Step {
        self.step()
    }

    /// Whether the rules want to see this response's body (its type is one of those they name).
    pub fn reads_response_body(&self) -> bool {
        false
    }

    /// Phase 4: the response's body, or as much of it as was held.
    pub fn response_body(&mut self, _body: Option<&BodyInput<'_>>, _workspace: &mut Workspace) -> Step {
        self.step()
    }

    /// Phase 5: logging. It cannot interrupt any more.
    pub fn logging(&mut self, _workspace: &mut Workspace) -> Step {
        Step::Done
    }

    /// Goes on with the phase that asked for collections; one answer a key, in their order.
    pub fn resume(&mut self, _collections: Vec<Fields>, _workspace: &mut Workspace) -> Step {
        self.step()
    }

    /// What matched so far, in order; at most [`Match::KEPT`].
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The anomaly scores so far.
    pub fn scores(&self) -> Scores {
        Scores::default()
    }

    /// What ended the exchange.
    pub fn interruption(&self) -> Option<&Interruption> {
        self.interruption.as_ref()
    }

    /// What persistent collections have to be changed by, in order; the host takes them at the end.
    pub fn take_writes(&mut self) -> Vec<CollectionWrite> {
        Vec::new()
    }

    /// Gives what can be used again back to a worker's workspace.
    pub fn finish(self, _workspace: &mut Workspace) {}

    fn step(&self) -> Step {
        self.interruption.clone().map_or(Step::Done, Step::Interrupt)
    }
}
