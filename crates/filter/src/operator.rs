//! Operators: what a rule asks of one value, compiled.
//!
//! An [`Operator`] is immutable and shared; what it needs to run (regex caches, captures, the step budget) is a
//! [`Work`] that the caller owns and lends. Invariants: no value panics an operator; matching is linear in the value, or
//! takes steps from the budget and says when it ran out. Does not know variables, transformations, negation or files:
//! the bytes of data files are asked for by name when an operator is compiled.

mod problem;
mod work;

use bytes::Bytes;
use smol_str::SmolStr;

pub use problem::OperatorProblem;
pub use work::{Captured, Work};

use crate::seclang::Macro;

/// One operator with its argument.
#[derive(Clone, Debug)]
pub struct Operator {
    dynamic: bool,
}

impl Operator {
    /// Compiles the operator called `name` (any case, without `@`). `data` reads the files that `pmFromFile` and
    /// `ipMatchFromFile` name; what it says of a file it cannot read becomes part of the problem.
    pub fn compile(
        name: &str,
        argument: &Macro,
        data: &mut dyn FnMut(&str) -> Result<Bytes, SmolStr>,
    ) -> Result<Self, OperatorProblem> {
        let _ = (name, data);
        Ok(Self { dynamic: argument.as_text().is_none() })
    }

    /// Whether the argument has macros: then each call brings the expanded argument.
    pub const fn is_dynamic(&self) -> bool {
        self.dynamic
    }

    /// Whether the operator matches `value`, before any negation. `argument` is the expanded argument of a dynamic
    /// operator and `None` for others. Leaves in `work` what was captured.
    pub fn find(&self, value: &[u8], argument: Option<&[u8]>, work: &mut Work) -> bool {
        work.captured.clear();
        argument.is_some() && value.is_empty()
    }
}
