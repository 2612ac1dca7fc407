//! The content filter of a site or route, compiled, and what it needs while an exchange is under way.
//!
//! Invariants: compiled rules are shared by every scope that uses the same ones; exclusions and classes are the
//! scope's own and are asked when something matched. Deliberately absent: matching (`portcullis-filter`), and when
//! the filter runs ([`crate::phase::filter`]).

mod class;
mod difference;
mod evidence;
mod handling;
mod lent;
mod running;

use std::sync::Arc;

use portcullis_filter::builtin::Pack;
use portcullis_filter::transaction::RuleSet;
use portcullis_policy::{FilterAction, FilterOverLimit, MediaRange};
use smol_str::SmolStr;

pub(crate) use class::class_of;
pub(crate) use difference::Tried;
pub(crate) use evidence::evidence;
pub(crate) use handling::{Handling, Matched};
pub(crate) use lent::Workspace;
pub use lent::Workspaces;
pub(crate) use running::{Asking, Each, Owner, Running, reads};

/// A scope's filter.
#[derive(Debug)]
pub(crate) struct Filtering {
    pub(crate) rules: FilterRules,
    /// Rules tried beside these.
    pub(crate) candidate: Option<Candidate>,
    pub(crate) handling: Arc<Handling>,
    /// The score from which [`Self::action`] is taken.
    pub(crate) threshold: i64,
    pub(crate) action: FilterAction,
    /// How much of a body is read, in bytes.
    pub(crate) body_limit: usize,
    pub(crate) over_limit: FilterOverLimit,
    /// Media types of answers whose bodies are read.
    pub(crate) responses: Vec<MediaRange>,
    pub(crate) steps: u64,
    pub(crate) on_budget: FilterAction,
}

/// Rules of both kinds; either may be absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterRules {
    pub(crate) pack: Option<Arc<Pack>>,
    pub(crate) seclang: Option<RuleSet>,
}

/// Rules that are tried and never count.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// As policy names them.
    pub(crate) name: SmolStr,
    pub(crate) rules: FilterRules,
    /// From 0.0 to 1.0.
    pub(crate) share: f64,
}
