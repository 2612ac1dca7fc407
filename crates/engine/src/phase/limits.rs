//! Limits of one turn: one batch to the store, one look at its answers.
//!
//! Every limit that applies is counted, whatever the others or the rules say. Places taken are given back, and bytes
//! counted, when the exchange ends; limits over what is known only then are counted in the same batch.

mod announce;
mod excess;
mod key;

pub(crate) use key::balancing;

use std::time::Duration;

use bytes::Bytes;
use portcullis_expr::Facts as _;
use portcullis_model::counter::{Answer as Counted, Answers, Batch, Op, StoreFailure};
use portcullis_model::{Action, Cause, Reason, Stage};
use portcullis_policy::{CostBy, DelayOrder, LimitAction, Mode, OnFailure, Skippable};
use portcullis_wire::body::{Budget, graphql};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::facts::View;
use crate::identity::Signed;
use crate::scope::{Limit, Measure, Scope, Turn};
use crate::snapshot::Snapshot;
use crate::state::{Answer, Given, State};

pub(crate) use announce::{ALONE, Announced, fields};

use super::{bans, challenge};

/// After this a place is free again whatever became of its exchange.
const PLACE_HELD: Duration = Duration::from_hours(1);
/// How many different values are counted exactly.
const EXACT: u32 = 512;
/// Stands among the limits of a batch for a signature that counts once.
const ONCE: u16 = u16::MAX;

/// The batch of a turn, if any limit applies.
pub(crate) fn plan(snapshot: &Snapshot, state: &mut State, turn: Turn) -> Option<Batch> {
    let limits = snapshot.scope(state.place).limits.at(turn);
    let limits = if state.skips(Skippable::Limits) { &[] } else { limits };
    let once: &[Signed] = if turn == Turn::Operation { &state.signed } else { &[] };
    if limits.is_empty() && once.is_empty() {
        return None;
    }
    let mut batch = Batch { now: state.began.wall, ops: once.iter().filter_map(Signed::once).collect() };
    let mut counting = SmallVec::from_elem(ONCE, batch.ops.len());
    for (index, limit) in limits.iter().enumerate() {
        if let Some(op) = count(&View { snapshot, state }, limit) {
            note_debt(state, limit, &op);
            batch.ops.push(op);
            counting.push(index as u16);
        }
    }
    if batch.ops.is_empty() {
        return None;
    }
    state.counting = Some((turn, counting));
    Some(batch)
}

/// What is to be counted; none where the limit does not apply.
fn count(view: &View<'_>, limit: &Limit) -> Option<Op> {
    let exempt = limit.except.iter().any(|tag| view.has_tag(tag));
    if exempt || !limit.when.as_ref().is_none_or(|when| when.holds(view)) {
        return None;
    }
    let key = key::counter(view, limit)?;
    Some(match &limit.measure {
        Measure::Rate { rate, burst } => {
            let (rate, per) = (rate.count.get(), rate.per);
            Op::Take { key, rate, per, burst: *burst, cost: cost(view, limit) }
        }
        Measure::Concurrency(most) => {
            Op::Acquire { key, limit: *most, lease: view.state.id.as_u128(), ttl: PLACE_HELD }
        }
        Measure::Quota(quota) => {
            Op::Quota { key, window: quota.window, limit: quota.most.get(), cost: cost(view, limit) }
        }
        // Only looked at: what it carries is counted when it ends.
        Measure::Bytes(quota) => {
            Op::Quota { key, window: quota.window, limit: quota.most.get() - 1, cost: 0 }
        }
        Measure::Distinct { of, window, .. } => {
            Op::Distinct { key, value: key::value(view, of)?, window: *window, exact: EXACT }
        }
    })
}

fn cost(view: &View<'_>, limit: &Limit) -> u64 {
    if limit.cost.by == CostBy::Graphql {
        return graphql_cost(view.state).max(1);
    }
    let name = view.operation_name().filter(|_| !limit.cost.operations.is_empty());
    let named = limit.cost.operations.iter().find(|(operation, _)| name == Some(operation));
    named.map_or(limit.cost.usual, |(_, cost)| *cost)
}

/// What the documents of the body cost, or that of the query string.
fn graphql_cost(state: &State) -> u64 {
    let budget = Budget::default();
    let of_body = state.body.as_deref().and_then(|parsed| graphql::facts(&parsed.body, &budget));
    let facts = of_body.or_else(|| {
        let document = state.normal.query().get("query").filter(|text| text.contains('{'))?;
        graphql::parse(&Bytes::copy_from_slice(document.as_bytes()), &budget).graphql.map(|facts| *facts)
    });
    facts.map_or(1, |facts| facts.cost)
}

/// Remembers what the end must give back or add.
fn note_debt(state: &mut State, limit: &Limit, op: &Op) {
    match (&limit.measure, op) {
        (Measure::Concurrency(_), Op::Acquire { key, .. }) => state.given.push(Given::Place(*key)),
        (Measure::Bytes(quota), Op::Quota { key, .. }) => state.given.push(Given::Bytes(*key, quota.window)),
        _ => {}
    }
}

/// Judges the answers to the batch that was planned last.
pub(crate) fn judge(
    snapshot: &Snapshot,
    state: &mut State,
    answers: Result<Answers, StoreFailure>,
) -> Option<Turn> {
    let scope = snapshot.scope(state.place);
    match answers {
        Ok(answers) => judge_answers(snapshot, scope, state, &answers),
        Err(StoreFailure::CountedLocally { answers, why }) => {
            state.note(counted_locally(&why));
            judge_answers(snapshot, scope, state, &answers)
        }
        Err(failure) => {
            fail(snapshot, scope, state, &failure);
            state.counting.take().map(|(turn, _)| turn)
        }
    }
}

/// The same once the exchange is over, where a store that fails refuses nothing.
pub(crate) fn judge_end(snapshot: &Snapshot, state: &mut State, answers: Result<Answers, StoreFailure>) {
    match answers {
        Ok(answers) => _ = judge_answers(snapshot, snapshot.scope(state.place), state, &answers),
        Err(StoreFailure::CountedLocally { answers, why }) => {
            state.note(counted_locally(&why));
            judge_answers(snapshot, snapshot.scope(state.place), state, &answers);
        }
        Err(failure) => state.note(store_failed(&failure, Action::Monitor)),
    }
}

fn judge_answers(snapshot: &Snapshot, scope: &Scope, state: &mut State, answers: &Answers) -> Option<Turn> {
    let (turn, counting) = state.counting.take()?;
    let limits = scope.limits.at(turn);
    for (index, answer) in counting.iter().zip(answers) {
        if *index == ONCE {
            refuse_replay(scope, state, answer);
            continue;
        }
        let Some(limit) = limits.get(usize::from(*index)) else { continue };
        state.announced.extend(announce::of(limit, answer));
        exceed(snapshot, scope, state, (limit, turn), answer);
    }
    Some(turn)
}

/// A signature counts once.
fn refuse_replay(scope: &Scope, state: &mut State, answer: &Counted) {
    if matches!(answer, Counted::Once { first: false }) {
        let code = SmolStr::new_static("authenticate.replayed");
        let reason = Reason::new(Stage::Authenticate, code, Action::Block);
        state.decide(
            scope.mode,
            reason,
            Answer::status(401).header("www-authenticate", "Signature".to_owned()),
        );
    }
}

/// Goes on without counters: as policy says where the store is gone.
pub(super) fn fail(snapshot: &Snapshot, scope: &Scope, state: &mut State, failure: &StoreFailure) {
    let action = match snapshot.on_store_failure() {
        // Where this node counts by itself nothing failed; what did cannot be counted here either.
        OnFailure::Allow | OnFailure::Local => Action::Monitor,
        OnFailure::Deny => Action::Block,
    };
    state.decide(scope.mode, store_failed(failure, action), Answer::status(503));
}

/// The reason of an exchange that this node counted by itself, for the store did not answer.
pub(super) fn counted_locally(why: &SmolStr) -> Reason {
    let reason = Reason::new(Stage::Gateway, SmolStr::new_static("gateway.counted_locally"), Action::Monitor);
    reason.detail(why.clone())
}

fn store_failed(failure: &StoreFailure, action: Action) -> Reason {
    let reason = Reason::new(Stage::Gateway, SmolStr::new_static("gateway.store_failed"), action);
    reason.detail(failure.to_string())
}

fn exceed(
    snapshot: &Snapshot,
    scope: &Scope,
    state: &mut State,
    (limit, turn): (&Limit, Turn),
    answer: &Counted,
) {
    let Some(excess) = excess::of(limit, answer) else { return };
    state.tag(&limit.tag, Cause::Limit(limit.name.clone()));
    let (action, answer) = match &limit.action {
        LimitAction::Monitor => (Action::Monitor, Answer::status(200)),
        LimitAction::Delay(order) => return delay(scope, state, limit, *order),
        LimitAction::Throttle => (Action::Throttle, excess.answer(limit)),
        // A program is told when to come back, as where it is throttled.
        LimitAction::Challenge => (Action::Challenge, Answer { status: 403, ..excess.answer(limit) }),
        LimitAction::Block => (Action::Block, Answer::status(403)),
        LimitAction::Ban(order) => {
            bans::set(snapshot, scope, state, &limit.tag, order);
            (Action::Ban, Answer::status(403).closing())
        }
    };
    let reason =
        |code, action| Reason::new(Stage::Limits, SmolStr::new_static(code), action).by(limit.name.clone());
    // Once it is over nothing is refused any more; what follows is for those that come next.
    match (turn, &limit.action) {
        (Turn::End, LimitAction::Ban(_)) => state.note(reason("limits.banned", Action::Monitor)),
        (Turn::End, _) => state.note(reason("limits.exceeded", Action::Monitor)),
        (_, LimitAction::Challenge) => {
            challenge::ask(snapshot, scope, state, reason("limits.exceeded", action), answer);
        }
        _ => state.decide(scope.mode, reason("limits.exceeded", action), answer),
    }
}

/// It goes on later; of several limits that say so the longest delay holds.
fn delay(scope: &Scope, state: &mut State, limit: &Limit, order: DelayOrder) {
    let enforced = scope.mode == Mode::Block;
    let code = if enforced { "limits.delayed" } else { "limits.exceeded" };
    state.note(Reason::new(Stage::Limits, SmolStr::new_static(code), Action::Monitor).by(limit.name.clone()));
    let longer = state.delay.as_ref().is_none_or(|(_, held)| held.duration < order.duration);
    if enforced && longer {
        state.delay = Some((limit.name.clone(), order));
    }
}

/// Refuses for now what cannot be held, as too many others are.
pub(crate) fn refuse_delay(state: &mut State, by: SmolStr, wait: Duration) {
    let reason = Reason::new(Stage::Limits, SmolStr::new_static("limits.exceeded"), Action::Throttle);
    state.decide_always(reason.by(by).detail("too many are held already"), Answer::retry_after(wait));
}

/// What is counted once the exchange is over, then what it gives back and what it carried.
pub(crate) fn end(snapshot: &Snapshot, state: &mut State) -> SmallVec<[Op; 4]> {
    let mut ops = plan(snapshot, state, Turn::End).map(|batch| batch.ops).unwrap_or_default();
    let carried = state.outcome.as_ref().map_or(0, |outcome| outcome.request_bytes + outcome.response_bytes);
    let lease = state.id.as_u128();
    ops.extend(state.given.drain(..).filter_map(|given| match given {
        Given::Place(key) => Some(Op::Release { key, lease }),
        // Never refused: it was carried.
        Given::Bytes(key, window) => {
            (carried > 0).then_some(Op::Quota { key, window, limit: u64::MAX, cost: carried })
        }
    }));
    ops
}
