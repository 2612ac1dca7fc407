//! The part of a condition that SQL can decide by the columns beside an event.
//!
//! Invariant: a term is only ever necessary for the condition, never sufficient: the condition itself is evaluated
//! on every row that is left, so leaving a term out costs time and nothing else.

use std::time::Duration;

use portcullis_expr::{Checked, Conjunct, Relation, Value, Var};
use portcullis_model::{Action, EventId, Timestamp};

use super::page::{Bound, SKEW};
use crate::archive::row::strictness;
use crate::archive::rows::{MOVES, first_place, place};

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
pub(crate) fn terms(when: &Checked) -> Vec<Term> {
    when.conjuncts().iter().flat_map(term).collect()
}

fn term(conjunct: &Conjunct<'_>) -> Vec<Term> {
    match conjunct.var {
        Var::Site => compared("site", conjunct),
        Var::Operation => compared("operation", conjunct),
        Var::Caller => compared("caller", conjunct),
        Var::Method => compared("method", conjunct),
        Var::Status => compared("status", conjunct),
        Var::Duration => compared("duration_us", conjunct),
        Var::Progress => compared("progress", conjunct),
        Var::Time => compared("time", conjunct).into_iter().chain(placed(conjunct)).collect(),
        Var::Verdict => decided("action", conjunct),
        Var::WouldHave if conjunct.relation == Relation::Is => decided("would_have", conjunct),
        Var::Id => identified(conjunct),
        _ => Vec::new(),
    }
}

/// A column compared as the condition compares the variable.
fn compared(column: &str, conjunct: &Conjunct<'_>) -> Vec<Term> {
    let bound: Option<Vec<_>> =
        conjunct.literals.iter().map(|literal| bound(literal, conjunct.relation)).collect();
    let Some(bound) = bound else { return Vec::new() };
    let operator = match conjunct.relation {
        Relation::Is => return vec![among(column, bound)],
        Relation::IsNot => "is not",
        Relation::Below => "<",
        Relation::AtMost => "<=",
        Relation::Above => ">",
        Relation::AtLeast => ">=",
    };
    vec![Term::new(format!("{column} {operator} ?"), bound)]
}

fn among(column: &str, values: Vec<Bound>) -> Term {
    let places = vec!["?"; values.len()].join(", ");
    Term::new(format!("{column} in ({places})"), values)
}

/// A literal as a column holds it; a length of time that is no whole microsecond is widened where it can be.
fn bound(literal: &Value<'_>, relation: Relation) -> Option<Bound> {
    match literal {
        Value::Str(text) => Some(Bound::Text(text.clone().into_owned())),
        Value::Int(integer) => Some(Bound::Integer(*integer)),
        Value::Time(at) => Some(Bound::Integer(at.as_micros())),
        Value::Span(span) => micros(*span, relation).map(Bound::Integer),
        _ => None,
    }
}

fn micros(span: Duration, relation: Relation) -> Option<i64> {
    let down = i64::try_from(span.as_micros()).ok()?;
    let whole = span.subsec_nanos().is_multiple_of(1000);
    match relation {
        Relation::Is | Relation::IsNot => whole.then_some(down),
        Relation::Above | Relation::AtLeast => Some(down),
        Relation::Below | Relation::AtMost => down.checked_add(i64::from(!whole)),
    }
}

/// Roughly where in the table a time can lie, which saves reading the rest.
fn placed(conjunct: &Conjunct<'_>) -> Option<Term> {
    let [Value::Time(at)] = conjunct.literals.as_slice() else { return None };
    let place = |at: Timestamp| [Bound::Integer(first_place(at))];
    match conjunct.relation {
        Relation::Above | Relation::AtLeast => Some(Term::new("seq >= ?", place(at.minus(SKEW)))),
        Relation::Below | Relation::AtMost => Some(Term::new("seq < ?", place(at.plus(SKEW)))),
        Relation::Is | Relation::IsNot => None,
    }
}

/// A decision; where it can be no plain pass, the index of those that are none answers.
fn decided(column: &str, conjunct: &Conjunct<'_>) -> Vec<Term> {
    let word = |literal: &Value<'_>| match literal {
        Value::Str(word) => Action::ALL.into_iter().find(|action| action.as_str() == word),
        _ => None,
    };
    let actions: Option<Vec<Action>> = conjunct.literals.iter().map(word).collect();
    let Some(actions) = actions else { return Vec::new() };
    let ranks: Vec<_> = actions.iter().map(|action| Bound::Integer(strictness(*action))).collect();
    let (term, notable) = match conjunct.relation {
        Relation::Is => (among(column, ranks), !actions.contains(&Action::Pass)),
        Relation::IsNot => (Term::new(format!("{column} is not ?"), ranks), actions.contains(&Action::Pass)),
        _ => return Vec::new(),
    };
    std::iter::once(term).chain(notable.then(|| Term::new("notable = 1", []))).collect()
}

/// Events of these ids lie at their places.
fn identified(conjunct: &Conjunct<'_>) -> Vec<Term> {
    let [Value::Str(id)] = conjunct.literals.as_slice() else { return Vec::new() };
    match (conjunct.relation, id.parse::<EventId>()) {
        (Relation::Is, Ok(id)) => {
            let first = place(id);
            vec![Term::new("seq >= ? and seq < ?", [Bound::Integer(first), Bound::Integer(first + MOVES)])]
        }
        _ => Vec::new(),
    }
}
