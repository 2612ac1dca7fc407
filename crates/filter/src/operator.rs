//! Operators: what a rule asks of one value, compiled.
//!
//! An [`Operator`] is immutable and shared; what it needs to run (regex caches, captures, the step budget) is a
//! [`Work`] that the caller owns and lends. Invariants: no value panics an operator; matching is linear in the value, or
//! takes steps from the budget and says when it ran out. Does not know variables, transformations, negation or files:
//! the bytes of data files are asked for by name when an operator is compiled.

mod compare;
mod injection;
mod late;
mod network;
mod pattern;
mod problem;
mod test;
mod validate;
mod verify;
mod words;
mod work;

use bytes::Bytes;
use smol_str::SmolStr;

pub use late::Paid;
pub use problem::OperatorProblem;
pub use work::{Captured, Work};

use crate::scan::Necessary;
use crate::seclang::Macro;
use compare::Relation;
use test::{Kind, Test, Times, Wrong};

/// One operator with its argument.
#[derive(Clone, Debug)]
pub struct Operator {
    name: &'static str,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// The argument is known.
    Fixed(Test),
    /// It comes with each call.
    Dynamic(Kind),
}

impl Operator {
    /// Compiles the operator called `name` (any case, without `@`). `data` reads the files that `pmFromFile` and
    /// `ipMatchFromFile` name; what it says of a file it cannot read becomes part of the problem.
    pub fn compile(
        name: &str,
        argument: &Macro,
        data: &mut dyn FnMut(&str) -> Result<Bytes, SmolStr>,
    ) -> Result<Self, OperatorProblem> {
        let (name, kind) = test::kind(name)?;
        let form = match argument.as_text() {
            None => Form::Dynamic(kind),
            Some(text) => {
                let test = Test::compile(kind, text.as_bytes(), data);
                Form::Fixed(test.map_err(|wrong| explained(name, wrong))?)
            }
        };
        Ok(Self { name, form })
    }

    /// The names of all operators that are run.
    pub fn names() -> impl Iterator<Item = &'static str> {
        test::names()
    }

    /// The operators that ModSecurity has and this refuses, with the reason.
    pub const fn refused() -> &'static [(&'static str, &'static str)] {
        test::REFUSED
    }

    /// Its name as the reference spells it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the argument has macros: then each call brings the expanded argument.
    pub const fn is_dynamic(&self) -> bool {
        matches!(self.form, Form::Dynamic(_))
    }

    /// Whether it takes steps from the budget of [`Work`]: patterns with look-around or references, and searches that
    /// may have to be repeated.
    pub const fn is_bounded(&self) -> bool {
        match &self.form {
            Form::Fixed(test) => test.is_bounded(),
            Form::Dynamic(kind) => matches!(kind, Kind::Regex(_) | Kind::Verify(_)),
        }
    }

    /// Whether the operator matches `value`, before any negation. `argument` is the expanded argument of a dynamic
    /// operator and `None` for others; a dynamic one without it, or with one it cannot take, does not match. Leaves in
    /// `work` what was captured.
    pub fn find(&self, value: &[u8], argument: Option<&[u8]>, work: &mut Work) -> bool {
        work.captured.clear();
        match (&self.form, argument) {
            (Form::Fixed(test), _) => test.find(value, work),
            (Form::Dynamic(_), None) => false,
            (Form::Dynamic(kind), Some(argument)) => dynamic(*kind, value, argument, work),
        }
    }

    /// Whether one look tells that it matches neither `value` nor any part of it; `false` says nothing.
    pub fn turns_down(&self, value: &[u8]) -> bool {
        matches!(self.form, Form::Fixed(Test::Utf8Encoding)) && value.is_ascii()
    }

    /// Whether [`Self::rules_out`] is worth asking.
    pub const fn can_rule_out(&self) -> bool {
        matches!(&self.form, Form::Fixed(test) if test.can_rule_out())
    }

    /// Whether a pass that costs less than the operator tells that it does not match `value`, nor any text that differs
    /// from it in the case of letters; `false` says nothing.
    pub fn rules_out(&self, value: &[u8]) -> bool {
        matches!(&self.form, Form::Fixed(test) if test.rules_out(value))
    }

    /// Whether it takes all of any value of one line.
    pub fn takes_lines(&self) -> bool {
        matches!(&self.form, Form::Fixed(Test::Regex(Times::Once, pattern)) if pattern.takes_lines())
    }

    /// Whether it looks for the value in the argument that comes with a call.
    pub const fn is_within(&self) -> bool {
        matches!(self.form, Form::Dynamic(Kind::Text(Relation::Within)))
    }

    /// What must hold of a value for this operator to match it.
    pub fn necessary(&self) -> Necessary {
        match &self.form {
            Form::Fixed(test) => test.necessary(),
            Form::Dynamic(_) => Necessary::any(),
        }
    }
}

fn dynamic(kind: Kind, value: &[u8], argument: &[u8], work: &mut Work) -> bool {
    match kind {
        Kind::Number(bound) => bound.holds(compare::number(value), compare::number(argument)),
        Kind::Text(relation) => match relation.find(value, argument) {
            Some(range) => {
                work.captured.note(range);
                true
            }
            None => false,
        },
        other => work.late(other, argument).is_some_and(|test| test.find(value, work)),
    }
}

fn explained(name: &'static str, wrong: Wrong) -> OperatorProblem {
    match wrong {
        Wrong::Pattern(why) => OperatorProblem::Pattern(why),
        Wrong::Argument(why) => OperatorProblem::Argument { name, why },
        Wrong::File(file, why) => OperatorProblem::File { file, why },
    }
}
