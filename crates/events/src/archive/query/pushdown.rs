//! The part of a condition that SQL can decide by the columns beside an event.
//!
//! Invariant: a term is only ever necessary for the condition, never sufficient: the condition itself is evaluated
//! on every row that is left, so leaving a term out costs time and nothing else.

use portcullis_expr::Checked;

use super::page::Bound;

/// One condition in SQL and the values bound in it, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound>,
}

impl Term {
    pub(crate) fn new(sql: impl Into<String>, values: impl IntoIterator<Item = Bound>) -> Self {
        Self { sql: sql.into(), values: values.into_iter().collect() }
    }
}

/// What must hold of a row for the condition to hold.
pub(crate) fn terms(_when: &Checked) -> Vec<Term> {
    Vec::new()
}
