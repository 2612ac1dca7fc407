//! Conditions: CEL, parsed by a library, type-checked, compiled, evaluated.
//!
//! Invariants: an expression that passed [`check`] cannot fail at run time; whatever of CEL is not supported is
//! a problem with its place when it is checked, never ignored; evaluating costs bounded time and, in common
//! cases, no allocation. Deliberately absent: where values come from ([`Facts`]), and what a condition decides.

mod checked;
mod path;
mod problem;
mod reads;
mod syntax;
mod template;
mod value;
mod vocabulary;

pub use checked::{Checked, Env, Program, check, check_value};
pub use path::{Path, Step};
pub use problem::ExprProblem;
pub use reads::{Reads, TagTest};
pub use template::{Template, check_template};
pub use value::{Facts, ListId, Value};
pub use vocabulary::{
    Function, Known, Namespace, Place, Scope, Type, Var, Variable, functions, namespaces, tag_known,
    vocabulary,
};
