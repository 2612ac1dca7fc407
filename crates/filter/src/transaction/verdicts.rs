//! Verdicts about values, remembered between exchanges: which tests a text is still a candidate for.
//!
//! User agents, accept headers, names of cookies, fields and JSON keys come again and again; for most of them nothing is
//! left to try. Invariant: a test is only taken off a text's list after its operator has seen that very text. Does not
//! know what a test is.

use smallvec::SmallVec;

use crate::memory;
pub(super) use crate::memory::{Place as Memory, Unknown};

/// The most candidates remembered of one text.
const ITEMS: usize = 6;

/// What a text is looked at for: a front, and an interest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Regard {
    pub(super) front: u8,
    pub(super) interest: u32,
}

impl Regard {
    fn number(self) -> u64 {
        u64::from(self.front) << 32 | u64::from(self.interest)
    }
}

/// The memory of one worker for one rule set.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(memory::Memory<SmallVec<[u16; ITEMS]>>);

impl Verdicts {
    /// What is left to try on a text, if it is remembered.
    pub(super) fn find(&mut self, regard: Regard, text: &[u8]) -> Result<(Memory, &[u16]), Unknown> {
        self.0.find(regard.number(), text).map(|(memory, items)| (memory, items.as_slice()))
    }

    /// Remembers what is left to try on a text that was not found, if it was met before and there is room.
    pub(super) fn remember(
        &mut self,
        unknown: Unknown,
        regard: Regard,
        text: &[u8],
        items: impl ExactSizeIterator<Item = u32>,
    ) -> Option<Memory> {
        if items.len() > ITEMS {
            return None;
        }
        self.0.remember(unknown, regard.number(), text, || items.map(|item| item as u16).collect())
    }

    /// An operator has seen the text and did not match: that test need not be tried on it again.
    pub(super) fn rule_out(&mut self, memory: Memory, regard: Regard, text: &[u8], item: u16) {
        if let Some(items) = self.0.at(memory, regard.number(), text) {
            items.retain(|other| *other != item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Regard = Regard { front: 0, interest: 1 };

    #[test]
    fn what_was_ruled_out_stays_out_for_that_text_and_regard_only() {
        let mut verdicts = Verdicts::default();
        let unknown = verdicts.find(HERE, b"agent").unwrap_err();
        assert_eq!(verdicts.remember(unknown, HERE, b"agent", [3, 7].into_iter()), None, "met once only");
        let memory = verdicts.remember(unknown, HERE, b"agent", [3, 7].into_iter()).unwrap();
        assert_eq!(verdicts.find(HERE, b"agent"), Ok((memory, &[3, 7][..])));
        verdicts.rule_out(memory, HERE, b"other", 3);
        assert_eq!(verdicts.find(HERE, b"agent"), Ok((memory, &[3, 7][..])));
        verdicts.rule_out(memory, HERE, b"agent", 3);
        assert_eq!(verdicts.find(HERE, b"agent"), Ok((memory, &[7][..])));
        let elsewhere = Regard { front: 1, interest: 1 };
        let unknown = verdicts.find(elsewhere, b"agent").unwrap_err();
        assert_eq!(verdicts.remember(unknown, elsewhere, b"agent", [0; ITEMS + 1].into_iter()), None);
    }
}
