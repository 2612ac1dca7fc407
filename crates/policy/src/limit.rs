//! Limits: how often the same caller, address or anything else may do something.

use std::num::NonZero;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::condition::{Condition, Phase};
use crate::decode::{Decode, Reading, check_label, nothing_written, section, suggest};
use crate::rule::{BanBy, BanOrder};
use crate::scalar::{HeaderName, Rate};
use crate::table::{Json, Kind, Scalar, Word};

section! {
    /// How often something may be done: a token bucket for every value of its key. In any window no more than
    /// `burst + rate × window` is let through; what is refused counts too.
    pub struct Limit as "limit" {
        /// Its name in events, tags and metrics.
        name: SmolStr,
        /// What is counted apart: one of these, or several together.
        key: Vec<KeyPart> = "caller",
        /// Which exchanges count; all of them if not given.
        when: Option<Condition>,
        /// How many, in which period.
        rate: Rate,
        /// How many at once; as many as the rate's number if not given.
        burst: Option<NonZero<u64>>,
        /// What happens above it.
        action: LimitAction = "throttle",
        + {
            /// When it is counted; settled once all rules are known.
            phase: Phase = Phase::Head,
        }
    }
    => settle_limit
}

impl Limit {
    /// The bucket's capacity.
    pub fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.rate.count).get()
    }
}

fn settle_limit(mut limit: Limit, node: &Node, reading: &mut Reading) -> Option<Limit> {
    check_label(node, "limit", reading)?;
    if node.get("key").is_some() && nothing_written(node, "key") {
        let problem =
            Problem::error("policy.empty_key", format!("the limit `{}` counts nothing apart", limit.name));
        return reading.refuse(problem.at(&node.place).remedy("e.g. `key: caller`, or `key: ip`"));
    }
    let caller = limit.key.iter().any(|part| matches!(part, KeyPart::Caller | KeyPart::Identity));
    if let LimitAction::Ban(order) = &mut limit.action
        && limit.key.contains(&KeyPart::Ip)
        && !caller
    {
        order.by = BanBy::Ip;
    }
    Some(limit)
}

/// One thing a limit counts apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// The caller: the identity if one was proved, else the address.
    Caller,
    /// The client's address (IPv6: its /64).
    Ip,
    /// The identity; exchanges without one are not counted.
    Identity,
    /// The host.
    Host,
    /// The method.
    Method,
    /// The path.
    Path,
    /// The operation.
    Operation,
    /// A header field's value.
    Header(HeaderName),
    /// A query parameter's value.
    Query(SmolStr),
    /// A cookie's value.
    Cookie(SmolStr),
    /// A path parameter's value.
    Param(SmolStr),
}

impl KeyPart {
    const SIMPLE: [(&'static str, Self); 7] = [
        ("caller", Self::Caller),
        ("ip", Self::Ip),
        ("identity", Self::Identity),
        ("host", Self::Host),
        ("method", Self::Method),
        ("path", Self::Path),
        ("operation", Self::Operation),
    ];

    fn parse(text: &str) -> Option<Self> {
        if let Some((_, part)) = Self::SIMPLE.iter().find(|(word, _)| *word == text) {
            return Some(part.clone());
        }
        let (group, name) = text.split_once('.').filter(|(_, name)| !name.is_empty())?;
        match group {
            "headers" => HeaderName::parse(name).map(Self::Header),
            "query" => Some(Self::Query(name.into())),
            "cookies" => Some(Self::Cookie(name.into())),
            "params" => Some(Self::Param(name.into())),
            _ => None,
        }
    }
}

impl std::fmt::Display for KeyPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(name) => write!(f, "headers.{name}"),
            Self::Query(name) => write!(f, "query.{name}"),
            Self::Cookie(name) => write!(f, "cookies.{name}"),
            Self::Param(name) => write!(f, "params.{name}"),
            simple => {
                let word = Self::SIMPLE.iter().find(|(_, part)| part == simple);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    }
}

impl Decode for KeyPart {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "key",
        about: "`caller`, `ip`, `identity`, `host`, `method`, `path`, `operation`, `headers.NAME`, `query.NAME`, \
                `cookies.NAME` or `params.NAME`",
        json: Json::Pattern(
            r"^(caller|ip|identity|host|method|path|operation|(headers|query|cookies|params)\..+)$",
        ),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "what is counted apart")?;
        if let Some(part) = Self::parse(&text) {
            return Some(part);
        }
        let simple = Self::SIMPLE.iter().map(|(word, _)| *word);
        let known = simple.chain(["headers.NAME", "query.NAME", "cookies.NAME", "params.NAME"]);
        let problem = Problem::error("policy.unknown_word", format!("nothing is counted by `{text}`"));
        reading.refuse(problem.at(&node.place).remedy(suggest(&text, known, "key")))
    }
}

/// What happens above a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitAction {
    /// It is marked as worth a look.
    Monitor,
    /// It is refused for now, with `Retry-After` from the bucket.
    Throttle,
    /// It is refused.
    Block,
    /// It is refused, and its caller for a time.
    Ban(BanOrder),
}

section! {
    /// A limit's action with its details.
    pub(crate) struct LimitActionKeys as "limit's action" {
        /// Refuses the caller for a time.
        ban: BanOrder,
    }
}

const BARE: &[Word] = &[
    Word { word: "monitor", about: &["Marks the exchange as worth a look."] },
    Word { word: "throttle", about: &["Refuses it for now: 429 with `Retry-After`."] },
    Word { word: "block", about: &["Refuses it with 403."] },
    Word { word: "ban", about: &["Refuses it, and its caller for 15 minutes."] },
];

impl Decode for LimitAction {
    const KIND: Kind = Kind::Either(&[Kind::Words(BARE), <LimitActionKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.entries().is_some() {
            return LimitActionKeys::decode(node, None, reading).map(|keys| Self::Ban(keys.ban));
        }
        match crate::decode::word(node, BARE, reading)? {
            "monitor" => Some(Self::Monitor),
            "throttle" => Some(Self::Throttle),
            "block" => Some(Self::Block),
            _ => reading.default("15m").map(Self::Ban),
        }
    }
}
