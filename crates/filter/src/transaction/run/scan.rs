//! Scanning values that are new since the phase before: which rules could match them at all.
//!
//! Each value is interned, its pipelines are followed by plan, every distinct result is scanned once for all rules.
//! Invariant: every item that could match a value is found, whatever phase it belongs to.

use smallvec::SmallVec;

use crate::transaction::arena::Span;
use crate::transaction::decisions::Decision;
use crate::transaction::front::{ItemId, When, front_of};
use crate::transaction::pipeline::Look;
use crate::transaction::plans::State as Position;
use crate::transaction::run::Run;
use crate::transaction::strings::TextId;
use crate::transaction::variable::kept;
use crate::transaction::verdicts::{Memory, Regard};
use crate::transform::{Changed, Transformation};

/// What a scan costs beside the bytes it looks at.
const STEPS: usize = 4;
/// The longest value of which no text is kept, in bytes.
const SHORT: usize = 64;
/// The longest text that may come of one before it is kept after all.
const LONG: usize = 1024;

/// One value on its way through its pipelines.
#[derive(Clone, Copy)]
struct Traced {
    front: usize,
    interest: usize,
    entry: usize,
}

/// A text that was scanned.
#[derive(Clone, Copy)]
enum Scanned<'a> {
    /// A short one, of which nothing is kept.
    Short(&'a [u8]),
    /// In the arena.
    Kept(Span),
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
            self.scan_value(when, entry);
        }
        self.state.found.set_scanned(when, end);
    }

    fn scan_value(&mut self, when: When, entry: usize) {
        let program = self.program;
        let Some(value) = self.state.values.get(entry).copied() else { return };
        let front = front_of(kept(value.variable), when);
        let Some(parts) = program.fronts.get(front) else { return };
        let Some(interest) = parts.interest(value.variable, self.state.arena.get(value.key)) else { return };
        let traced = Traced { front, interest, entry };
        let text = self.state.arena.get(value.value);
        let unknown = match self.cache.verdicts.find(traced.regard(), text) {
            Ok((_, [])) => return,
            Ok((memory, items)) => {
                let items: SmallVec<[u16; 8]> = SmallVec::from_slice(items);
                self.remembered(traced, memory);
                return items.into_iter().for_each(|item| self.found(traced, usize::from(item)));
            }
            Err(unknown) => unknown,
        };
        let before = self.state.found.added(front);
        self.scan_text(traced, value.value);
        if parts.items.len() > usize::from(u16::MAX) || self.state.steps == 0 || self.state.arena.is_full() {
            return;
        }
        let items = self.state.found.items_since(front, before);
        let has_items = items.len() > 0;
        let text = self.state.arena.get(value.value);
        let memory = self.cache.verdicts.remember(unknown, traced.regard(), text, items);
        if let Some(memory) = memory.filter(|_| has_items) {
            self.remembered(traced, memory);
        }
    }

    fn scan_text(&mut self, traced: Traced, value: Span) {
        let program = self.program;
        if self.cache.fronts.get(traced.front).is_some_and(|cache| cache.decisions.plans.is_full()) {
            self.cache.reset_plans(program);
        }
        let starts = self.cache.fronts.get(traced.front).map(|cache| &cache.starts);
        let Some(position) = starts.and_then(|starts| starts.get(traced.interest)).copied() else { return };
        if value.len() <= SHORT {
            let mut room = self.cache.rooms.pop().unwrap_or_default();
            room.clear();
            room.extend_from_slice(self.state.arena.get(value));
            let look = program.pipelines.look_at(&room, &mut self.cache.scan);
            self.trace_short(traced, &room, look, position);
            self.cache.rooms.push(room);
            return;
        }
        let text = self.state.strings.intern(&self.state.arena, value, &program.pipelines);
        if let Some(known) = self.state.texts.get_mut(traced.entry) {
            *known = Some(text);
        }
        self.trace(traced, text, position);
    }

    /// A value is remembered, with candidates.
    fn remembered(&mut self, traced: Traced, memory: Memory) {
        if let Some(remembered) = self.state.found.remembered.get_mut(traced.entry) {
            *remembered = Some((memory, traced.regard()));
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
        let length = self.state.strings.span(text).len();
        if !self.state.spend(length + STEPS) {
            return;
        }
        let look = self.state.strings.look(text);
        let Some(decision) = cache.decisions.of(position, look, &program.pipelines, front) else { return };
        if decision.is_quiet() {
            return;
        }
        let decision = decision.clone();
        let Some(plan) = cache.decisions.plans.get(decision.plan) else { return };
        let go_on: SmallVec<[(Transformation, Position); 4]> = plan.ways(&decision).collect();
        self.scan(traced, text, &decision);
        for (transformation, position) in go_on {
            if !self.state.spend(length + STEPS) {
                break;
            }
            let state = &mut *self.state;
            let next = state.strings.transformed(&mut state.arena, text, transformation, &program.pipelines);
            self.trace(traced, next, position);
        }
    }

    /// Notes the items of a plan that could match a text: by its shape, and where that does not tell, by what occurs
    /// in it.
    fn scan(&mut self, traced: Traced, text: TextId, decision: &Decision) {
        let (Some(front), Some(cache)) =
            (self.program.fronts.get(traced.front), self.cache.fronts.get(traced.front))
        else {
            return;
        };
        let found = &mut self.cache.candidates;
        found.clear();
        if decision.sorted.wait {
            let (number, scanner) = front.scanner_for(traced.interest);
            let by = (traced.front, number);
            if let Some(known) = self.state.found.recent.get(by, text) {
                found.copy_from(known);
            } else {
                let value = self.state.arena.get(self.state.strings.span(text));
                let shape = self.state.strings.look(text).shape;
                match self.state.strings.looked_at(text) {
                    Some(scratch) => scanner.find_seen_texts(value, shape, found, scratch),
                    None => scanner.find_texts(value, shape, found, &mut self.cache.scan),
                }
                self.state.found.recent.keep(by, text, found);
            }
            if let Some(plan) = cache.decisions.plans.get(decision.plan) {
                found.intersect_with(&plan.items);
            }
        }
        decision.sorted.open.iter().for_each(|item| found.insert(*item as usize));
        self.candidates(traced, Scanned::Kept(self.state.strings.span(text)));
    }

    fn candidates(&mut self, traced: Traced, text: Scanned<'_>) {
        let mut from = 0;
        while let Some(item) = self.cache.candidates.next(from) {
            if !self.rules_out(traced, item, text) {
                self.found(traced, item);
            }
            from = item + 1;
        }
    }

    /// Whether the operator of an item does not match a text, where that is quickly told.
    fn rules_out(&self, traced: Traced, item: usize, text: Scanned<'_>) -> bool {
        let item = self.program.fronts.get(traced.front).and_then(|front| front.items.get(item));
        let operator = item.and_then(|item| self.program.operator(item.operator?));
        operator.is_some_and(|operator| match text {
            Scanned::Short(text) => operator.rules_out(text),
            Scanned::Kept(span) => operator.rules_out(self.state.arena.get(span)),
        })
    }

    /// The same for a short text, of which nothing is kept: to look at it again costs less than to find it among all.
    /// The scratch looked at it last.
    fn trace_short(&mut self, traced: Traced, text: &[u8], look: Look, position: Position) {
        let program = self.program;
        let (Some(front), Some(cache)) =
            (program.fronts.get(traced.front), self.cache.fronts.get_mut(traced.front))
        else {
            return;
        };
        if !self.state.spend(text.len() + STEPS) {
            return;
        }
        let Some(decision) = cache.decisions.of(position, look, &program.pipelines, front) else { return };
        if decision.is_quiet() {
            return;
        }
        let open: SmallVec<[u32; 4]> = SmallVec::from_slice(&decision.sorted.open);
        let (number, waits, ways) = (decision.plan, decision.sorted.wait, decision.ways());
        let Some(plan) = cache.decisions.plans.get(number) else { return };
        let found = &mut self.cache.candidates;
        if waits {
            let (_, scanner) = front.scanner_for(traced.interest);
            scanner.find_seen_texts(text, look.shape, found, &mut self.cache.scan);
            found.intersect_with(&plan.items);
        } else {
            found.clear();
        }
        open.into_iter().for_each(|item| found.insert(item as usize));
        self.candidates(traced, Scanned::Short(text));
        for way in ways {
            self.go_on(traced, text, number, way);
        }
    }

    /// Follows one way on from a short text.
    fn go_on(&mut self, traced: Traced, text: &[u8], plan: u32, way: usize) {
        let program = self.program;
        let mut room = self.cache.rooms.pop().unwrap_or_default();
        let plans = self.cache.fronts.get(traced.front).map(|cache| &cache.decisions.plans);
        let branch = plans.and_then(|plans| plans.get(plan)).and_then(|plan| plan.go_on.get(way));
        let Some(branch) = branch else { return };
        let next = branch.state;
        let made = match branch.transformation.apply(text, &mut room) {
            Changed::Unchanged => text,
            Changed::Changed => &room,
        };
        if !branch.goes_on_with(made) {
            // No item at the end of this way could match.
        } else if made.len() <= LONG {
            let look = program.pipelines.look_at(made, &mut self.cache.scan);
            self.trace_short(traced, made, look, next);
        } else {
            let span = self.state.arena.push(made);
            let text = self.state.strings.intern(&self.state.arena, span, &program.pipelines);
            self.trace(traced, text, next);
        }
        self.cache.rooms.push(room);
    }
}
