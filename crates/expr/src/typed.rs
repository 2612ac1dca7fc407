//! The tree the checker makes: every name resolved, every literal read, every regular expression compiled.
//!
//! Invariant: a typed tree cannot fail when it is evaluated. How it is evaluated fast is not known here.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::Timestamp;
use smol_str::SmolStr;

use crate::path::Path;
use crate::pattern::Pattern;
use crate::reads::TagTest;
use crate::sets::IpSet;
use crate::syntax::{Arithmetic, Comparison};
use crate::value::ListId;
use crate::vocabulary::{Type, Var};

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
}

/// A literal, as a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Const {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(SmolStr),
    Ip(IpAddr),
    Time(Timestamp),
    Span(Duration),
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Const(Const),
    Var(Var),
    Member(Var, Path),
    /// The item of an enclosing `exists` or `all`, counted from the outermost.
    Item(usize),
    Not(Box<Typed>),
    /// All of these (`&&`).
    And(Vec<Typed>),
    /// Any of these (`||`).
    Or(Vec<Typed>),
    If(Box<[Typed; 3]>),
    Compare(Comparison, Box<[Typed; 2]>),
    Arithmetic(Arithmetic, Box<[Typed; 2]>),
    /// Not null.
    There(Box<Typed>),
    /// One of these literals.
    Among(Box<Typed>, Vec<Const>),
    /// An address in these networks.
    Within(Box<Typed>, IpSet),
    Listed(Box<Typed>, ListId),
    /// Whether a list (first) includes an item (second).
    Includes(Box<[Typed; 2]>),
    Text(TextTest, Box<[Typed; 2]>),
    Matches(Box<Typed>, Pattern),
    Tag(TagTest),
    /// `list.exists(item, body)` and `list.all(item, body)`: list first, body second.
    Each(Quantifier, Box<[Typed; 2]>),
    Convert(Conversion, Box<Typed>),
}

/// Tests of a text (first) by a text (second).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

impl TextTest {
    /// Whether `text` passes for `part`.
    pub(crate) fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
            Self::Contains => text.contains(part),
        }
    }
}

/// How many items must satisfy the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Exists,
    All,
}

/// Functions of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    Int,
    Double,
    Text,
    Lower,
    Upper,
    Size,
    Hours,
    Minutes,
    Weekday,
}

impl Typed {
    pub(crate) fn new(ty: Type, kind: Kind) -> Self {
        Self { ty, kind }
    }

    pub(crate) fn bool(kind: Kind) -> Self {
        Self::new(Type::Bool, kind)
    }

    pub(crate) fn constant(value: Const) -> Self {
        let ty = match &value {
            Const::Null => Type::Null,
            Const::Bool(_) => Type::Bool,
            Const::Int(_) => Type::Int,
            Const::Double(_) => Type::Double,
            Const::Text(_) => Type::String,
            Const::Ip(_) => Type::Ip,
            Const::Time(_) => Type::Time,
            Const::Span(_) => Type::Duration,
        };
        Self::new(ty, Kind::Const(value))
    }

    /// The literal text it is, if it is one.
    pub(crate) fn literal_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Const(Const::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The variable it reads, if it reads one as a whole.
    pub(crate) fn var(&self) -> Option<Var> {
        match self.kind {
            Kind::Var(var) => Some(var),
            _ => None,
        }
    }
}
