//! What is wrong with an expression, where, and what would be right.
//!
//! A span counts bytes of the expression's own source; whoever holds the file maps it there. Nothing here
//! knows about files.

use std::ops::Range;

/// One mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprProblem {
    /// The bytes of the expression that are wrong; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What would be right, if that can be said.
    pub remedy: Option<String>,
}

impl ExprProblem {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), remedy: None }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
