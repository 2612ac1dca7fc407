//! The content filter's turns: built-in rules and SecLang's five phases, and what their matches lead to.
//!
//! Invariants: a phase runs once, in order; what is admitted was seen by every phase before it, or the policy's value
//! for a filter that could not say (`on_budget`) was applied; a candidate's findings never count.

use std::panic::{AssertUnwindSafe, catch_unwind};

use portcullis_filter::transaction::{CollectionKey, Fields, RuleSet, Transaction};
use portcullis_model::counter::{Answer as Stored, Answers, Batch, Op, StoreFailure};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::{FilterAction, Skippable};
use portcullis_wire::fields::MediaType;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::filter::{Asking, Each, Filtering, Owner, Running, Workspace, reads};
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

mod judge;
mod look;

use look::Looked;

/// When the filter looks: SecLang's phases; the built-in rules have their say in the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    RequestHead,
    RequestBody,
    ResponseHead,
    ResponseBody,
    Logging,
}

/// Where the filter of an exchange stands.
#[derive(Debug, Default)]
pub(crate) enum Standing {
    /// It has seen nothing yet.
    #[default]
    Fresh,
    /// It is under way.
    Running(Box<Running>),
    /// It is off, skipped, or it failed.
    Over,
}

/// Runs a phase; a batch where persistent collections have to be read first.
pub(crate) fn run(snapshot: &Snapshot, state: &mut State, phase: Phase) -> Option<Batch> {
    let filtering = snapshot.scope(state.place).filter.as_deref()?;
    let mut workspace = state.lent.take();
    let running = match std::mem::take(&mut state.filter) {
        Standing::Fresh if phase == Phase::RequestHead && !state.skips(Skippable::Filter) => {
            Box::new(begin(filtering, snapshot.scope(state.place).mode, state, &mut workspace))
        }
        Standing::Running(running) => running,
        Standing::Fresh | Standing::Over => {
            state.filter = Standing::Over;
            state.lent.give(workspace);
            return None;
        }
    };
    look(snapshot, filtering, state, (running, workspace), Turn::Phase(phase))
}

/// Goes on with the phase whose collections were read.
pub(crate) fn resume(
    snapshot: &Snapshot,
    state: &mut State,
    asking: &Asking,
    answers: Result<Answers, StoreFailure>,
) -> Option<Batch> {
    let filtering = snapshot.scope(state.place).filter.as_deref()?;
    let mut answers = match answers {
        Ok(answers) => answers.into_iter().map(fields).collect(),
        Err(StoreFailure::CountedLocally { answers, why }) => {
            state.note(super::limits::counted_locally(&why));
            answers.into_iter().map(fields).collect()
        }
        Err(failure) => {
            super::limits::fail(snapshot, snapshot.scope(state.place), state, &failure);
            Vec::new()
        }
    };
    answers.resize(asking.rules + asking.candidate, Fields::default());
    let candidate = answers.split_off(asking.rules);
    let fields = Each { rules: answers, candidate };
    let Standing::Running(running) = std::mem::take(&mut state.filter) else {
        state.filter = Standing::Over;
        return None;
    };
    let workspace = state.lent.take();
    look(snapshot, filtering, state, (running, workspace), Turn::Resume(asking.phase, fields))
}

fn fields(answer: Stored) -> Fields {
    match answer {
        Stored::Map(fields) => fields,
        _ => Fields::default(),
    }
}

/// What is done next.
enum Turn {
    Phase(Phase),
    Resume(Phase, Each<Vec<Fields>>),
}

fn begin(
    filtering: &Filtering,
    mode: portcullis_policy::Mode,
    state: &State,
    workspace: &mut Workspace,
) -> Running {
    let enforced = mode == portcullis_policy::Mode::Block && filtering.action == FilterAction::Block;
    look::begin(filtering, enforced, state, workspace)
}

/// One look, guarded: a filter that fails says nothing of the exchange, and the policy decides.
fn look(
    snapshot: &Snapshot,
    filtering: &Filtering,
    state: &mut State,
    (mut running, mut workspace): (Box<Running>, Box<Workspace>),
    turn: Turn,
) -> Option<Batch> {
    let (phase, resumed) = match turn {
        Turn::Phase(phase) => (phase, None),
        Turn::Resume(phase, fields) => (phase, Some(fields)),
    };
    let seen = &*state;
    let looked = guarded(|| {
        #[cfg(test)]
        tests::trip(seen, phase);
        let looked = look::look(filtering, seen, &mut running, &mut workspace, (phase, resumed));
        (looked, running, workspace)
    });
    let Some((looked, running, workspace)) = looked else {
        state.filter = Standing::Over;
        fail(filtering, state, "filter.failed");
        return None;
    };
    state.lent.give(workspace);
    let Looked { findings, asks } = looked;
    let running = judge::judge(snapshot, filtering, state, running, (phase, findings));
    state.filter = Standing::Running(running);
    ask(snapshot, state, phase, &asks)
}

/// What comes of it, unless it panics. What it worked on is lost with it, so nothing half changed is used again.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn ask(
    snapshot: &Snapshot,
    state: &mut State,
    phase: Phase,
    keys: &Each<Vec<CollectionKey>>,
) -> Option<Batch> {
    if keys.rules.is_empty() && keys.candidate.is_empty() {
        return None;
    }
    state.asking = Some(Asking { phase, rules: keys.rules.len(), candidate: keys.candidate.len() });
    Some(reads(snapshot, state.site_name(snapshot), state.began.wall, keys))
}

/// No mode relaxes this: the exchange was not judged.
pub(super) fn fail(filtering: &Filtering, state: &mut State, code: &'static str) {
    let action = match filtering.on_budget {
        FilterAction::Block => Action::Block,
        FilterAction::Monitor => Action::Monitor,
    };
    let reason = Reason::new(Stage::Filter, SmolStr::new_static(code), action);
    state.uninspected("filter", if code == "filter.failed" { "failed" } else { "budget" });
    state.decide_always(reason, Answer::status(if code == "filter.failed" { 503 } else { 413 }));
}

/// Whether the request's body is to be held for the filter.
pub(super) fn reads_request(scope: &Scope, state: &State) -> bool {
    let Standing::Running(running) = &state.filter else { return false };
    let wants =
        |transaction: &Option<Transaction>| transaction.as_ref().is_some_and(Transaction::reads_request_body);
    let tried = running.candidate.as_deref();
    let packs = scope.filter.as_deref().is_some_and(|filter| {
        let candidate = filter.candidate.as_ref().filter(|_| tried.is_some());
        filter.rules.pack.is_some() || candidate.is_some_and(|candidate| candidate.rules.pack.is_some())
    });
    packs || wants(&running.transaction) || tried.is_some_and(|tried| wants(&tried.transaction))
}

/// Whether this answer's body is to be held for the filter.
pub(super) fn reads_response(scope: &Scope, state: &State) -> bool {
    let Standing::Running(running) = &state.filter else { return false };
    let Some(filter) = scope.filter.as_deref().filter(|_| running.transaction.is_some()) else {
        return false;
    };
    let Some(head) = &state.response else {
        // Before the answer: only codings that can be undone may be offered where its body may be read.
        let rules = filter.rules.seclang.as_ref();
        return !filter.responses.is_empty() || rules.is_some_and(RuleSet::reads_responses);
    };
    let media_type = head.headers.get("content-type").and_then(MediaType::parse);
    running.transaction.as_ref().is_some_and(Transaction::reads_response_body)
        || media_type.is_some_and(|media_type| {
            filter.responses.iter().any(|range| range.matches(media_type.essence()))
        })
}

/// The last phase, and what persistent collections are changed by; also for exchanges that ended early.
pub(crate) fn end(snapshot: &Snapshot, state: &mut State) -> Option<Batch> {
    let scope = snapshot.scope(state.place);
    run(snapshot, state, Phase::Logging);
    let Standing::Running(mut running) = std::mem::take(&mut state.filter) else { return None };
    state.filter = Standing::Over;
    if let (Some(tried), Some(candidate)) =
        (&running.candidate, scope.filter.as_deref().and_then(|filter| filter.candidate.as_ref()))
    {
        let refuses = running.scored || running.interrupted;
        if let Some(reason) = tried.difference(&candidate.name, &running.seen, refuses) {
            state.note(reason);
        }
    }
    if let Some(reason) = running.more() {
        state.note(reason);
    }
    let mut ops = SmallVec::new();
    let mut workspace = state.lent.take();
    let tried = running.candidate.take().and_then(|tried| tried.transaction);
    for (transaction, owner) in [(running.transaction.take(), Owner::Rules), (tried, Owner::Candidate)] {
        let Some(mut transaction) = transaction else { continue };
        let site = state.site_name(snapshot);
        ops.extend(transaction.take_writes().into_iter().map(|write| Op::Map {
            key: snapshot.collection(site, owner, &write.key),
            change: write.change,
        }));
        transaction.finish(&mut workspace.seclang);
    }
    state.lent.give(workspace);
    (!ops.is_empty()).then(|| Batch { now: state.began.wall, ops })
}

#[cfg(test)]
mod tests;
