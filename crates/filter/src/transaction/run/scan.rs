//! Scanning values that are new since the phase before: which rules could match them at all.
//!
//! Each value is interned, its pipelines are followed by plan, every distinct result is scanned once for all rules.
//! Invariant: every item that could match a value is found, whatever phase it belongs to.

use smallvec::SmallVec;

use crate::transaction::arena::Span;
use crate::transaction::front::{ItemId, When, fronts_of};
use crate::transaction::pipeline::{ItemGates, State as Position};
use crate::transaction::run::Run;
use crate::transaction::strings::TextId;
use crate::transaction::verdicts::{Memory, Regard};
use crate::transaction::workspace::FrontCache;

/// What a scan costs beside the bytes it looks at.
const STEPS: usize = 4;

/// One value on its way through its pipelines.
#[derive(Clone, Copy)]
struct Traced {
    front: usize,
    interest: usize,
    entry: usize,
}

impl Traced {
    fn regard(self) -> Regard {
        Regard { front: self.front as u8, interest: self.interest as u32 }
    }
}

impl Run<'_> {
    /// Scans what was filled in since the last call.
    pub(super) fn scan_values(&mut self, when: When) {
        let (start, end) = (self.state.found.scanned(when), self.state.values.len());
        if start == end {
            return;
        }
        self.state.texts.resize(end, None);
        self.state.found.remembered.resize(end, None);
        for entry in start..end {
            for front in fronts_of(when) {
                self.scan_value(front, entry);
            }
        }
        self.state.found.set_scanned(when, end);
    }

    fn scan_value(&mut self, front: usize, entry: usize) {
        let program = self.program;
        let (Some(value), Some(parts)) = (self.state.values.get(entry).copied(), program.fronts.get(front))
        else {
            return;
        };
        let Some(interest) = parts.interest(value.variable, self.state.arena.get(value.key)) else { return };
        let traced = Traced { front, interest, entry };
        let regard = traced.regard();
        if u16::try_from(parts.items.len()).is_ok()
            && let Some((memory, items)) = self.cache.verdicts.find(regard, self.state.arena.get(value.value))
        {
            if !items.is_empty() {
                let items: SmallVec<[u16; 8]> = SmallVec::from_slice(items);
                self.remember(entry, memory, regard);
                items.into_iter().for_each(|item| self.found(traced, usize::from(item)));
            }
            return;
        }
        self.scan_text(traced, value.value);
    }

    fn scan_text(&mut self, traced: Traced, value: Span) {
        let program = self.program;
        let text = self.state.strings.intern(&self.state.arena, value, &program.pipelines);
        if let Some(known) = self.state.texts.get_mut(traced.entry) {
            *known = Some(text);
        }
        if self.cache.fronts.get(traced.front).is_some_and(|cache| cache.plans.is_full()) {
            self.cache.reset_plans(program);
        }
        let starts = self.cache.fronts.get(traced.front).map(|cache| &cache.starts);
        let Some(position) = starts.and_then(|starts| starts.get(traced.interest)).copied() else { return };
        let before = self.state.found.added(traced.front);
        self.trace(traced, text, position);
        let many =
            program.fronts.get(traced.front).is_some_and(|front| front.items.len() > usize::from(u16::MAX));
        if many || self.state.steps == 0 || self.state.arena.is_full() {
            return;
        }
        let found = self.state.found.items_since(traced.front, before);
        let items: SmallVec<[u16; 8]> = found.map(|item| item as u16).collect();
        let regard = traced.regard();
        let remembered = self.cache.verdicts.remember(regard, self.state.arena.get(value), &items);
        if let Some(memory) = remembered.filter(|_| !items.is_empty()) {
            self.remember(traced.entry, memory, regard);
        }
    }

    fn remember(&mut self, entry: usize, memory: Memory, regard: Regard) {
        if let Some(remembered) = self.state.found.remembered.get_mut(entry) {
            *remembered = Some((memory, regard));
        }
    }

    /// An item could match a value: its rule is due.
    fn found(&mut self, traced: Traced, item: usize) {
        let Some(home) = self.program.fronts.get(traced.front).and_then(|front| front.items.get(item)) else {
            return;
        };
        let id = ItemId { front: traced.front as u8, number: item as u32 };
        self.state.found.add(id, traced.entry as u32);
        if let Some(due) = self.state.found.due.get_mut(home.phase) {
            due.insert(home.rule);
        }
    }

    /// Scans a text for the items whose pipelines end with it, and goes on with those that do not. A pipeline is
    /// as long as a rule writes it, so the depth is bounded by the rules.
    fn trace(&mut self, traced: Traced, text: TextId, position: Position) {
        let program = self.program;
        let (Some(front), Some(cache)) =
            (program.fronts.get(traced.front), self.cache.fronts.get_mut(traced.front))
        else {
            return;
        };
        let present = self.state.strings.present(text);
        let number = cache.plans.plan(position, present, &program.pipelines, front);
        let Some(plan) = cache.plans.get(number) else { return };
        let span = self.state.strings.span(text);
        let steps = plan.go_on.len();
        if !plan.items.is_empty() && self.state.spend(span.len() + STEPS) {
            self.scan(traced, text, number);
        }
        for step in 0..steps {
            let plan = self.cache.fronts.get(traced.front).and_then(|cache| cache.plans.get(number));
            let Some((transformation, position)) = plan.and_then(|plan| plan.go_on.get(step)).copied() else {
                break;
            };
            if !self.state.spend(span.len() + STEPS) {
                break;
            }
            let state = &mut *self.state;
            let next = state.strings.transformed(&mut state.arena, text, transformation, &program.pipelines);
            self.trace(traced, next, position);
        }
    }

    /// Notes the items of a plan that could match a text: by its shape, and where that does not tell, by what occurs
    /// in it.
    fn scan(&mut self, traced: Traced, text: TextId, number: u32) {
        let (Some(front), Some(FrontCache { plans, sorting, .. })) =
            (self.program.fronts.get(traced.front), self.cache.fronts.get_mut(traced.front))
        else {
            return;
        };
        let Some(plan) = plans.follow(number, front) else { return };
        let shape = self.state.strings.shape(text);
        let sort = || front.scanner.sort_out(shape, &plan.items);
        let fresh;
        let sorted = match &plan.gates {
            ItemGates::Many => sorting.of(number, shape, sort),
            ItemGates::Few(gates) => {
                fresh = gates.sort_out(shape);
                &fresh
            }
            ItemGates::Unused | ItemGates::Used => {
                fresh = sort();
                &fresh
            }
        };
        let found = &mut self.cache.candidates;
        found.clear();
        if sorted.wait {
            let (number, scanner) = front.scanner_for(traced.interest);
            let by = (traced.front, number);
            if let Some(known) = self.state.found.recent.get(by, text) {
                found.copy_from(known);
            } else {
                let value = self.state.arena.get(self.state.strings.span(text));
                scanner.find_texts(value, shape, found, &mut self.cache.scan);
                self.state.found.recent.keep(by, text, found);
            }
            found.intersect_with(&plan.items);
        }
        sorted.open.iter().for_each(|item| found.insert(*item as usize));
        let mut from = 0;
        while let Some(item) = self.cache.candidates.next(from) {
            self.found(traced, item);
            from = item + 1;
        }
    }
}
