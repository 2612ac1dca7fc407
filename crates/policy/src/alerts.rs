//! Findings told to people: the channels, and what goes to which.
//!
//! Invariant: every channel that is named exists, leads to one place, and is told something.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::condition::FindingCondition;
use crate::decode::{ByName, Decode, Reading, TakesName, section, suggest, words};
use crate::scalar::{FileRef, Rate, SecretSource};
use crate::table::{Json, Kind, Scalar};

section! {
    /// Findings told to people.
    pub struct Alerts as "alerts" {
        /// Where to, by name.
        channels: ByName<AlertChannel> = "{}",
        /// What is told to whom. Without it every channel is told what is `medium` or graver.
        send: Vec<AlertRule> = "[]",
    }
    => |alerts: Alerts, _: &Node, reading: &mut Reading| {
        check_names(&alerts, reading);
        tell_all(alerts, reading)
    }
}

section! {
    /// A channel: one of `webhook` and `syslog`.
    pub struct AlertChannel as "alert channel" {
        /// JSON by HTTP POST, signed.
        webhook: Option<Webhook>,
        /// Messages of RFC 5424.
        syslog: Option<Syslog>,
        /// At most so many messages; what is found meanwhile goes out with the next one.
        at_most: Option<Rate>,
        + {
            /// Its name.
            name: SmolStr = SmolStr::default(),
        }
    }
    => settle_channel
}

section! {
    /// A webhook.
    pub struct Webhook as "webhook" {
        /// Where to: a URL, or where it stands if it is a secret itself (`env:NAME`, `file:PATH`).
        url: WebhookUrl,
        /// The key of the signature (HMAC-SHA-256); without it messages are not signed.
        hmac: Option<SecretSource>,
        /// The authorities believed, PEM; without it, the public ones.
        ca: Option<FileRef>,
    }
}

section! {
    /// A receiver of syslog.
    pub struct Syslog as "syslog" {
        /// Its host and port: `logs.internal:514`.
        address: SmolStr,
        /// How messages are carried.
        transport: SyslogTransport = "tcp",
        /// With `transport: tls`, the authorities believed, PEM; without it, the public ones.
        ca: Option<FileRef>,
    }
    => settle_syslog
}

words! {
    /// How messages of syslog are carried.
    pub enum SyslogTransport {
        /// One a datagram (RFC 5426): whether it arrives cannot be known.
        Udp = "udp",
        /// Over a connection, with their lengths before them (RFC 6587).
        Tcp = "tcp",
        /// The same inside TLS (RFC 5425).
        Tls = "tls",
    }
}

section! {
    /// What is told to whom.
    pub struct AlertRule as "alert" {
        /// Which findings.
        when: FindingCondition = "'finding.severity >= \"medium\"'",
        /// To which channels.
        to: Vec<SmolStr>,
    }
}

impl AlertChannel {
    /// At most so many messages in so long.
    pub fn limit(&self) -> Option<(i64, Duration)> {
        self.at_most.map(|rate| (i64::try_from(rate.count.get()).unwrap_or(i64::MAX), rate.per))
    }
}

impl TakesName for AlertChannel {
    const WHAT: &'static str = "alert channel";

    fn named(self, name: SmolStr) -> Self {
        Self { name, ..self }
    }
}

/// Where a webhook leads.
#[derive(Clone, Debug)]
pub enum WebhookUrl {
    /// There.
    Written(SmolStr),
    /// To what stands elsewhere.
    Secret(SecretSource),
}

impl Decode for WebhookUrl {
    const KIND: Kind = Kind::Either(&[
        <SecretSource as Decode>::KIND,
        Kind::Scalar(&Scalar { name: "URL", about: "`https://…`", json: Json::Pattern("^https?://.+") }),
    ]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a URL, `env:NAME` or `file:PATH`")?;
        if text.starts_with("https://") || text.starts_with("http://") {
            return Some(Self::Written(text));
        }
        if text.starts_with("env:") || text.starts_with("file:") {
            return SecretSource::decode(node, None, reading).map(Self::Secret);
        }
        reading.wrong_kind(node, "a URL", "begin it with `https://`, or write `env:NAME` or `file:PATH`")
    }
}

fn settle_channel(channel: AlertChannel, node: &Node, reading: &mut Reading) -> Option<AlertChannel> {
    if channel.webhook.is_some() != channel.syslog.is_some() {
        return Some(channel);
    }
    let problem = Problem::error("policy.one_target", "an alert channel leads to one place").at(&node.place);
    reading.refuse(problem.remedy("give it one of `webhook` and `syslog`"))
}

fn settle_syslog(syslog: Syslog, node: &Node, reading: &mut Reading) -> Option<Syslog> {
    let port = syslog.address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    if port.is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        return settle_ca(syslog, reading);
    }
    let message = format!("`{}` is not a host and a port", syslog.address.escape_debug());
    let problem = Problem::error("policy.syslog_address", message).at(&node.place);
    reading.refuse(problem.remedy("e.g. `address: logs.internal:514`"))
}

fn settle_ca(syslog: Syslog, reading: &mut Reading) -> Option<Syslog> {
    let Some(ca) = syslog.ca.as_ref().filter(|_| syslog.transport != SyslogTransport::Tls) else {
        return Some(syslog);
    };
    let problem = Problem::error("policy.unused_ca", "without TLS nobody asks `ca`").at(&ca.place);
    reading.refuse(problem.remedy("write `transport: tls`, or leave `ca` out"))
}

/// Where nothing is said of what is told to whom: the usual, to everybody.
fn tell_all(alerts: Alerts, reading: &mut Reading) -> Option<Alerts> {
    if !alerts.send.is_empty() {
        return Some(alerts);
    }
    let usual: AlertRule = reading.default("to: []")?;
    let to = alerts.channels.iter().map(|channel| channel.name.clone()).collect();
    Some(Alerts { send: vec![AlertRule { to, ..usual }], ..alerts })
}

fn check_names(alerts: &Alerts, reading: &mut Reading) {
    let known: Vec<&str> = alerts.channels.iter().map(|channel| channel.name.as_str()).collect();
    for rule in &alerts.send {
        for name in rule.to.iter().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("there is no alert channel `{}`", name.escape_debug());
            let problem = Problem::error("policy.unknown_channel", message).at(&rule.place);
            reading.problems.push(problem.remedy(suggest(name, known.iter().copied(), "alert channel")));
        }
    }
}
