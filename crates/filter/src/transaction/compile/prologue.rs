//! What the first rules of phase 1 always come to: CRS sets some thirty defaults before it looks at a request.
//!
//! They are run once, when rules are compiled; an exchange begins with what they left. Invariant: that is what running
//! them would leave. A rule that reads the request in between stays where it is if neither sees what the other does.

use std::sync::Weak;

use crate::scan::Bits;
use crate::seclang::{Control, Variable};
use crate::transaction::budget::Budget;
use crate::transaction::compile::settled::settle;
use crate::transaction::program::{
    Capture, Change, Disruptive, Effect, Flow, Link, Outcome, Program, Rule, Test,
};
use crate::transaction::prologue::Prologue;
use crate::transaction::run::{Run, Scanning};
use crate::transaction::state::State;
use crate::transaction::text::Text;
use crate::transaction::variable::{Kept, kept};
use crate::transaction::workspace::Cache;

/// Runs what begins phase 1 as far as it depends on no request.
pub(super) fn run_prologue(program: &Program) -> Prologue {
    let mut rules = Bits::new();
    if program.phases.iter().flat_map(|phase| &phase.rules).any(looks_back) {
        return Prologue::default();
    }
    let mut state = State::new(program);
    state.clear(program, Budget::default());
    let mut cache = Cache::new(program, Weak::new());
    let mut run =
        Run { program, state: &mut state, cache: &mut cache, phase: 0, scanning: Scanning::Off, rule: None };
    let begin = program.phases.first().map_or(&[][..], |phase| &phase.rules);
    for (at, rule) in begin.iter().enumerate() {
        let differs =
            matches!(rule.links.first(), Some(Link { test: Test::Slot(test), .. }) if !run.slot_holds(*test));
        if differs {
            rules.insert(at);
        } else if is_settled(rule) {
            run.judge(rule);
            rules.insert(at);
        } else if !minds_nothing(rule) {
            break;
        }
    }
    let settled = settle(&run, &rules);
    Prologue::of(rules, settled, &state.slots, &state.arena, &program.slots)
}

/// Whether a rule could see what the rule before it matched.
fn looks_back(rule: &Rule) -> bool {
    use Variable as V;
    match rule.links.first().map(|link| &link.test) {
        Some(Test::Values(test)) => {
            let seen = |variable| {
                matches!(variable, V::MatchedVar | V::MatchedVarName | V::MatchedVars | V::MatchedVarsNames)
            };
            let targets = test.targets.iter().map(|target| target.variable);
            targets.chain(test.argument.iter().flat_map(Text::variables)).any(seen)
        }
        _ => false,
    }
}

/// Whether a rule does the same for every request: it reads and sets variables of the transaction only.
fn is_settled(rule: &Rule) -> bool {
    let settled =
        |link: &Link| !matches!(link.test, Test::Values(_)) && link.effects.iter().all(Effect::is_settled);
    rule.outcome.is_nothing() && rule.links.iter().all(settled)
}

/// Whether a rule is the same before and after settled ones: it neither reads nor sets what they do.
fn minds_nothing(rule: &Rule) -> bool {
    let [link] = rule.links.as_slice() else { return false };
    let Test::Values(test) = &link.test else { return false };
    let known = |variable| kept(variable) != Kept::Live || variable == Variable::ReqbodyProcessor;
    let reads = test.argument.is_none() && test.targets.iter().all(|target| known(target.variable));
    let setting = |effect: &Effect| matches!(effect, Effect::Control(control) if !matches!(control, Control::Engine(_)));
    reads && link.capture == Capture::No && link.effects.iter().all(setting) && rule.outcome.is_nothing()
}

impl Outcome {
    /// Whether nothing comes of a match but its effects.
    fn is_nothing(&self) -> bool {
        matches!(self.disruptive, Disruptive::Pass)
            && !self.logged
            && self.severity.is_none()
            && self.flow == Flow::Next
    }
}

impl Effect {
    fn is_settled(&self) -> bool {
        match self {
            Self::Assign(_, Change::Set(text) | Change::Add(text) | Change::Subtract(text)) => {
                text.variables().next().is_none()
            }
            Self::Count(..) | Self::Assign(_, Change::Remove) => true,
            _ => false,
        }
    }
}
