//! Places for credentials that are looked at: a bounded number, of one address fewer.
//!
//! Invariant: a place is given back when it is dropped, and nothing is kept of callers without one.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use portcullis_model::CallerKey;

/// All there are.
pub(crate) struct Places {
    most: usize,
    per_caller: usize,
    by_caller: Mutex<HashMap<CallerKey, usize>>,
}

/// One of them.
pub(crate) struct Place {
    places: Arc<Places>,
    caller: CallerKey,
}

impl Places {
    /// So many in all, and for one caller.
    pub(crate) fn new(most: usize, per_caller: usize) -> Arc<Self> {
        Arc::new(Self { most, per_caller, by_caller: Mutex::default() })
    }

    /// A place for a caller, if one is left.
    pub(crate) fn take(self: &Arc<Self>, caller: CallerKey) -> Option<Place> {
        let mut by_caller = self.by_caller.lock();
        let all: usize = by_caller.values().sum();
        let own = by_caller.get(&caller).copied().unwrap_or_default();
        if all >= self.most || own >= self.per_caller {
            return None;
        }
        by_caller.insert(caller.clone(), own + 1);
        Some(Place { places: Arc::clone(self), caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_caller = self.places.by_caller.lock();
        if let Some(own) = by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn caller(last: u8) -> CallerKey {
        CallerKey::address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn an_address_has_few_places_and_all_together_have_some() {
        let places = Places::new(64, 4);
        let mut taken: Vec<Place> = (0..4).filter_map(|_| places.take(caller(0))).collect();
        assert_eq!(taken.len(), 4);
        assert!(places.take(caller(0)).is_none(), "one address has no more");
        taken.extend((1..=255).filter_map(|last| places.take(caller(last))));
        assert_eq!(taken.len(), 64);
        taken.truncate(1);
        assert!(places.take(caller(0)).is_some());
        drop(taken);
        assert!(places.by_caller.lock().is_empty(), "nothing is kept of who is gone");
    }
}
