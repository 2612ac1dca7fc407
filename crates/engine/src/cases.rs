//! Table-driven cases: a policy, an exchange, and what must come of it (feature `cases`, for tests only).
//!
//! The format is described in `testdata/README.md`. The same files run here, through the proxy and through replay;
//! this module reads them and drives the engine, with a store of its own that knows
//! buckets and persistent collections.

pub mod database;
mod drive;
mod expect;

use std::collections::BTreeMap;

use portcullis_document::{MemorySources, Problem, SourceFile};
use serde::Deserialize;

pub use drive::{Seen, drive};
pub use expect::mismatches;

/// One file of cases under one policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Files the policy names, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The policy's text.
    pub policy: String,
    /// The cases; each runs by itself.
    pub cases: Vec<Case>,
}

/// One exchange, or the last of several equal ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, as a sentence.
    pub name: String,
    /// What the client sends.
    pub request: Request,
    /// What the upstream answers, where it is asked.
    #[serde(default)]
    pub response: Response,
    /// How often the request is sent, all at one time; what is expected is expected of the last.
    #[serde(default = "once")]
    pub times: u32,
    /// What must come of it.
    pub expect: Expect,
}

const fn once() -> u32 {
    1
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Method and target: `GET /a?b=c`; `{n}` in it is the number of the time it is sent, from 1.
    pub line: String,
    /// The `Host` field; `shop.example` if not given.
    #[serde(default = "shop")]
    pub host: String,
    /// Further fields, `Name: value`, in order.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The body's text.
    #[serde(default)]
    pub body: Option<String>,
    /// Instead: so many letters as a body.
    #[serde(default)]
    pub body_of: Option<usize>,
    /// The address that connects.
    #[serde(default = "stranger")]
    pub from: String,
    /// For TLS: the server name asked for.
    #[serde(default)]
    pub sni: Option<String>,
    /// For TLS: the DNS name of a verified client certificate.
    #[serde(default)]
    pub certificate: Option<String>,
}

fn shop() -> String {
    "shop.example".to_owned()
}

fn stranger() -> String {
    "203.0.113.9".to_owned()
}

/// A response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Fields, `Name: value`.
    #[serde(default)]
    pub headers: Vec<String>,
    /// The body's text.
    #[serde(default)]
    pub body: String,
}

const fn ok() -> u16 {
    200
}

impl Default for Response {
    fn default() -> Self {
        Self { status: ok(), headers: Vec::new(), body: String::new() }
    }
}

/// What must come of an exchange; what is not given is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The action done: `pass`, `block`, …
    pub verdict: Option<String>,
    /// The action that would have been done, where it is stricter.
    pub would_have: Option<String>,
    /// The status the client gets.
    pub status: Option<u16>,
    /// Fields of the gateway's own answer, or that it adds to the upstream's, `name: value`.
    #[serde(default)]
    pub answer_headers: Vec<String>,
    /// Codes of reasons that must be there.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Codes of reasons that must not; `"*"` for any at all.
    #[serde(default)]
    pub no_reasons: Vec<String>,
    /// Tags that must be there.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Tags that must not.
    #[serde(default)]
    pub no_tags: Vec<String>,
    /// The caller's key.
    pub caller: Option<String>,
    /// The route's name.
    pub route: Option<String>,
    /// The operation's name.
    pub operation: Option<String>,
    /// Whether the upstream was asked.
    pub forwarded: Option<bool>,
    /// Path and query as the upstream gets them.
    pub target: Option<String>,
    /// The name of the upstream it went to; empty for the site's own.
    pub upstream: Option<String>,
    /// Fields the upstream gets, `name: value`.
    #[serde(default)]
    pub upstream_headers: Vec<String>,
    /// Names of fields the upstream does not get.
    #[serde(default)]
    pub no_upstream_headers: Vec<String>,
    /// The response body the client gets.
    pub body: Option<String>,
    /// Keys of bans set.
    pub bans: Option<Vec<String>>,
    /// Stages skipped.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// What was not inspected, `what: why`.
    #[serde(default)]
    pub not_inspected: Vec<String>,
    /// What the content filter found, `rule class place: matched`; `-` for no class.
    #[serde(default)]
    pub found: Vec<String>,
    /// Texts that must not stand anywhere in the event.
    #[serde(default)]
    pub hidden: Vec<String>,
}

impl Request {
    /// Method and target, as sent the given time, counted from 0.
    pub fn line(&self, time: u32) -> String {
        self.line.replace("{n}", &(time + 1).to_string())
    }

    /// The body that is sent.
    pub fn body(&self) -> Option<String> {
        self.body_of.map(|length| "x".repeat(length)).or_else(|| self.body.clone())
    }
}

impl CaseFile {
    /// Reads a file of cases.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let root = portcullis_document::parse(&SourceFile::new(name, text))?;
        serde_json::from_value(root.to_json())
            .map_err(|error| vec![Problem::error("cases.malformed", format!("{name}: {error}"))])
    }

    /// The files the policy names, by path. There is a node secret unless the file gives one.
    pub fn named(&self) -> BTreeMap<&str, &str> {
        let given = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        std::iter::once(("node.secret", "a secret for cases")).chain(given).collect()
    }

    /// The policy, as `portcullis.yaml`, and the files it names.
    pub fn sources(&self) -> MemorySources {
        let policy = MemorySources::new().file("portcullis.yaml", self.policy.clone());
        self.named().into_iter().fold(policy, |sources, (path, text)| sources.file(path, text.to_owned()))
    }
}
