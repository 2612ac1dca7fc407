//! One pass over a value that tells which of all lists of texts have a text in it.
//!
//! One Aho-Corasick automaton over the distinct texts of a scanner, letters in either case. Invariant: every list of
//! which a text stands in the value is reported, once.

use std::collections::BTreeMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, dfa, nfa};

use super::Bits;
use super::pattern::Edge;
use super::text::Text;

/// The index of a list of texts.
pub(super) type List = u32;

/// Largest table of transitions: beyond it, the automaton that needs half the speed and a tenth of the room.
const LARGEST_TABLE: usize = 12 << 20;
/// Texts are looked for by so many bytes of them: longer ones are told apart by the rule itself.
const LONGEST_TEXT: usize = 10;

/// All lists of texts of a scanner.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    automaton: Option<Machine>,
    /// For each pattern of the automaton, what its occurrence means.
    meanings: Vec<Vec<Meaning>>,
}

#[derive(Clone, Debug)]
enum Machine {
    Table(dfa::DFA),
    Compact(nfa::contiguous::NFA),
}

/// A text of `list` occurs, if it stands between the right edges.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    list: List,
    before: Option<Edge>,
    after: Option<Edge>,
}

/// Collects lists while a scanner is built.
#[derive(Debug, Default)]
pub(super) struct TextsBuilder {
    lists: BTreeMap<Vec<Text>, List>,
    patterns: BTreeMap<Vec<u8>, usize>,
    meanings: Vec<Vec<Meaning>>,
}

impl TextsBuilder {
    /// The list with these texts, known or new.
    pub(super) fn list(&mut self, texts: &[Text]) -> List {
        let texts: Vec<Text> = texts.iter().map(shortened).collect();
        let next = self.lists.len() as List;
        if let Some(known) = self.lists.get(&texts) {
            return *known;
        }
        for text in &texts {
            let pattern = *self.patterns.entry(text.bytes.clone()).or_insert_with(|| {
                self.meanings.push(Vec::new());
                self.meanings.len() - 1
            });
            if let Some(meanings) = self.meanings.get_mut(pattern) {
                meanings.push(Meaning { list: next, before: text.before, after: text.after });
            }
        }
        self.lists.insert(texts, next);
        next
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// The automaton over all of them.
    pub(super) fn build(self) -> Texts {
        let mut patterns: Vec<(Vec<u8>, usize)> = self.patterns.into_iter().collect();
        patterns.sort_unstable_by_key(|(_, index)| *index);
        let patterns: Vec<Vec<u8>> = patterns.into_iter().map(|(text, _)| text).collect();
        Texts { automaton: build_machine(&patterns), meanings: self.meanings }
    }
}

/// The text cut to the bytes that are looked for.
fn shortened(text: &Text) -> Text {
    if text.bytes.len() <= LONGEST_TEXT {
        return text.clone();
    }
    Text { bytes: text.bytes.iter().copied().take(LONGEST_TEXT).collect(), before: text.before, after: None }
}

fn build_machine(patterns: &[Vec<u8>]) -> Option<Machine> {
    if patterns.is_empty() {
        return None;
    }
    let nfa = nfa::noncontiguous::Builder::new()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .prefilter(false)
        .build(patterns)
        .ok()?;
    let table =
        dfa::Builder::new().start_kind(aho_corasick::StartKind::Unanchored).build_from_noncontiguous(&nfa);
    if let Ok(table) = table
        && table.memory_usage() <= LARGEST_TABLE
    {
        return Some(Machine::Table(table));
    }
    nfa::contiguous::Builder::new().build_from_noncontiguous(&nfa).ok().map(Machine::Compact)
}

impl Texts {
    /// Calls `report` with every list that has a text in `value`; `seen` is scratch.
    #[inline]
    pub(super) fn scan(&self, value: &[u8], seen: &mut Bits, report: impl FnMut(List)) {
        seen.clear();
        match &self.automaton {
            None => {}
            Some(Machine::Table(table)) => self.run(table, value, seen, report),
            Some(Machine::Compact(nfa)) => self.run(nfa, value, seen, report),
        }
    }

    #[inline]
    fn run<A: Automaton>(&self, machine: &A, value: &[u8], seen: &mut Bits, mut report: impl FnMut(List)) {
        let Ok(mut state) = machine.start_state(Anchored::No) else { return };
        for (at, &byte) in value.iter().enumerate() {
            state = machine.next_state(Anchored::No, state, byte);
            if machine.is_special(state) && machine.is_match(state) {
                for index in 0..machine.match_len(state) {
                    let pattern = machine.match_pattern(state, index);
                    let start = (at + 1).saturating_sub(machine.pattern_len(pattern));
                    for meaning in self.meanings.get(pattern.as_usize()).map_or(&[][..], Vec::as_slice) {
                        if !seen.contains(meaning.list as usize)
                            && Text::stands(meaning.before, meaning.after, value, start, at + 1)
                        {
                            seen.insert(meaning.list as usize);
                            report(meaning.list);
                        }
                    }
                }
            }
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        let machine = match &self.automaton {
            None => 0,
            Some(Machine::Table(table)) => table.memory_usage(),
            Some(Machine::Compact(nfa)) => nfa.memory_usage(),
        };
        machine + self.meanings.iter().map(|some| 24 + some.len() * size_of::<Meaning>()).sum::<usize>()
    }
}
