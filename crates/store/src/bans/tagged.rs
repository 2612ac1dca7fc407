//! Bans of tags, looked up by how tags begin and then whole.
//!
//! Few kinds of tags are banned by at once, so a request is asked for those alone. Invariant: whatever is banned by a tag,
//! how it begins is among the prefixes; one that is there for nothing is gone with the next sweep.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use portcullis_model::{Ban, BanKey, Timestamp};
use smol_str::SmolStr;

use super::{Change, Entries, entry, in_force, insert, remove, sweep};

/// Bans by tag.
#[derive(Default)]
pub(super) struct Tagged {
    bans: HashMap<SmolStr, Entries, RandomState>,
    prefixes: Option<Arc<[SmolStr]>>,
}

impl Tagged {
    pub(super) fn set(&mut self, tag: SmolStr, ban: Ban, limit: usize) -> Change {
        let known = self.prefixes.iter().flat_map(|known| known.iter());
        let new = ban.key.tag_prefix().is_some_and(|begins| known.clone().all(|prefix| prefix != begins));
        let change = insert(&mut self.bans, tag, ban, limit);
        if new {
            self.index();
        }
        change
    }

    pub(super) fn held(&self, tag: &str, site: Option<&str>) -> Option<Arc<Ban>> {
        entry(self.bans.get(tag)?, site)
    }

    pub(super) fn lift(&mut self, tag: &SmolStr, site: Option<&str>) -> usize {
        let removed = remove(&mut self.bans, tag, site);
        self.index();
        removed
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let removed = sweep(&mut self.bans, now);
        self.index();
        removed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Ban>> {
        self.bans.values().flatten()
    }

    pub(super) fn prefixes(&self) -> Option<Arc<[SmolStr]>> {
        self.prefixes.clone()
    }

    /// The ban of a tag that holds for this site.
    pub(super) fn find(&self, tag: &str, site: Option<&str>, now: Timestamp) -> Option<Arc<Ban>> {
        in_force(self.bans.get(tag)?, site, now).cloned()
    }

    fn index(&mut self) {
        let mut prefixes: Vec<SmolStr> = Vec::new();
        for tag in self.bans.keys() {
            let key = BanKey::Tag(tag.clone());
            let begins = key.tag_prefix().unwrap_or_default();
            if prefixes.iter().all(|known| known != begins) {
                prefixes.push(begins.into());
            }
        }
        prefixes.sort_unstable();
        self.prefixes = (!prefixes.is_empty()).then(|| prefixes.into());
    }
}
