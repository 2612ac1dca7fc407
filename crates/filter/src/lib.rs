//! The content filter: reads hostile bytes under budgets and says what is wrong with them.
//!
//! Two sources of rules, one way of matching: [`seclang`] (ModSecurity's language, so that OWASP CRS and rule files
//! that teams already have load unchanged) and [`builtin`] (our own pack). Both compile to [`scan`] groups that rule
//! most values out in one pass. Invariants: no input panics; work is bounded by steps and memory by the budget; a rule
//! that could match is never skipped. Deliberately absent: files, clocks, what a match leads to, and body parsing,
//! which is `wire`'s.

pub mod builtin;
pub mod ftw;
mod memory;
pub mod operator;
pub mod scan;
pub mod seclang;
pub mod transaction;
pub mod transform;
