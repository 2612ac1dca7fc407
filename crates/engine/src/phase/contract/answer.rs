//! Whether a response is what the contract declares: its status, its head, its body; and which of its fields go.
//!
//! Invariant: what is cut was in a body read as a whole; of any other body nothing is cut, and the event says why.

use std::ops::Range;

use portcullis_contract::{Cuts, Fault, Frozen, ResponseRules, Undeclared};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::ResponseCheck;
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use super::{UNLIKE_LEARNED, declared, reason};
use crate::arrival::{self, HeldBody};
use crate::phase::body::Parsed;
use crate::phase::response::has_body;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Conformance, State};

/// What a response is held against, and how.
struct Held<'a> {
    rules: &'a ResponseRules,
    stance: ResponseCheck,
    undeclared: Undeclared,
    code: &'static str,
}

/// Whether what is declared has something to say of the response's body; of any body, where its head is not known yet.
pub(crate) fn reads_body(snapshot: &Snapshot, state: &State) -> bool {
    held(snapshot, state).is_some_and(|held| held.reads_body(state))
}

/// Whether a body that nobody can look at must not leave.
pub(crate) fn must_read(snapshot: &Snapshot, state: &State) -> bool {
    let strict = |held: &Held<'_>| matches!(held.stance, ResponseCheck::Block | ResponseCheck::Strip);
    held(snapshot, state).is_some_and(|held| strict(&held) && held.reads_body(state))
}

/// Holds the response's head against the contract.
pub(crate) fn run_head(snapshot: &Snapshot, state: &mut State) {
    let (Some(held), Some(head)) = (held(snapshot, state), &state.response) else { return };
    let media_type = head.headers.get("content-type").and_then(MediaType::parse_beginning);
    let media_type = media_type.filter(|_| has_body(head, &state.head.method));
    let essence = media_type.as_ref().map(MediaType::essence);
    let faults = held.rules.head_faults(head.status, &head.headers, essence);
    let (stance, code) = (held.stance, held.code);
    conclude(snapshot, state, (stance, code), &faults);
}

/// Holds a response's body against the contract; the spans to cut out of it.
pub(crate) fn run_body(snapshot: &Snapshot, state: &mut State, body: &HeldBody) -> Vec<Range<usize>> {
    let (Some(held), Some(head)) = (held(snapshot, state), &state.response) else { return Vec::new() };
    let whole = |parsed: &&Parsed| body.outcome == arrival::Held::Complete && !parsed.bytes.is_empty();
    let Some(parsed) = state.response_body.as_deref().filter(whole) else { return Vec::new() };
    let faults = held.rules.body_faults(head.status, &parsed.body, &parsed.media_type, held.undeclared);
    let strips = held.stance == ResponseCheck::Strip && parsed.body.defects.is_empty();
    let cuts = if strips {
        held.rules.cuts(head.status, &parsed.body, &parsed.media_type, &parsed.bytes)
    } else {
        Cuts::default()
    };
    let (stance, code) = (held.stance, held.code);
    conclude(snapshot, state, (stance, code), &faults);
    strip(snapshot, state, cuts)
}

impl Held<'_> {
    fn reads_body(&self, state: &State) -> bool {
        match &state.response {
            Some(head) => self.rules.reads_body(head.status, head.headers.get("content-type")),
            None => self.rules.reads_bodies(),
        }
    }
}

/// What this response is held against; nothing where it is not to be looked at.
fn held<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<Held<'a>> {
    let stance = snapshot.scope(state.place).response_check;
    if stance == ResponseCheck::Off {
        return None;
    }
    if state.frozen.is_some() {
        return frozen(snapshot, state, stance);
    }
    let (operation, _) = declared(snapshot, state)?;
    let undeclared = Undeclared::Passes;
    Some(Held { rules: &operation.responses, stance, undeclared, code: "contract.invalid_response" })
}

/// What was learned of the answers of an operation that nobody declares: watched until it is promoted. A status that was
/// never seen is held against nothing, for a server that fails for the first time is no reason to hide that.
fn frozen<'a>(snapshot: &'a Snapshot, state: &'a State, stance: ResponseCheck) -> Option<Held<'a>> {
    let operation = super::frozen_operation(snapshot, state)?;
    let rules = &*operation.responses;
    if state.response.as_ref().is_some_and(|head| !rules.knows(head.status)) {
        return None;
    }
    let promoted = operation.frozen == Some(Frozen::Block);
    let stance = if promoted { stance } else { ResponseCheck::Monitor };
    // What is cut out is no fault any more.
    let undeclared = if stance == ResponseCheck::Strip { Undeclared::Passes } else { Undeclared::Fault };
    Some(Held { rules, stance, undeclared, code: UNLIKE_LEARNED })
}

fn conclude(
    snapshot: &Snapshot,
    state: &mut State,
    (stance, code): (ResponseCheck, &'static str),
    faults: &[Fault],
) {
    let mode = snapshot.scope(state.place).mode;
    let action = if stance == ResponseCheck::Block { Action::Block } else { Action::Monitor };
    let wrong = !faults.is_empty() || state.answer_conformance == Some(Conformance::Invalid);
    state.answer_conformance = Some(if wrong { Conformance::Invalid } else { Conformance::Valid });
    for fault in faults {
        state.decide(mode, reason(code, fault, action), Answer::status(502));
    }
}

/// Says what goes; nothing does where nothing is carried out.
fn strip(snapshot: &Snapshot, state: &mut State, cuts: Cuts) -> Vec<Range<usize>> {
    if cuts.places.is_empty() {
        return Vec::new();
    }
    let mode = snapshot.scope(state.place).mode;
    let reason = Reason::new(Stage::Contract, SmolStr::new_static("contract.stripped"), Action::Mask);
    let reason = reason.by("undeclared").detail(cuts.places.join(", "));
    state.decide(mode, reason, Answer::status(200));
    if mode == portcullis_policy::Mode::Monitor { Vec::new() } else { cuts.spans }
}
