//! Our own rule pack: detectors and patterns, each with an id, a class, a level, a description, a fix and tests.
//!
//! The pack is YAML (`crates/filter/builtin/`), read when a [`Pack`] is made. Every name and value of a request is
//! walked, read the ways an application might read it, and each distinct reading is shown to the detectors that could
//! start from its bytes and to the patterns whose necessary conditions hold. Invariants: work is bounded by a step budget
//! and reaching it is said; a finding names its place and the bytes that matched. Does not know sites, exclusions,
//! thresholds or what a finding leads to.

mod detector;
mod finding;
mod inspection;
mod load;
mod marks;
mod pack;
mod reading;
mod rule;
mod scope;
mod signal;
#[cfg(test)]
mod tests;
mod walk;

pub use finding::{Finding, Findings, Subject};
pub use pack::{Pack, PackConfig, PackProblem, Workspace};
pub use rule::{BuiltinRule, Class, Level};
