//! The one table of what expressions can name: variables, functions and the tags that set themselves.
//!
//! The checker, the reference and editors read this table and nothing else. Where values come from is not known
//! here: hosts answer for each [`Var`] through [`crate::Facts`].

mod functions;
mod tags;
mod variables;

pub use functions::{Function, functions};
pub use tags::{Namespace, namespaces, tag_known};
pub use variables::{Var, vocabulary};

/// When in an exchange something is known; later ones include earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// With the request's head: connection, head and client address.
    #[default]
    Peer,
    /// Once site and route are found.
    Located,
    /// Once it is known who calls.
    Authenticated,
    /// Once the operation is matched.
    Operation,
    /// Once the request's body is held.
    RequestBody,
    /// With the response's head.
    ResponseHead,
    /// Once the response's body is held.
    ResponseBody,
    /// When all is over.
    End,
}

impl Known {
    /// In words for people, to follow "known".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "with the request's head",
            Self::Located => "once the site is found",
            Self::Authenticated => "once it is known who calls",
            Self::Operation => "once the operation is matched",
            Self::RequestBody => "once the request's body is held",
            Self::ResponseHead => "with the response's head",
            Self::ResponseBody => "once the response's body is held",
            Self::End => "when all is over",
        }
    }
}

/// What an expression is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A rule, limit or template, over an exchange under way.
    Exchange,
    /// A query over recorded events.
    Event,
    /// A finding: whether somebody is told of it.
    Finding,
    /// A query over the operations of the inventory.
    Operation,
}

/// Where a variable can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In rules and in queries over events.
    Everywhere,
    /// Only in rules: events do not keep it.
    ExchangeOnly,
    /// Only in queries: it is decided after all rules.
    EventOnly,
    /// Only where findings are chosen.
    FindingOnly,
    /// Only in queries over operations; the names may be those of an exchange's variables.
    OperationOnly,
}

impl Scope {
    /// Whether an expression about `place` may use it.
    pub const fn covers(self, place: Place) -> bool {
        matches!(
            (self, place),
            (Self::Everywhere | Self::ExchangeOnly, Place::Exchange)
                | (Self::Everywhere | Self::EventOnly, Place::Event)
                | (Self::FindingOnly, Place::Finding)
                | (Self::OperationOnly, Place::Operation)
        )
    }
}

/// The type of a variable or expression; every one of them can also be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Only ever null.
    Null,
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A floating point number.
    Double,
    /// Text.
    String,
    /// One of a few words, each less than those behind it.
    Word(&'static [&'static str]),
    /// An IPv4 or IPv6 address.
    Ip,
    /// A point in time.
    Time,
    /// A length of time.
    Duration,
    /// A list of words.
    Strings,
    /// Named texts, such as header fields.
    Fields,
    /// Any JSON value; checked when it is met.
    Json,
    /// Has members of its own, listed in the vocabulary; by itself it is only there or null.
    Group,
}

impl Type {
    /// The name shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String | Self::Word(_) => "string",
            Self::Ip => "ip",
            Self::Time => "timestamp",
            Self::Duration => "duration",
            Self::Strings => "list of strings",
            Self::Fields => "map of strings",
            Self::Json => "any JSON value",
            Self::Group => "group",
        }
    }
}

/// One variable of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Which it is.
    pub var: Var,
    /// Its name, with the groups it is in: `identity.subject`.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// When it is known.
    pub known: Known,
    /// Where it can be used.
    pub scope: Scope,
    /// What it is, as a sentence.
    pub doc: &'static str,
}
