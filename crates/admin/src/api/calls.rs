//! Calls by name, and other ways of speaking, as they are told.
//!
//! Invariant: what was learned is copied, never worked out here.

use portcullis_inventory::{CallAssessment, CallFacts, Operation};
use portcullis_model::Timestamp;
use portcullis_model::call::{Spoken, Streams};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A call by name on the path of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// `GraphQL`, `JSON-RPC` or `SOAP`.
    pub protocol: SmolStr,
    /// Its name: `mutation drop`, `user.get`, `urn:GetPrice`.
    pub name: SmolStr,
    /// `documented`, `shadow`, `zombie` or `dormant`; absent where the site has no contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<SmolStr>,
    /// Since when it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<SmolStr>,
    /// How many exchanges carried it out, estimated where not all were looked at.
    pub exchanges: u64,
    /// How many refused it.
    pub failures: u64,
    /// How many callers there were, estimated where they were many.
    pub callers: u64,
    /// The first exchange looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Names that clients gave to the operation (GraphQL).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_names: Vec<SmolStr>,
    /// Types of the schema that requests name (GraphQL).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<SmolStr>,
}

/// Another way of speaking than request and answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenView {
    /// `gRPC` or `WebSocket`.
    pub protocol: SmolStr,
    /// Of gRPC, the service: `shop.Orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<SmolStr>,
    /// Of gRPC, the method: `Watch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<SmolStr>,
    /// Of gRPC, what was seen to stream: `unary`, `client streaming`, `server streaming`, `bidirectional streaming`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<SmolStr>,
    /// Of a WebSocket, the subprotocol that was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<SmolStr>,
}

impl CallView {
    pub(super) fn of(assessment: &CallAssessment, operation: Option<&Operation>) -> Self {
        let none = CallFacts::default();
        let facts = operation.and_then(|operation| operation.calls.get(&assessment.call)).unwrap_or(&none);
        Self {
            protocol: assessment.call.protocol.as_str().into(),
            name: assessment.call.name.clone(),
            standing: assessment.standing.map(|standing| standing.as_str().into()),
            since: assessment.since,
            why: assessment.why.map(SmolStr::new_static),
            exchanges: facts.exchanges,
            failures: facts.failures,
            callers: facts.callers(),
            first_seen: facts.seen.map(|(first, _)| first),
            last_seen: facts.seen.map(|(_, last)| last),
            client_names: facts.client_names().into_iter().cloned().collect(),
            types: facts.types().into_iter().cloned().collect(),
        }
    }
}

impl SpokenView {
    pub(super) fn of(operation: &Operation) -> Vec<Self> {
        let spoken = operation.facts.spoken.iter();
        spoken.map(|(spoken, streams)| Self::one(spoken, *streams, &operation.path)).collect()
    }

    fn one(spoken: &Spoken, streams: Streams, path: &str) -> Self {
        let none = Self {
            protocol: SmolStr::new_static("gRPC"),
            service: None,
            method: None,
            streams: None,
            subprotocol: None,
        };
        match spoken {
            Spoken::Grpc => {
                let named = path.rsplit_once('/').map(|(before, method)| (before.rsplit('/').next(), method));
                Self {
                    service: named.and_then(|(service, _)| service).map(SmolStr::new),
                    method: named.map(|(_, method)| SmolStr::new(method)),
                    streams: Some(SmolStr::new_static(streams.as_str())),
                    ..none
                }
            }
            Spoken::WebSocket(agreed) => Self {
                protocol: SmolStr::new_static("WebSocket"),
                subprotocol: Some(agreed.clone()).filter(|agreed| !agreed.is_empty()),
                ..none
            },
        }
    }
}
