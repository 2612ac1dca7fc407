//! One phase at work: the rules in order, jumping over those that scans ruled out.
//!
//! Invariants: a rule that could match is tried; jumps only go forward, so a phase ends; once steps run out no more
//! rules are tried and the state says so. Does not know the message.

mod act;
mod expand;
mod judge;
mod listed;
mod live;
mod scan;
mod tell;

use crate::seclang::{AllowScope, EngineMode};
use crate::transaction::front::When;
use crate::transaction::program::{Disruptive, Flow, Program, Rule, Test, ValueTest};
use crate::transaction::state::{Ended, State};
use crate::transaction::workspace::Cache;
use crate::transaction::{CollectionKey, Disruption, Ender, Interruption};

/// A program over a state, with a worker's caches.
pub(super) struct Run<'a> {
    pub(super) program: &'a Program,
    pub(super) state: &'a mut State,
    pub(super) cache: &'a mut Cache,
    /// The phase's index.
    pub(super) phase: usize,
    pub(super) scanning: Scanning,
    /// The rule at hand.
    pub(super) rule: Option<&'a Rule>,
}

/// Whether scans rule tests out. Off is for tests: verdicts are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanning {
    On,
    Off,
}

/// How far a phase came.
pub(super) enum Stopped {
    /// To its end, or to an interruption.
    Done,
    /// To collections that have to be read.
    Asking(Vec<CollectionKey>),
}

/// What a rule leads to.
enum After {
    Rule(usize),
    End,
}

impl Run<'_> {
    /// Runs the phase from the state's cursor.
    pub(super) fn run(&mut self) -> Stopped {
        let program = self.program;
        let Some(phase) = program.phases.get(self.phase) else { return Stopped::Done };
        if self.state.controls.engine == EngineMode::Off || phase.rules.is_empty() {
            return Stopped::Done;
        }
        if self.scanning == Scanning::On {
            self.scan_values(When::AtOnce);
        }
        if self.scanning == Scanning::On && (self.phase, self.state.cursor) == (0, 0) {
            program.prologue.begin(self.state);
        }
        while let Some(at) = self.next_due() {
            self.state.cursor = at + 1;
            let Some(rule) = phase.rules.get(at) else { break };
            if !self.state.spend(1) {
                break;
            }
            if self.differs_at_once(rule) || self.state.controls.is_removed(rule.number) {
                continue;
            }
            if let Some(to) = rule.gate {
                self.state.cursor = to.max(at + 1);
                continue;
            }
            if self.finds_nothing_listed(rule) || !self.judge(rule) {
                continue;
            }
            match self.conclude(rule) {
                After::Rule(next) => self.state.cursor = next.max(at + 1),
                After::End => break,
            }
            if self.state.collections.is_asking() {
                return Stopped::Asking(self.state.collections.ask());
            }
            if self.state.controls.engine == EngineMode::Off {
                break;
            }
        }
        Stopped::Done
    }

    /// Whether the number that a rule begins with tells that it does not match: most gates and score tests, and the
    /// tests of how many fields of a name there are.
    fn differs_at_once(&mut self, rule: &Rule) -> bool {
        match rule.links.first().map(|link| &link.test) {
            Some(Test::Slot(test)) => !self.slot_holds(*test),
            Some(Test::Values(ValueTest { count: Some((relation, number)), targets, .. })) => {
                let counts = targets.iter().map(|target| self.count(rule.number, target));
                !relation.holds(i64::try_from(counts.sum::<usize>()).unwrap_or(i64::MAX), *number)
            }
            _ => false,
        }
    }

    /// The next rule to try. Before the first for which scans were deferred, those are made up for.
    fn next_due(&mut self) -> Option<usize> {
        let cursor = self.state.cursor;
        if self.scanning == Scanning::Off {
            return Some(cursor);
        }
        let due = self.next_found(cursor);
        let deferred = if self.state.settled {
            self.program.prologue.settled.deferred.get(self.phase)?
        } else {
            &self.program.phases.get(self.phase)?.deferred
        };
        let deferred = deferred.next(cursor);
        if deferred.is_none_or(|deferred| due.is_some_and(|due| due < deferred)) {
            return due;
        }
        self.scan_values(When::Deferred);
        self.next_found(cursor)
    }

    /// The next rule that is due and not settled.
    fn next_found(&self, cursor: usize) -> Option<usize> {
        let due = self.state.found.due.get(self.phase)?;
        if !self.state.settled {
            return due.next(cursor);
        }
        due.next_but(self.program.prologue.settled.rules.get(self.phase)?, cursor)
    }

    /// What follows once a rule and all its chain matched.
    fn conclude(&mut self, rule: &Rule) -> After {
        let outcome = &rule.outcome;
        if let Some(severity) = outcome.severity {
            let number = severity as u8;
            let highest = self.state.highest_severity.unwrap_or(u8::MAX);
            self.state.highest_severity = Some(highest.min(number));
        }
        self.tell(rule);
        if self.acts()
            && let Some(after) = self.disrupt(rule)
        {
            return after;
        }
        let next = self.state.cursor;
        match outcome.flow {
            Flow::Next => After::Rule(next),
            Flow::Skip(count) => After::Rule(next.saturating_add(count)),
            Flow::Goto(index) => After::Rule(index),
        }
    }

    /// Carries out what a rule does to the exchange; `None` if rules go on.
    fn disrupt(&mut self, rule: &Rule) -> Option<After> {
        let status = |default| rule.outcome.status.unwrap_or(default);
        let (status, kind) = match &rule.outcome.disruptive {
            Disruptive::Pass => return None,
            Disruptive::Allow(scope) => return self.allow(*scope),
            Disruptive::Deny => (status(403), Disruption::Deny),
            Disruptive::Drop => (status(403), Disruption::Drop),
            Disruptive::Redirect(url) => {
                let span = self.expand(url);
                let url = String::from_utf8_lossy(self.state.arena.get(span)).into_owned();
                (status(302), Disruption::Redirect(url))
            }
        };
        let interruption = Interruption { cause: Ender::Rule(rule.id), status, kind };
        if !self.may_end() {
            self.state.would_interrupt.get_or_insert(interruption);
            return None;
        }
        self.state.interruption.get_or_insert(interruption);
        Some(After::End)
    }

    fn may_end(&self) -> bool {
        self.state.controls.engine == EngineMode::On && !self.state.only_detects
    }

    fn allow(&mut self, scope: AllowScope) -> Option<After> {
        if !self.may_end() {
            return None;
        }
        match scope {
            AllowScope::Phase => {}
            AllowScope::Request => self.state.ended = self.state.ended.max(Ended::Request),
            AllowScope::Transaction => self.state.ended = Ended::Everything,
        }
        Some(After::End)
    }
}
