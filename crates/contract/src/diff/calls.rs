//! Calls by name that two versions of an operation list.
//!
//! Invariants: an operation that lists none takes any; to list them where nothing was listed forbids nothing that was
//! declared before.

use super::operations::{gone, whole};
use super::{Change, ChangeKind, Impact};
use crate::load::outline::Call;
use crate::operation::DeclaredCall;

/// What came, went and is to be called no more.
pub(super) fn compare(old: &Call<'_>, new: &Call<'_>, changes: &mut Vec<Change>) {
    let Some(after) = listed(new) else { return };
    let before = listed(old).unwrap_or_default();
    let mut add = |known: &DeclaredCall, kind, impact, what: &str| {
        let subject = format!("call {}", known.call.name);
        changes.push(Change { subject, ..whole(new, kind, impact, what) });
    };
    for known in &after {
        match before.iter().find(|other| other.call == known.call) {
            None => add(known, ChangeKind::Added, Impact::Compatible, "it can be called"),
            Some(other) if known.deprecated && !other.deprecated => {
                add(known, ChangeKind::Deprecated, Impact::Compatible, "it should not be called any more");
            }
            Some(_) => {}
        }
    }
    for known in before.iter().filter(|known| after.iter().all(|other| other.call != known.call)) {
        add(known, ChangeKind::Removed, Impact::Breaking, gone(known.deprecated));
    }
}

/// What cannot be read is said where the contract is loaded.
fn listed(call: &Call<'_>) -> Option<Vec<DeclaredCall>> {
    crate::load::calls::read(call.operation.node, &mut Vec::new())
}
