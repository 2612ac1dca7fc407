//! One line of totals: what it is about, and what it counts.

use portcullis_model::Action;
use portcullis_model::event::{Standing, Summary};
use smol_str::SmolStr;

use super::latency::Latency;
use super::lines::StatusClass;

/// The operation under which those are counted that have no line of their own.
pub(crate) const OTHER: &str = "(other)";

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) site: SmolStr,
    pub(crate) operation: SmolStr,
    pub(crate) standing: Option<Standing>,
    pub(crate) action: Action,
    pub(crate) would_have: Action,
    pub(crate) class: StatusClass,
}

impl Line {
    pub(crate) fn of(summary: &Summary) -> Self {
        Self {
            site: summary.site.clone(),
            operation: summary.operation.clone(),
            standing: summary.standing,
            action: summary.action,
            would_have: summary.would_have,
            class: StatusClass::of(summary.status),
        }
    }

    /// Whether `summary` belongs to this line.
    pub(super) fn takes(&self, summary: &Summary) -> bool {
        self.action == summary.action
            && self.would_have == summary.would_have
            && self.class == StatusClass::of(summary.status)
            && self.standing == summary.standing
            && self.operation == summary.operation
            && self.site == summary.site
    }

    /// The same, for an operation that has no line of its own.
    pub(super) fn other(&self) -> Self {
        Self { operation: SmolStr::new_static(OTHER), standing: None, ..self.clone() }
    }
}

/// What a line counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) count: u64,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) latency: Latency,
}

impl Counts {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.request_bytes = self.request_bytes.saturating_add(other.request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(other.response_bytes);
        self.latency.merge(&other.latency);
    }
}
