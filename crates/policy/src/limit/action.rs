//! What happens above a limit.

use portcullis_document::Node;

use crate::decode::{Decode, Reading, section};
use crate::rule::BanOrder;
use crate::table::{Kind, Word};

/// What happens above a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitAction {
    /// It is marked as worth a look.
    Monitor,
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
            Self::Throttle => 1,
            Self::Challenge => 2,
            Self::Block => 3,
            Self::Ban(_) => 4,
        }
    }
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
            return LimitActionKeys::decode(node, None, reading).map(|keys| Self::Ban(keys.ban));
        }
        match crate::decode::word(node, BARE, reading)? {
            "monitor" => Some(Self::Monitor),
            "throttle" => Some(Self::Throttle),
            "challenge" => Some(Self::Challenge),
            "block" => Some(Self::Block),
            _ => reading.default("15m").map(Self::Ban),
        }
    }
}
