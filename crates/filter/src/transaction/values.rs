//! What the variables of an exchange hold: entries of name and value, those of one variable next to each other.
//!
//! Invariants: entries are added variable by variable, so that each variable is one range; entries never change.
//! `ARGS` is no variable here but the two it is made of. Does not know rules.

use crate::seclang::Variable;
use crate::transaction::arena::Span;

/// One value of a variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The variable it belongs to; never one that is made of others.
    pub(super) variable: Variable,
    /// Its name, empty where the variable has one value.
    pub(super) key: Span,
    /// The value.
    pub(super) value: Span,
}

/// The entries of one exchange.
#[derive(Debug)]
pub(super) struct Values {
    entries: Vec<Entry>,
    ranges: [(u32, u32); Variable::ALL.len()],
}

impl Default for Values {
    fn default() -> Self {
        Self { entries: Vec::new(), ranges: [(0, 0); Variable::ALL.len()] }
    }
}

impl Values {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.ranges.fill((0, 0));
    }

    /// Gives memory back where one large exchange took room for more than `keep` entries.
    pub(super) fn shrink(&mut self, keep: usize) {
        if self.entries.capacity() > keep {
            self.entries = Vec::new();
        }
    }

    /// Adds a value. All of one variable have to follow each other; one that comes too late is left out.
    pub(super) fn push(&mut self, variable: Variable, key: Span, value: Span) {
        let at = self.entries.len() as u32;
        let Some(range) = self.ranges.get_mut(variable as usize) else { return };
        if range.0 == range.1 {
            *range = (at, at);
        }
        if range.1 == at {
            range.1 = at + 1;
            self.entries.push(Entry { variable, key, value });
        }
    }

    /// Adds values under their names, as [`Self::push`] does.
    pub(super) fn extend(&mut self, variable: Variable, pairs: impl ExactSizeIterator<Item = (Span, Span)>) {
        let at = self.entries.len() as u32;
        let Some(range) = self.ranges.get_mut(variable as usize) else { return };
        if range.0 == range.1 {
            *range = (at, at);
        }
        if range.1 == at {
            range.1 = at + pairs.len() as u32;
            self.entries.extend(pairs.map(|(key, value)| Entry { variable, key, value }));
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// One entry.
    pub(super) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// The indexes of a variable's entries.
    pub(super) fn range(&self, variable: Variable) -> std::ops::Range<usize> {
        self.ranges.get(variable as usize).map_or(0..0, |(start, end)| *start as usize..*end as usize)
    }

    /// A variable's entries.
    pub(super) fn of(&self, variable: Variable) -> &[Entry] {
        self.entries.get(self.range(variable)).unwrap_or_default()
    }
}
