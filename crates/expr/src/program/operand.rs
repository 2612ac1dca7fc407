//! Operands: what tests are made on.

use smol_str::SmolStr;

use super::{Condition, Scope};
use crate::path::Path;
use crate::semantics;
use crate::syntax::Arithmetic;
use crate::typed::{Const, Conversion};
use crate::value::Value;
use crate::vocabulary::Var;

/// Something that has a value. Almost always a literal, a variable or a member; the rest is a small tree.
#[derive(Debug)]
pub(super) enum Operand {
    Literal(Const),
    Var(Var),
    Member(Var, Path),
    Item(usize),
    Condition(Condition),
    Choice(Box<(Condition, Self, Self)>),
    Arithmetic(Arithmetic, Box<[Self; 2]>),
    Convert(Conversion, Box<Self>),
}

impl Operand {
    pub(super) fn value<'f>(&'f self, scope: Scope<'f, '_>) -> Value<'f> {
        match self {
            Self::Literal(literal) => literal_value(literal),
            Self::Var(var) => scope.facts.value(*var),
            Self::Member(var, path) => scope.facts.member(*var, path),
            Self::Item(depth) => scope.items.get(*depth).cloned().unwrap_or(Value::Null),
            Self::Condition(condition) => Value::Bool(condition.holds(scope)),
            Self::Choice(choice) => {
                let (condition, yes, no) = &**choice;
                if condition.holds(scope) { yes.value(scope) } else { no.value(scope) }
            }
            Self::Arithmetic(operator, sides) => {
                let [left, right] = &**sides;
                semantics::arithmetic(*operator, &left.value(scope), &right.value(scope))
            }
            Self::Convert(conversion, inner) => semantics::convert(*conversion, inner.value(scope)),
        }
    }

    /// The literal it is or, where everything in it is literal, comes to.
    pub(super) fn folded(self) -> Self {
        let value = match &self {
            Self::Arithmetic(operator, sides) => match &**sides {
                [Self::Literal(left), Self::Literal(right)] => {
                    semantics::arithmetic(*operator, &literal_value(left), &literal_value(right))
                }
                _ => return self,
            },
            Self::Convert(conversion, inner) => match &**inner {
                Self::Literal(inner) => semantics::convert(*conversion, literal_value(inner)),
                _ => return self,
            },
            _ => return self,
        };
        match literal(&value) {
            Some(literal) => Self::Literal(literal),
            None => self,
        }
    }
}

pub(super) fn literal_value(literal: &Const) -> Value<'_> {
    match literal {
        Const::Null => Value::Null,
        Const::Bool(value) => Value::Bool(*value),
        Const::Int(number) => Value::Int(*number),
        Const::Double(number) => Value::Float(*number),
        Const::Text(text) => Value::text(text),
        Const::Ip(ip) => Value::Ip(*ip),
        Const::Time(time) => Value::Time(*time),
        Const::Span(span) => Value::Span(*span),
    }
}

fn literal(value: &Value<'_>) -> Option<Const> {
    Some(match value {
        Value::Null => Const::Null,
        Value::Bool(value) => Const::Bool(*value),
        Value::Int(number) => Const::Int(*number),
        Value::Float(number) => Const::Double(*number),
        Value::Str(text) => Const::Text(SmolStr::from(&**text)),
        Value::Ip(ip) => Const::Ip(*ip),
        Value::Time(time) => Const::Time(*time),
        Value::Span(span) => Const::Span(*span),
        Value::Strings(_) | Value::Many(_) | Value::Several(_) | Value::List(_) | Value::Object => {
            return None;
        }
    })
}
