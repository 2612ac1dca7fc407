//! What nodes of one deployment tell each other of bans: one notice for each key and site.
//!
//! Invariants: a notice means the same whenever and however often it is heard; which of two holds is decided by what
//! they say and not by which came first (the server's part of it is `notices.lua`). It does not know connections.

use portcullis_model::{Ban, BanKey, Timestamp};
use redis::Cmd;
use serde::{Deserialize, Serialize};

use crate::bans::{BanBook, Pardon, is_policys};

/// Keeps a notice and publishes it.
const TELL: &str = include_str!("notices.lua");
/// How many notices the server keeps; past that the one that ends first is forgotten.
const MOST: usize = 250_000;

/// One notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Notice {
    /// A ban was set.
    Set(Ban),
    /// A ban was lifted by a person.
    Lift(Pardon),
}

impl Notice {
    /// Reads one as it is published or kept.
    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// Whom it is about.
    pub(super) fn about(&self) -> String {
        let (key, site) = match self {
            Self::Set(ban) => (&ban.key, &ban.site),
            Self::Lift(pardon) => (&pardon.key, &pardon.site),
        };
        about(key, site.as_deref())
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Lift(_) => "lift",
        }
    }

    /// When it was said.
    fn at(&self) -> Timestamp {
        match self {
            Self::Set(ban) => ban.since,
            Self::Lift(pardon) => pardon.at,
        }
    }

    /// Until when it matters.
    fn ends(&self) -> Timestamp {
        match self {
            Self::Set(ban) => ban.until,
            Self::Lift(pardon) => pardon.matters_until(),
        }
    }

    /// The rule or limit whose ban it is of, and until when that does not set it again; `-` where it is a person's.
    fn policys(&self) -> (String, Timestamp) {
        let (by, until) = match self {
            Self::Set(ban) => (&ban.by, Timestamp::default()),
            Self::Lift(pardon) => (&pardon.by, pardon.until),
        };
        let by = if is_policys(by) { by.replace(char::is_whitespace, "_") } else { "-".to_owned() };
        (by, until)
    }

    /// Whether who holds `other` has something to tell who holds this.
    pub(super) fn lacks(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Set(held), Self::Set(own)) => held.until < own.until,
            (Self::Lift(held), Self::Set(own)) => !held.holds_back(own),
            (Self::Set(held), Self::Lift(own)) => own.holds_back(held),
            (Self::Lift(held), Self::Lift(own)) => held.at < own.at,
        }
    }

    /// Takes it up on this node.
    pub(super) fn take_up(self, book: &BanBook) {
        match self {
            Self::Set(ban) => _ = book.set(ban),
            Self::Lift(pardon) => book.take_up(pardon),
        }
    }

    /// All a node could tell.
    pub(super) fn all(book: &BanBook, now: Timestamp) -> impl Iterator<Item = Self> {
        let pardons = book.pardons(now).into_iter().map(Self::Lift);
        pardons.chain(book.list(now).into_iter().map(Self::Set))
    }
}

fn about(key: &BanKey, site: Option<&str>) -> String {
    serde_json::to_string(&(key, site)).unwrap_or_default()
}

/// The keys and the channel of one deployment, in one slot of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// Every notice that matters, by whom it is about.
    pub(super) kept: String,
    ends: String,
    /// The number of the last notice.
    pub(super) number: String,
    /// The number of the last word that policies are to be read again.
    pub(super) reloads: String,
    /// Where each is published.
    pub(super) channel: String,
}

impl Names {
    pub(super) fn of(prefix: &str) -> Self {
        let name = |what: &str| format!("{prefix}:{{bans}}:{what}");
        Self {
            kept: name("kept"),
            ends: name("ends"),
            number: name("number"),
            reloads: name("reloads"),
            channel: name("told"),
        }
    }

    /// The command that tells a notice.
    pub(super) fn tell(&self, notice: &Notice) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(TELL).arg(3).arg(&self.kept).arg(&self.ends).arg(&self.number);
        command.arg(notice.about()).arg(notice.word());
        command.arg(notice.at().as_micros().max(0)).arg(notice.ends().as_micros().max(0));
        command.arg(serde_json::to_string(notice).unwrap_or_default()).arg(&self.channel).arg(MOST);
        let (by, until) = notice.policys();
        command.arg(by).arg(until.as_micros().max(0));
        command
    }
}

/// A published notice: its number and its text.
pub(super) fn published(payload: &[u8]) -> Option<(i64, &[u8])> {
    let space = payload.iter().position(|byte| *byte == b' ')?;
    let (number, rest) = payload.split_at_checked(space)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest.get(1..)?))
}

/// The text of a kept notice: behind `set` or `lift`, three times and what set the ban.
pub(super) fn kept(entry: &[u8]) -> Option<&[u8]> {
    entry.splitn(6, |byte| *byte == b' ').nth(5)
}
