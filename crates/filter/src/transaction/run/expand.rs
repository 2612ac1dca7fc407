//! Macros: text with the values of the moment in it.

use crate::seclang::Variable;
use crate::transaction::arena::Span;
use crate::transaction::run::Run;
use crate::transaction::run::live::collection_of;
use crate::transaction::text::{Part, Text};
use crate::transaction::variable::{Kept, kept, sources};

/// The most bytes of an expanded text that leave the arena.
pub(super) const LONGEST: usize = 4096;

impl Run<'_> {
    /// A text with its macros expanded; what is not set is left out.
    pub(super) fn expand(&mut self, text: &Text) -> Span {
        let parts = match text {
            Text::Plain(plain) => return self.state.arena.push(plain.as_bytes()),
            Text::Pieces(parts) => parts,
        };
        if let [Part::Slot(slot)] = **parts {
            return self.state.slots.get(slot).span(&mut self.state.arena).unwrap_or_default();
        }
        // Values first: those that are made up on the way are written to the arena themselves.
        let pieces: smallvec::SmallVec<[Span; 8]> = parts.iter().map(|part| self.piece(part)).collect();
        let arena = &mut self.state.arena;
        let start = arena.begin();
        for piece in pieces {
            arena.append_span(piece);
        }
        arena.end(start)
    }

    /// The same as a string of its own, cut where it is very long: it may hold any of the request.
    pub(super) fn expand_string(&mut self, text: &Text) -> String {
        if let Text::Plain(plain) = text {
            return plain.to_string();
        }
        let span = self.expand(text);
        let bytes = self.state.arena.get(span);
        String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes)).into_owned()
    }

    fn piece(&mut self, part: &Part) -> Span {
        match part {
            Part::Plain(text) => self.state.arena.push(text.as_bytes()),
            Part::Slot(slot) => self.state.slots.get(*slot).span(&mut self.state.arena).unwrap_or_default(),
            Part::Value(variable, key) => self.first_value(*variable, key.as_deref()).unwrap_or_default(),
        }
    }

    /// The first value of a variable under a key.
    fn first_value(&mut self, variable: Variable, key: Option<&str>) -> Option<Span> {
        if kept(variable) != Kept::Live {
            let entries = sources(variable).iter().flat_map(|source| self.state.values.of(*source));
            let wanted = |name: &[u8]| key.is_none_or(|key| key.as_bytes().eq_ignore_ascii_case(name));
            let mut entries = entries.filter(|entry| wanted(self.state.arena.get(entry.key)));
            return entries.next().map(|entry| entry.value);
        }
        let key = key.unwrap_or_default();
        match (variable, collection_of(variable)) {
            (Variable::Tx, _) => {
                let held = self.state.slots.get_named(&self.program.slots, key);
                held.span(&mut self.state.arena)
            }
            (Variable::MatchedVars, _) => self.state.last.matched.first().map(|matched| matched.value),
            (Variable::Env, _) => {
                let found = self.state.env.iter().find(|(name, _)| name == key);
                found.map(|(_, value)| *value)
            }
            (Variable::Rule, _) => self.rule.and_then(|rule| self.rule_field(rule, key)),
            (_, Some(collection)) => {
                let value = self.state.collections.get(collection, key)?.clone();
                Some(self.state.arena.push(value.as_bytes()))
            }
            (other, None) => self.live_single(other),
        }
    }
}
