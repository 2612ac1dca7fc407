//! What shapes of values said of the items of a plan, remembered between exchanges.
//!
//! Ordinary values have few shapes, so that a look here takes the place of going through the gates of every item.
//! Invariants: bounded; an entry is that of exactly the plan and shape it is asked for. Does not know values.

use crate::scan::{Shape, Sorted};

/// Entries; a power of two.
const ENTRIES: usize = 1024;

/// The memory of one front.
#[derive(Debug, Default)]
pub(super) struct Sorting {
    /// Empty until something is remembered.
    entries: Vec<Option<Entry>>,
    /// What is not remembered.
    other: Sorted,
}

#[derive(Clone, Debug)]
struct Entry {
    plan: u32,
    shape: Shape,
    sorted: Sorted,
}

impl Sorting {
    /// What `sort` says for a plan and a shape, which must always be the same.
    pub(super) fn of(&mut self, plan: u32, shape: Shape, sort: impl FnOnce() -> Sorted) -> &Sorted {
        if self.entries.is_empty() {
            self.entries.resize(ENTRIES, None);
        }
        let Some(place) = self.entries.get_mut(usize::from(shape.mixed_with(plan)) % ENTRIES) else {
            self.other = sort();
            return &self.other;
        };
        if place.as_ref().is_none_or(|known| (known.plan, known.shape) != (plan, shape)) {
            *place = None;
        }
        &place.get_or_insert_with(|| Entry { plan, shape, sorted: sort() }).sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_of_that_plan_and_shape() {
        let mut sorting = Sorting::default();
        let sorted = |item: u32| Sorted { open: [item].into_iter().collect(), wait: false };
        for round in 0..2 {
            for plan in 0..50 {
                for text in ["", "a", "7", "a7", "a-7", "O'Neil", "7.3e5", "?"] {
                    let shape = Shape::of(text.as_bytes());
                    let expected = plan << 8 | text.len() as u32;
                    let found = sorting.of(plan, shape, || sorted(expected));
                    assert_eq!(*found, sorted(expected), "{round}");
                }
            }
        }
        let known = sorting.of(49, Shape::of(b"?"), || sorted(0)).clone();
        assert_ne!(known, sorted(0));
    }
}
