//! What must hold of a value for a rule to be able to match it.
//!
//! A condition is a list of [`Case`]s of which one must hold; in a case, everything must. Invariant: a condition derived
//! from a pattern holds for every value that the pattern matches. It may hold for others: when a condition grows past
//! its bounds, it says less. What it does not know: how it is tried on many values ([`super::Scanner`]).

use std::sync::Arc;

use regex_syntax::hir::Hir;

use super::bytes::ByteSet;
use super::derive::derive_necessary;
use super::fold::folded;
use super::pattern::{Edge, Pattern};
use super::text::{Text, TextList};

/// Cases of one condition; more are merged into one that says less.
const CASES: usize = 24;
/// Sets with more bytes say nothing worth keeping.
const TELLING_SET: usize = 160;
/// Surprise, in bits, after which further texts of a case are left out.
const ENOUGH_SURPRISE: f64 = 36.0;
/// Surprise, in bits, below which a further list is not worth looking for.
const LEAST_SURPRISE: f64 = 8.0;
/// Lists of texts in one case.
const LISTS: usize = 3;

/// A necessary condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Necessary {
    cases: Vec<Case>,
}

/// One way in which a condition may hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Case {
    /// No shorter value.
    pub min_len: usize,
    /// None of these bytes is in the value.
    pub absent: ByteSet,
    /// Each has a byte in the value.
    pub sets: Vec<ByteSet>,
    /// Of each, one text occurs in the value.
    pub lists: Vec<Arc<TextList>>,
}

impl Necessary {
    /// Nothing is known: every value could match.
    pub fn any() -> Self {
        Self { cases: vec![Case::default()] }
    }

    /// No value can match.
    pub const fn never() -> Self {
        Self { cases: Vec::new() }
    }

    /// The value has at least `len` bytes.
    pub fn of_length(len: usize) -> Self {
        Self { cases: vec![Case { min_len: len, ..Case::default() }] }
    }

    /// The value has a byte of `set`.
    pub fn of_set(set: ByteSet) -> Self {
        if set.is_empty() {
            return Self::never();
        }
        let sets = if set.len() > TELLING_SET { Vec::new() } else { vec![set] };
        Self { cases: vec![Case { min_len: 1, sets, ..Case::default() }] }
    }

    /// One of `literals` occurs somewhere in the value, ASCII letters in either case.
    pub fn of_literals<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>) -> Self {
        Self::of_literals_between(literals, None, None)
    }

    /// The value begins with one of `literals`, ASCII letters in either case.
    pub fn of_prefixes<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>) -> Self {
        Self::of_literals_between(literals, Some(Edge::Start), None)
    }

    /// The value ends with one of `literals`, ASCII letters in either case.
    pub fn of_suffixes<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>) -> Self {
        Self::of_literals_between(literals, None, Some(Edge::End))
    }

    /// The value is one of `literals`, ASCII letters in either case.
    pub fn of_whole<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>) -> Self {
        Self::of_literals_between(literals, Some(Edge::Start), Some(Edge::End))
    }

    fn of_literals_between<L: AsRef<[u8]>>(
        literals: impl IntoIterator<Item = L>,
        before: Option<Edge>,
        after: Option<Edge>,
    ) -> Self {
        let texts: Vec<Text> = literals
            .into_iter()
            .map(|literal| Text { before, after, ..Text::anywhere(literal.as_ref()) })
            .collect();
        let length = texts.iter().map(|text| text.bytes.len()).min();
        match length {
            None => Self::never(),
            Some(0) => Self::any(),
            Some(length) => Self::of_texts(texts).and(Self::of_length(length)),
        }
    }

    /// What must hold for `pattern`, searched for anywhere in the value, to match.
    pub fn of_regex(pattern: &Hir) -> Self {
        derive_necessary(&Pattern::of(pattern))
    }

    /// One of `texts` occurs. Single bytes become a set: they are cheaper to look for.
    pub(super) fn of_texts(mut texts: Vec<Text>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        let (bytes, texts): (Vec<Text>, Vec<Text>) =
            texts.into_iter().partition(|text| text.bytes.len() == 1);
        let mut needs = Self::never();
        if !bytes.is_empty() {
            needs = Self::of_set(bytes.iter().fold(ByteSet::new(), |set, text| set.union(&text.rarest())));
        }
        if !texts.is_empty() {
            let case = Case { min_len: 2, lists: vec![Arc::new(TextList::new(texts))], ..Case::default() };
            needs = needs.or(Self { cases: vec![case] });
        }
        needs
    }

    /// The same for values that hold no byte of `absent`, and nothing for others.
    pub(super) fn without(mut self, absent: ByteSet) -> Self {
        self.cases.iter_mut().for_each(|case| case.absent = case.absent.union(&absent));
        self
    }

    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        self.joined(other, Case::and)
    }

    /// Both hold, each in its own part of the value.
    pub(super) fn then(self, other: Self) -> Self {
        self.joined(other, |first, second| {
            let min_len = first.min_len.saturating_add(second.min_len);
            Case { min_len, ..first.and(second) }
        })
    }

    fn joined(mut self, mut other: Self, join: fn(&Case, &Case) -> Case) -> Self {
        if self.cases.len() * other.cases.len() > CASES {
            other = other.merged();
        }
        if self.cases.len() * other.cases.len() > CASES {
            self = self.merged();
        }
        let pairs =
            self.cases.iter().flat_map(|first| other.cases.iter().map(move |second| join(first, second)));
        Self { cases: pairs.collect() }
    }

    /// One of the two holds, in cases side by side however many they become.
    pub(super) fn beside(mut self, other: Self) -> Self {
        self.cases.extend(other.cases);
        self
    }

    /// One of the two holds.
    pub fn or(self, other: Self) -> Self {
        Self::one_of([self, other])
    }

    /// One of all holds.
    pub fn one_of(all: impl IntoIterator<Item = Self>) -> Self {
        let mut cases: Vec<Case> = Vec::new();
        let mut lists: Vec<Case> = Vec::new();
        for case in all.into_iter().flat_map(|needs| needs.cases) {
            if case == Case::default() {
                return Self::any();
            }
            if case.is_list() {
                lists.push(case);
            } else if !cases.contains(&case) {
                cases.push(case);
            }
        }
        // Lists with nothing else become one list: word lists are alternations of words.
        while let Some(absent) = lists.last().map(|case| case.absent) {
            let (alike, others): (Vec<Case>, Vec<Case>) =
                lists.into_iter().partition(|case| case.absent == absent);
            cases.push(Case::of_lists(absent, &alike));
            lists = others;
        }
        let joined = Self { cases };
        if joined.cases.len() > CASES { joined.merged() } else { joined }
    }

    /// Fewer cases, one for each set of absent bytes, that hold whenever one of these does.
    fn merged(self) -> Self {
        let mut merged: Vec<Case> = Vec::new();
        for case in self.cases.into_iter().map(Case::with_marks) {
            match merged.iter_mut().find(|known| known.absent == case.absent) {
                Some(known) => *known = known.or(&case),
                None => merged.push(case),
            }
        }
        Self { cases: merged }
    }

    /// The ways in which it may hold.
    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Does it say nothing, so that every value is a candidate?
    pub fn is_any(&self) -> bool {
        self.cases.contains(&Case::default())
    }

    /// Does it hold for `value`? The plain meaning, which scanners are tested against.
    pub fn holds(&self, value: &[u8]) -> bool {
        let folded = folded(value);
        self.cases.iter().any(|case| case.holds(value, &folded))
    }
}

impl Case {
    fn holds(&self, value: &[u8], folded: &[u8]) -> bool {
        value.len() >= self.min_len
            && !self.absent.occurs_in(value)
            && self.sets.iter().all(|set| set.occurs_in(value))
            && self.lists.iter().all(|list| list.occurs_in(folded))
    }

    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.min_len = both.min_len.max(other.min_len);
        both.absent = both.absent.union(&other.absent);
        for set in &other.sets {
            if !both.sets.iter().any(|known| known.is_within(set)) {
                both.sets.retain(|known| !set.is_within(known));
                both.sets.push(*set);
            }
        }
        for list in &other.lists {
            if !both.lists.iter().any(|known| Arc::ptr_eq(known, list) || known.implies(list)) {
                both.lists.retain(|known| !list.implies(known));
                both.lists.push(Arc::clone(list));
            }
        }
        both.prune();
        both
    }

    /// Is it a list of texts and nothing else?
    fn is_list(&self) -> bool {
        self.sets.is_empty() && self.lists.len() == 1
    }

    /// The case for values without `absent` in which one of `cases`, which are lists, holds.
    fn of_lists(absent: ByteSet, cases: &[Self]) -> Self {
        let min_len = cases.iter().map(|case| case.min_len).min().unwrap_or(0);
        let lists = match cases {
            [only] => only.lists.clone(),
            cases => {
                vec![Arc::new(TextList::union(cases.iter().flat_map(|case| &case.lists).map(|list| &**list)))]
            }
        };
        Self { min_len, absent, sets: Vec::new(), lists }
    }

    /// With the sets that its lists imply, so that they outlive a merge with a case that has only sets.
    fn with_marks(mut self) -> Self {
        for list in &self.lists {
            if list.marks.len() <= TELLING_SET {
                self.sets.push(list.marks);
            }
        }
        self
    }

    /// A case that holds whenever one of the two does.
    fn or(&self, other: &Self) -> Self {
        let narrowest = |sets: &[ByteSet]| sets.iter().copied().min_by_key(ByteSet::len);
        let sets = match (narrowest(&self.sets), narrowest(&other.sets)) {
            (Some(mine), Some(theirs)) => vec![mine.union(&theirs)],
            _ => Vec::new(),
        };
        let lists = match (self.best_list(), other.best_list()) {
            (Some(mine), Some(theirs)) => vec![Arc::new(TextList::union([mine, theirs]))],
            _ => Vec::new(),
        };
        let absent = self.absent.intersection(&other.absent);
        Self { min_len: self.min_len.min(other.min_len), absent, sets, lists }
    }

    fn best_list(&self) -> Option<&TextList> {
        self.lists.iter().map(|list| &**list).max_by(|a, b| a.surprise.total_cmp(&b.surprise))
    }

    /// Only the most telling lists, the best first, and no more of them than it takes.
    fn prune(&mut self) {
        self.lists.sort_by(|a, b| b.surprise.total_cmp(&a.surprise));
        let mut surprise = 0.0;
        let enough = self.lists.iter().position(|list| {
            let enough = surprise > 0.0 && (surprise >= ENOUGH_SURPRISE || list.surprise < LEAST_SURPRISE);
            surprise += list.surprise.max(f64::MIN_POSITIVE);
            enough
        });
        self.lists.truncate(enough.unwrap_or(LISTS).min(LISTS));
    }
}
