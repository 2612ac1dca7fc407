//! Conditions: CEL, parsed by a library, type-checked, compiled, evaluated.
//!
//! Invariants: an expression that passed [`check`] cannot fail at run time; whatever of CEL is not supported is
//! a problem with its place when it is checked, never ignored; evaluating costs bounded time and, in common
//! cases, no allocation. Deliberately absent: where values come from ([`Facts`]), and what a condition decides.

mod check;
mod checked;
mod conjuncts;
mod path;
mod pattern;
mod problem;
mod program;
mod reads;
mod reference;
#[cfg(test)]
mod sample;
mod semantics;
mod sets;
mod syntax;
mod template;
mod typed;
mod value;
mod vocabulary;

pub use checked::{Checked, Env, check, check_value};
pub use conjuncts::{Conjunct, Relation};
pub use path::{Path, Step};
pub use problem::ExprProblem;
pub use program::Program;
pub use reads::{Reads, TagTest};
pub use reference::reference;
pub use template::{Template, check_template};
pub use value::{Facts, ListId, Value};
pub use vocabulary::{
    Function, Known, Namespace, Place, Scope, Type, Var, Variable, functions, namespaces, tag_known,
    vocabulary,
};
