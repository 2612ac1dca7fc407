//! Who was banned for what before: a ban that grows lasts twice as long as the one before it.
//!
//! Invariants: only bans that say how far they may grow are remembered, and for as long after their end as they might
//! have lasted; bounded, the one that ends first gives way. A ban that is set while it is in force does not grow.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use portcullis_model::{Ban, BanKey, Timestamp};
use smol_str::SmolStr;

/// Whom, where, and by which rule or limit.
type Offence = (BanKey, Option<SmolStr>, SmolStr);

/// The last ban of each offender.
#[derive(Default)]
pub(super) struct Offenders(HashMap<Offence, Ban, RandomState>);

impl Offenders {
    /// The ban as long as it is to be.
    pub(super) fn grow(&self, mut ban: Ban) -> Ban {
        let Some(latest) = ban.grows_to else { return ban };
        let before = self.0.get(&offence(&ban)).filter(|before| ban.since < forgotten(before));
        let Some(before) = before else { return ban };
        ban.until = if ban.since < before.until {
            before.until
        } else {
            let lasted = before.until.since(before.since);
            ban.until.max(ban.since.plus(lasted.saturating_mul(2)))
        };
        ban.until = ban.until.min(latest);
        ban
    }

    /// Remembers a ban that was set, here or on another node.
    pub(super) fn remember(&mut self, ban: &Ban, most: usize) {
        if ban.grows_to.is_none() {
            return;
        }
        self.0.insert(offence(ban), ban.clone());
        if self.0.len() > most {
            self.sweep(ban.since);
            let first = self.0.iter().min_by_key(|(_, ban)| ban.until).map(|(offence, _)| offence.clone());
            if let Some(first) = first.filter(|_| self.0.len() > most) {
                self.0.remove(&first);
            }
        }
    }

    /// Forgets bans that a person said were wrong.
    pub(super) fn forget(&mut self, key: &BanKey, site: Option<&str>) {
        self.0.retain(|(held, at, _), _| held != key || at.as_deref() != site);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, ban| now < forgotten(ban));
    }

    /// The last bans, for a file that outlives the process; ordered, so that equal ones are written equally.
    pub(super) fn list(&self, now: Timestamp) -> Vec<Ban> {
        let mut listed: Vec<Ban> = self.0.values().filter(|ban| now < forgotten(ban)).cloned().collect();
        listed.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.key.to_string().cmp(&b.key.to_string())));
        listed
    }
}

fn offence(ban: &Ban) -> Offence {
    (ban.key.clone(), ban.site.clone(), ban.by.clone())
}

/// When a ban counts no more.
fn forgotten(ban: &Ban) -> Timestamp {
    let longest = ban.grows_to.map_or_else(Default::default, |latest| latest.since(ban.since));
    ban.until.plus(longest)
}
