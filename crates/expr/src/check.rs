//! The type checker: resolves names, reads literals, refuses whatever could not hold or is not supported.
//!
//! Invariants: it reports every mistake it can see, not only the first; what it lets through cannot fail at run
//! time. It reads the vocabulary and the environment, and knows nothing of evaluation.

mod calls;
mod lists;
mod literals;
mod names;
mod operators;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::checked::Env;
use crate::problem::ExprProblem;
use crate::reads::Reads;
use crate::syntax::{Kind as Written, Literal, Syntax};
use crate::typed::{Const, Kind, Typed};
use crate::vocabulary::Type;

/// The most nodes a checked expression may have; `exists` over a written list repeats its body.
const MOST_NODES: usize = 20_000;

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// True or false.
    Condition,
    /// Anything that is one value.
    Value,
}

/// Checks a tree.
pub(crate) fn check(
    syntax: &Syntax,
    env: &Env<'_>,
    expected: Expected,
) -> Result<(Typed, Reads), Vec<ExprProblem>> {
    let mut checker =
        Checker { env, problems: Vec::new(), reads: Reads::default(), locals: Vec::new(), nodes: 0 };
    let typed = match expected {
        Expected::Condition => checker.condition(syntax),
        Expected::Value => checker.value(syntax),
    };
    match typed {
        Some(typed) if checker.problems.is_empty() => Ok((typed, checker.reads)),
        _ => {
            checker.problems.sort_by_key(|problem| problem.span.start);
            checker.problems.dedup();
            Err(checker.problems)
        }
    }
}

/// What a name bound by `exists` or `all` stands for.
#[derive(Clone, Debug)]
enum Local {
    /// The item of the loop at that depth.
    Item(usize, Type),
    /// One item of a list written in the expression.
    Written(Typed),
}

struct Checker<'a> {
    env: &'a Env<'a>,
    problems: Vec<ExprProblem>,
    reads: Reads,
    locals: Vec<(String, Local)>,
    nodes: usize,
}

/// What checking a node gives: nothing where a problem was reported.
type Outcome = Option<Typed>;

impl Checker<'_> {
    fn refuse(&mut self, problem: ExprProblem) -> Outcome {
        self.problems.push(problem);
        None
    }

    fn wrong(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Outcome {
        self.refuse(ExprProblem::new(span.clone(), message).remedy(remedy))
    }

    fn expr(&mut self, node: &Syntax) -> Outcome {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            // Said once: every further node would say the same.
            if self.nodes == MOST_NODES + 1 {
                return self.wrong(&node.span, "the expression grows too large", "use shorter lists");
            }
            return None;
        }
        match &node.kind {
            Written::Literal(literal) => Some(Typed::constant(constant(literal))),
            Written::Name(_) | Written::Field(..) | Written::Index(..) => self.name(node),
            Written::List(_) => self.wrong(
                &node.span,
                "a list can only stand after `in`, or before `.exists` and `.all`",
                "write `value in [\"a\", \"b\"]`",
            ),
            Written::Call { name, target, args } => self.call(node, name, target.as_deref(), args),
            Written::Not(inner) => {
                let inner = self.condition(inner)?;
                Some(Typed::bool(Kind::Not(Box::new(inner))))
            }
            Written::Negate(inner) => self.negate(node, inner),
            Written::And(left, right) => self.both(left, right, Kind::And),
            Written::Or(left, right) => self.both(left, right, Kind::Or),
            Written::If(condition, yes, no) => self.choice(node, condition, yes, no),
            Written::In(item, list) => self.is_in(node, item, list),
            Written::Compare(comparison, left, right) => self.compare(node, *comparison, left, right),
            Written::Arithmetic(operator, left, right) => self.arithmetic(node, *operator, left, right),
        }
    }

    /// A node that must be true or false.
    fn condition(&mut self, node: &Syntax) -> Outcome {
        let typed = self.expr(node)?;
        let remedy = match typed.ty {
            Type::Bool | Type::Json | Type::Null => return Some(typed),
            Type::Int | Type::Double => "compare it, such as `> 0`",
            Type::Strings => "ask `\"word\" in …`, or `.exists(x, …)`",
            Type::Fields => "ask for one of them by name, such as `headers.accept == \"text/html\"`",
            Type::Group => "write `!= null` to ask whether it is there",
            _ => "compare it, such as `== \"…\"`, or write `!= null` to ask whether it is there",
        };
        self.wrong(&node.span, format!("this is {}, not true or false", a(typed.ty)), remedy)
    }

    /// A node that must be one value that can be written as text.
    fn value(&mut self, node: &Syntax) -> Outcome {
        let typed = self.expr(node)?;
        match typed.ty {
            Type::Fields => self.wrong(
                &node.span,
                "this is a map of strings, not one value",
                "ask for one of them by name, such as `headers.accept`",
            ),
            Type::Group => {
                self.wrong(&node.span, "this is a group, not one value", "name one of its members")
            }
            _ => Some(typed),
        }
    }

    /// Both sides of `&&` or `||`, chains of the same operator made flat.
    fn both(&mut self, left: &Syntax, right: &Syntax, join: fn(Vec<Typed>) -> Kind) -> Outcome {
        let (left, right) = (self.condition(left), self.condition(right));
        let empty = join(Vec::new());
        let mut parts = Vec::new();
        for side in [left?, right?] {
            match (side.kind, &empty) {
                (Kind::And(inner), Kind::And(_)) | (Kind::Or(inner), Kind::Or(_)) => parts.extend(inner),
                (kind, _) => parts.push(Typed { ty: side.ty, kind }),
            }
        }
        Some(Typed::bool(join(parts)))
    }
}

fn constant(literal: &Literal) -> Const {
    match literal {
        Literal::Null => Const::Null,
        Literal::Bool(value) => Const::Bool(*value),
        Literal::Int(value) => Const::Int(*value),
        Literal::Double(value) => Const::Double(*value),
        Literal::Text(text) => Const::Text(text.into()),
    }
}

/// The type with its article.
fn a(ty: Type) -> String {
    match ty {
        Type::Null => "null".to_owned(),
        Type::Json => "any JSON value".to_owned(),
        Type::Int | Type::Ip => format!("an {}", ty.as_str()),
        _ => format!("a {}", ty.as_str()),
    }
}

/// Whether values of the type are text, or may turn out to be.
fn is_textual(ty: Type) -> bool {
    matches!(ty, Type::String | Type::Word(_) | Type::Json)
}

/// Whether values of the type are numbers, or may turn out to be.
fn is_numeric(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Double | Type::Json)
}
