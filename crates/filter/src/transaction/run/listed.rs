//! Rules that look their values up in a list, where a glance at the list tells that none could stand in it.
//!
//! Invariant: what is left behind is what the rule would leave, but for notes that nobody reads.

use smallvec::SmallVec;

use crate::transaction::listed::Listed;
use crate::transaction::program::{Link, Rule, Test};
use crate::transaction::run::{Run, Scanning};
use crate::transaction::slots::{CAPTURES, Held};
use crate::transaction::state::Subject;
use crate::transaction::treatment::Treatment;
use crate::transaction::variable::sources;

impl Run<'_> {
    /// Whether no value of a rule could stand in its list, or be read by another rule. Then all that the rule leaves
    /// behind is in place.
    pub(super) fn finds_nothing_listed(&mut self, rule: &Rule) -> bool {
        let (Some(listed), Some(link)) = (&rule.listed, rule.links.first()) else { return false };
        if self.scanning == Scanning::Off || self.state.arena.is_full() {
            return false;
        }
        let mut subjects = std::mem::take(&mut self.state.subjects);
        subjects.clear();
        self.collect_all(rule, link, &mut subjects);
        let nothing = self.state.spend(subjects.len()) && self.are_unlisted(listed, &subjects);
        if nothing {
            self.state.last.matched.clear();
            self.keep_last(rule, link, &subjects);
        }
        self.state.subjects = subjects;
        nothing
    }

    fn collect_all(&self, rule: &Rule, link: &Link, subjects: &mut Vec<Subject>) {
        let Test::Values(test) = &link.test else { return };
        for target in &test.targets {
            for entry in sources(target.variable).iter().flat_map(|source| self.state.values.range(*source)) {
                self.collect_entry(rule.number, target, entry, subjects);
            }
        }
    }

    fn are_unlisted(&self, listed: &Listed, subjects: &[Subject]) -> bool {
        let arena = &self.state.arena;
        let list = match self.state.slots.get(listed.list) {
            Held::Absent => &[][..],
            Held::Text(span) => arena.get(span),
            Held::Number(_) => return false,
        };
        let glance = listed.glance(list);
        !subjects.iter().any(|subject| glance.matters(arena.get(subject.value)))
    }

    /// Captures the last value that the site does not ignore, as the rule would.
    fn keep_last(&mut self, rule: &Rule, link: &Link, subjects: &[Subject]) {
        let mut last = subjects.iter().rev();
        let Some(last) = last.find(|subject| self.treat(rule, **subject) != Treatment::Ignore) else {
            return;
        };
        let arena = &mut self.state.arena;
        let mut whole = last.value;
        let is_folded = !link.transformations.is_empty();
        if is_folded && arena.get(whole).iter().any(u8::is_ascii_uppercase) {
            let lower: SmallVec<[u8; 64]> = arena.get(whole).iter().map(u8::to_ascii_lowercase).collect();
            whole = arena.push(&lower);
        }
        let mut captures = [Held::Absent; CAPTURES];
        if let Some(first) = captures.first_mut() {
            *first = Held::Text(whole);
        }
        self.state.slots.capture(&captures);
    }
}
