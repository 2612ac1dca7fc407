//! Our own rule pack: detectors and patterns, each with an id, a class, a level, a description, a fix and tests.
//!
//! The pack is YAML (`crates/filter/builtin/`), read when a [`Pack`] is made. Every value of a request is walked, read
//! the ways an application might read it, and each distinct reading is scanned once for all rules; only
//! rules whose necessary conditions hold are asked. Invariants: work is bounded by a step budget and reaching it is
//! said; what a finding names is the place and bytes as sent to the walk. Does not know sites, scores' thresholds or
//! what a finding leads to.

mod pack;
mod rule;

pub use pack::{Excluded, Exclusion, Finding, Findings, Pack, PackConfig, PackProblem, Subject, Workspace};
pub use rule::{BuiltinRule, Class, Level};
