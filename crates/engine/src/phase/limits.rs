//! Limits of one turn: one batch to the store, one look at its answers.
//!
//! Every limit that applies is counted, whatever the others or the rules say; a counter's key is a keyed hash, so
//! the store learns nothing of callers. Fields of a key that are absent count as one value of their own, so that
//! leaving one out evades nothing; a limit by identity does not touch callers without one.

use portcullis_expr::{Facts as _, Value};
use portcullis_model::counter::{Answer as Counted, Answers, Batch, CounterKey, Op, StoreFailure};
use portcullis_model::{Action, CallerKey, Cause, Reason, Stage};
use portcullis_policy::{LimitAction, OnFailure, Skippable};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::facts::View;
use crate::scope::{Limit, Part, Scope, Turn};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

use super::rules;

/// The batch of a turn, if any limit applies.
pub(crate) fn plan(snapshot: &Snapshot, state: &mut State, turn: Turn) -> Option<Batch> {
    let limits = snapshot.scope(state.place).limits.at(turn);
    if limits.is_empty() || state.skips(Skippable::Limits) {
        return None;
    }
    let mut batch = Batch { now: state.began.wall, ops: SmallVec::new() };
    let mut counting = SmallVec::new();
    for (index, limit) in limits.iter().enumerate() {
        let view = View { snapshot, state };
        let applies = limit.when.as_ref().is_none_or(|when| when.holds(&view));
        if applies && let Some(key) = counter_key(&view, limit) {
            let (rate, per) = (limit.rate.count.get(), limit.rate.per);
            batch.ops.push(Op::Take { key, rate, per, burst: limit.burst, cost: 1 });
            counting.push(index as u16);
        }
    }
    if batch.ops.is_empty() {
        return None;
    }
    state.counting = Some((turn, counting));
    Some(batch)
}

/// Judges the answers to the batch that was planned last.
pub(crate) fn judge(
    snapshot: &Snapshot,
    state: &mut State,
    answers: Result<Answers, StoreFailure>,
) -> Option<Turn> {
    let (turn, counting) = state.counting.take()?;
    let scope = snapshot.scope(state.place);
    match answers {
        Ok(answers) => {
            let limits = scope.limits.at(turn);
            let counted = counting.iter().filter_map(|index| limits.get(usize::from(*index)));
            for (limit, answer) in counted.zip(&answers) {
                if let Counted::Take { admitted: false, retry_after, .. } = answer {
                    exceed(snapshot, scope, state, limit, *retry_after);
                }
            }
        }
        Err(failure) => fail(snapshot, scope, state, &failure),
    }
    Some(turn)
}

pub(super) fn fail(snapshot: &Snapshot, scope: &Scope, state: &mut State, failure: &StoreFailure) {
    let action = match snapshot.on_store_failure() {
        OnFailure::Allow => Action::Monitor,
        OnFailure::Deny => Action::Block,
    };
    let reason = Reason::new(Stage::Gateway, SmolStr::new_static("gateway.store_failed"), action);
    state.decide(scope.mode, reason.detail(failure.to_string()), Answer::status(503));
}

fn exceed(
    snapshot: &Snapshot,
    scope: &Scope,
    state: &mut State,
    limit: &Limit,
    retry_after: std::time::Duration,
) {
    state.tag(&limit.tag, Cause::Limit(limit.name.clone()));
    let (action, answer) = match limit.action {
        LimitAction::Monitor => (Action::Monitor, Answer::status(200)),
        LimitAction::Throttle => (Action::Throttle, Answer::retry_after(retry_after)),
        LimitAction::Block => (Action::Block, Answer::status(403)),
        LimitAction::Ban(order) => {
            rules::ban(snapshot, scope, state, &limit.tag, order);
            (Action::Ban, Answer::status(403).closing())
        }
    };
    let reason = Reason::new(Stage::Limits, SmolStr::new_static("limits.exceeded"), action);
    state.decide(scope.mode, reason.by(limit.name.clone()), answer);
}

/// The key of a limit's counter; none where it counts by identity and there is none.
fn counter_key(view: &View<'_>, limit: &Limit) -> Option<CounterKey> {
    let mut bytes: SmallVec<[u8; 192]> = SmallVec::from_slice(&limit.root);
    for part in &limit.key {
        write_part(view, part, &mut bytes)?;
    }
    Some(view.snapshot.node().counter(&bytes))
}

fn write_part(view: &View<'_>, part: &Part, bytes: &mut SmallVec<[u8; 192]>) -> Option<()> {
    let state = view.state;
    match part {
        Part::Caller => write_caller(&state.caller, bytes),
        Part::Address => write_caller(&CallerKey::address(state.client), bytes),
        Part::Identity => match &state.caller {
            CallerKey::Identity(_) => write_caller(&state.caller, bytes),
            CallerKey::Address(_) => return None,
        },
        Part::Host => write_text(Some(&state.normal.host), bytes),
        Part::Method => write_text(Some(state.head.method.as_str()), bytes),
        Part::Path => write_text(Some(state.normal.path()), bytes),
        Part::Operation => write_text(view.operation_name().map(SmolStr::as_str), bytes),
        Part::Named(var, path) => write_value(&view.member(*var, path), bytes),
    }
    Some(())
}

fn write_caller(caller: &CallerKey, bytes: &mut SmallVec<[u8; 192]>) {
    match caller {
        CallerKey::Identity(name) => {
            bytes.push(2);
            write_text(Some(&name.provider), bytes);
            write_text(Some(&name.subject), bytes);
        }
        CallerKey::Address(std::net::IpAddr::V4(ip)) => {
            bytes.push(4);
            bytes.extend_from_slice(&ip.octets());
        }
        CallerKey::Address(std::net::IpAddr::V6(ip)) => {
            bytes.push(6);
            bytes.extend_from_slice(&ip.octets());
        }
    }
}

fn write_value(value: &Value<'_>, bytes: &mut SmallVec<[u8; 192]>) {
    match value {
        Value::Str(text) => write_text(Some(text), bytes),
        Value::Many(texts) => texts.iter().for_each(|text| write_text(Some(text), bytes)),
        _ => write_text(None, bytes),
    }
}

/// Length first, so that no two keys run together; an absent text differs from an empty one.
fn write_text(text: Option<&str>, bytes: &mut SmallVec<[u8; 192]>) {
    match text {
        Some(text) => {
            bytes.push(1);
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        None => bytes.push(0),
    }
}
