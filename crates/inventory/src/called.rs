//! Where every call by name stands against the contract, and why; in words.
//!
//! Invariants: a pure function of the operation, the contract and the time; what every server of a protocol carries out
//! (GraphQL's `__schema`) stands nowhere. It decides nothing: what is done about a shadow is policy's.

use portcullis_contract::{Contract, DeclaredCall, Operation as Declared};
use portcullis_model::Timestamp;
use portcullis_model::call::Call;
use serde::Serialize;

use crate::calls::CallFacts;
use crate::inventory::Operation;
use crate::standing::{DAY_SECONDS, QUIET_DAYS, Standing};

/// What is to be said of one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallAssessment {
    /// What is called.
    pub call: Call,
    /// Where it stands; none where the site has no contract.
    pub standing: Option<Standing>,
    /// Since when, where that can be said.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: Option<&'static str>,
}

/// The calls of an operation that was called: those that were made, and those that are declared and were not.
pub(crate) fn assess(
    operation: &Operation,
    contract: Option<&Contract>,
    declared: Option<&Declared>,
    now: Timestamp,
) -> Vec<CallAssessment> {
    let listed = declared.and_then(|declared| declared.calls.as_deref()).unwrap_or_default();
    let made = operation.calls.iter().map(|(call, facts)| {
        let declared = listed.iter().find(|known| known.call == *call);
        let stands = contract.filter(|_| !call.is_of_protocol()).map(|_| stands(facts, declared, now));
        let (standing, since, why) = match stands {
            Some((standing, since, why)) => (Some(standing), since, Some(why)),
            None => (None, None, None),
        };
        CallAssessment { call: call.clone(), standing, since, why }
    });
    let unmade = listed.iter().filter(|known| !operation.calls.contains_key(&known.call));
    let mut all: Vec<CallAssessment> = made.chain(unmade.map(dormant)).collect();
    all.sort_by(|one, other| one.call.cmp(&other.call));
    all
}

/// The calls of an operation that nobody called.
pub(crate) fn never_made(declared: &Declared) -> Vec<CallAssessment> {
    declared.calls.iter().flat_map(|calls| calls.iter()).map(dormant).collect()
}

fn dormant(declared: &DeclaredCall) -> CallAssessment {
    CallAssessment {
        call: declared.call.clone(),
        standing: Some(Standing::Dormant),
        since: None,
        why: Some("declared, and nobody was seen to call it"),
    }
}

type Stands = (Standing, Option<Timestamp>, &'static str);

fn stands(facts: &CallFacts, declared: Option<&DeclaredCall>, now: Timestamp) -> Stands {
    let (first, last) = (facts.seen.map(|(first, _)| first), facts.seen.map(|(_, last)| last));
    let is_quiet = last.is_none_or(|last| now.as_secs() - last.as_secs() > QUIET_DAYS * DAY_SECONDS);
    match declared {
        None => (Standing::Shadow, first, "it was carried out, and the contract does not declare it"),
        Some(_) if is_quiet => (Standing::Dormant, last, "declared, and not called for 90 days"),
        Some(declared) if declared.deprecated => {
            (Standing::Zombie, None, "the contract marks it deprecated, and it is still called")
        }
        Some(_) => (Standing::Documented, first, "declared and called"),
    }
}
