//! What must hold for a condition to hold, as far as it is a variable compared with literals.
//!
//! A store of events decides these by its columns before it reads an event. Invariant: every conjunct is
//! necessary for the condition; together they need not be enough for it.

use crate::checked::Checked;
use crate::syntax::Comparison;
use crate::typed::{Const, Kind, Typed};
use crate::value::Value;
use crate::vocabulary::Var;

/// One variable compared with literals.
#[derive(Clone, Debug, PartialEq)]
pub struct Conjunct<'a> {
    /// The variable.
    pub var: Var,
    /// How it stands to the literals.
    pub relation: Relation,
    /// The literals, none of them null; one, except for [`Relation::Is`].
    pub literals: Vec<Value<'a>>,
}

/// How a variable stands to literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Equal to one of them.
    Is,
    /// Not equal to it; null is not.
    IsNot,
    /// `<`.
    Below,
    /// `<=`.
    AtMost,
    /// `>`.
    Above,
    /// `>=`.
    AtLeast,
}

impl Checked {
    /// The terms joined by `&&` that compare one variable with literals; whatever else there is, is not listed.
    pub fn conjuncts(&self) -> Vec<Conjunct<'_>> {
        let mut found = Vec::new();
        collect(self.typed(), &mut found);
        found
    }
}

fn collect<'a>(typed: &'a Typed, found: &mut Vec<Conjunct<'a>>) {
    match &typed.kind {
        Kind::And(terms) => terms.iter().for_each(|term| collect(term, found)),
        Kind::Compare(comparison, sides) => found.extend(compared(*comparison, sides)),
        Kind::Among(subject, literals) => {
            let literals: Option<Vec<_>> = literals.iter().map(value).collect();
            if let (Some(var), Some(literals)) = (subject.var(), literals) {
                found.push(Conjunct { var, relation: Relation::Is, literals });
            }
        }
        _ => {}
    }
}

fn compared(comparison: Comparison, [left, right]: &[Typed; 2]) -> Option<Conjunct<'_>> {
    let (var, relation, literal) = match (&left.kind, &right.kind) {
        (Kind::Var(var), Kind::Const(literal)) => (*var, relation(comparison), literal),
        (Kind::Const(literal), Kind::Var(var)) => (*var, relation(comparison.mirrored()), literal),
        _ => return None,
    };
    Some(Conjunct { var, relation, literals: vec![value(literal)?] })
}

const fn relation(comparison: Comparison) -> Relation {
    match comparison {
        Comparison::Equal => Relation::Is,
        Comparison::NotEqual => Relation::IsNot,
        Comparison::Less => Relation::Below,
        Comparison::LessOrEqual => Relation::AtMost,
        Comparison::Greater => Relation::Above,
        Comparison::GreaterOrEqual => Relation::AtLeast,
    }
}

fn value(literal: &Const) -> Option<Value<'_>> {
    Some(match literal {
        Const::Null => return None,
        Const::Bool(value) => Value::Bool(*value),
        Const::Int(value) => Value::Int(*value),
        Const::Double(value) => Value::Float(*value),
        Const::Text(value) => Value::text(value),
        Const::Ip(value) => Value::Ip(*value),
        Const::Time(value) => Value::Time(*value),
        Const::Span(value) => Value::Span(*value),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Env, Place, check};

    fn listed(condition: &str) -> Vec<String> {
        let checked = check(condition, &Env { place: Place::Event, lists: &[] }).unwrap();
        let show = |conjunct: super::Conjunct<'_>| {
            format!("{} {:?} {:?}", conjunct.var.name(), conjunct.relation, conjunct.literals)
        };
        checked.conjuncts().into_iter().map(show).collect()
    }

    #[test]
    fn comparisons_joined_by_and_are_listed_and_nothing_else() {
        for (condition, expected) in [
            (r#"site == "shop""#, vec![r#"site Is [Str("shop")]"#]),
            (r#""shop" != site"#, vec![r#"site IsNot [Str("shop")]"#]),
            ("500 <= status && status < 600", vec!["status AtLeast [Int(500)]", "status Below [Int(600)]"]),
            (r#"verdict in ["block", "ban"]"#, vec![r#"verdict Is [Str("block"), Str("ban")]"#]),
            (r#"site == "a" || site == "b""#, vec![]),
            (r#"!(site == "a")"#, vec![]),
            ("site == null", vec![]),
            (r#"site == "a" && (tag("x:y") || status == 1)"#, vec![r#"site Is [Str("a")]"#]),
            (r#"duration > duration("2s")"#, vec!["duration Above [Span(2s)]"]),
        ] {
            assert_eq!(listed(condition), expected, "{condition}");
        }
    }
}
