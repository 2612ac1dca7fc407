//! From source to a syntax tree in which every node knows its bytes.
//!
//! The `cel` crate parses; this turns its tree into our own, which holds only what is supported. Everything else
//! of the language ends here as a problem. Types and names are not known here.

mod convert;
mod mistakes;
mod outline;

use std::ops::Range;

use crate::problem::ExprProblem;
use outline::Outline;

/// One node, with the bytes of all of it and of the token that stands for it.
#[derive(Clone, Debug)]
pub(crate) struct Syntax {
    /// Everything the node covers.
    pub(crate) span: Range<usize>,
    /// The name, operator or literal to point at.
    pub(crate) mark: Range<usize>,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A literal.
    Literal(Literal),
    /// A name.
    Name(String),
    /// `operand.field`.
    Field(Box<Syntax>, String),
    /// `operand[key]`.
    Index(Box<Syntax>, Box<Syntax>),
    /// `[…]`.
    List(Vec<Syntax>),
    /// `name(…)` or `target.name(…)`.
    Call { name: String, target: Option<Box<Syntax>>, args: Vec<Syntax> },
    /// `!x`.
    Not(Box<Syntax>),
    /// `-x`.
    Negate(Box<Syntax>),
    /// `x && y`.
    And(Box<Syntax>, Box<Syntax>),
    /// `x || y`.
    Or(Box<Syntax>, Box<Syntax>),
    /// `condition ? x : y`.
    If(Box<Syntax>, Box<Syntax>, Box<Syntax>),
    /// `x in y`.
    In(Box<Syntax>, Box<Syntax>),
    /// `x == y` and its like.
    Compare(Comparison, Box<Syntax>, Box<Syntax>),
    /// `x + y` and its like.
    Arithmetic(Arithmetic, Box<Syntax>, Box<Syntax>),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

/// Ways to compare two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// As written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The same, seen from the other side.
    pub(crate) const fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Whether it asks for sameness rather than order.
    pub(crate) const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// Ways to compute one value from two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    /// As written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// The longest source, in bytes.
const LONGEST: usize = 64 * 1024;
/// How deep a node may lie, in units of one operator or dot of a chain. Each nests the parser's own calls: at this
/// depth an unoptimised build takes at most 1.5 MiB of stack, brackets by far the most.
const DEEPEST: usize = 200;

/// Parses an expression.
pub(crate) fn parse(source: &str) -> Result<Syntax, Vec<ExprProblem>> {
    if let Some(problem) = too_much(source) {
        return Err(vec![problem]);
    }
    let outline = Outline::new(source);
    if outline.depth() > DEEPEST {
        return Err(vec![mistakes::too_deep(source)]);
    }
    let parser = cel::Env::default().parser().enable_optional_syntax(false).enable_ident_escape_syntax(true);
    match parser.parse_with_source_info(source) {
        Ok((tree, places)) => convert::convert(&tree, &places, &outline),
        Err(errors) => Err(vec![mistakes::explain(&errors, source)]),
    }
}

fn too_much(source: &str) -> Option<ExprProblem> {
    if source.trim().is_empty() {
        let problem = ExprProblem::new(0..source.len(), "the expression is empty");
        return Some(problem.remedy("write a condition, such as `path.startsWith(\"/admin/\")`"));
    }
    (source.len() > LONGEST).then(|| {
        ExprProblem::new(0..source.len(), format!("the expression is longer than {} KiB", LONGEST / 1024))
            .remedy("put long lists of addresses or words in a file under `lists`")
    })
}

#[cfg(test)]
mod tests;
