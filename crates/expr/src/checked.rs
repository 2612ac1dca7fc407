//! Expressions that passed the checker.

use std::sync::Arc;

use crate::check::{self, Expected};
use crate::problem::ExprProblem;
use crate::program::Program;
use crate::reads::Reads;
use crate::syntax;
use crate::typed::Typed;
use crate::vocabulary::{Place, Type};

/// What an expression may name besides the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Env<'a> {
    /// What it is about.
    pub place: Place,
    /// The policy's lists by name; a [`crate::ListId`] counts in this order.
    pub lists: &'a [&'a str],
}

/// An expression that names only what exists, with the right types; cheap to clone.
#[derive(Clone, Debug)]
pub struct Checked {
    source: Arc<str>,
    typed: Arc<Typed>,
    reads: Arc<Reads>,
}

impl Checked {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its type.
    pub fn result(&self) -> Type {
        self.typed.ty
    }

    /// What it reads.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    pub(crate) fn typed(&self) -> &Typed {
        &self.typed
    }

    /// The form that is evaluated.
    pub fn compile(&self) -> Program {
        Program::new(&self.typed)
    }
}

/// Two are equal if they are written alike and read the same.
impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.reads == other.reads
    }
}

/// Checks a condition: an expression that is true or false.
pub fn check(source: &str, env: &Env<'_>) -> Result<Checked, Vec<ExprProblem>> {
    check_as(source, env, Expected::Condition)
}

/// Checks an expression that is one value of any type.
pub fn check_value(source: &str, env: &Env<'_>) -> Result<Checked, Vec<ExprProblem>> {
    check_as(source, env, Expected::Value)
}

fn check_as(source: &str, env: &Env<'_>, expected: Expected) -> Result<Checked, Vec<ExprProblem>> {
    let tree = syntax::parse(source)?;
    let (typed, reads) = check::check(&tree, env, expected)?;
    Ok(Checked { source: source.into(), typed: Arc::new(typed), reads: Arc::new(reads) })
}
