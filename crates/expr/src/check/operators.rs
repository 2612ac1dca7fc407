//! Operators: comparisons, arithmetic and the choice between two values.

use std::net::IpAddr;

use super::{Checker, Outcome, a, is_numeric, is_textual, literals};
use crate::problem::ExprProblem;
use crate::sets::parse_net;
use crate::syntax::{Arithmetic, Comparison, Syntax};
use crate::typed::{Const, Kind, Typed};
use crate::vocabulary::Type;

impl Checker<'_> {
    pub(super) fn compare(
        &mut self,
        node: &Syntax,
        comparison: Comparison,
        left: &Syntax,
        right: &Syntax,
    ) -> Outcome {
        let (checked_left, checked_right) = (self.expr(left), self.expr(right));
        let (lhs, rhs) = (checked_left?, checked_right?);
        let (left_type, right_type) = (lhs.ty, rhs.ty);
        let lhs = self.as_address(lhs, left, right_type)?;
        let rhs = self.as_address(rhs, right, left_type)?;
        if lhs.ty == Type::Null || rhs.ty == Type::Null {
            return self.compare_null(node, comparison, if lhs.ty == Type::Null { rhs } else { lhs });
        }
        if !comparable(comparison, lhs.ty, rhs.ty) {
            return self.refuse(mismatch(node, comparison, &lhs, &rhs));
        }
        let has_words = matches!(lhs.ty, Type::Word(_)) || matches!(rhs.ty, Type::Word(_));
        if comparison.is_equality() || has_words {
            self.can_equal(&lhs, &rhs, right)?;
            self.can_equal(&rhs, &lhs, left)?;
        }
        if has_words && !comparison.is_equality() {
            return self.compare_rank(node, comparison, lhs, rhs);
        }
        Some(Typed::bool(Kind::Compare(comparison, Box::new([lhs, rhs]))))
    }

    /// Words rise in the order of their list.
    fn compare_rank(&mut self, node: &Syntax, comparison: Comparison, lhs: Typed, rhs: Typed) -> Outcome {
        let (value, literal, comparison) = if lhs.literal_text().is_some() {
            (rhs, lhs, comparison.mirrored())
        } else {
            (lhs, rhs, comparison)
        };
        let (Type::Word(words), Some(text)) = (value.ty, literal.literal_text()) else {
            let remedy = "write the word out, such as `verdict >= \"block\"`";
            return self.wrong(&node.span, "words have an order only against a word written out", remedy);
        };
        let passing = passing(words, comparison, text);
        if passing.is_empty() {
            let message = format!("none of its words passes `{}` here", comparison.as_str());
            return self.wrong(&node.span, message, "leave the comparison out, or write another word");
        }
        Some(Typed::bool(Kind::Among(Box::new(value), passing)))
    }

    fn compare_null(&mut self, node: &Syntax, comparison: Comparison, other: Typed) -> Outcome {
        if other.ty == Type::Fields {
            let remedy = "ask for one of them, such as `headers.accept == null`";
            return self.wrong(&node.span, "a map is always there, empty or not", remedy);
        }
        let there = Typed::bool(Kind::There(Box::new(other)));
        match comparison {
            Comparison::Equal => Some(Typed::bool(Kind::Not(Box::new(there)))),
            Comparison::NotEqual => Some(there),
            _ => self.wrong(&node.mark, "null is neither less nor greater", "compare with `==` or `!=`"),
        }
    }

    /// Reports a literal that can never equal the value.
    pub(super) fn can_equal(&mut self, value: &Typed, literal: &Typed, node: &Syntax) -> Option<()> {
        let Some((message, remedy)) =
            literal.literal_text().and_then(|text| literals::never_equal(value, text))
        else {
            return Some(());
        };
        self.wrong(&node.span, message, remedy).map(|_| ())
    }

    /// Reads a literal as the address it must be where it is compared with one.
    fn as_address(&mut self, value: Typed, node: &Syntax, other: Type) -> Outcome {
        let Some(text) = value.literal_text().filter(|_| other == Type::Ip) else { return Some(value) };
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Typed::constant(Const::Ip(ip.to_canonical())));
        }
        let remedy = match parse_net(text) {
            Some(_) => format!("write `ip in \"{text}\"` to ask whether it lies in a network"),
            None => "write an address, such as \"203.0.113.9\"".to_owned(),
        };
        self.wrong(&node.span, format!("\"{text}\" is not an address"), remedy)
    }

    pub(super) fn negate(&mut self, node: &Syntax, inner: &Syntax) -> Outcome {
        let inner = self.expr(inner)?;
        let zero = match inner.ty {
            Type::Double => Const::Double(0.0),
            Type::Int | Type::Json => Const::Int(0),
            ty => {
                let message = format!("`-` needs a number, not {}", a(ty));
                return self.wrong(&node.span, message, "write `!` for the opposite of a condition");
            }
        };
        let ty = inner.ty;
        Some(Typed::new(ty, Kind::Arithmetic(Arithmetic::Subtract, Box::new([Typed::constant(zero), inner]))))
    }

    pub(super) fn arithmetic(
        &mut self,
        node: &Syntax,
        operator: Arithmetic,
        left: &Syntax,
        right: &Syntax,
    ) -> Outcome {
        let (left, right) = (self.expr(left), self.expr(right));
        let (left, right) = (left?, right?);
        let ty = match (left.ty, right.ty) {
            (l, r) if operator == Arithmetic::Add && is_text(l) && is_text(r) => Type::String,
            (Type::Int, Type::Int) => Type::Int,
            (Type::Double, Type::Double) => Type::Double,
            (l, r) if l == Type::Json && (is_numeric(r) || is_text(r)) => Type::Json,
            (l, r) if r == Type::Json && (is_numeric(l) || is_text(l)) => Type::Json,
            (l, r) => {
                let message = format!("`{}` cannot join {} and {}", operator.as_str(), a(l), a(r));
                let remedy = match (l, r) {
                    (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
                        "convert the whole number: `double(x)`"
                    }
                    _ if is_text(l) || is_text(r) => "convert the other side: `string(x)`",
                    _ => "it works on two ints, two doubles or, for `+`, two strings",
                };
                return self.wrong(&node.span, message, remedy);
            }
        };
        Some(Typed::new(ty, Kind::Arithmetic(operator, Box::new([left, right]))))
    }

    pub(super) fn choice(&mut self, node: &Syntax, condition: &Syntax, yes: &Syntax, no: &Syntax) -> Outcome {
        let (condition, yes, no) = (self.condition(condition), self.expr(yes), self.expr(no));
        let (condition, yes, no) = (condition?, yes?, no?);
        let ty = match (yes.ty, no.ty) {
            (l, r) if l == r => l,
            (l, r) if is_text(l) && is_text(r) => Type::String,
            (Type::Null, ty) | (ty, Type::Null) => ty,
            (Type::Json, ty) | (ty, Type::Json) if !matches!(ty, Type::Fields | Type::Group) => Type::Json,
            (l, r) => {
                let message = format!("one side is {}, the other {}", a(l), a(r));
                return self.wrong(&node.span, message, "give both sides of `:` the same type");
            }
        };
        Some(Typed::new(ty, Kind::If(Box::new([condition, yes, no]))))
    }
}

/// The words that stand so to one of them.
fn passing(words: &[&'static str], comparison: Comparison, text: &str) -> Vec<Const> {
    let rank = words.iter().position(|word| *word == text);
    let passes = |at: usize| {
        rank.is_some_and(|rank| match comparison {
            Comparison::Less => at < rank,
            Comparison::LessOrEqual => at <= rank,
            Comparison::Greater => at > rank,
            Comparison::GreaterOrEqual => at >= rank,
            Comparison::Equal | Comparison::NotEqual => false,
        })
    };
    let found = words.iter().enumerate().filter(|(at, _)| passes(*at));
    found.map(|(_, word)| Const::Text((*word).into())).collect()
}

fn is_text(ty: Type) -> bool {
    matches!(ty, Type::String | Type::Word(_))
}

fn comparable(comparison: Comparison, left: Type, right: Type) -> bool {
    match (left, right) {
        (Type::Json, other) | (other, Type::Json) => {
            is_numeric(other) || is_textual(other) || (other == Type::Bool && comparison.is_equality())
        }
        (Type::String | Type::Word(_), Type::String | Type::Word(_))
        | (Type::Int | Type::Double, Type::Int | Type::Double)
        | (Type::Time, Type::Time)
        | (Type::Duration, Type::Duration) => true,
        (Type::Bool, Type::Bool) | (Type::Ip, Type::Ip) => comparison.is_equality(),
        _ => false,
    }
}

fn mismatch(node: &Syntax, comparison: Comparison, left: &Typed, right: &Typed) -> ExprProblem {
    let message = if left.ty == right.ty {
        format!("`{}` cannot compare two values of type {}", comparison.as_str(), left.ty.as_str())
    } else {
        format!("`{}` cannot compare {} with {}", comparison.as_str(), a(left.ty), a(right.ty))
    };
    let literal = left.literal_text().or(right.literal_text());
    let number = literal.filter(|text| text.parse::<f64>().is_ok());
    let remedy = match (left.ty, right.ty) {
        (Type::Duration, _) | (_, Type::Duration) => {
            "write a length of time: `duration(\"500ms\")`".to_owned()
        }
        (Type::Time, _) | (_, Type::Time) => {
            "write a point in time: `timestamp(\"2026-01-31T08:00:00Z\")`".to_owned()
        }
        (Type::Strings, _) | (_, Type::Strings) => "ask `\"word\" in …`".to_owned(),
        (Type::Group, _) | (_, Type::Group) => "name one of its members, or compare with null".to_owned(),
        (Type::Fields, _) | (_, Type::Fields) => "ask for one of them by name".to_owned(),
        (Type::Ip, Type::Ip) => "write `ip in \"10.0.0.0/8\"`".to_owned(),
        (Type::Ip, _) | (_, Type::Ip) => {
            "write `ip in [\"10.0.0.0/8\"]`, or `string(ip)` for its text".to_owned()
        }
        (Type::Int | Type::Double, _) | (_, Type::Int | Type::Double) => {
            match (number, written_number(left, right)) {
                (Some(number), _) => format!("leave the quotes out: `{number}`"),
                (None, Some(number)) => {
                    format!("write \"{number}\" in quotes, or convert the text: `int(x)`")
                }
                (None, None) => "convert the text first: `int(x)`".to_owned(),
            }
        }
        _ => "compare values of the same type".to_owned(),
    };
    ExprProblem::new(node.span.clone(), message).remedy(remedy)
}

fn written_number(left: &Typed, right: &Typed) -> Option<i64> {
    [left, right].into_iter().find_map(|side| match side.kind {
        Kind::Const(Const::Int(number)) => Some(number),
        _ => None,
    })
}
