//! What lists of actions say before defaults and updates are merged in.

use portcullis_document::Place;
use smol_str::SmolStr;

use super::action::{Actions, AllowScope, Disruptive, Effect, Flow, Log, Severity};
use super::rule::Phase;
use super::text::Macro;
use crate::transform::Transformation;

/// What one list of actions says.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) place: Place,
    pub(super) id: Option<(u32, Place)>,
    pub(super) phase: Option<(Phase, Place)>,
    pub(super) disruptive: Option<DraftDisruptive>,
    pub(super) status: Option<u16>,
    pub(super) log: Option<bool>,
    pub(super) audit: Option<bool>,
    pub(super) message: Option<Macro>,
    pub(super) log_data: Option<Macro>,
    pub(super) severity: Option<Severity>,
    pub(super) tags: Vec<SmolStr>,
    pub(super) version: Option<SmolStr>,
    pub(super) revision: Option<SmolStr>,
    pub(super) accuracy: Option<u8>,
    pub(super) maturity: Option<u8>,
    /// In order; `None` is `t:none`, which forgets those before it.
    pub(super) transformations: Vec<Option<Transformation>>,
    pub(super) multi_match: bool,
    pub(super) capture: bool,
    pub(super) chain: bool,
    pub(super) effects: Vec<Effect>,
    pub(super) flow: Option<DraftFlow>,
}

/// What becomes of the transaction, as written.
#[derive(Clone, Debug)]
pub(super) enum DraftDisruptive {
    Pass,
    /// What the default action of the phase says.
    Block,
    Allow(AllowScope),
    Deny,
    Drop,
    Redirect(Macro),
}

/// Which rule is next, as written.
#[derive(Clone, Debug)]
pub(super) enum DraftFlow {
    Skip(u32),
    SkipAfter(SmolStr, Place),
}

impl Draft {
    /// Nothing said yet.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            id: None,
            phase: None,
            disruptive: None,
            status: None,
            log: None,
            audit: None,
            message: None,
            log_data: None,
            severity: None,
            tags: Vec::new(),
            version: None,
            revision: None,
            accuracy: None,
            maturity: None,
            transformations: Vec::new(),
            multi_match: false,
            capture: false,
            chain: false,
            effects: Vec::new(),
            flow: None,
        }
    }

    /// What `SecRuleUpdateActionById` makes of it: single things replaced, lists made longer.
    pub(super) fn update(&mut self, with: &Self) {
        replace(&mut self.disruptive, with.disruptive.as_ref());
        replace(&mut self.status, with.status.as_ref());
        replace(&mut self.log, with.log.as_ref());
        replace(&mut self.audit, with.audit.as_ref());
        replace(&mut self.message, with.message.as_ref());
        replace(&mut self.log_data, with.log_data.as_ref());
        replace(&mut self.severity, with.severity.as_ref());
        replace(&mut self.version, with.version.as_ref());
        replace(&mut self.revision, with.revision.as_ref());
        replace(&mut self.accuracy, with.accuracy.as_ref());
        replace(&mut self.maturity, with.maturity.as_ref());
        replace(&mut self.flow, with.flow.as_ref());
        self.tags.extend_from_slice(&with.tags);
        self.transformations.extend_from_slice(&with.transformations);
        self.effects.extend_from_slice(&with.effects);
        self.multi_match |= with.multi_match;
        self.capture |= with.capture;
    }

    /// What a later link of the chain adds to what the whole rule says.
    pub(super) fn absorb(&mut self, link: &Self) {
        replace(&mut self.message, link.message.as_ref());
        replace(&mut self.log_data, link.log_data.as_ref());
        replace(&mut self.severity, link.severity.as_ref());
        self.tags.extend_from_slice(&link.tags);
    }

    /// The transformations that count, after those of the default action.
    pub(super) fn pipeline(&self, default: Option<&Self>) -> Vec<Transformation> {
        let before = default.map_or(&[][..], |default| &default.transformations);
        let mut pipeline = Vec::new();
        for step in before.iter().chain(&self.transformations) {
            match step {
                Some(transformation) => pipeline.push(*transformation),
                None => pipeline.clear(),
            }
        }
        pipeline
    }

    /// What the rule does, given the default action of its phase and where it jumps.
    pub(super) fn actions(self, default: Option<&Self>, flow: Flow) -> Actions {
        let of_default = |pick: fn(&Self) -> Option<bool>| default.and_then(pick);
        let base = default.map_or(Disruptive::Pass, Self::base);
        let disruptive = match self.disruptive {
            None | Some(DraftDisruptive::Block) => base,
            Some(DraftDisruptive::Pass) => Disruptive::Pass,
            Some(DraftDisruptive::Allow(scope)) => Disruptive::Allow(scope),
            Some(DraftDisruptive::Deny) => Disruptive::Deny,
            Some(DraftDisruptive::Drop) => Disruptive::Drop,
            Some(DraftDisruptive::Redirect(to)) => Disruptive::Redirect(to),
        };
        Actions {
            disruptive,
            status: self.status.or_else(|| default.and_then(|default| default.status)),
            log: Log {
                error: self.log.or_else(|| of_default(|default| default.log)).unwrap_or(true),
                audit: self.audit.or_else(|| of_default(|default| default.audit)).unwrap_or(true),
            },
            message: self.message,
            log_data: self.log_data,
            severity: self.severity,
            tags: self.tags,
            version: self.version,
            revision: self.revision,
            accuracy: self.accuracy,
            maturity: self.maturity,
            flow,
        }
    }

    /// What a default action makes of `block` and of rules that say nothing.
    fn base(&self) -> Disruptive {
        match &self.disruptive {
            None | Some(DraftDisruptive::Pass | DraftDisruptive::Block) => Disruptive::Pass,
            Some(DraftDisruptive::Allow(scope)) => Disruptive::Allow(*scope),
            Some(DraftDisruptive::Deny) => Disruptive::Deny,
            Some(DraftDisruptive::Drop) => Disruptive::Drop,
            Some(DraftDisruptive::Redirect(to)) => Disruptive::Redirect(to.clone()),
        }
    }
}

fn replace<T: Clone>(old: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *old = Some(new.clone());
    }
}
