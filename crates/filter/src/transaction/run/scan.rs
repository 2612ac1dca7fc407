//! Scanning values that are new since the phase before: which rules could match them at all.
//!
//! Each value is interned, its pipelines are followed by plan, every distinct result is scanned once for all rules.
//! Invariant: every item that could match a value is found, whatever phase it belongs to.

use crate::transaction::pipeline::State as Position;
use crate::transaction::run::Run;
use crate::transaction::strings::TextId;

/// What a scan costs beside the bytes it looks at.
const STEPS: usize = 4;

/// One value on its way through its pipelines.
#[derive(Clone, Copy)]
struct Traced {
    front: usize,
    interest: usize,
    entry: usize,
}

impl Run<'_> {
    /// Scans what was filled in since the last call.
    pub(super) fn scan_new_values(&mut self) {
        let start = self.state.found.scanned;
        self.state.texts.resize(self.state.values.len(), None);
        for entry in start..self.state.values.len() {
            self.scan_value(entry);
        }
        if start < self.state.values.len() {
            for pairs in &mut self.state.found.pairs {
                pairs.sort_unstable();
                pairs.dedup();
            }
        }
        self.state.found.scanned = self.state.values.len();
    }

    fn scan_value(&mut self, entry: usize) {
        let program = self.program;
        let Some(value) = self.state.values.get(entry).copied() else { return };
        for (front, parts) in program.fronts.iter().enumerate() {
            let key = self.state.arena.get(value.key);
            let Some(interest) = parts.interest(value.variable, key) else { continue };
            let text = self.state.strings.intern(&self.state.arena, value.value, &program.pipelines);
            if let Some(known) = self.state.texts.get_mut(entry) {
                *known = Some(text);
            }
            let Some(cache) = self.cache.fronts.get(front) else { continue };
            if cache.plans.is_full() {
                self.cache.reset_plans(program);
            }
            let starts = self.cache.fronts.get(front).map(|cache| &cache.starts);
            let Some(position) = starts.and_then(|starts| starts.get(interest)).copied() else { continue };
            self.trace(Traced { front, interest, entry }, text, position);
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
        let number = cache.plans.plan(position, present, &program.pipelines, &front.by_pipeline);
        let (Some(plan), Some(interest)) = (cache.plans.get(number), front.interests.get(traced.interest))
        else {
            return;
        };
        let span = self.state.strings.span(text);
        if plan.items.intersects(&interest.items) && self.state.spend(span.len() + STEPS) {
            let found = &mut self.cache.candidates;
            front.scanner.candidates(self.state.arena.get(span), found, &mut self.cache.scan);
            found.intersect_with(&plan.items);
            found.intersect_with(&interest.items);
            for item in found.iter() {
                let Some(home) = front.items.get(item) else { continue };
                if let Some(pairs) = self.state.found.pairs.get_mut(traced.front) {
                    pairs.push((item as u32, traced.entry as u32));
                }
                if let Some(due) = self.state.found.due.get_mut(home.phase) {
                    due.insert(home.rule);
                }
            }
        }
        let steps = plan.go_on.len();
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
}
