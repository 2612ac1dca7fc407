//! Filling variables in from a message: what rules read of it, copied once into the arena.
//!
//! Variables no rule reads are left out. Invariants: names and values are the bytes that were sent, decoded as their
//! syntax demands and never brought into another encoding; all values of a variable are added together. Does not know
//! rules beyond the variables they read.

mod arguments;
mod body;
mod clock;
mod head;
mod parts;
mod response;

use crate::seclang::Variable;
use crate::transaction::arena::Span;
use crate::transaction::program::Program;
use crate::transaction::state::State;

/// Fills a state for a program.
pub(super) struct Fill<'a> {
    pub(super) program: &'a Program,
    pub(super) state: &'a mut State,
}

impl Fill<'_> {
    fn wants(&self, variable: Variable) -> bool {
        self.program.wants(variable)
    }

    /// The only value of a variable.
    fn single(&mut self, variable: Variable, value: &[u8]) {
        if self.wants(variable) {
            let value = self.state.arena.push(value);
            self.state.values.push(variable, Span::EMPTY, value);
        }
    }

    fn number(&mut self, variable: Variable, number: i64) {
        if self.wants(variable) {
            let value = self.state.arena.push_number(number);
            self.state.values.push(variable, Span::EMPTY, value);
        }
    }

    fn size(&mut self, variable: Variable, size: usize) {
        self.number(variable, i64::try_from(size).unwrap_or(i64::MAX));
    }

    fn flag(&mut self, variable: Variable, flag: Flag) {
        self.number(variable, i64::from(flag == Flag::Raised));
    }

    /// Names and values of pairs, under two variables; the names are the keys of both.
    fn pairs(&mut self, values: Variable, names: Variable, pairs: &[(Span, Span)]) {
        if self.wants(values) {
            self.state.values.extend(values, pairs.iter().copied());
        }
        if self.wants(names) {
            self.state.values.extend(names, pairs.iter().map(|(name, _)| (*name, *name)));
        }
    }
}

/// A variable that is 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    Raised,
    Down,
}

impl Flag {
    fn when(holds: impl FnOnce() -> bool) -> Self {
        if holds() { Self::Raised } else { Self::Down }
    }
}
