//! What a phase comes to: done, an interruption or a question to the host; and what matched on the way.
//!
//! Invariants: what is kept of a request in a match is bounded ([`Match::MATCHED_BYTES`]) and raw: redacting it is the
//! host's. Does not know what a match costs the client.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_model::counter::MapChange;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::seclang::Severity;

/// What a phase came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The phase is over; the exchange goes on.
    Done,
    /// A rule ends the exchange. Later phases but logging do nothing.
    Interrupt(Interruption),
    /// `initcol` names collections the host has to look up; hand the answers to `Transaction::resume`, which goes on
    /// with the phase.
    Collections(Vec<CollectionKey>),
}

/// How a rule ends an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// What ended it.
    pub cause: Ender,
    /// The status to answer with.
    pub status: u16,
    /// What happens.
    pub kind: Disruption,
}

/// What ended an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// The rule with this id.
    Rule(u32),
    /// A limit that the rules set, by the directive that sets it.
    Limit(&'static str),
}

/// What an interruption does to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disruption {
    /// It gets the status.
    Deny,
    /// Its connection is closed.
    Drop,
    /// It is sent elsewhere.
    Redirect(String),
}

/// One persistent collection: `ip` under the address, `session` under its id, …
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CollectionKey {
    /// `global`, `ip`, `resource`, `session`, `user` or another name, in lower case.
    pub collection: SmolStr,
    /// What it is found under, expanded.
    pub key: String,
}

/// A collection's fields, as the host's store keeps them.
pub type Fields = Vec<(SmolStr, SmolStr)>;

/// A change to a persistent collection that the exchange made.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionWrite {
    /// The collection.
    pub key: CollectionKey,
    /// The change.
    pub change: MapChange,
}

/// One rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule's id.
    pub rule: u32,
    /// 1 to 5.
    pub phase: u8,
    /// Its message, expanded; empty if it has none.
    pub message: String,
    /// Its `logdata`, expanded; empty if it has none. Holds bytes of the request.
    pub data: String,
    /// Its severity.
    pub severity: Option<Severity>,
    /// Its tags.
    pub tags: Arc<[SmolStr]>,
    /// The class of attack its tags name (`attack-sqli` is `sqli`).
    pub class: Option<SmolStr>,
    /// Where the last matching value stands: `query.q`, `body.items[2].note`, `headers.user-agent`.
    pub place: SmolStr,
    /// The places of all values its first test matched, each once: exclusions are asked about these. At most
    /// [`Match::PLACES`]; none where that test reads no values.
    pub places: SmallVec<[SmolStr; 1]>,
    /// Whether there were more.
    pub more_places: bool,
    /// The start of the last matching value, after its transformations; raw and bounded.
    pub matched: Bytes,
    /// Whether the rule says it is logged.
    pub logged: bool,
    /// Whether it did what the rule does, or was only noted for the site.
    pub acted: bool,
    /// What it added to an anomaly score, as far as its `setvar` actions say.
    pub score: i64,
}

impl Match {
    /// The most bytes of a value that a match keeps.
    pub const MATCHED_BYTES: usize = 256;
    /// The most places a match keeps.
    pub const PLACES: usize = 32;
    /// The most matches one transaction keeps; later ones still act.
    pub const KEPT: usize = 256;
}

/// The anomaly scores CRS keeps, 0 where a rule set keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scores {
    /// What counts towards blocking, of the request.
    pub inbound: i64,
    /// The same of the response.
    pub outbound: i64,
    /// From which the rules would block, of the request.
    pub inbound_threshold: i64,
    /// The same of the response.
    pub outbound_threshold: i64,
}
