//! What scans found in the values of one exchange: for each test its entries, and which rules are due because of them.
//!
//! Invariant: the entries of a test are in order and told apart, however values and scans took turns. Does not know how
//! values are scanned.

use crate::scan::Bits;
use crate::transaction::front::{FRONTS, ItemId, When};
use crate::transaction::program::Program;
use crate::transaction::strings::TextId;
use crate::transaction::verdicts::{Memory, Regard};

/// What scans found.
#[derive(Debug, Default)]
pub(super) struct Found {
    lists: [Lists; FRONTS],
    /// For each phase, the rules to try.
    pub(super) due: [Bits; 5],
    /// How many entries were scanned at once, and how many for what was deferred.
    scanned: [usize; 2],
    /// What scans said of the last few texts: transformations often come to the same one.
    pub(super) recent: Recent,
    /// For every entry, where it is remembered, and for what.
    pub(super) remembered: Vec<Option<(Memory, Regard)>>,
}

/// The entries of the items of one front.
#[derive(Debug, Default)]
struct Lists {
    /// For each item, its first and last link.
    ends: Vec<(u32, u32)>,
    links: Vec<Link>,
}

/// One entry of one item.
#[derive(Clone, Copy, Debug)]
struct Link {
    item: u32,
    entry: u32,
    next: u32,
}

/// No link.
const NONE: u32 = u32::MAX;

impl Lists {
    /// Forgets all entries; there are `items` from now on.
    fn clear(&mut self, items: usize) {
        // Few items have entries.
        for link in self.links.drain(..) {
            if let Some(ends) = self.ends.get_mut(link.item as usize) {
                *ends = (NONE, NONE);
            }
        }
        self.ends.resize(items, (NONE, NONE));
    }
}

impl Found {
    /// Forgets everything.
    pub(super) fn clear(&mut self, program: &Program) {
        for (lists, front) in self.lists.iter_mut().zip(&program.fronts) {
            lists.clear(front.items.len());
        }
        for (due, phase) in self.due.iter_mut().zip(&program.phases) {
            due.clone_from(&phase.always);
        }
        self.scanned = [0; 2];
        self.remembered.clear();
        self.recent.known = 0;
    }

    /// Gives memory back where one large exchange took room for more than `keep` entries.
    pub(super) fn shrink(&mut self, keep: usize) {
        for lists in &mut self.lists {
            if lists.links.capacity() > keep {
                *lists = Lists::default();
            }
        }
        if self.remembered.capacity() > keep {
            self.remembered = Vec::new();
        }
    }

    /// How many entries were scanned.
    pub(super) fn scanned(&self, when: When) -> usize {
        self.scanned.get(when as usize).copied().unwrap_or_default()
    }

    /// Notes how many entries were scanned.
    pub(super) fn set_scanned(&mut self, when: When, entries: usize) {
        if let Some(scanned) = self.scanned.get_mut(when as usize) {
            *scanned = entries;
        }
    }

    /// An item could match an entry. Entries come in order.
    pub(super) fn add(&mut self, item: ItemId, entry: u32) {
        let Some(lists) = self.lists.get_mut(usize::from(item.front)) else { return };
        let Some((first, last)) = lists.ends.get_mut(item.number as usize) else { return };
        let added = lists.links.len() as u32;
        match lists.links.get_mut(*last as usize) {
            Some(known) if known.entry == entry => return,
            Some(known) => known.next = added,
            None => *first = added,
        }
        *last = added;
        lists.links.push(Link { item: item.number, entry, next: NONE });
    }

    /// The entries found for an item, in order.
    pub(super) fn entries(&self, item: ItemId) -> impl Iterator<Item = u32> {
        let lists = self.lists.get(usize::from(item.front));
        let link = move |at: u32| lists?.links.get(at as usize);
        let first =
            lists.and_then(|lists| lists.ends.get(item.number as usize)).and_then(|ends| link(ends.0));
        std::iter::successors(first, move |known| link(known.next)).map(|known| known.entry)
    }

    /// How much was added for a front.
    pub(super) fn added(&self, front: usize) -> usize {
        self.lists.get(front).map_or(0, |lists| lists.links.len())
    }

    /// The items of what was added since.
    pub(super) fn items_since(&self, front: usize, added: usize) -> impl ExactSizeIterator<Item = u32> {
        let links = self.lists.get(front).and_then(|lists| lists.links.get(added..));
        links.unwrap_or_default().iter().map(|link| link.item)
    }
}

/// The results of the last few scans.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// By the numbers of the scanner's front and of the scanner there.
    scans: [((usize, usize), TextId, Bits); RECENT],
    /// How many there have been.
    known: usize,
}

/// How many scans are kept.
const RECENT: usize = 8;

impl Recent {
    /// What a scan of this text said, if it is kept.
    pub(super) fn get(&self, scanner: (usize, usize), text: TextId) -> Option<&Bits> {
        let scans = self.scans.iter().take(self.known);
        let mut same = scans.filter(|(of, known, _)| *known == text && *of == scanner);
        same.next().map(|(_, _, found)| found)
    }

    /// Keeps what a scan of a text said, in the place of the oldest.
    pub(super) fn keep(&mut self, scanner: (usize, usize), text: TextId, found: &Bits) {
        if let Some((of, known, bits)) = self.scans.get_mut(self.known % RECENT) {
            (*of, *known) = (scanner, text);
            bits.copy_from(found);
        }
        self.known += 1;
    }
}
