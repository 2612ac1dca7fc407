//! The necessary conditions of many rules, tried together.
//!
//! Immutable and shared; whatever it remembers is in the caller's [`ScanCache`].

use super::{Bits, Necessary, ScanCache};

/// Says which of many rules could match a value.
#[derive(Clone, Debug)]
pub struct Scanner {
    items: Vec<Necessary>,
}

impl Scanner {
    /// A scanner for `items`; candidates are indexes into them.
    pub fn build(items: &[Necessary]) -> Self {
        Self { items: items.to_vec() }
    }

    /// How many items it was built from.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Was it built from nothing?
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Fills `found` with the items that could match `value`; what was in it before is gone.
    pub fn candidates(&self, value: &[u8], found: &mut Bits, _cache: &mut ScanCache) {
        found.clear();
        for (index, item) in self.items.iter().enumerate() {
            if item.holds(value) {
                found.insert(index);
            }
        }
    }
}
