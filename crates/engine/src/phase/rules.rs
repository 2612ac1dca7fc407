//! Rules of one turn: conditions, tags, actions, header changes.
//!
//! Written order, those for every site first; the first enforced `block` or `ban` ends the rules. In monitor mode
//! nothing ends them, so that what they change towards the upstream stays as it would be for good traffic.

use portcullis_model::{Action, Cause, Reason, Stage};
use portcullis_policy::{Mode, RuleAction};
use smol_str::SmolStr;

use crate::facts::View;
use crate::scope::{Rule, Scope, Turn};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

use super::{bans, challenge};

/// Runs the rules of a turn.
pub(crate) fn run(snapshot: &Snapshot, state: &mut State, turn: Turn) {
    let scope = snapshot.scope(state.place);
    for rule in scope.rules.at(turn) {
        if state.rules_ended {
            return;
        }
        if rule.when.holds(&View { snapshot, state }) {
            apply(snapshot, scope, state, rule);
        }
    }
}

fn apply(snapshot: &Snapshot, scope: &Scope, state: &mut State, rule: &Rule) {
    let cause = || Cause::Rule(rule.name.clone());
    state.tag(&rule.tag, cause());
    for tag in &rule.tags {
        state.tag(tag, cause());
    }
    edit_headers(snapshot, state, rule);
    if let Some(action) = &rule.action {
        act(snapshot, scope, state, rule, action);
    }
}

fn edit_headers(snapshot: &Snapshot, state: &mut State, rule: &Rule) {
    state.edits.add_removed(&rule.remove);
    for (name, template) in &rule.set {
        let value = template.render(&View { snapshot, state });
        if let Some(value) = value {
            state.edits.add_set(name, &value);
        }
    }
}

fn act(snapshot: &Snapshot, scope: &Scope, state: &mut State, rule: &Rule, action: &RuleAction) {
    let reason = |code: &'static str, action| {
        Reason::new(Stage::Rules, SmolStr::new_static(code), action).by(rule.name.clone())
    };
    let mode = scope.mode;
    match action {
        RuleAction::Pass(stages) => {
            let new = stages.iter().filter(|stage| !state.skipped.contains(stage)).copied();
            let new: Vec<_> = new.collect();
            state.skipped.extend(new);
            state.note(reason("rules.pass", Action::Pass));
        }
        RuleAction::Monitor => state.note(reason("rules.monitor", Action::Monitor)),
        RuleAction::Challenge => {
            let reason = reason("rules.challenge", Action::Challenge);
            challenge::ask(snapshot, scope, state, reason, Answer::status(403));
        }
        RuleAction::Block(own) => {
            let mut answer = Answer::status(own.status.get());
            let headers = own.headers.iter().map(|(name, value)| (name.as_str().into(), value.to_string()));
            answer.headers.extend(headers);
            answer.body.clone_from(&rule.body);
            state.rules_ended = mode == Mode::Block;
            state.decide(mode, reason("rules.block", Action::Block), answer);
        }
        RuleAction::Redirect(redirect) => {
            let Some(to) = redirect.to.checked.render(&View { snapshot, state }) else {
                state.note(reason("rules.redirect_without_target", Action::Monitor));
                return;
            };
            let answer = Answer::status(redirect.status.get()).header("location", to);
            state.decide(mode, reason("rules.redirect", Action::Redirect), answer);
        }
        RuleAction::Throttle(throttle) => {
            let answer = Answer::retry_after(throttle.retry_after);
            state.decide(mode, reason("rules.throttle", Action::Throttle), answer);
        }
        RuleAction::Ban(order) => {
            state.rules_ended = mode == Mode::Block;
            bans::set(snapshot, scope, state, &rule.tag, order);
            state.decide(mode, reason("rules.ban", Action::Ban), Answer::status(403).closing());
        }
        RuleAction::Mask(_) => {
            if mode == Mode::Block {
                state.masking.push(rule.name.clone());
            }
            state.decide(mode, reason("rules.mask", Action::Mask), Answer::status(200));
        }
    }
}
