//! The parser's tree turned into ours; what is not supported becomes a problem.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators};

use super::outline::Outline;
use super::{Arithmetic, Comparison, Kind, Literal, Syntax};
use crate::problem::ExprProblem;

/// Converts a whole tree, or says everything in it that is not supported.
pub(super) fn convert(
    tree: &IdedExpr,
    places: &SourceInfo,
    outline: &Outline,
) -> Result<Syntax, Vec<ExprProblem>> {
    let mut converter = Converter { places, outline, problems: Vec::new() };
    match converter.node(tree) {
        Some(syntax) if converter.problems.is_empty() => Ok(syntax),
        _ => Err(converter.problems),
    }
}

struct Converter<'a> {
    places: &'a SourceInfo,
    outline: &'a Outline,
    problems: Vec<ExprProblem>,
}

impl Converter<'_> {
    fn token(&self, node: &IdedExpr) -> Range<usize> {
        let (start, last) = self.places.offset_for(node.id).unwrap_or((0, 0));
        start as usize..last as usize + 1
    }

    fn unsupported<T>(&mut self, span: Range<usize>, what: &str, remedy: &str) -> Option<T> {
        self.problems.push(ExprProblem::new(span, what).remedy(remedy));
        None
    }

    fn node(&mut self, node: &IdedExpr) -> Option<Syntax> {
        let token = self.token(node);
        match &node.expr {
            Expr::Literal(literal) => self.literal(literal, token),
            Expr::Ident(name) => {
                Some(Syntax { span: token.clone(), mark: token, kind: Kind::Name(name.clone()) })
            }
            Expr::Select(select) => {
                let operand = Box::new(self.node(&select.operand)?);
                let mark = self.outline.name_after(token.start, &select.field);
                let span = operand.span.start..mark.end;
                Some(Syntax { span, mark, kind: Kind::Field(operand, select.field.clone()) })
            }
            Expr::List(list) => {
                let span = token.start..self.outline.closing(token.start);
                let items = self.nodes(&list.elements)?;
                Some(Syntax { span: span.clone(), mark: span, kind: Kind::List(items) })
            }
            Expr::Call(call) => self.call(call, token),
            Expr::Map(_) => self.unsupported(
                token.start..self.outline.closing(token.start),
                "maps cannot be written in expressions",
                "name the fields to compare one by one",
            ),
            Expr::Struct(_) => self.unsupported(
                token.start..self.outline.closing(token.start),
                "messages cannot be written in expressions",
                "compare fields one by one",
            ),
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.unsupported(token, "this is not supported", "see the reference of expressions")
            }
        }
    }

    fn nodes(&mut self, nodes: &[IdedExpr]) -> Option<Vec<Syntax>> {
        let converted: Vec<Option<Syntax>> = nodes.iter().map(|node| self.node(node)).collect();
        converted.into_iter().collect()
    }

    fn literal(&mut self, literal: &LiteralValue, token: Range<usize>) -> Option<Syntax> {
        let literal = match literal {
            LiteralValue::Null => Literal::Null,
            LiteralValue::Boolean(value) => Literal::Bool(*value.inner()),
            LiteralValue::Int(value) => Literal::Int(*value.inner()),
            LiteralValue::Double(value) => Literal::Double(*value.inner()),
            LiteralValue::String(value) => Literal::Text(value.inner().to_owned()),
            LiteralValue::UInt(_) => {
                return self.unsupported(token, "unsigned numbers are not supported", "leave the `u` out");
            }
            LiteralValue::Bytes(_) => {
                return self.unsupported(token, "byte strings are not supported", "leave the `b` out");
            }
        };
        Some(Syntax { span: token.clone(), mark: token, kind: Kind::Literal(literal) })
    }

    fn call(&mut self, call: &CallExpr, token: Range<usize>) -> Option<Syntax> {
        if call.target.is_none() && call.func_name.contains(['_', '!', '@']) && is_operator(&call.func_name) {
            let args = self.nodes(&call.args)?;
            return self.operator(&call.func_name, args, token);
        }
        let target = match &call.target {
            Some(target) => Some(Box::new(self.node(target)?)),
            None => None,
        };
        let args = self.nodes(&call.args)?;
        let mark = self.outline.name_before(token.start, &call.func_name);
        let start = target.as_ref().map_or(mark.start, |target| target.span.start);
        let span = start..self.outline.closing(token.start);
        Some(Syntax { span, mark, kind: Kind::Call { name: call.func_name.clone(), target, args } })
    }

    fn operator(&mut self, name: &str, args: Vec<Syntax>, token: Range<usize>) -> Option<Syntax> {
        let first = args.first().map_or(token.start, |first| first.span.start.min(token.start));
        let last = args.iter().map(|arg| arg.span.end).max().unwrap_or(token.end).max(token.end);
        let span = first..if name == operators::INDEX { self.outline.closing(token.start) } else { last };
        let key = args.get(1).filter(|_| name == operators::INDEX).map(|key| key.span.clone());
        let mut args = args.into_iter().map(Box::new);
        let mut next = || args.next();
        let kind = match name {
            operators::LOGICAL_NOT => Kind::Not(next()?),
            operators::NEGATE => Kind::Negate(next()?),
            operators::LOGICAL_AND => Kind::And(next()?, next()?),
            operators::LOGICAL_OR => Kind::Or(next()?, next()?),
            operators::CONDITIONAL => Kind::If(next()?, next()?, next()?),
            operators::IN => Kind::In(next()?, next()?),
            operators::INDEX => Kind::Index(next()?, next()?),
            _ => match (comparison(name), arithmetic(name)) {
                (Some(comparison), _) => Kind::Compare(comparison, next()?, next()?),
                (_, Some(arithmetic)) => Kind::Arithmetic(arithmetic, next()?, next()?),
                _ => return self.unsupported(token, "this operator is not supported", "see the reference"),
            },
        };
        Some(Syntax { span, mark: key.unwrap_or(token), kind })
    }
}

fn is_operator(name: &str) -> bool {
    let others = [
        operators::LOGICAL_NOT,
        operators::NEGATE,
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::CONDITIONAL,
        operators::IN,
        operators::INDEX,
    ];
    others.contains(&name) || comparison(name).is_some() || arithmetic(name).is_some()
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}
