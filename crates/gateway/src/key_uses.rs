//! When API keys were last used, to the minute.
//!
//! Invariants: a use that tells nothing new costs a look and no write; what is kept is bounded by the keys there are, for
//! only keys that were proved come here. Does not know where it is written down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use hashbrown::HashMap;
use parking_lot::RwLock;
use portcullis_model::Timestamp;
use smol_str::SmolStr;

/// Uses so close to the last that is noted are not.
const APART: i64 = 60;

/// The last use of each key by its id, by provider.
pub type LastUses = BTreeMap<SmolStr, BTreeMap<SmolStr, Timestamp>>;

type ByKey = HashMap<SmolStr, AtomicI64, foldhash::fast::RandomState>;

/// The uses of one gateway's keys.
#[derive(Debug, Default)]
pub struct KeyUses {
    /// Seconds since 1970.
    last: RwLock<HashMap<SmolStr, ByKey, foldhash::fast::RandomState>>,
    changed: AtomicBool,
}

impl KeyUses {
    /// Notes that a key was used.
    pub(crate) fn note(&self, provider: &str, key: &str, now: Timestamp) {
        let now = now.as_secs();
        {
            let last = self.last.read();
            if let Some(last) = last.get(provider).and_then(|keys| keys.get(key)) {
                if now - last.load(Ordering::Relaxed) >= APART {
                    last.fetch_max(now, Ordering::Relaxed);
                    self.changed.store(true, Ordering::Release);
                }
                return;
            }
        }
        let mut last = self.last.write();
        last.entry(provider.into())
            .or_default()
            .entry(key.into())
            .or_default()
            .fetch_max(now, Ordering::Relaxed);
        self.changed.store(true, Ordering::Release);
    }

    /// All of them, if any is later than when this was last asked.
    pub fn changed(&self) -> Option<LastUses> {
        if !self.changed.swap(false, Ordering::Acquire) {
            return None;
        }
        let at = |(key, last): (&SmolStr, &AtomicI64)| {
            (key.clone(), Timestamp::from_secs(last.load(Ordering::Relaxed)))
        };
        let last = self.last.read();
        Some(last.iter().map(|(provider, keys)| (provider.clone(), keys.iter().map(at).collect())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_is_kept_and_told_once() {
        let uses = KeyUses::default();
        assert_eq!(uses.changed(), None);
        let at = Timestamp::from_secs;
        for (provider, key, seconds) in [("a", "k", 1000), ("a", "k", 1059), ("b", "k", 5), ("a", "l", 7)] {
            uses.note(provider, key, at(seconds));
        }
        let told = uses.changed().expect("something was used");
        assert_eq!((told["a"]["k"], told["a"]["l"], told["b"]["k"]), (at(1000), at(7), at(5)));
        uses.note("a", "k", at(1059));
        uses.note("a", "k", at(900));
        assert_eq!(uses.changed(), None, "within the same minute, or before");
        uses.note("a", "k", at(1060));
        assert_eq!(uses.changed().expect("a minute later")["a"]["k"], at(1060));
    }
}
