//! Bans lifted by hand: who lifts one says that it was wrong, so what set it does not set it again for a day.
//!
//! Invariants: bounded, the oldest gives way; a ban set by a person is never held back.

use std::time::Duration;

use portcullis_model::{Ban, BanKey, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How long what set a ban does not set it again.
const LASTS: Duration = Duration::from_hours(24);
/// How many are remembered.
const MOST: usize = 10_000;

/// One ban that is not to be set again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pardon {
    key: BanKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<SmolStr>,
    by: SmolStr,
    until: Timestamp,
}

/// Every pardon, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Pardons(Vec<Pardon>);

impl Pardons {
    /// Remembers that a ban was lifted by hand.
    pub(super) fn grant(&mut self, ban: &Ban, now: Timestamp) {
        if !is_policys(&ban.by) {
            return;
        }
        self.sweep(now);
        self.0.retain(|pardon| !pardon.covers(ban));
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let (key, site, by) = (ban.key.clone(), ban.site.clone(), ban.by.clone());
        self.0.push(Pardon { key, site, by, until: now.plus(LASTS) });
    }

    /// Whether a ban is one that was lifted by hand lately.
    pub(super) fn holds_back(&self, ban: &Ban) -> bool {
        self.0.iter().any(|pardon| pardon.covers(ban) && ban.since < pardon.until)
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|pardon| now < pardon.until);
    }

    pub(super) fn list(&self, now: Timestamp) -> Vec<Pardon> {
        self.0.iter().filter(|pardon| now < pardon.until).cloned().collect()
    }

    pub(super) fn restore(&mut self, pardons: Vec<Pardon>) {
        self.0.extend(pardons.into_iter().take(MOST.saturating_sub(self.0.len())));
    }
}

impl Pardon {
    fn covers(&self, ban: &Ban) -> bool {
        self.key == ban.key && self.site == ban.site && self.by == ban.by
    }
}

/// Whether a rule or a limit set it, and not a person.
fn is_policys(by: &str) -> bool {
    by.starts_with("rule:") || by.starts_with("limit:")
}
