//! Whether a request is what the contract declares: its parameters, its body.
//!
//! Invariant: the values that were sent are in no reason; a reason says where, and what must hold there. The client
//! learns the status alone.

use portcullis_contract::{Fault, Parts, RequestRules, Sent};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::{CheckStance, Skippable};
use smol_str::{SmolStr, ToSmolStr as _};

use crate::arrival::BodyHint;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Conformance, Matched, State};

/// Whether what is declared of this request has something to say of its body.
pub(crate) fn reads_body(snapshot: &Snapshot, state: &State) -> bool {
    rules(snapshot, state).is_some_and(|(rules, ..)| rules.reads_body())
}

/// Holds the request against the contract, once all of it that is read is known.
pub(crate) fn run(snapshot: &Snapshot, state: &mut State) {
    let Some((rules, names, values)) = rules(snapshot, state) else { return };
    let parts = Parts { path: (names, values), query: state.normal.query(), headers: &state.head.headers };
    let faults = rules.faults(&parts, sent(state));
    let scope = snapshot.scope(state.place);
    let action = match scope.request_check {
        CheckStance::Off => return,
        CheckStance::Monitor => Action::Monitor,
        CheckStance::Block => Action::Block,
    };
    state.conformance = Some(if faults.is_empty() { Conformance::Valid } else { Conformance::Invalid });
    for fault in faults {
        state.decide(scope.mode, reason(&fault, action), Answer::status(400));
    }
}

fn reason(fault: &Fault, action: Action) -> Reason {
    let reason = Reason::new(Stage::Contract, SmolStr::new_static("contract.invalid_request"), action);
    reason.by(fault.rule.clone()).detail(fault.to_smolstr())
}

type Declared<'a> = (&'a RequestRules, &'a [SmolStr], &'a [SmolStr]);

/// What is declared of this request, and its path parameters; nothing where it is not to be looked at.
fn rules<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<Declared<'a>> {
    let scope = snapshot.scope(state.place);
    if scope.request_check == CheckStance::Off || state.preflight || state.skips(Skippable::Contract) {
        return None;
    }
    let Matched::Declared { index, params, .. } = &state.matched else { return None };
    let operation = snapshot.site(state.place?.site)?.operation(*index)?;
    Some((&*operation.requests, operation.template.parameters(), params.as_slice()))
}

fn sent(state: &State) -> Sent<'_> {
    let in_part = state
        .not_inspected
        .iter()
        .any(|missing| missing.what == "request_body" && missing.why != "content_type");
    match &state.body {
        _ if state.hint == BodyHint::None => Sent::Nothing,
        Some(parsed) if parsed.bytes.is_empty() => Sent::Nothing,
        Some(parsed) if in_part => Sent::Unread(&parsed.media_type),
        Some(parsed) => Sent::Whole(&parsed.body, &parsed.media_type),
        None => Sent::Skipped,
    }
}
