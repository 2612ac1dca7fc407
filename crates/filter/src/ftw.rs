//! Tests of rules in go-ftw's format: what is sent, what has to come of it, and whether it did.
//!
//! A file holds the tests of one rule, a test has stages, a stage is one request on a connection of its own. Requests
//! come out as the very bytes to send, so that broken ones stay broken. Does not send anything: who does, in process or
//! over a socket, tells what was [`Observed`].

mod judge;
mod overrides;
mod read;
mod reflection;
mod request;
mod template;

use regex_automata::meta::Regex;

pub use judge::{Answer, Observed, event_line, judge, log_line};
pub use overrides::{Override, overrides};
pub use read::{Loaded, load};
pub use reflection::{Reflected, reflect};

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// The rule it is about.
    pub rule: u32,
    /// Its number among that rule's tests.
    pub number: u32,
    /// What it is about, in its author's words.
    pub description: String,
    /// What is sent, in order, each on a new connection.
    pub stages: Vec<Stage>,
}

impl Test {
    /// `942100-1`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.rule, self.number)
    }
}

/// One request and what has to come of it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is sent.
    pub input: Input,
    /// What has to come of it.
    pub expected: Expected,
}

/// What is sent: a request in parts, or its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The method, as written.
    pub method: String,
    /// The target, as written.
    pub uri: String,
    /// The protocol, as written; may be empty.
    pub version: String,
    /// Fields in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub data: Option<Vec<u8>>,
    /// The whole request as it is to be sent, in place of all other parts.
    pub encoded: Option<Vec<u8>>,
    /// Whether fields that a client would send are added.
    pub autocomplete: Autocomplete,
}

/// Whether fields that a client would send are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autocomplete {
    /// `Content-Type`, `Content-Length` and `Connection` are added where they are missing.
    Fields,
    /// The request is sent as written.
    Nothing,
}

/// What has to come of a request; what is not said does not matter.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Whether the connection has to fail.
    pub error: Option<bool>,
    /// One of these statuses; any if empty.
    pub status: Vec<u16>,
    /// Text in the response.
    pub response_contains: Option<String>,
    /// Rules that all have to be logged.
    pub ids: Vec<u32>,
    /// Rules of which none may be logged.
    pub no_ids: Vec<u32>,
    /// Whether no rule but those expected may be logged.
    pub isolated: bool,
    /// A pattern some line of the log has to match.
    pub log_matches: Option<Regex>,
    /// A pattern no line of the log may match.
    pub log_lacks: Option<Regex>,
    /// Whether a failed stage is tried once more.
    pub retry: Retry,
}

/// Whether a failed stage is tried once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// It is not.
    #[default]
    Never,
    /// It is: what it looks for depends on chance or on what came before.
    Once,
}
