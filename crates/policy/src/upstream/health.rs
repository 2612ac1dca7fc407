//! When a server of an upstream is left alone: because exchanges with it fail, or because it does not answer checks.

use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading, section, words};
use crate::scalar::HostPattern;
use crate::scalar::{Share, whole};
use crate::table::{Json, Kind, Scalar};

section! {
    /// When a server is left alone: because exchanges with it fail, or because it does not answer checks.
    pub struct Health as "upstream's health" {
        /// Failures in a row (refused, timed out, reset, garbage) that take a server out.
        failures: NonZero<u32> = "3",
        /// A share of failures that takes a server out as well, though others between them succeed: none if it is not said.
        failure_rate: Option<FailureRate>,
        /// For how long. Afterwards one exchange is tried, and the others follow if it succeeds; if it fails, the next pause
        /// is twice as long, up to sixteen times.
        pause: Duration = "10s",
        /// The share of an upstream's servers that may be left alone at once because exchanges with them fail, but one in any
        /// case: when all of them fail, the fault is rather elsewhere. What checks find is not bounded.
        most_paused: Share = "100%",
        /// Statuses that count as failures, too: `[502, 503]`.
        statuses: Vec<ErrorStatus> = "[]",
        /// How servers are asked whether they are well, exchanges apart. Without it they are not, unless `path` is given:
        /// then by `http`.
        check: Option<HealthCheck>,
        /// The path, and query, that `http` asks for with GET; an answer from 200 to 299 is a good one. `/` if not given.
        path: Option<CheckPath>,
        /// The host checks ask for; without it, the server's own.
        host: Option<HostPattern>,
        /// How often each server is asked, give or take a fifth.
        every: Duration = "5s",
        /// How long an answer may take, connecting included.
        timeout: Duration = "2s",
        /// So many bad answers in a row, and a server gets no exchanges.
        down_after: NonZero<u32> = "3",
        /// So many good ones, and it does again.
        up_after: NonZero<u32> = "2",
        /// What becomes of exchanges while every server is left alone.
        all_down: AllDown = "ask",
    }
    => settle_health
}

section! {
    /// How many of a server's exchanges may fail before it is left alone, `health.failures` in a row or not.
    pub struct FailureRate as "failure rate" {
        /// The share of failures that is too much.
        share: Share = "50%",
        /// Fewer exchanges than so many say nothing.
        exchanges: NonZero<u32> = "20",
        /// Over how long they are counted: it is half as much at least, and no more than this.
        within: Duration = "10s",
    }
    => settle_rate
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_rate(rate: FailureRate, node: &Node, reading: &mut Reading) -> Option<FailureRate> {
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        let place = node.get(key).map_or(&node.place, |value| &value.place);
        reading.problems.push(Problem::error("policy.failure_rate", message).at(place).remedy(remedy));
    };
    if rate.share.get() <= 0.0 {
        wrong("share", "servers would be left alone whatever they do", "e.g. `share: 50%`");
    }
    if rate.within < Duration::from_millis(2) {
        wrong("within", "nothing happens in that time", "e.g. `within: 10s`");
    }
    Some(rate)
}

words! {
    /// How servers are asked whether they are well.
    pub enum HealthCheck {
        /// A GET.
        Http = "http",
        /// A connection, over TLS with its handshake.
        Tcp = "tcp",
        /// `grpc.health.v1.Health/Check` of the whole server.
        Grpc = "grpc",
    }
}

words! {
    /// What becomes of exchanges while every server is left alone.
    pub enum AllDown {
        /// One is asked all the same: a check may be wrong about all of them at once.
        Ask = "ask",
        /// They are refused with 503.
        Refuse = "refuse",
    }
}

impl Health {
    /// How servers are asked, if they are.
    pub fn checked(&self) -> Option<HealthCheck> {
        self.check.or_else(|| self.path.as_ref().map(|_| HealthCheck::Http))
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_health(health: Health, node: &Node, reading: &mut Reading) -> Option<Health> {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        let place = node.get(key).map_or(&node.place, |value| &value.place);
        reading.problems.push(Problem::error("policy.health", message).at(place).remedy(remedy));
    };
    if let Some(check) = health.check.filter(|check| *check != HealthCheck::Http)
        && health.path.is_some()
    {
        wrong(
            "path",
            format!("a check by `{}` asks for no path", check.as_str()),
            "leave it out, or write `check: http`",
        );
    }
    if health.host.as_ref().is_some_and(|host| !matches!(host, HostPattern::Exact(_))) {
        wrong("host", "a check asks for one host".to_owned(), "e.g. `host: shop.example`");
    }
    if health.most_paused.get() <= 0.0 {
        let message = "no server would ever be left alone".to_owned();
        wrong("most_paused", message, "e.g. `most_paused: 50%`");
    }
    if health.checked().is_some() && health.every.is_zero() {
        wrong("every", "servers would be asked without end".to_owned(), "e.g. `every: 5s`");
    }
    if health.checked().is_none() {
        let keys = ["every", "timeout", "down_after", "up_after", "host"];
        if let Some(unused) = keys.iter().find_map(|key| node.entry(key)) {
            let message = format!("`{}` means nothing without a check", unused.key.text);
            let problem = Problem::warning("policy.no_check", message).at(&unused.key.place);
            reading.problems.push(problem.remedy("add `path: /healthz`, or `check: tcp`"));
        }
    }
    Some(health)
}

/// A status of a server that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorStatus(u16);

impl ErrorStatus {
    /// From 500 to 599.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Decode for ErrorStatus {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "error status",
        about: "a status from 500 to 599",
        json: Json::Whole(500, 599),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        whole(node, 500, 599, reading).and_then(|status| u16::try_from(status).ok()).map(Self)
    }
}

/// What an HTTP check asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckPath(SmolStr);

impl CheckPath {
    /// Path and query, as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Decode for CheckPath {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "request path",
        about: "a path, with a query if one is needed: `/healthz`",
        json: Json::Pattern("^/[!-~]*$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let expected = "a path such as `/healthz`";
        let text = reading.text(node, expected)?;
        let fine =
            text.starts_with('/') && text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'#');
        if fine {
            Some(Self(text))
        } else {
            reading.wrong_kind(node, expected, "write it as it is sent, escapes included")
        }
    }
}
