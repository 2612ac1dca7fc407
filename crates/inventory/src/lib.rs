//! What a site's APIs are, learned from its traffic.
//!
//! [`Fold`] takes observations and keeps a bounded state made of sums, minima, maxima and the lowest of keyed hashes,
//! so that any order of the same traffic, cut over any number of nodes and merged, gives the same state.
//! [`Inventory::of`] is a pure function of that state: it decides which words of a path are names and which are
//! values, and gives operations with templates, parameters and schemas. [`openapi`] writes them as `OpenAPI` 3.1.
//!
//! Invariants: memory is bounded by [`Limits`]; an exchange that was not answered with success, a file, a page, a
//! redirect or a preflight never makes an operation. Deliberately absent: values (observations have none), keeping,
//! clocks, what is done about what was learned.

mod access;
mod buckets;
mod called;
mod calls;
mod cell;
mod decision;
mod drift;
mod durable;
mod endpoint;
mod example;
mod field_set;
mod fold;
mod hashes;
mod inventory;
mod lexicon;
mod lowest;
mod named_versions;
mod naming;
pub mod openapi;
mod path;
mod risk;
mod schema;
mod sensitive;
mod standing;
mod template;
mod times;
mod told;
mod traffic;
mod version;
mod watching;

pub use access::{Access, Posture};
pub use buckets::Buckets;
pub use called::CallAssessment;
pub use calls::CallFacts;
pub use cell::{Body, Cell};
pub use decision::{Decision, Decisions, Ruling, Spot};
pub use drift::{Drift, DriftKind};
pub use durable::Unreadable;
pub use example::{Example, Examples};
pub use fold::{Fold, Folded, Limits};
pub use inventory::{Inventory, Operation, Parameter};
pub use named_versions::{NamedVersions, VersionFacts};
pub use risk::{Level, Risk};
pub use schema::{Schema, Strings, Words};
pub use sensitive::{Met, Sensitive, Spotted};
pub use standing::{Assessment, Standing};
pub use times::Times;
pub use version::VersionAssessment;
pub use watching::Watching;
