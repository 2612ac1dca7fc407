//! Whether a rule matches: its links in order, each over its values, and the effects of each match as it happens.
//!
//! As in ModSecurity, the effects of a link run once for every value that matched it, also where the chain fails
//! later. Invariant: with scans and without, the same values match in the same order.

use crate::operator::Operator;
use crate::seclang::{Selector, Variable};
use crate::transaction::arena::Span;
use crate::transaction::front::ItemId;
use crate::transaction::program::{
    Capture, Counted, Link, MultiMatch, Negated, Number, Rule, SlotRead, SlotTest, Target, Test, ValueTest,
};
use crate::transaction::run::{Run, Scanning};
use crate::transaction::slots::{CAPTURES, Held};
use crate::transaction::state::{MATCHED, Subject};
use crate::transaction::treatment::Treatment;
use crate::transaction::variable::{Kept, kept, sources};

/// What trying one value costs beside its bytes.
const STEPS: usize = 8;

/// What came of trying texts of one value; of several, the greatest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tried {
    /// The operator saw each and none matches.
    Differs,
    /// Not all were seen, or the site ignores the match.
    Unknown,
    Matches,
}

/// A link of the rule at hand.
#[derive(Clone, Copy)]
struct At<'p> {
    rule: &'p Rule,
    link: &'p Link,
    first: bool,
}

impl<'a> Run<'a> {
    /// Whether the rule and all of its chain match.
    pub(in crate::transaction) fn judge(&mut self, rule: &'a Rule) -> bool {
        self.rule = Some(rule);
        self.state.acting = Treatment::Ignore;
        self.state.added = 0;
        self.state.shown = None;
        self.state.hits.clear();
        let mut first = true;
        for link in &rule.links {
            if !self.judge_link(At { rule, link, first }) {
                return false;
            }
            first = false;
        }
        true
    }

    fn judge_link(&mut self, at: At<'a>) -> bool {
        match &at.link.test {
            Test::Always => {
                self.state.last.matched.clear();
                if at.first {
                    self.state.acting = Treatment::Act;
                }
                self.perform(at.link, Treatment::Act);
                true
            }
            Test::Slot(test) => self.judge_slot(at, *test),
            Test::Values(test) => self.judge_values(at, test),
        }
    }

    fn judge_slot(&mut self, at: At<'a>, test: SlotTest) -> bool {
        if !self.slot_holds(test) {
            return false;
        }
        let held = self.state.slots.get(test.slot);
        if at.first {
            self.state.acting = Treatment::Act;
        }
        if shows_match(at) {
            let key = self.state.arena.push(self.program.slots.of(test.slot).as_bytes());
            let value = match test.read {
                SlotRead::Value => held.span(&mut self.state.arena).unwrap_or_default(),
                SlotRead::Count => self.state.arena.push_number(i64::from(held != Held::Absent)),
            };
            self.state.last.matched.clear();
            let subject =
                Subject { variable: Variable::Tx, source: Variable::Tx, key, value, text: None, entry: None };
            self.state.last.matched.push(subject);
        }
        self.perform(at.link, Treatment::Act);
        true
    }

    /// Whether a test of a slot holds now.
    pub(in crate::transaction) fn slot_holds(&self, test: SlotTest) -> bool {
        let value = match (test.read, self.state.slots.get(test.slot)) {
            (SlotRead::Value, Held::Absent) => return false,
            (SlotRead::Value, held) => held.number(&self.state.arena),
            (SlotRead::Count, held) => i64::from(held != Held::Absent),
        };
        test.relation.holds(value, self.number(test.operand))
    }

    /// The number an operand stands for.
    pub(super) fn number(&self, number: Number) -> i64 {
        match number {
            Number::Plain(number) => number,
            Number::Slot(slot) => self.state.slots.get(slot).number(&self.state.arena),
        }
    }

    fn judge_values(&mut self, at: At<'a>, test: &'a ValueTest) -> bool {
        let mut subjects = std::mem::take(&mut self.state.subjects);
        subjects.clear();
        self.collect(at, test, &mut subjects);
        // Only now: a target may be `MATCHED_VARS`, what the link before matched.
        self.state.last.matched.clear();
        let mut matched = false;
        for subject in &subjects {
            if self.state.steps == 0 {
                break;
            }
            matched |= self.judge_value(at, test, *subject);
        }
        self.state.subjects = subjects;
        matched
    }

    /// One value, after its transformations; after each of them where the rule says so.
    fn judge_value(&mut self, at: At<'a>, test: &'a ValueTest, subject: Subject) -> bool {
        let tried = self.judge_transformed(at, test, subject);
        if tried == Tried::Differs {
            self.rule_out(at, test, subject);
        }
        tried == Tried::Matches
    }

    fn judge_transformed(&mut self, at: At<'a>, test: &'a ValueTest, subject: Subject) -> Tried {
        let program = self.program;
        if at.link.transformations.is_empty() {
            return self.judge_text(at, test, subject, subject.value);
        }
        let state = &mut *self.state;
        let mut text = match subject.text {
            Some(text) => text,
            None => state.strings.intern(&state.arena, subject.value, &program.pipelines),
        };
        let many = at.link.multi_match == MultiMatch::Yes;
        let mut tried = if many { self.judge_text(at, test, subject, subject.value) } else { Tried::Differs };
        for transformation in &at.link.transformations {
            let state = &mut *self.state;
            if !state.spend(1) {
                return tried.max(Tried::Unknown);
            }
            let next = state.strings.transformed(&mut state.arena, text, *transformation, &program.pipelines);
            if next != text {
                let length = state.strings.span(next).len();
                state.spend(length);
            }
            if many && next != text {
                let span = self.state.strings.span(next);
                tried = tried.max(self.judge_text(at, test, subject, span));
            }
            text = next;
        }
        let span = self.state.strings.span(text);
        if many { tried } else { self.judge_text(at, test, subject, span) }
    }

    fn judge_text(&mut self, at: At<'a>, test: &'a ValueTest, subject: Subject, span: Span) -> Tried {
        if !self.state.spend(span.len() + STEPS) {
            return Tried::Unknown;
        }
        let argument = test.argument.as_ref().map(|argument| self.expand(argument));
        let Some(operator) = self.program.operator(test.operator) else { return Tried::Unknown };
        let state = &mut *self.state;
        let argument = argument.map(|argument| state.arena.get(argument));
        let found = operator.find(state.arena.get(span), argument, &mut self.cache.work);
        if found == (test.negated == Negated::Yes) {
            return Tried::Differs;
        }
        let subject = Subject { value: span, ..subject };
        let treatment = if at.first { self.treat(at.rule, subject) } else { self.state.acting };
        if treatment == Treatment::Ignore {
            return Tried::Unknown;
        }
        if at.first && self.state.acting != Treatment::Act {
            self.state.acting = treatment;
        }
        if at.first && self.state.hits.len() < MATCHED {
            self.state.hits.push(subject);
        }
        if at.link.capture == Capture::Yes && found {
            self.keep_captures(span);
        }
        if self.state.last.matched.len() < MATCHED {
            self.state.last.matched.push(subject);
        }
        if kept(subject.source) != Kept::Live {
            self.state.shown = Some(subject);
        }
        self.perform(at.link, treatment);
        Tried::Matches
    }

    /// Notes for exchanges to come that the test a scan proposed for a value does not match it.
    fn rule_out(&mut self, at: At<'a>, test: &ValueTest, subject: Subject) {
        let (Some(item), Some(entry)) = (test.item, subject.entry) else { return };
        if !at.first || self.cache.work.exhausted || self.state.arena.is_full() {
            return;
        }
        let remembered = self.state.found.remembered.get(entry as usize).copied().flatten();
        if let Some((memory, regard)) = remembered.filter(|(_, regard)| regard.front == item.front) {
            let text = self.state.arena.get(subject.value);
            self.cache.verdicts.rule_out(memory, regard, text, item.number as u16);
        }
    }

    /// Makes the groups of the last match `TX:0` to `TX:9`. They are parts of the value, which is in the arena; only a
    /// text of the operator's own is written there.
    fn keep_captures(&mut self, value: Span) {
        let (captured, arena) = (&self.cache.work.captured, &mut self.state.arena);
        let captures: [Held; CAPTURES] = std::array::from_fn(|index| match captured.place_of(index) {
            Some(place) => Held::Text(value.part(place.start, place.len())),
            None => captured.own_text(index).map_or(Held::Absent, |text| Held::Text(arena.push(text))),
        });
        self.state.slots.capture(&captures);
    }

    /// The values of a test's targets, in order.
    fn collect(&mut self, at: At<'a>, test: &'a ValueTest, subjects: &mut Vec<Subject>) {
        let scanned = test.item.filter(|_| at.first && self.scanning == Scanning::On);
        for target in &test.targets {
            if target.counted == Counted::Yes {
                let count = self.count(at.rule.number, target);
                let value = self.state.arena.push_size(count);
                let key = match &target.selector {
                    Selector::Key(key) => self.state.arena.push(key.as_bytes()),
                    Selector::All | Selector::Pattern(_) => Span::EMPTY,
                };
                let (variable, source) = (target.variable, target.variable);
                subjects.push(Subject { variable, source, key, value, text: None, entry: None });
            } else if kept(target.variable) == Kept::Live {
                self.collect_live(at.rule, target, subjects);
            } else if let Some(item) = scanned {
                self.collect_found(at.rule.number, item, target, subjects);
            } else {
                self.collect_kept(at, test, target, subjects);
            }
        }
    }

    /// Those that a scan found for the test.
    fn collect_found(&self, rule: u32, item: ItemId, target: &Target, subjects: &mut Vec<Subject>) {
        for source in sources(target.variable) {
            for entry in self.state.found.entries(item) {
                let entry = entry as usize;
                if self.state.values.get(entry).is_some_and(|value| value.variable == *source) {
                    self.collect_entry(rule, target, entry, subjects);
                }
            }
        }
    }

    /// All of them but those that the operator would turn down at sight.
    fn collect_kept(&self, at: At<'a>, test: &'a ValueTest, target: &Target, subjects: &mut Vec<Subject>) {
        let as_it_is = at.link.transformations.is_empty() && test.negated == Negated::No;
        let operator = self.program.operator(test.operator).filter(|_| as_it_is);
        // One look at all values there are.
        if operator.is_some_and(|operator| operator.turns_down(self.state.arena.all())) {
            return;
        }
        for source in sources(target.variable) {
            let range = self.state.values.range(*source);
            for (entry, value) in range.clone().zip(self.state.values.of(*source)) {
                let turns_down = |operator: &Operator| operator.turns_down(self.state.arena.get(value.value));
                if !operator.is_some_and(turns_down) {
                    self.collect_entry(at.rule.number, target, entry, subjects);
                }
            }
        }
    }

    pub(super) fn collect_entry(
        &self,
        rule: u32,
        target: &Target,
        entry: usize,
        subjects: &mut Vec<Subject>,
    ) {
        let Some(value) = self.state.values.get(entry) else { return };
        let key = self.state.arena.get(value.key);
        if target.accepts(key) && self.state.controls.looks_at(rule, target.variable, key) {
            subjects.push(Subject {
                variable: target.variable,
                source: value.variable,
                key: value.key,
                value: value.value,
                text: self.state.texts.get(entry).copied().flatten(),
                entry: Some(entry as u32),
            });
        }
    }

    /// How many values a target has.
    pub(super) fn count(&mut self, rule: u32, target: &Target) -> usize {
        if kept(target.variable) == Kept::Live {
            return self.count_live(target);
        }
        let entries = sources(target.variable).iter().flat_map(|source| self.state.values.of(*source));
        let keys = entries.map(|entry| self.state.arena.get(entry.key));
        keys.filter(|key| target.accepts(key) && self.state.controls.looks_at(rule, target.variable, key))
            .count()
    }
}

/// Whether anybody could see what a slot test matched.
fn shows_match(at: At<'_>) -> bool {
    at.rule.links.len() > 1 || at.rule.outcome.logged || at.link.reads_match()
}
