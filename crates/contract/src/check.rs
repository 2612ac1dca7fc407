//! What an operation's document says a request looks like, compiled, and what is wrong with one that does not.
//!
//! Invariants: schemas are compiled when the contract is loaded, never for a request; patterns match in linear time;
//! at most [`MOST_FAULTS`] faults of a request are named, and a fault names a place and a rule, never the value that
//! was sent. It knows nothing of policy.

mod body;
mod fields;
mod instance;
mod parameter;
mod response;
mod schema;
mod strip;
mod unique;

use std::fmt;

use portcullis_model::Headers;
use portcullis_wire::body::Body;
use portcullis_wire::normalise::Query;
use smol_str::SmolStr;

pub(crate) use body::{BodyRules, Content};
pub(crate) use instance::Coercion;
pub(crate) use parameter::{Location, Parameter, Style};
pub use response::ResponseRules;
pub(crate) use response::{AnswerRules, Statuses};
pub(crate) use schema::Schema;
pub use strip::Cuts;

/// Faults named of one request.
pub const MOST_FAULTS: usize = 8;

/// What is declared of an operation's requests.
#[derive(Clone, Debug, Default)]
pub struct RequestRules {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<BodyRules>,
    /// Names in the query that carry API keys; security schemes declare them.
    pub(crate) keys: Vec<SmolStr>,
}

/// What query parameters and fields are that nothing declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// None of our business, unless a schema rules them out.
    Passes,
    /// Faults.
    Fault,
}

/// What of a request's head is held against the contract.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Path parameters, percent-decoded: names, and their values in the same order.
    pub path: (&'a [SmolStr], &'a [SmolStr]),
    /// The query as forwarded.
    pub query: Query<'a>,
    /// The header fields.
    pub headers: &'a Headers,
}

/// A request's body, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
    /// There is none.
    Nothing,
    /// All of it, and the media type it says it is, without parameters.
    Whole(&'a Body, &'a str),
    /// Nobody could look at it.
    Skipped,
    /// Not all of it was read, so that only its media type can be judged.
    Unread(&'a str),
}

/// One way in which a request is not what the contract says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `query.limit`, `body.items[2].price`.
    pub place: String,
    /// The keyword of the document it goes against: `maximum`, `required`.
    pub rule: SmolStr,
    /// What must hold there: `must be <= 100`.
    pub must: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.must)
    }
}

impl Fault {
    fn undeclared(place: String) -> Self {
        Self::new(place, "undeclared", "must not be sent, for it is not declared")
    }

    fn new(place: impl Into<String>, rule: &'static str, must: impl Into<String>) -> Self {
        Self { place: place.into(), rule: SmolStr::new_static(rule), must: must.into() }
    }
}

impl RequestRules {
    /// Whether what is declared of a body with this `Content-Type` can be told only from all of it. A media type that is
    /// not declared, and one that is not read here, need no more than the head.
    pub fn reads_body(&self, content_type: Option<&[u8]>) -> bool {
        self.body.as_ref().is_some_and(|body| body.is_read(content_type))
    }

    /// Everything wrong with a request, up to [`MOST_FAULTS`].
    pub fn faults(&self, parts: &Parts<'_>, sent: Sent<'_>, undeclared: Undeclared) -> Vec<Fault> {
        let mut faults = Vec::new();
        for parameter in &self.parameters {
            parameter.check(parts, &mut faults);
        }
        if let Some(body) = &self.body {
            body.check(sent, &mut faults);
        }
        if undeclared == Undeclared::Fault {
            self.undeclared(parts, sent, &mut faults);
        }
        faults.truncate(MOST_FAULTS);
        faults
    }

    fn undeclared(&self, parts: &Parts<'_>, sent: Sent<'_>, faults: &mut Vec<Fault>) {
        for (name, _) in parts.query.pairs() {
            let known = |key: &SmolStr| *key == name.as_ref();
            let declared =
                self.keys.iter().any(known) || self.parameters.iter().any(|one| one.takes_query(&name));
            if faults.len() < MOST_FAULTS && !declared {
                let mut place = "query".to_owned();
                fields::push_name(&mut place, &name);
                faults.push(Fault::undeclared(place));
            }
        }
        if let Some(body) = &self.body {
            body.undeclared(sent, faults);
        }
    }
}

#[cfg(test)]
mod tests;
