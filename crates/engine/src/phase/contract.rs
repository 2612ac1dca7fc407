//! Whether a request is what the contract declares: the calls it makes by name, its parameters, its body. Its answer is looked at in [`answer`].
//!
//! Invariant: the values that were sent are in no reason; a reason says where, and what must hold there. The client
//! learns the status alone.

use portcullis_contract::{Fault, Frozen, Operation, Parts, Sent, Undeclared};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::{CheckStance, Skippable};
use portcullis_wire::fields::MediaType;
use smol_str::{SmolStr, ToSmolStr as _};

use crate::arrival::BodyHint;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Conformance, Matched, State};

pub(crate) mod answer;
mod calls;

/// What is not as it was learned of an operation that nobody declares.
const UNLIKE_LEARNED: &str = "contract.unlike_learned";

/// What a request is held against, and how.
struct Held<'a> {
    operation: &'a Operation,
    /// Its path parameters.
    values: &'a [SmolStr],
    action: Action,
    undeclared: Undeclared,
    code: &'static str,
}

/// Whether what is declared of this request can be told only from all of its body.
pub(crate) fn reads_body(snapshot: &Snapshot, state: &State) -> bool {
    if calls::read_body(snapshot, state) {
        return true;
    }
    let content_type = state.head.headers.get("content-type");
    held(snapshot, state).is_some_and(|held| held.operation.requests.reads_body(content_type))
}

/// Holds the request against the contract, once all of it that is read is known.
pub(crate) fn run(snapshot: &Snapshot, state: &mut State) {
    calls::run(snapshot, state);
    let Some(held) = held(snapshot, state) else { return };
    let path = (held.operation.template.parameters(), held.values);
    let parts = Parts { path, query: state.normal.query(), headers: &state.head.headers };
    let media_type = state.head.headers.get("content-type").and_then(MediaType::parse_beginning);
    let faults = held.operation.requests.faults(&parts, sent(state, media_type.as_ref()), held.undeclared);
    let (action, code) = (held.action, held.code);
    state.conformance = Some(if faults.is_empty() { Conformance::Valid } else { Conformance::Invalid });
    let mode = snapshot.scope(state.place).mode;
    for fault in faults {
        state.decide(mode, reason(code, &fault, action), Answer::status(400));
    }
}

fn reason(code: &'static str, fault: &Fault, action: Action) -> Reason {
    let reason = Reason::new(Stage::Contract, SmolStr::new_static(code), action);
    reason.by(fault.rule.clone()).detail(fault.to_smolstr())
}

/// What this request is held against; nothing where it is not to be looked at.
fn held<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<Held<'a>> {
    if state.frozen.is_some() {
        return frozen(snapshot, state);
    }
    let scope = snapshot.scope(state.place);
    let action = match scope.request_check {
        CheckStance::Off => return None,
        CheckStance::Monitor => Action::Monitor,
        CheckStance::Block => Action::Block,
    };
    let undeclared = match scope.undeclared {
        portcullis_policy::Undeclared::Pass => Undeclared::Passes,
        portcullis_policy::Undeclared::Fault => Undeclared::Fault,
    };
    let (operation, values) = declared(snapshot, state)?;
    Some(Held { operation, values, action, undeclared, code: "contract.invalid_request" })
}

/// What was learned of an operation that nobody declares; each says how far it is enforced. What was never seen is a
/// fault: that is what a positive model is.
fn frozen<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<Held<'a>> {
    let operation = frozen_operation(snapshot, state)?;
    let (_, values) = state.frozen.as_ref()?;
    let action = match operation.frozen {
        Some(Frozen::Block) => Action::Block,
        Some(Frozen::Monitor) | None => Action::Monitor,
    };
    let undeclared = Undeclared::Fault;
    Some(Held { operation, values, action, undeclared, code: UNLIKE_LEARNED })
}

/// The frozen operation of this exchange, where nothing says that the contract does not matter.
fn frozen_operation<'a>(snapshot: &'a Snapshot, state: &State) -> Option<&'a Operation> {
    let (index, _) = state.frozen.as_ref().filter(|_| !passes(state))?;
    snapshot.site(state.place?.site)?.frozen.as_ref()?.operations().get(*index)
}

/// Whether the contract does not matter for this exchange.
fn passes(state: &State) -> bool {
    state.preflight || state.skips(Skippable::Contract)
}

/// The operation the contract declares, where nothing says that the contract does not matter.
fn declared<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<(&'a Operation, &'a [SmolStr])> {
    if passes(state) {
        return None;
    }
    let Matched::Declared { index, params, .. } = &state.matched else { return None };
    Some((snapshot.site(state.place?.site)?.operation(*index)?, params.as_slice()))
}

/// What is known of the body; of one that nobody held, what its head says.
fn sent<'a>(state: &'a State, declared: Option<&'a MediaType>) -> Sent<'a> {
    let in_part = state
        .not_inspected
        .iter()
        .any(|missing| missing.what == "request_body" && missing.why != "content_type");
    match &state.body {
        _ if state.hint == BodyHint::None => Sent::Nothing,
        Some(parsed) if parsed.bytes.is_empty() => Sent::Nothing,
        Some(parsed) if in_part => Sent::Unread(&parsed.media_type),
        Some(parsed) => Sent::Whole(&parsed.body, &parsed.media_type),
        None => declared.map_or(Sent::Skipped, |declared| Sent::Unread(declared.essence())),
    }
}
