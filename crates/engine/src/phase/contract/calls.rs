//! Calls by name on an operation that lists which there are: the others are unknown, as undeclared paths are.
//!
//! Invariants: an operation that lists none leaves them all open; what every server of a protocol carries out is known.
//! What is more than can be read may be anything, so it is unknown.

use portcullis_contract::Operation;
use portcullis_model::{Action, Reason, Stage};
use portcullis_policy::Stance;
use smol_str::{SmolStr, ToSmolStr as _};

use crate::calls::{self, Called, Look};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

/// Whether only the body tells if what is called is declared.
pub(super) fn read_body(snapshot: &Snapshot, state: &State) -> bool {
    action(snapshot, state).is_some() && listing(snapshot, state).is_some()
}

/// Judges what a request calls that its operation does not list.
pub(super) fn run(snapshot: &Snapshot, state: &mut State) {
    let Some(action) = action(snapshot, state) else { return };
    let Some(operation) = listing(snapshot, state) else { return };
    let Called { requests, beyond, .. } = calls::of_state(state, Look::Calls);
    let mut unknown: Vec<SmolStr> = requests
        .iter()
        .filter(|request| !request.call.is_of_protocol() && !operation.lists(&request.call))
        .map(|request| request.call.to_smolstr())
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown.extend(beyond.then_some(SmolStr::new_static("more calls than are read")));
    let mode = snapshot.scope(state.place).mode;
    for call in unknown {
        let reason = Reason::new(Stage::Contract, SmolStr::new_static("contract.unknown_call"), action);
        state.decide(mode, reason.detail(call), Answer::status(404));
    }
}

fn action(snapshot: &Snapshot, state: &State) -> Option<Action> {
    match snapshot.scope(state.place).unknown_apis {
        Stance::Pass => None,
        Stance::Monitor => Some(Action::Monitor),
        Stance::Block => Some(Action::Block),
    }
}

/// The operation, if it lists its calls.
fn listing<'a>(snapshot: &'a Snapshot, state: &'a State) -> Option<&'a Operation> {
    let (operation, _) = super::declared(snapshot, state)?;
    operation.calls.is_some().then_some(operation)
}
