//! Verdicts about values, remembered between exchanges: which tests a text is still a candidate for.
//!
//! User agents, accept headers, names of cookies, fields and JSON keys come again and again; for most of them nothing is
//! left to try. Invariants: a text is recognised by all of its bytes, never by a hash alone; a test is only taken off a
//! text's list after its operator has seen that very text; memory is fixed. Does not know what a test is.

use std::hash::{BuildHasher, Hasher};

use smallvec::SmallVec;

/// Texts remembered.
const TEXTS: usize = 4096;
/// The longest text remembered, in bytes.
const LONGEST: usize = 160;
/// The most candidates remembered of one text.
const ITEMS: usize = 6;

/// What a text is looked at for: a front, and an interest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Regard {
    pub(super) front: u8,
    pub(super) interest: u32,
}

/// Where a text is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory(u32);

#[derive(Clone, Debug)]
struct Known {
    regard: Regard,
    length: u16,
    /// Whether it was met again since another text wanted its place.
    wanted: Wanted,
    items: SmallVec<[u16; ITEMS]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Once,
    Again,
}

/// The memory of one worker for one rule set.
#[derive(Clone, Debug)]
pub(super) struct Verdicts {
    known: Vec<Option<Known>>,
    bytes: Vec<u8>,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { known: vec![None; TEXTS], bytes: vec![0; TEXTS * LONGEST] }
    }
}

impl Verdicts {
    /// What is left to try on a text; `None` if it is not remembered.
    pub(super) fn find(&mut self, regard: Regard, text: &[u8]) -> Option<(Memory, &[u16])> {
        let memory = place(regard, text)?;
        if !self.holds(memory, regard, text) {
            return None;
        }
        let known = self.known.get_mut(memory.0 as usize)?.as_mut()?;
        known.wanted = Wanted::Again;
        Some((memory, &known.items))
    }

    /// Remembers what is left to try on a text, unless its place is taken by one that was met again.
    pub(super) fn remember(&mut self, regard: Regard, text: &[u8], items: &[u16]) -> Option<Memory> {
        let memory = place(regard, text)?;
        let known = self.known.get_mut(memory.0 as usize)?;
        if let Some(Known { wanted: wanted @ Wanted::Again, .. }) = known {
            *wanted = Wanted::Once;
            return None;
        }
        if items.len() > ITEMS {
            return None;
        }
        let start = memory.0 as usize * LONGEST;
        self.bytes.get_mut(start..start + text.len())?.copy_from_slice(text);
        *known = Some(Known {
            regard,
            length: text.len() as u16,
            wanted: Wanted::Once,
            items: SmallVec::from_slice(items),
        });
        Some(memory)
    }

    /// An operator has seen the text and did not match: that test need not be tried on it again.
    pub(super) fn rule_out(&mut self, memory: Memory, regard: Regard, text: &[u8], item: u16) {
        if self.holds(memory, regard, text)
            && let Some(Some(known)) = self.known.get_mut(memory.0 as usize)
        {
            known.items.retain(|other| *other != item);
        }
    }

    fn holds(&self, memory: Memory, regard: Regard, text: &[u8]) -> bool {
        let at = memory.0 as usize;
        let known = self.known.get(at).and_then(Option::as_ref);
        let same =
            known.is_some_and(|known| known.regard == regard && usize::from(known.length) == text.len());
        same && self.bytes.get(at * LONGEST..at * LONGEST + text.len()) == Some(text)
    }
}

/// The only place where a text can be remembered; none for long ones.
fn place(regard: Regard, text: &[u8]) -> Option<Memory> {
    if text.len() > LONGEST {
        return None;
    }
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(text);
    hasher.write_u32(regard.interest);
    Some(Memory((hasher.finish() as u32) % TEXTS as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Regard = Regard { front: 0, interest: 1 };

    #[test]
    fn what_was_ruled_out_stays_out_for_that_text_and_regard_only() {
        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.find(HERE, b"agent"), None);
        let memory = verdicts.remember(HERE, b"agent", &[3, 7]).unwrap();
        assert_eq!(verdicts.find(HERE, b"agent"), Some((memory, &[3, 7][..])));
        verdicts.rule_out(memory, HERE, b"other", 3);
        assert_eq!(verdicts.find(HERE, b"agent"), Some((memory, &[3, 7][..])));
        verdicts.rule_out(memory, HERE, b"agent", 3);
        assert_eq!(verdicts.find(HERE, b"agent"), Some((memory, &[7][..])));
        assert_eq!(verdicts.find(Regard { front: 1, interest: 1 }, b"agent"), None);
    }

    #[test]
    fn memory_is_fixed_and_texts_met_again_stay_longer() {
        let mut verdicts = Verdicts::default();
        verdicts.remember(HERE, b"again", &[]).unwrap();
        assert!(verdicts.find(HERE, b"again").is_some());
        let kept = (0..100_000_u32)
            .filter(|number| verdicts.remember(HERE, &number.to_le_bytes(), &[]).is_some())
            .count();
        assert!(kept > 90_000);
        assert_eq!(verdicts.bytes.len(), TEXTS * LONGEST);
        assert_eq!(verdicts.remember(HERE, &[0; LONGEST + 1], &[]), None);
        assert_eq!(verdicts.remember(HERE, b"many", &[0; ITEMS + 1]), None);
    }
}
