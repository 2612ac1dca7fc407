//! Where counters and bans live: in the process, or on a Valkey or Redis server that several gateways share.
//!
//! It does not know how that server is spoken to.

use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading, section, words};
use crate::scalar::{FileRef, SecretSource, Share};
use crate::table::{Json, Kind, Scalar};

section! {
    /// Where counters and bans live.
    pub struct State as "state" {
        /// In this process's memory.
        memory: MemoryState = "{}",
        /// On a server that several gateways share; without it everything is in memory. Changed by a restart only.
        server: Option<StateServer>,
        /// What happens to an exchange whose counters cannot be had.
        on_failure: OnFailure = "allow",
    }
    => settle_state
}

section! {
    /// State in memory.
    pub struct MemoryState as "memory state" {
        /// How many counters are kept; past that the ones idle longest are forgotten.
        keys: NonZero<u32> = "1000000",
    }
}

section! {
    /// A Valkey or Redis server, version 7 or newer.
    pub struct StateServer as "state server" {
        /// Where it is; several for Sentinels, or for the nodes of a cluster that are asked for the others.
        at: Vec<StateAddress>,
        /// What answers there.
        kind: ServerKind = "single",
        /// The name by which Sentinels know the service.
        service: Option<SmolStr>,
        /// The user to log in as; without it the server's default user.
        user: Option<SmolStr>,
        /// Its password.
        password: Option<SecretSource>,
        /// The authorities whose certificates are believed, PEM; without it the system's.
        ca: Option<FileRef>,
        /// The number of the database.
        database: u32 = "0",
        /// What all keys begin with; deployments that share a server differ in it.
        prefix: Prefix = "portcullis",
        /// How long the counters of an exchange may take, a second try included.
        deadline: Duration = "20ms",
        /// Lets nodes take units of busy rate limits ahead, which saves trips; without it every count is exact.
        leases: Option<StateLeases>,
    }
    => settle_server
}

section! {
    /// Units of busy rate limits that each node takes ahead from the state server.
    pub struct StateLeases as "state leases" {
        /// How much of a limit's burst a node takes ahead at most; a limit where that is less than one is counted exactly.
        share: Share = "5%",
        /// How long units that were taken may be given out.
        hold: Duration = "500ms",
    }
    => settle_leases
}

words! {
    /// What answers at the address of a state server.
    pub enum ServerKind {
        /// The server itself.
        Single = "single",
        /// Sentinels, which name the server.
        Sentinel = "sentinel",
        /// Nodes of a cluster.
        Cluster = "cluster",
    }
}

words! {
    /// What happens to an exchange whose counters cannot be had.
    pub enum OnFailure {
        /// It goes on, and the event says so.
        Allow = "allow",
        /// It is refused with 503.
        Deny = "deny",
        /// Its node counts by itself until the server answers again, and the event says so.
        Local = "local",
    }
}

/// Where a state server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateAddress {
    /// Whether it is spoken to by TLS.
    pub tls: bool,
    /// Its name or IP address, IPv6 without brackets.
    pub host: SmolStr,
    /// Its port.
    pub port: u16,
}

impl StateAddress {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                bracketed.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?
            }
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let strange = |c: char| !(c.is_ascii_alphanumeric() || "-._:".contains(c));
        if host.is_empty() || host.contains(strange) {
            return None;
        }
        let port = port.map_or(Some(6379), |port| port.parse().ok().filter(|port| *port != 0))?;
        Some(Self { tls, host: host.into(), port })
    }
}

impl Decode for StateAddress {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "server address",
        about: "`redis://HOST:PORT`, or `rediss://HOST:PORT` for TLS",
        json: Json::Pattern("^(redis|rediss|valkey|valkeys)://.+"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "`redis://HOST:PORT`")?;
        if text.contains('@') {
            let problem =
                Problem::error("policy.secret_in_the_open", "a password does not stand in an address")
                    .at(&node.place)
                    .concealed();
            return reading.refuse(problem.remedy("write `user: NAME` and `password: env:NAME` beside it"));
        }
        let remedy =
            "e.g. `redis://10.0.0.5:6379`, or `rediss://…` for TLS; the database has a key of its own";
        Self::parse(&text)
            .or_else(|| reading.wrong_kind(node, "the address of a Redis or Valkey server", remedy))
    }
}

/// What the keys on a server begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(pub SmolStr);

impl Decode for Prefix {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "key prefix",
        about: "letters, digits, `-`, `_` and `.`, up to 64",
        json: Json::Pattern("^[A-Za-z0-9_.-]{1,64}$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "what keys begin with")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
            let remedy =
                "1 to 64 letters, digits, `-`, `_` and `.`, so that no two deployments meet in a key";
            return reading.wrong_kind(node, "what keys begin with", remedy);
        }
        Some(Self(text))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what sections are settled by")]
fn settle_state(state: State, node: &Node, reading: &mut Reading) -> Option<State> {
    if let (None, Some(entry)) = (&state.server, node.entry("on_failure")) {
        let problem = Problem::warning("policy.idle_on_failure", "counters in memory can always be had");
        let remedy = "leave it out, or say with `server` where gateways count together";
        reading.problems.push(problem.at(&entry.key.place).remedy(remedy));
    }
    Some(state)
}

fn settle_server(server: StateServer, node: &Node, reading: &mut Reading) -> Option<StateServer> {
    let before = reading.problems.len();
    let mut wrong = |message: &str, remedy: &str| {
        reading.problems.push(Problem::error("policy.state_server", message).at(&node.place).remedy(remedy));
    };
    let tls = server.at.iter().filter(|address| address.tls).count();
    match (server.kind, server.at.len()) {
        (_, 0) => wrong("nothing says where the server is", "add `at: [redis://HOST:PORT]`"),
        (ServerKind::Single, 2..) => wrong(
            "several addresses are named for a single server",
            "keep one, or add `kind: sentinel` or `kind: cluster`",
        ),
        _ => {}
    }
    if tls != 0 && tls != server.at.len() {
        wrong("some addresses are by TLS and some in clear", "write all of them `rediss://`");
    }
    if server.ca.is_some() && tls == 0 {
        wrong("authorities are named, and the connection is in clear", "write `rediss://` for TLS");
    }
    match (server.kind, &server.service) {
        (ServerKind::Sentinel, None) => {
            wrong("Sentinels are asked, and nothing says for which service", "add `service: NAME`");
        }
        (ServerKind::Single | ServerKind::Cluster, Some(_)) => {
            wrong(
                "a service is named, and no Sentinel is asked for it",
                "add `kind: sentinel`, or take it out",
            );
        }
        _ => {}
    }
    if server.kind == ServerKind::Cluster && server.database != 0 {
        wrong("a cluster has one database only", "take `database` out");
    }
    if server.user.is_some() && server.password.is_none() {
        wrong("the user has no password", "add `password: env:NAME` or `password: file:PATH`");
    }
    if server.deadline.is_zero() {
        wrong("no answer can come in no time", "e.g. `deadline: 20ms`");
    }
    (reading.problems.len() == before).then_some(server)
}

/// More than half a burst in the hands of one node would starve the others.
const LARGEST_LEASE: f64 = 0.5;
/// Longer, and a caller that moves to another node would find too little there.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

fn settle_leases(leases: StateLeases, node: &Node, reading: &mut Reading) -> Option<StateLeases> {
    let share = leases.share.get();
    let (message, remedy) = if share <= 0.0 || share > LARGEST_LEASE {
        ("a node takes more than nothing of a limit ahead, and half of it at most", "e.g. `share: 5%`")
    } else if leases.hold.is_zero() || leases.hold > LONGEST_HOLD {
        ("units are held for more than no time, and for 10 seconds at most", "e.g. `hold: 500ms`")
    } else {
        return Some(leases);
    };
    reading.refuse(Problem::error("policy.state_leases", message).at(&node.place).remedy(remedy))
}
