//! One exchange under a SecLang rule set: variables, phases, actions, what matched.
//!
//! A [`RuleSet`] is compiled once and shared by every site that uses it; a [`Transaction`] is one exchange's own state,
//! owned and `Send`, so that the host may wait between phases; a [`Workspace`] is what a worker lends to each call so
//! that nothing is allocated per rule or value. Invariants: a fresh workspace gives the same verdicts as a used one;
//! every phase ends within its budget of steps; an interruption is final. Does not know files, clocks, stores or
//! sockets: persistent collections are asked of the host by name ([`Step::Collections`]).

mod arena;
mod budget;
mod collections;
mod compile;
mod controls;
mod decisions;
mod exchange;
mod fill;
mod found;
mod front;
mod listed;
mod outcome;
mod pipeline;
mod place;
mod plans;
mod program;
mod prologue;
mod request;
mod rule_set;
mod run;
mod slots;
mod state;
mod strings;
mod text;
mod treatment;
mod values;
mod variable;
mod verdicts;
mod workspace;

pub use crate::seclang::Severity;
pub use budget::Budget;
pub use exchange::Transaction;
pub use outcome::{
    CollectionKey, CollectionWrite, Disruption, Ender, Fields, Interruption, Match, Scores, Step,
};
pub use request::{BodyInput, Request, Response};
pub use rule_set::RuleSet;
pub use state::Spent;
pub use treatment::{Treatment, Treatments};
pub use workspace::Workspace;
