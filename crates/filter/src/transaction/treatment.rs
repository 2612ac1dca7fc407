//! What a site makes of a match: rule sets are shared, exclusions and classes are each site's own.
//!
//! Asked once for every value that a rule's first test matched, before anything the rule does. Does not know sites.

use std::fmt;

use smol_str::SmolStr;

/// What becomes of one matched value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// The rule acts.
    Act,
    /// The match is noted; the rule sets no variables and ends nothing.
    Record,
    /// As if the value had not matched.
    Ignore,
}

/// Decides what becomes of matches.
pub trait Treatments: fmt::Debug + Send + Sync {
    /// What becomes of a value that a rule matched at a place such as `query.q`.
    fn of(&self, rule: u32, tags: &[SmolStr], class: Option<&str>, place: &str) -> Treatment;
}
