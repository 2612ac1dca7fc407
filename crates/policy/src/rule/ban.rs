//! Bans that policy sets: for how long, whom, and how they grow.
//!
//! Invariant: a ban names something that tells callers apart, never what all of them share.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading, section};
use crate::limit::KeyPart;
use crate::table::{Json, Kind, Scalar};

/// A refusal of a caller for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanOrder {
    /// For how long; never zero.
    pub duration: Duration,
    /// How long at most, where each ban of the same caller lasts twice as long as the one before.
    pub up_to: Option<Duration>,
    /// Whom.
    pub by: BanBy,
}

section! {
    /// A refusal of a caller for a time.
    pub(crate) struct BanKeys as "ban" {
        /// For how long.
        duration as "for": Duration = "15m",
        /// How long at most, if whoever is banned again is to be banned for twice as long as before.
        up_to: Option<Duration>,
        /// Whom; where a limit counts by `ip` and not by caller, the address if not given.
        by as "key": BanBy = "caller",
    }
}

/// Whom a ban refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BanBy {
    /// The identity if one was proved, else the address.
    Caller,
    /// The address (IPv6: its /64).
    Ip,
    /// Its network, by the lengths of the prefix.
    Network {
        /// Of an IPv4 address.
        v4: u8,
        /// Of an IPv6 address.
        v6: u8,
    },
    /// The identity; nobody where none was proved.
    Identity,
    /// The credential that proved it: one API key, token or certificate.
    Credential,
    /// Whoever sends the same value of that cookie.
    Cookie(SmolStr),
    /// Whoever has the same tags of that namespace.
    Tag(SmolStr),
}

/// Namespaces whose tags say nothing of who calls, so that a ban by one would refuse nearly everybody.
const OF_EVERYBODY: [&str; 17] = [
    "site",
    "route",
    "op",
    "api",
    "method",
    "host",
    "net",
    "http",
    "tls",
    "status",
    "status-class",
    "contract",
    "response",
    "caller",
    "auth",
    "rule",
    "limit",
];

impl Decode for BanBy {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "banned",
        about: "`caller` (the identity if one was proved, else the address), `ip` (IPv6: its /64), `net/24` (or `net/24/48`), \
                `identity`, `credential` (the API key, token or certificate that proved it), `cookies.NAME` or \
                `tag.NAMESPACE`",
        json: Json::Pattern(r"^(caller|ip|identity|credential|net/\d+(/\d+)?|(cookies|tag)\..+)$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.as_str() == Some("credential") {
            return Some(Self::Credential);
        }
        let refuse = |message: &str, remedy: &str, reading: &mut Reading| {
            let problem = Problem::error("policy.ban_whom", message.to_owned()).at(&node.place);
            reading.refuse(problem.remedy(remedy))
        };
        match KeyPart::decode(node, None, reading)? {
            KeyPart::Caller => Some(Self::Caller),
            KeyPart::Ip => Some(Self::Ip),
            KeyPart::Identity => Some(Self::Identity),
            KeyPart::Network { v4, v6 } => Some(Self::Network { v4, v6 }),
            KeyPart::Cookie(name) => Some(Self::Cookie(name)),
            KeyPart::Tag(namespace) if !OF_EVERYBODY.contains(&namespace.as_str()) => {
                Some(Self::Tag(namespace))
            }
            KeyPart::Tag(namespace) => {
                let message = format!("a ban by `{namespace}:` would refuse nearly everybody");
                refuse(&message, "name tags that tell callers apart, e.g. `tag.ja4`", reading)
            }
            other => {
                let remedy = "name who calls: `caller`, `ip`, `net/24`, `identity`, `credential`, `cookies.NAME`, `tag.NAMESPACE`";
                refuse(&format!("nobody is banned by `{other}`"), remedy, reading)
            }
        }
    }
}

impl Decode for BanOrder {
    const KIND: Kind = Kind::Either(&[<Duration as Decode>::KIND, <BanKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let (duration, up_to, by) = if node.entries().is_some() {
            let BanKeys { duration, up_to, by, .. } = BanKeys::decode(node, None, reading)?;
            (duration, up_to, by)
        } else {
            (Duration::decode(node, None, reading)?, None, BanBy::Caller)
        };
        if duration.is_zero() {
            return reading.wrong_kind(node, "a ban that lasts", "e.g. `ban: 15m`");
        }
        if up_to.is_some_and(|longest| longest <= duration) {
            let place = &node.get("up_to").unwrap_or(node).place;
            let problem = Problem::error("policy.short_ban", "a ban cannot grow to less than it begins with");
            return reading.refuse(problem.at(place).remedy("e.g. `ban: { for: 15m, up_to: 7d }`"));
        }
        Some(Self { duration, up_to, by })
    }
}
