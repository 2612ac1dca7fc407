//! Texts met again and again, and what was found out about each: user agents, accept headers, names of fields.
//!
//! Invariants: a text is recognised by all of its bytes and what it was looked at for, never by a hash alone; memory is
//! bounded, and grows with the texts there are. Does not know what is remembered.

use std::hash::{BuildHasher, Hasher};

/// Texts remembered; places for their hashes are taken in pairs.
const TEXTS: usize = 4096;
/// Marks kept of texts that were met once: most values never come again, and to write each down would cost more than
/// what is remembered saves.
const MARKS: usize = 8192;
/// The longest text remembered, in bytes.
const LONGEST: usize = 160;

/// Where a text is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u16);

#[derive(Clone, Debug)]
struct Known<T> {
    /// What the text was looked at for.
    regard: u64,
    length: u8,
    wanted: Wanted,
    about: T,
}

/// Whether a text was met again since another wanted its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Once,
    Again,
}

/// A text that is not remembered, by its hash; none if it is too long to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown(Option<u64>);

/// The memory of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Memory<T> {
    /// Part of the hash of texts that were met.
    met: Vec<u16>,
    /// For each hash, part of it and the place of a text plus one; empty until there is one.
    places: Vec<(u16, u16)>,
    known: Vec<Known<T>>,
    bytes: Vec<u8>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self { met: Vec::new(), places: Vec::new(), known: Vec::new(), bytes: Vec::new() }
    }
}

impl<T> Memory<T> {
    /// What is known of a text.
    pub(crate) fn find(&mut self, regard: u64, text: &[u8]) -> Result<(Place, &T), Unknown> {
        let Some(hash) = hash_of(regard, text) else { return Err(Unknown(None)) };
        let first = first_of(hash);
        let pair = self.places.get(first..first + 2).unwrap_or_default();
        let here =
            |(tag, place): &(u16, u16)| place.checked_sub(1).filter(|_| *tag == tag_of(hash)).map(Place);
        let mut places = pair.iter().filter_map(here);
        let place = places.find(|place| self.holds(*place, regard, text));
        let Some((place, known)) =
            place.and_then(|place| Some((place, self.known.get_mut(usize::from(place.0))?)))
        else {
            return Err(Unknown(Some(hash)));
        };
        known.wanted = Wanted::Again;
        Ok((place, &known.about))
    }

    /// Remembers something of a text that was not found, if it was met before and its places are not taken by such as
    /// were met again.
    pub(crate) fn remember(
        &mut self,
        unknown: Unknown,
        regard: u64,
        text: &[u8],
        about: impl FnOnce() -> T,
    ) -> Option<Place> {
        let hash = unknown.0.filter(|hash| self.was_met(*hash))?;
        let place = self.room(hash)?;
        let known = Known { regard, length: text.len() as u8, wanted: Wanted::Once, about: about() };
        let at = usize::from(place.0);
        if let Some(other) = self.known.get_mut(at) {
            *other = known;
        } else {
            self.known.push(known);
            self.bytes.resize(self.known.len() * LONGEST, 0);
        }
        self.bytes.get_mut(at * LONGEST..at * LONGEST + text.len())?.copy_from_slice(text);
        Some(place)
    }

    /// Whether a text of that hash was met lately; from now on it was.
    fn was_met(&mut self, hash: u64) -> bool {
        if self.met.is_empty() {
            self.met.resize(MARKS, 0);
        }
        let mark = tag_of(hash) | 1;
        let met = self.met.get_mut((hash >> 24) as usize % MARKS);
        met.is_some_and(|met| std::mem::replace(met, mark) == mark)
    }

    /// What is known of a text, to be changed, if it is still remembered there.
    pub(crate) fn at(&mut self, place: Place, regard: u64, text: &[u8]) -> Option<&mut T> {
        if !self.holds(place, regard, text) {
            return None;
        }
        self.known.get_mut(usize::from(place.0)).map(|known| &mut known.about)
    }

    /// A place for a text with that hash: a new one, or that of a text that was met once.
    fn room(&mut self, hash: u64) -> Option<Place> {
        if self.places.is_empty() {
            self.places.resize(TEXTS, (0, 0));
        }
        let first = first_of(hash);
        let pair = self.places.get_mut(first..first + 2)?;
        if let Some(free) = pair.iter_mut().find(|(_, place)| *place == 0) {
            let place = self.known.len() as u16;
            *free = (tag_of(hash), place + 1);
            return Some(Place(place));
        }
        let mut found = None;
        for (tag, place) in pair {
            let Some(at) = place.checked_sub(1) else { continue };
            let Some(known) = self.known.get_mut(usize::from(at)) else { continue };
            if known.wanted == Wanted::Once {
                found = Some((tag, Place(at)));
            }
            known.wanted = Wanted::Once;
        }
        let (tag, place) = found?;
        *tag = tag_of(hash);
        Some(place)
    }

    fn holds(&self, place: Place, regard: u64, text: &[u8]) -> bool {
        let at = usize::from(place.0);
        let same = |known: &Known<T>| known.regard == regard && usize::from(known.length) == text.len();
        self.known.get(at).is_some_and(same)
            && self.bytes.get(at * LONGEST..at * LONGEST + text.len()) == Some(text)
    }
}

/// The hash of a text; none for long ones.
fn hash_of(regard: u64, text: &[u8]) -> Option<u64> {
    if text.len() > LONGEST {
        return None;
    }
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(text);
    hasher.write_u64(regard);
    Some(hasher.finish())
}

/// The part of a hash that tells most texts apart without looking at them.
const fn tag_of(hash: u64) -> u16 {
    (hash >> 48) as u16
}

/// The first of the two places where a text of that hash can be remembered.
const fn first_of(hash: u64) -> usize {
    hash as usize % (TEXTS / 2) * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Meets a text twice.
    fn learn(memory: &mut Memory<u32>, regard: u64, text: &[u8], about: u32) -> Option<Place> {
        for _ in 0..2 {
            let unknown = memory.find(regard, text).unwrap_err();
            if let Some(place) = memory.remember(unknown, regard, text, || about) {
                return Some(place);
            }
        }
        None
    }

    #[test]
    fn a_text_is_known_for_what_it_was_looked_at() {
        let mut memory = Memory::default();
        let unknown = memory.find(1, b"agent").unwrap_err();
        assert_eq!(memory.remember(unknown, 1, b"agent", || 7), None, "met once only");
        let place = memory.remember(unknown, 1, b"agent", || 7).unwrap();
        assert_eq!(memory.find(1, b"agent"), Ok((place, &7)));
        assert!(memory.find(2, b"agent").is_err());
        assert!(memory.find(1, b"agents").is_err());
        assert_eq!(memory.at(place, 1, b"other"), None);
        *memory.at(place, 1, b"agent").unwrap() = 8;
        assert_eq!(memory.find(1, b"agent"), Ok((place, &8)));
    }

    #[test]
    fn memory_is_bounded_and_texts_met_again_stay_longer() {
        let mut memory = Memory::default();
        learn(&mut memory, 1, b"again", 0).unwrap();
        assert!(memory.find(1, b"again").is_ok());
        let kept = (0..100_000_u32)
            .filter(|number| learn(&mut memory, 1, &number.to_le_bytes(), 0).is_some())
            .count();
        assert!(kept > 90_000);
        assert!(memory.known.len() <= TEXTS && memory.bytes.len() <= TEXTS * LONGEST);
        assert_eq!(learn(&mut memory, 1, &[0; LONGEST + 1], 0), None);
    }
}
