//! Marked configuration to a checked, immutable policy, or every problem with its place.
//!
//! Invariants: a [`Policy`] exists only without errors, so nothing in it can be wrong; the sections are declared once,
//! and decoder, defaults, JSON Schema, reference and `explain` all follow those declarations. Files are named here,
//! not opened (but for the policy's own); what is in them is the engine's to judge.

mod access_log;
mod acme;
mod alerts;
mod challenge;
mod condition;
mod crawlers;
mod decode;
mod explain;
mod filter;
mod identity;
mod limit;
mod list;
mod names;
mod pattern;
mod phases;
mod policy;
mod reference;
mod require;
mod rule;
mod scalar;
mod schema;
mod server;
mod site;
mod state;
pub mod table;
mod tags;
#[cfg(test)]
mod tests;
mod tracing;
mod upstream;
mod whereabouts;

pub use access_log::{AccessLog, LogFormat, LogTarget};
pub use acme::{Acme, AcmeChallenge, ExternalAccount};
pub use alerts::{AlertChannel, AlertRule, Alerts, Syslog, SyslogTransport, Webhook, WebhookUrl};
pub use challenge::{Challenge, Difficulty};
pub use condition::{Condition, EventTemplate, FindingCondition, Phase, Template};
pub use crawlers::{CrawlerDns, Crawlers};
pub use decode::ByName;
pub use explain::{Explanation, Line, Origin, Scheduled, explain, schedule};
pub use filter::{
    ClassAction, ClassActions, Exclusion, FILTER_CLASSES, Filter, FilterAction, FilterOverLimit, RuleFiles,
    RuleSets, RuleSource,
};
pub use identity::{
    Algorithm, ApiKey, Basic, Carrier, CertificateName, ClientAuth, Credential, Introspection, Jwt, KeyFetch,
    LoginSession, Mtls, Oidc, Provider, Providers, Replay, Signature, SignatureAlgorithm, SigningKey,
    SigningKeys, TellCaller,
};
pub use limit::{
    Above, Announce, ByteQuota, Cost, CostBy, Counted, DelayOrder, KeyPart, Limit, LimitAction, Measure,
    Missing, Quota, Threshold,
};
pub use list::{Column, CsvEntries, EntriesOf, JsonEntries, List, ListFetch, Lists, WithoutList};
pub use pattern::{RoutePattern, folded};
pub use policy::{Loaded, Policy, load};
pub use reference::reference;
pub use require::{Require, Requirement};
pub use rule::{
    AnswerHeaders, BanBy, BanOrder, BlockAnswer, HeaderEdits, HeaderTemplates, Marks, Redirect, Rule,
    RuleAction, Skippable, Throttle,
};
pub use scalar::{
    ByteSize, DocumentRef, FieldPath, FieldStep, FileRef, FilterLevel, FolderRef, HeaderName, HostPattern,
    MediaRange, PlacePattern, Rate, RuleSelector, SecretSource, ServerScheme, ServerUrl, Share, StatusCode,
    TagName,
};
pub use schema::json_schema;
pub use server::{
    Archive, Balancers, CertificatePair, ClientCertificates, ClientIp, Connections, Control, DataPath, Geo,
    Inventory, KeepHeaders, Listener, ListenerTls, Listeners, Metrics, Sqlite, TlsProfile, TlsVersion,
    Workers,
};
pub use site::{
    BodyPolicy, CheckStance, ContractChecks, ContractRef, EncodedSlash, Mode, OverLimit, ProviderName,
    Redact, Refusals, ResponseCheck, Route, Schemes, Settings, Site, Sites, Stance, Undeclared,
    UnknownCallers,
};
pub use state::{MemoryState, OnFailure, Prefix, ServerKind, State, StateAddress, StateLeases, StateServer};
pub use tracing::{Otlp, TraceParents, TracedRefusals, Tracing};
pub use upstream::{
    AllDown, Balance, Capacity, CheckPath, FailureRate, Health, HealthCheck, Overload, PathPrefix,
    PathUpstream, PathUpstreams, Pool, ProxyVersion, Server, Servers, Upstream, UpstreamProtocol,
    UpstreamTimeouts, UpstreamTls, Weight,
};
