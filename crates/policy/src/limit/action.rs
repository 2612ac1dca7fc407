//! What happens above a limit.

use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem};

use crate::decode::{Decode, Reading, section};
use crate::rule::BanOrder;
use crate::table::{Kind, Word};

/// What happens above a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitAction {
    /// It is marked as worth a look.
    Monitor,
    /// It goes on after a while.
    Delay(DelayOrder),
    /// It is refused for now, with `Retry-After` from the bucket.
    Throttle,
    /// Its browser has to prove itself first.
    Challenge,
    /// It is refused.
    Block,
    /// It is refused, and its caller for a time.
    Ban(BanOrder),
}

impl LimitAction {
    /// The word policy uses.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Delay(_) => "delay",
            Self::Throttle => "throttle",
            Self::Challenge => "challenge",
            Self::Block => "block",
            Self::Ban(_) => "ban",
        }
    }

    /// Where it stands among the others, the mildest first.
    pub(super) const fn strictness(&self) -> u8 {
        match self {
            Self::Monitor => 0,
            Self::Delay(_) => 1,
            Self::Throttle => 2,
            Self::Challenge => 3,
            Self::Block => 4,
            Self::Ban(_) => 5,
        }
    }
}

section! {
    /// A limit's action with its details: one of these.
    pub(crate) struct LimitActionKeys as "limit's action" {
        /// Lets it go on after a while.
        delay: Option<DelayOrder>,
        /// Refuses the caller for a time.
        ban: Option<BanOrder>,
    }
}

/// How exchanges are slowed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayOrder {
    /// For how long each is held; never zero, never longer than a minute.
    pub duration: Duration,
    /// How many a gateway holds at once, by this limit or others; those beyond it are throttled.
    pub at_once: NonZero<u64>,
}

/// The longest an exchange is held: clients and proxies give up soon after.
const LONGEST: Duration = Duration::from_mins(1);

section! {
    /// How exchanges are slowed down.
    pub(crate) struct DelayKeys as "delay" {
        /// For how long each is held, at most a minute.
        duration as "for": Duration = "1s",
        /// How many a gateway holds at once, by this limit or others; those beyond it are throttled.
        at_once: NonZero<u64> = "100",
    }
}

impl Decode for DelayOrder {
    const KIND: Kind = Kind::Either(&[<Duration as Decode>::KIND, <DelayKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let keys: DelayKeys = if node.entries().is_some() {
            DelayKeys::decode(node, None, reading)?
        } else {
            let duration = Duration::decode(node, None, reading)?;
            DelayKeys { duration, ..reading.default("{}")? }
        };
        if keys.duration.is_zero() || keys.duration > LONGEST {
            let place = &node.get("for").unwrap_or(node).place;
            let problem = Problem::error("policy.long_delay", "an exchange is held for up to a minute");
            return reading.refuse(problem.at(place).remedy("e.g. `delay: 2s`"));
        }
        Some(Self { duration: keys.duration, at_once: keys.at_once })
    }
}

const BARE: &[Word] = &[
    Word { word: "monitor", about: &["Marks the exchange as worth a look."] },
    Word { word: "delay", about: &["Lets it go on after a second; those beyond 100 at once are throttled."] },
    Word {
        word: "throttle",
        about: &["Refuses it for now: 429 with `Retry-After`, `RateLimit` and `RateLimit-Policy`."],
    },
    Word {
        word: "challenge",
        about: &["Asks its browser to prove itself first; those that did go on. Programs get 403."],
    },
    Word { word: "block", about: &["Refuses it with 403."] },
    Word { word: "ban", about: &["Refuses it, and its caller for 15 minutes."] },
];

impl Decode for LimitAction {
    const KIND: Kind = Kind::Either(&[Kind::Words(BARE), <LimitActionKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.entries().is_some() {
            let LimitActionKeys { delay, ban, place } = LimitActionKeys::decode(node, None, reading)?;
            return match (delay, ban) {
                (Some(delay), None) => Some(Self::Delay(delay)),
                (None, Some(ban)) => Some(Self::Ban(ban)),
                _ if node.entries().is_some_and(|entries| entries.len() == 1) => None,
                _ => {
                    let problem = Problem::error("policy.one_action", "an action is exactly one thing");
                    reading.refuse(problem.at(&place).remedy("give one of `delay`, `ban`"))
                }
            };
        }
        match crate::decode::word(node, BARE, reading)? {
            "monitor" => Some(Self::Monitor),
            "delay" => reading.default("1s").map(Self::Delay),
            "throttle" => Some(Self::Throttle),
            "challenge" => Some(Self::Challenge),
            "block" => Some(Self::Block),
            _ => reading.default("15m").map(Self::Ban),
        }
    }
}
