//! Whether a response is what the contract declares: its status, its head, its body; and which of its fields go.
//!
//! Invariant: what is cut was in a body read as a whole; of any other body nothing is cut, and the event says why.

use std::ops::Range;

use portcullis_contract::{Cuts, Fault, ResponseRules};
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::ResponseCheck;
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use super::{declared, reason};
use crate::arrival::{Held, HeldBody};
use crate::phase::body::Parsed;
use crate::phase::response::has_body;
use crate::snapshot::Snapshot;
use crate::state::{Answer, Conformance, State};

/// Whether what is declared has something to say of the response's body; of any body, where its head is not known yet.
pub(crate) fn reads_body(snapshot: &Snapshot, state: &State) -> bool {
    rules(snapshot, state).is_some_and(|rules| match &state.response {
        Some(head) => rules.reads_body(head.status, head.headers.get("content-type")),
        None => rules.reads_bodies(),
    })
}

/// Whether a body that nobody can look at must not leave.
pub(crate) fn must_read(snapshot: &Snapshot, state: &State) -> bool {
    let strict = matches!(stance(snapshot, state), ResponseCheck::Block | ResponseCheck::Strip);
    strict && reads_body(snapshot, state)
}

/// Holds the response's head against the contract.
pub(crate) fn run_head(snapshot: &Snapshot, state: &mut State) {
    let (Some(rules), Some(head)) = (rules(snapshot, state), &state.response) else { return };
    let media_type = head.headers.get("content-type").and_then(MediaType::parse_beginning);
    let media_type = media_type.filter(|_| has_body(head, &state.head.method));
    let essence = media_type.as_ref().map(MediaType::essence);
    let faults = rules.head_faults(head.status, &head.headers, essence);
    conclude(snapshot, state, &faults);
}

/// Holds a response's body against the contract; the spans to cut out of it.
pub(crate) fn run_body(snapshot: &Snapshot, state: &mut State, held: &HeldBody) -> Vec<Range<usize>> {
    let (Some(rules), Some(head)) = (rules(snapshot, state), &state.response) else { return Vec::new() };
    let whole = |parsed: &&Parsed| held.outcome == Held::Complete && !parsed.bytes.is_empty();
    let Some(parsed) = state.response_body.as_deref().filter(whole) else { return Vec::new() };
    let faults = rules.body_faults(head.status, &parsed.body, &parsed.media_type);
    let strips = stance(snapshot, state) == ResponseCheck::Strip && parsed.body.defects.is_empty();
    let cuts = if strips {
        rules.cuts(head.status, &parsed.body, &parsed.media_type, &parsed.bytes)
    } else {
        Cuts::default()
    };
    conclude(snapshot, state, &faults);
    strip(snapshot, state, cuts)
}

fn stance(snapshot: &Snapshot, state: &State) -> ResponseCheck {
    snapshot.scope(state.place).response_check
}

fn rules<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<&'a ResponseRules> {
    if stance(snapshot, state) == ResponseCheck::Off {
        return None;
    }
    declared(snapshot, state).map(|(operation, _)| &*operation.responses)
}

fn conclude(snapshot: &Snapshot, state: &mut State, faults: &[Fault]) {
    let mode = snapshot.scope(state.place).mode;
    let blocks = stance(snapshot, state) == ResponseCheck::Block;
    let action = if blocks { Action::Block } else { Action::Monitor };
    let wrong = !faults.is_empty() || state.answer_conformance == Some(Conformance::Invalid);
    state.answer_conformance = Some(if wrong { Conformance::Invalid } else { Conformance::Valid });
    for fault in faults {
        state.decide(mode, reason("contract.invalid_response", fault, action), Answer::status(502));
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
