//! Procedures that share one path: what an exchange calls by name, and in which protocol.
//!
//! Invariants: names and shapes, never values. How a call is recognised, and which names are believed, is decided elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::observation::Shape;

/// A procedure that a request calls on a path that takes many.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its name: a JSON-RPC method, a SOAP action, `query customer`.
    pub name: SmolStr,
}

impl Call {
    /// Whether every server of its protocol carries it out: fields that GraphQL itself has (§4.1), as `query __typename`.
    pub fn is_of_protocol(&self) -> bool {
        self.name.split(' ').next_back().is_some_and(|name| name.starts_with("__"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol.as_str(), self.name)
    }
}

/// Protocols that name what they call beside the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// GraphQL: the kind of operation and a field of its root type.
    Graphql,
    /// JSON-RPC 2.0.
    JsonRpc,
    /// SOAP 1.1 and 1.2.
    Soap,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 3] = [Self::Graphql, Self::JsonRpc, Self::Soap];

    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Graphql => "GraphQL",
            Self::JsonRpc => "JSON-RPC",
            Self::Soap => "SOAP",
        }
    }
}

/// A call that was made, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeCall {
    /// What was called.
    pub call: Call,
    /// The name its client gave the operation (GraphQL).
    pub client_name: Option<SmolStr>,
    /// Types of its schema that the request names (GraphQL).
    pub types: Vec<SmolStr>,
    /// What came of it.
    pub outcome: CallOutcome,
    /// What was handed over, where it was read.
    pub arguments: Option<Shape>,
    /// What was answered to it, where that was read.
    pub answer: Option<Shape>,
}

/// What came of a call, whatever the status of the exchange says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was carried out, as far as can be said.
    Answered,
    /// The answer says that it was not.
    Failed,
}

/// A way of speaking in which the path alone is the operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// gRPC: the path is service and method.
    Grpc,
    /// A WebSocket (RFC 6455), with the subprotocol that was agreed; empty where there was none.
    WebSocket(SmolStr),
}

/// An exchange that speaks so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaking {
    /// How.
    pub spoken: Spoken,
    /// What was seen to stream.
    pub streams: Streams,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// Who was seen to send more than one message of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Streams {
    /// The client.
    pub client: bool,
    /// The server.
    pub server: bool,
}

impl Streams {
    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.client |= other.client;
        self.server |= other.server;
    }

    /// As gRPC names it, as far as it was seen.
    pub const fn as_str(self) -> &'static str {
        match (self.client, self.server) {
            (false, false) => "unary",
            (true, false) => "client streaming",
            (false, true) => "server streaming",
            (true, true) => "bidirectional streaming",
        }
    }
}
