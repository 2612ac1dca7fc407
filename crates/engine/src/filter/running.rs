//! The filter of one exchange under way.
//!
//! Invariant: reasons are bounded; what was not told is counted.

use portcullis_filter::transaction::{CollectionKey, Transaction};
use portcullis_model::counter::{Batch, MapChange, Op};
use portcullis_model::{Action, Reason, Stage};
use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};

use super::Tried;

/// The most reasons one exchange gets from the filter.
pub(crate) const MOST_REASONS: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) transaction: Option<Transaction>,
    /// Of the transaction's matches, how many were told.
    pub(crate) told: usize,
    /// What the built-in rules found so far adds up to.
    pub(crate) score: i64,
    /// Whether the built-in rules' score, and a rule of SecLang, were said to refuse.
    pub(crate) scored: bool,
    pub(crate) interrupted: bool,
    pub(crate) spent: bool,
    /// Rules that counted.
    pub(crate) seen: SmallVec<[SmolStr; 4]>,
    pub(crate) candidate: Option<Box<Tried>>,
    /// Reasons given, and those that did not fit.
    pub(crate) reasons: usize,
}

/// Persistent collections the store was asked for, and for which phase.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) phase: crate::phase::filter::Phase,
    /// How many of the rules in force; what follows are the candidate's.
    pub(crate) rules: usize,
    pub(crate) candidate: usize,
}

/// Whose collections they are: what a candidate counts must not count in the rules in force, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Rules,
    Candidate,
}

/// One question or answer for the rules in force and one for the candidate.
#[derive(Debug, Default)]
pub(crate) struct Each<T> {
    pub(crate) rules: T,
    pub(crate) candidate: T,
}

impl Running {
    /// Whether one more reason fits.
    pub(crate) fn has_room(&mut self) -> bool {
        self.reasons += 1;
        self.reasons <= MOST_REASONS
    }

    /// Says how many reasons did not fit.
    pub(crate) fn more(&self) -> Option<Reason> {
        let left_out = self.reasons.checked_sub(MOST_REASONS).filter(|left_out| *left_out > 0)?;
        let reason = Reason::new(Stage::Filter, SmolStr::new_static("filter.more"), Action::Pass);
        Some(reason.detail(format_smolstr!("{left_out} more rules matched; {MOST_REASONS} are kept")))
    }
}

/// The batch that reads collections.
pub(crate) fn reads(
    snapshot: &crate::snapshot::Snapshot,
    site: &str,
    began: portcullis_model::Timestamp,
    keys: &Each<Vec<CollectionKey>>,
) -> Batch {
    let read =
        |owner| move |key| Op::Map { key: snapshot.collection(site, owner, key), change: MapChange::Read };
    let rules = keys.rules.iter().map(read(Owner::Rules));
    let ops = rules.chain(keys.candidate.iter().map(read(Owner::Candidate)));
    Batch { now: began, ops: ops.collect() }
}
