//! Bans, revocations among them, in memory: set, lifted, listed, looked up on every request, and carried over a restart.
//!
//! Invariants: a look-up takes no lock while there are no bans at all, and one shard's shared lock otherwise; the
//! number of bans is bounded, and past it the ban that ends first in a shard gives way and is counted; of two
//! bans for one key and site the one that ends later holds. It does not know who sets them or why.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::RwLock;
use portcullis_model::{Ban, BanKey, BanView, CallerKey, Credential, Timestamp};
use smol_str::SmolStr;
use std::hash::BuildHasher;

use networks::Networks;
use offenders::Offenders;
use pardons::Pardons;
pub(crate) use pardons::{Pardon, is_policys};
use tagged::Tagged;

mod networks;
mod offenders;
mod pardons;
mod tagged;

/// A power of two: how many locks the callers' bans are spread over.
const SHARDS: usize = 16;

/// What one key is banned from: one entry a site, and one for every site.
type Entries = Vec<Arc<Ban>>;

/// Every ban of a node.
pub struct BanBook {
    callers: [RwLock<HashMap<CallerKey, Entries, RandomState>>; SHARDS],
    networks: RwLock<Networks>,
    credentials: RwLock<HashMap<Credential, Entries, RandomState>>,
    tagged: RwLock<Tagged>,
    pardons: RwLock<Pardons>,
    offenders: RwLock<Offenders>,
    /// Bans held, ended ones included until they are swept; zero short-cuts every look-up.
    held: AtomicUsize,
    held_networks: AtomicUsize,
    held_credentials: AtomicUsize,
    held_tags: AtomicUsize,
    revision: AtomicU64,
    evicted: AtomicU64,
    limit: usize,
    hasher: RandomState,
}

impl BanBook {
    /// An empty book that holds at most about `limit` bans.
    pub fn new(limit: usize) -> Self {
        Self {
            callers: std::array::from_fn(|_| RwLock::default()),
            networks: RwLock::default(),
            credentials: RwLock::default(),
            tagged: RwLock::default(),
            pardons: RwLock::default(),
            offenders: RwLock::default(),
            held: AtomicUsize::new(0),
            held_networks: AtomicUsize::new(0),
            held_credentials: AtomicUsize::new(0),
            held_tags: AtomicUsize::new(0),
            revision: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            limit: limit.max(SHARDS),
            hasher: RandomState::default(),
        }
    }

    /// The ban as long as it is to be where it is set for the first time: longer than the one before, if it grows.
    pub fn grown(&self, ban: Ban) -> Ban {
        if ban.grows_to.is_none() { ban } else { self.offenders.read().grow(ban) }
    }

    /// Sets a ban; of two for the same key and site the one that ends later holds. One that was pardoned is not set.
    /// Whether anything changed.
    pub fn set(&self, ban: Ban) -> bool {
        if self.pardons.read().hold_back(&ban) {
            return false;
        }
        let grows = ban.grows_to.is_some().then(|| ban.clone());
        let change = match ban.key.clone() {
            BanKey::Caller(caller) => self.set_caller(caller, ban),
            BanKey::Network(net) => {
                let change = self.networks.write().set(net, ban, self.limit);
                change.count(&self.held_networks);
                change
            }
            BanKey::Credential(credential) => {
                let change = insert(&mut self.credentials.write(), credential, ban, self.limit);
                change.count(&self.held_credentials);
                change
            }
            BanKey::Tag(tag) => {
                let change = self.tagged.write().set(tag, ban, self.limit);
                change.count(&self.held_tags);
                change
            }
        };
        change.count(&self.held);
        self.evicted.fetch_add(change.pushed_out as u64, Ordering::Relaxed);
        if change.changed {
            if let Some(ban) = grows {
                self.offenders.write().remember(&ban, self.limit);
            }
            self.revision.fetch_add(1, Ordering::Release);
        }
        change.changed
    }

    fn set_caller(&self, caller: CallerKey, ban: Ban) -> Change {
        self.shard(&caller)
            .map_or(Change::default(), |shard| insert(&mut shard.write(), caller, ban, self.limit / SHARDS))
    }

    /// Lifts a ban because it was wrong: the rule or limit that set it does not set it again for a day. Whether there
    /// was one.
    pub fn pardon(&self, key: &BanKey, site: Option<&str>, now: Timestamp) -> bool {
        self.pardoned(key, site, now).is_some()
    }

    /// The same; what other nodes are to be told.
    pub(crate) fn pardoned(&self, key: &BanKey, site: Option<&str>, now: Timestamp) -> Option<Pardon> {
        let held = self.held(key, site).filter(|ban| ban.holds(now));
        let pardon = held.map(|ban| Pardon::of(&ban, now.max(ban.since)));
        if let Some(pardon) = &pardon {
            self.offenders.write().forget(key, site);
            self.pardons.write().grant(pardon.clone());
        }
        self.lift(key, site);
        pardon
    }

    /// Takes up what a person lifted on another node.
    pub(crate) fn take_up(&self, pardon: Pardon) {
        let (key, site) = (pardon.key.clone(), pardon.site.clone());
        if self.held(&key, site.as_deref()).is_some_and(|ban| pardon.holds_back(&ban)) {
            self.lift(&key, site.as_deref());
        }
        self.offenders.write().forget(&key, site.as_deref());
        self.pardons.write().grant(pardon);
        self.revision.fetch_add(1, Ordering::Release);
    }

    /// What was lifted by hand and has to be remembered at `now`.
    pub(crate) fn pardons(&self, now: Timestamp) -> Vec<Pardon> {
        self.pardons.read().list(now)
    }

    /// The ban of a key at exactly this site, ended or not.
    fn held(&self, key: &BanKey, site: Option<&str>) -> Option<Arc<Ban>> {
        match key {
            BanKey::Caller(caller) => entry(self.shard(caller)?.read().get(caller)?, site),
            BanKey::Network(net) => self.networks.read().held(*net, site),
            BanKey::Credential(credential) => entry(self.credentials.read().get(credential)?, site),
            BanKey::Tag(tag) => self.tagged.read().held(tag, site),
        }
    }

    /// Lifts a ban; whether there was one.
    pub fn lift(&self, key: &BanKey, site: Option<&str>) -> bool {
        let removed = match key {
            BanKey::Caller(caller) => {
                self.shard(caller).map_or(0, |shard| remove(&mut shard.write(), caller, site))
            }
            BanKey::Network(net) => {
                let removed = self.networks.write().lift(*net, site);
                self.held_networks.fetch_sub(removed, Ordering::Release);
                removed
            }
            BanKey::Credential(credential) => {
                let removed = remove(&mut self.credentials.write(), credential, site);
                self.held_credentials.fetch_sub(removed, Ordering::Release);
                removed
            }
            BanKey::Tag(tag) => {
                let removed = self.tagged.write().lift(tag, site);
                self.held_tags.fetch_sub(removed, Ordering::Release);
                removed
            }
        };
        self.held.fetch_sub(removed, Ordering::Release);
        self.revision.fetch_add(1, Ordering::Release);
        removed > 0
    }

    /// Every ban in force at `now`, the newest first.
    pub fn list(&self, now: Timestamp) -> Vec<Ban> {
        let mut bans: Vec<Ban> = Vec::new();
        for shard in &self.callers {
            bans.extend(
                shard.read().values().flatten().filter(|ban| ban.holds(now)).map(|ban| (**ban).clone()),
            );
        }
        bans.extend(self.networks.read().iter().filter(|ban| ban.holds(now)).map(|ban| (**ban).clone()));
        bans.extend(self.tagged.read().iter().filter(|ban| ban.holds(now)).map(|ban| (**ban).clone()));
        let credentials = self.credentials.read();
        bans.extend(credentials.values().flatten().filter(|ban| ban.holds(now)).map(|ban| (**ban).clone()));
        bans.sort_by(|a, b| {
            b.since
                .cmp(&a.since)
                .then_with(|| a.key.to_string().cmp(&b.key.to_string()))
                .then(a.site.cmp(&b.site))
        });
        bans
    }

    /// Forgets the bans that have ended; how many.
    pub fn sweep(&self, now: Timestamp) -> usize {
        let callers: usize = self.callers.iter().map(|shard| sweep(&mut shard.write(), now)).sum();
        let networks = self.networks.write().sweep(now);
        self.held_networks.fetch_sub(networks, Ordering::Release);
        let credentials = sweep(&mut self.credentials.write(), now);
        self.held_credentials.fetch_sub(credentials, Ordering::Release);
        let tagged = self.tagged.write().sweep(now);
        self.held_tags.fetch_sub(tagged, Ordering::Release);
        let swept = callers + networks + credentials + tagged;
        self.held.fetch_sub(swept, Ordering::Release);
        self.pardons.write().sweep(now);
        self.offenders.write().sweep(now);
        swept
    }

    /// Grows with every change, so that a host knows when to write [`Self::snapshot`] down again.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// How many bans gave way because the book was full.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// The bans in force as JSON, for a file that outlives the process.
    pub fn snapshot(&self, now: Timestamp) -> String {
        let (bans, pardons) = (self.list(now), self.pardons.read().list(now));
        let page = Page { version: PAGE_VERSION, bans, pardons, before: self.offenders.read().list(now) };
        serde_json::to_string_pretty(&page).unwrap_or_default()
    }

    /// Sets every ban of a snapshot that is still in force; how many.
    pub fn restore(&self, snapshot: &str, now: Timestamp) -> Result<usize, RestoreError> {
        let page: Page = serde_json::from_str(snapshot).map_err(RestoreError::Unreadable)?;
        if page.version != PAGE_VERSION {
            return Err(RestoreError::Version(page.version));
        }
        let mut restored = 0;
        for ban in page.bans.into_iter().filter(|ban| ban.holds(now)) {
            self.set(ban);
            restored += 1;
        }
        self.pardons.write().restore(page.pardons);
        for ban in &page.before {
            self.offenders.write().remember(ban, self.limit);
        }
        Ok(restored)
    }

    fn shard(&self, caller: &CallerKey) -> Option<&RwLock<HashMap<CallerKey, Entries, RandomState>>> {
        self.callers.get((self.hasher.hash_one(caller) >> 20) as usize % SHARDS)
    }
}

impl BanView for BanBook {
    fn find(
        &self,
        site: Option<&str>,
        caller: &CallerKey,
        client: IpAddr,
        now: Timestamp,
    ) -> Option<Arc<Ban>> {
        if self.held.load(Ordering::Acquire) == 0 {
            return None;
        }
        let own = self.shard(caller).and_then(|shard| {
            shard.read().get(caller).and_then(|entries| in_force(entries, site, now).cloned())
        });
        if own.is_some() || self.held_networks.load(Ordering::Acquire) == 0 {
            return own;
        }
        self.networks.read().find(client, site, now)
    }

    fn revocation(&self, site: Option<&str>, credential: &Credential, now: Timestamp) -> Option<Arc<Ban>> {
        if self.held_credentials.load(Ordering::Acquire) == 0 {
            return None;
        }
        in_force(self.credentials.read().get(credential)?, site, now).cloned()
    }

    fn tag_prefixes(&self) -> Option<Arc<[SmolStr]>> {
        if self.held_tags.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.tagged.read().prefixes()
    }

    fn tagged(&self, site: Option<&str>, tag: &str, now: Timestamp) -> Option<Arc<Ban>> {
        self.tagged.read().find(tag, site, now)
    }
}

impl std::fmt::Debug for BanBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BanBook").field("held", &self.held).finish_non_exhaustive()
    }
}

/// A snapshot of bans could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not the JSON that [`BanBook::snapshot`] writes.
    #[error("the saved bans cannot be read: {0}")]
    Unreadable(serde_json::Error),
    /// It was written by a newer version.
    #[error("the saved bans are of format {0}, this version reads format 1")]
    Version(u32),
}

/// The format of a snapshot.
const PAGE_VERSION: u32 = 1;

#[derive(serde::Serialize, serde::Deserialize)]
struct Page {
    version: u32,
    bans: Vec<Ban>,
    #[serde(default)]
    pardons: Vec<Pardon>,
    /// The last bans of those who are banned for longer each time.
    #[serde(default)]
    before: Vec<Ban>,
}

/// How the number of bans held changed.
#[derive(Clone, Copy, Default)]
struct Change {
    changed: bool,
    added: usize,
    ended: usize,
    pushed_out: usize,
}

impl Change {
    fn count(self, held: &AtomicUsize) {
        held.fetch_add(self.added, Ordering::Release);
        held.fetch_sub(self.ended + self.pushed_out, Ordering::Release);
    }
}

/// Sets a ban in a map that keeps to `limit` keys: ended bans go first, then the one that ends first.
fn insert<K>(map: &mut HashMap<K, Entries, RandomState>, key: K, ban: Ban, limit: usize) -> Change
where
    K: std::hash::Hash + Eq + Clone,
{
    let since = ban.since;
    let mut change = place(map.entry(key).or_default(), ban);
    if change.added == 1 && map.len() > limit {
        change.ended = sweep(map, since);
        if change.ended == 0 {
            change.pushed_out = push_out_first_to_end(map);
        }
    }
    change
}

/// Puts a ban among a key's entries, unless one is there that ends as late.
fn place(entries: &mut Entries, ban: Ban) -> Change {
    let Some(held) = entries.iter_mut().find(|held| held.site == ban.site) else {
        entries.push(Arc::new(ban));
        return Change { changed: true, added: 1, ..Change::default() };
    };
    let changed = ban.until > held.until;
    if changed {
        *held = Arc::new(ban);
    }
    Change { changed, ..Change::default() }
}

/// The entry of exactly this site.
fn entry(entries: &Entries, site: Option<&str>) -> Option<Arc<Ban>> {
    entries.iter().find(|ban| ban.site.as_deref() == site).cloned()
}

/// Takes the entry of exactly this site out; how many were removed.
fn take_out(entries: &mut Entries, site: Option<&str>) -> usize {
    let before = entries.len();
    entries.retain(|ban| ban.site.as_ref().map(SmolStr::as_str) != site);
    before - entries.len()
}

/// The same of a key in a map.
fn remove<K>(map: &mut HashMap<K, Entries, RandomState>, key: &K, site: Option<&str>) -> usize
where
    K: std::hash::Hash + Eq,
{
    let removed = map.get_mut(key).map_or(0, |entries| take_out(entries, site));
    if map.get(key).is_some_and(Vec::is_empty) {
        map.remove(key);
    }
    removed
}

/// The entry that holds for this site, or for every site.
fn in_force<'a>(entries: &'a Entries, site: Option<&str>, now: Timestamp) -> Option<&'a Arc<Ban>> {
    entries.iter().find(|ban| {
        ban.holds(now) && ban.site.as_ref().is_none_or(|named| site.is_some_and(|site| site == named))
    })
}

fn sweep<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Entries, RandomState>, now: Timestamp) -> usize {
    let mut removed = 0;
    map.retain(|_, entries| {
        let before = entries.len();
        entries.retain(|ban| ban.holds(now));
        removed += before - entries.len();
        !entries.is_empty()
    });
    removed
}

/// Makes room in a full shard: the key whose bans end first goes.
fn push_out_first_to_end<K: std::hash::Hash + Eq + Clone>(
    map: &mut HashMap<K, Entries, RandomState>,
) -> usize {
    let first = map
        .iter()
        .min_by_key(|(_, entries)| entries.iter().map(|ban| ban.until).max())
        .map(|(key, _)| key.clone());
    first.and_then(|key| map.remove(&key)).map_or(0, |entries| entries.len())
}

#[cfg(test)]
mod tests;
