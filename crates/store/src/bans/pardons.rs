//! Bans lifted by hand: who lifts one says that it was wrong, so what set it does not set it again for a day.
//!
//! Invariants: bounded, the oldest gives way; a ban that is older than its pardon is never taken up again, whichever
//! node tells of it late; a newer one that a person set is never held back.

use std::time::Duration;

use portcullis_model::{Ban, BanKey, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How long what set a ban does not set it again.
const LASTS: Duration = Duration::from_hours(24);
/// How many are remembered.
const MOST: usize = 10_000;

/// One ban that was lifted by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pardon {
    pub(crate) key: BanKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<SmolStr>,
    /// What had set it.
    pub(crate) by: SmolStr,
    /// When it was lifted.
    #[serde(default)]
    pub(crate) at: Timestamp,
    /// Until when what had set it does not set it again.
    pub(crate) until: Timestamp,
    /// When the ban would have ended.
    #[serde(default)]
    ends: Timestamp,
}

impl Pardon {
    /// Of a ban that is lifted at `now`.
    pub(super) fn of(ban: &Ban, now: Timestamp) -> Self {
        let (key, site, by) = (ban.key.clone(), ban.site.clone(), ban.by.clone());
        Self { key, site, by, at: now, until: now.plus(LASTS), ends: ban.until }
    }

    /// Until when it has to be remembered: no older ban of this key is in force after that.
    pub(crate) fn matters_until(&self) -> Timestamp {
        self.until.max(self.ends)
    }

    /// Whether it is of this key and site.
    pub(super) fn is_of(&self, key: &BanKey, site: Option<&str>) -> bool {
        self.key == *key && self.site.as_deref() == site
    }

    /// Whether it ends this ban, or keeps it from being set.
    pub(crate) fn holds_back(&self, ban: &Ban) -> bool {
        let again = is_policys(&ban.by) && self.by == ban.by && ban.since < self.until;
        self.is_of(&ban.key, ban.site.as_deref()) && (ban.since <= self.at || again)
    }
}

/// Every pardon, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Pardons(Vec<Pardon>);

impl Pardons {
    /// Remembers one.
    pub(super) fn grant(&mut self, granted: Pardon) {
        let same = |held: &Pardon| held.by == granted.by && held.is_of(&granted.key, granted.site.as_deref());
        if self.0.iter().any(|held| same(held) && held.at >= granted.at) {
            return;
        }
        self.sweep(granted.at);
        self.0.retain(|held| !same(held));
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(granted);
    }

    /// Whether a ban is one that was lifted by hand lately.
    pub(super) fn hold_back(&self, ban: &Ban) -> bool {
        self.0.iter().any(|pardon| pardon.holds_back(ban))
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|pardon| now < pardon.matters_until());
    }

    pub(super) fn list(&self, now: Timestamp) -> Vec<Pardon> {
        self.0.iter().filter(|pardon| now < pardon.matters_until()).cloned().collect()
    }

    pub(super) fn restore(&mut self, pardons: Vec<Pardon>) {
        self.0.extend(pardons.into_iter().take(MOST.saturating_sub(self.0.len())));
    }
}

/// Whether a rule or a limit set it, and not a person.
pub(crate) fn is_policys(by: &str) -> bool {
    by.starts_with("rule:") || by.starts_with("limit:")
}
