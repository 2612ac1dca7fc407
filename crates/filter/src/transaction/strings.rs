//! The distinct texts of one exchange, and what transformations made of them.
//!
//! Every value is interned, so that equal values are transformed and scanned once, and each transformation of a text
//! is carried out once however many pipelines share it. Invariants: two ids are equal exactly if their texts are;
//! hashing is seeded by the exchange, so that nobody can choose texts that collide. Does not know variables or rules.

use std::hash::{BuildHasher, Hasher};

use crate::scan::Scratch;
use crate::transaction::arena::{Arena, Span};
use crate::transaction::pipeline::{Look, Pipelines};
use crate::transform::{Changed, Transformation};

/// One distinct text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextId(u32);

#[derive(Clone, Copy, Debug)]
struct Known {
    span: Span,
    look: Look,
    /// The first of its results.
    results: u32,
}

/// What one transformation made of a text.
#[derive(Clone, Copy, Debug)]
struct Result {
    transformation: Transformation,
    text: TextId,
    next: u32,
}

const NONE: u32 = u32::MAX;
/// Slots of the table at least, and when an exchange begins at most; powers of two.
const TABLE: usize = 128;
const MOST: usize = 4096;

/// The texts.
#[derive(Debug, Default)]
pub(super) struct Strings {
    known: Vec<Known>,
    results: Vec<Result>,
    /// Open addressing: part of the hash, and the id plus one.
    table: Vec<(u32, u32)>,
    hasher: foldhash::fast::FixedState,
    scratch: Vec<u8>,
    /// The room in which texts are looked at, and the one looked at last.
    codes: Scratch,
    looked_at: Option<TextId>,
}

impl Strings {
    /// Forgets everything.
    pub(super) fn clear(&mut self, seed: u64) {
        self.looked_at = None;
        self.results.clear();
        self.hasher = foldhash::fast::FixedState::with_seed(seed);
        // Without a text the table is as it was cleared.
        if !self.known.is_empty() || self.table.is_empty() {
            // About as large as the exchange before needed it: most have few texts.
            let size = (4 * self.known.len()).next_power_of_two().clamp(TABLE, MOST);
            self.known.clear();
            self.table.clear();
            self.table.resize(size, (0, 0));
        }
    }

    /// Gives memory back where one large exchange took more than `keep` bytes.
    pub(super) fn shrink(&mut self, keep: usize) {
        self.codes.shrink();
        if self.scratch.capacity() > keep {
            self.scratch = Vec::new();
        }
        if self.known.capacity() * size_of::<Known>() > keep {
            self.known = Vec::new();
            self.results = Vec::new();
            self.table = Vec::new();
        }
    }

    /// The id of a text.
    pub(super) fn intern(&mut self, arena: &Arena, span: Span, pipelines: &Pipelines) -> TextId {
        if self.known.len() * 2 >= self.table.len() {
            self.grow(arena);
        }
        let text = arena.get(span);
        let hash = self.hash(text);
        let mut at = hash as usize;
        loop {
            at &= self.table.len() - 1;
            let Some((tag, id)) = self.table.get(at).copied() else { break };
            if id == 0 {
                break;
            }
            let same = |known: &Known| arena.get(known.span) == text;
            if tag == hash && self.known.get(id as usize - 1).is_some_and(same) {
                return TextId(id - 1);
            }
            at += 1;
        }
        let look = pipelines.look_at(text, &mut self.codes);
        self.known.push(Known { span, look, results: NONE });
        self.looked_at = Some(TextId(self.known.len() as u32 - 1));
        if let Some(place) = self.table.get_mut(at) {
            *place = (hash, self.known.len() as u32);
        }
        TextId(self.known.len() as u32 - 1)
    }

    /// Where a text stands.
    pub(super) fn span(&self, text: TextId) -> Span {
        self.known.get(text.0 as usize).map_or(Span::EMPTY, |known| known.span)
    }

    /// What one pass over it told.
    pub(super) fn look(&self, text: TextId) -> Look {
        self.known.get(text.0 as usize).map_or_else(Look::default, |known| known.look)
    }

    /// The room to look for texts in this one, if it is the one that was looked at last.
    pub(super) fn looked_at(&mut self, text: TextId) -> Option<&mut Scratch> {
        (self.looked_at == Some(text)).then_some(&mut self.codes)
    }

    /// What a transformation makes of a text.
    pub(super) fn transformed(
        &mut self,
        arena: &mut Arena,
        text: TextId,
        transformation: Transformation,
        pipelines: &Pipelines,
    ) -> TextId {
        let Some(known) = self.known.get(text.0 as usize).copied() else { return text };
        if !pipelines.can_change(transformation, known.look.present) {
            return text;
        }
        let mut next = known.results;
        while let Some(result) = self.results.get(next as usize) {
            if result.transformation == transformation {
                return result.text;
            }
            next = result.next;
        }
        let made = match transformation.apply(arena.get(known.span), &mut self.scratch) {
            Changed::Unchanged => text,
            Changed::Changed => {
                let span = arena.push(&self.scratch);
                self.intern(arena, span, pipelines)
            }
        };
        self.results.push(Result { transformation, text: made, next: known.results });
        let newest = self.results.len() as u32 - 1;
        if let Some(known) = self.known.get_mut(text.0 as usize) {
            known.results = newest;
        }
        made
    }

    fn hash(&self, text: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text);
        hasher.finish() as u32
    }

    fn grow(&mut self, arena: &Arena) {
        let size = (self.table.len() * 2).max(TABLE);
        self.table.clear();
        self.table.resize(size, (0, 0));
        for index in 0..self.known.len() {
            let Some(known) = self.known.get(index) else { break };
            let hash = self.hash(arena.get(known.span));
            let mut at = hash as usize & (size - 1);
            while self.table.get(at).is_some_and(|(_, id)| *id != 0) {
                at = (at + 1) & (size - 1);
            }
            if let Some(place) = self.table.get_mut(at) {
                *place = (hash, index as u32 + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_id_and_others_their_own() {
        let (mut arena, mut strings, pipelines) =
            (Arena::default(), Strings::default(), Pipelines::default());
        strings.clear(7);
        let mut ids = Vec::new();
        for round in 0..2 {
            for number in 0..3000_usize {
                let span = arena.push_size(number);
                let id = strings.intern(&arena, span, &pipelines);
                if round == 0 {
                    assert_eq!(arena.get(strings.span(id)), number.to_string().as_bytes());
                    ids.push(id);
                } else {
                    assert_eq!(ids[number], id);
                }
            }
        }
    }
}
