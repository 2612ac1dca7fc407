//! Events: the redacted record of one exchange, and the summary that rollups fold.
//!
//! Everything in an [`Event`] has been redacted by the engine; nothing downstream needs to look again.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::action::Action;
use crate::caller::{CallerKey, Proof};
use crate::data_class::FieldData;
use crate::exchange::{Direction, Scheme, TlsFacts, Version};
use crate::id::{EventId, OperationId};
use crate::reason::{Reason, Stage};
use crate::tag::Tag;
use crate::time::Timestamp;
use crate::trace::TraceRecord;
use crate::verdict::VerdictRecord;

/// The version of the event format this code writes.
pub const FORMAT: u16 = 1;

/// Everything needed to understand what was decided about one exchange, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// The format's version.
    pub version: u16,
    /// The exchange's id; shown to the client in refusals.
    pub id: EventId,
    /// For an exchange still going on: which progress report this is, from 1. Absent on the last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u32>,
    /// When the request's first byte was read.
    pub time: Timestamp,
    /// Its part in a trace, where policy wants traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceRecord>,
    /// From then to the last byte answered (or to this progress report), microseconds.
    pub duration_us: u64,
    /// Towards a site or out of it.
    pub direction: Direction,
    /// The connection.
    pub peer: PeerRecord,
    /// Who called.
    pub caller: CallerRecord,
    /// The site; absent if no site is named like that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// The route within the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<SmolStr>,
    /// The operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationRecord>,
    /// The request.
    pub request: RequestRecord,
    /// The response sent to the client; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseRecord>,
    /// The upstream's part; absent if nothing was sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamRecord>,
    /// Facts, each with what caused it.
    pub tags: Vec<Tag>,
    /// Classes of sensitive data by field, where query and bodies were looked at: names of fields, never values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<FieldData>,
    /// What was done, and what would have been.
    pub verdict: VerdictRecord,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Stages a rule's `pass` skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SmolStr>,
    /// What was not looked at, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_inspected: Vec<NotInspected>,
    /// How long each phase took.
    pub phases: Vec<PhaseTiming>,
    /// How it ended.
    pub end: End,
}

/// The connection an exchange came on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PeerRecord {
    /// The transport peer's address.
    #[schemars(with = "String")]
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The listener.
    pub listener: SmolStr,
    /// TLS facts, if encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
}

/// Who called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CallerRecord {
    /// The key it is counted under.
    pub key: CallerKey,
    /// The client's address, behind trusted proxies.
    #[schemars(with = "String")]
    pub ip: IpAddr,
    /// The identity, if one was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityRecord>,
}

/// A proved identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IdentityRecord {
    /// The provider's name in policy.
    pub provider: SmolStr,
    /// The subject.
    pub subject: SmolStr,
    /// How it was proved.
    pub proof: Proof,
    /// Its groups or scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<SmolStr>,
}

/// Where an operation stands against the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In the contract.
    Documented,
    /// Seen, not in the contract.
    Shadow,
    /// Deprecated or retired in the contract, still called.
    Zombie,
}

impl Standing {
    /// The word used in tags (`api:shadow`) and conditions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Shadow => "shadow",
            Self::Zombie => "zombie",
        }
    }
}

/// The operation an exchange was matched to, or grouped under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OperationRecord {
    /// Its stable id.
    pub id: OperationId,
    /// `METHOD /path/{template}`.
    pub name: SmolStr,
    /// Where it stands; absent where the site declares no contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// The request, redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RequestRecord {
    /// The method.
    pub method: SmolStr,
    /// Whether it came over TLS.
    pub scheme: Scheme,
    /// The host asked for, lower case, without port.
    pub host: SmolStr,
    /// The normal form of the path that was judged and forwarded.
    pub path: String,
    /// The query, values of sensitive names replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The HTTP version.
    pub version: Version,
    /// Fields in order, sensitive values replaced; as much as `archive.headers` keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(SmolStr, String)>,
    /// What called, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<SmolStr>,
    /// Where it was linked from (`Referer`), values of sensitive names replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referer: Option<SmolStr>,
    /// The body's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<SmolStr>,
    /// Body bytes received.
    pub body_bytes: u64,
}

/// The response that went to the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResponseRecord {
    /// The status.
    pub status: u16,
    /// Whether the upstream or the gateway answered.
    pub from: Answerer,
    /// The body's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<SmolStr>,
    /// Body bytes sent to the client.
    pub body_bytes: u64,
}

/// Who made a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answerer {
    /// The site's server.
    Upstream,
    /// Portcullis itself.
    Gateway,
}

/// What happened with the upstream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UpstreamRecord {
    /// Which of the site's `upstreams` it went to, by name; absent for the site's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// The server that answered, or was tried last.
    pub server: SmolStr,
    /// How many tries were made.
    pub attempts: u32,
    /// Whether the connection had been used before.
    pub reused: bool,
    /// The status it answered, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// From asking to the response's head, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_us: Option<u64>,
    /// What went wrong, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SmolStr>,
}

/// Something that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotInspected {
    /// `request_body`, `response_body`, `query`, …
    pub what: SmolStr,
    /// Why: `over_limit`, `content_coding`, `streaming`, `budget`, `deadline`, `not_needed`, …
    pub why: SmolStr,
}

/// One phase's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PhaseTiming {
    /// The phase.
    pub phase: Phase,
    /// Microseconds spent in it, waiting included.
    pub us: u64,
}

/// The phases of an exchange.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Judging the head.
    Head,
    /// Waiting for a credential to be looked at.
    Credential,
    /// Waiting for the store.
    Counters,
    /// Waiting for and judging the request body.
    Body,
    /// Made to wait by a limit.
    Delay,
    /// Waiting for the upstream's response head.
    Upstream,
    /// Judging the response head.
    ResponseHead,
    /// Passing on the response body.
    ResponseBody,
}

impl Phase {
    /// The word used in `check`'s output and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Credential => "credential",
            Self::Counters => "counters",
            Self::Body => "body",
            Self::Delay => "delay",
            Self::Upstream => "upstream",
            Self::ResponseHead => "response head",
            Self::ResponseBody => "response body",
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The whole response was sent.
    Complete,
    /// Still going on (progress reports).
    Ongoing,
    /// The client went away first.
    ClientGone,
    /// The upstream failed after its response had begun.
    UpstreamFailed,
    /// The gateway stopped the response after it had begun.
    Stopped,
    /// A deadline passed.
    TimedOut,
}

/// What the per-minute totals need of an exchange; always made, also where the event is sampled away.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// When it began.
    pub time: Timestamp,
    /// The site, or `-`.
    pub site: SmolStr,
    /// The operation's name, or `-`.
    pub operation: SmolStr,
    /// Where the operation stands.
    pub standing: Option<Standing>,
    /// What was done.
    pub action: Action,
    /// What would have been done.
    pub would_have: Action,
    /// The stage of the decisive reason, where something was refused.
    pub decided_by: Option<Stage>,
    /// The status answered; 0 if none was.
    pub status: u16,
    /// How long it took.
    pub duration: Duration,
    /// Request body bytes.
    pub request_bytes: u64,
    /// Response body bytes.
    pub response_bytes: u64,
    /// Who called.
    pub caller: CallerKey,
}
