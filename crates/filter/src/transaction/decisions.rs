//! What to do with a value by its look alone: which items it is a candidate for, and which ways on are worth it.
//!
//! Ordinary values have few looks, and for most of those there is nothing to do: one look up then takes the place of
//! following a plan and going through gates. Invariants: bounded; an answer is that of exactly the state and look it is
//! asked for; a way that is not worth it leads to no text that an item could match. Does not know values.

use crate::scan::{Bits, Shape, Sorted};
use crate::transaction::front::Front;
use crate::transaction::pipeline::{Look, Pipelines};
use crate::transaction::plans::{Branch, Plan, Plans, State};

/// Places for answers, by look; a power of two.
const PLACES: usize = 8192;
/// Answers kept at most.
const KEPT: usize = 4096;
/// Ways on that are told apart; later ones always count as worth it.
const WAYS: usize = 32;

/// What to do with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// The plan that is followed.
    pub(super) plan: u32,
    /// What the shape says of the items that the value is for.
    pub(super) sorted: Sorted,
    /// For each way on, whether it is worth it.
    ways: u32,
    /// How many more there are.
    untold: usize,
}

impl Decision {
    /// Whether nothing is left to do.
    pub(super) fn is_quiet(&self) -> bool {
        self.ways == 0 && self.untold == 0 && !self.sorted.wait && self.sorted.open.is_empty()
    }

    /// The ways on that are worth it.
    pub(super) fn ways(&self) -> impl Iterator<Item = usize> + use<> {
        let (told, untold) = (self.ways, self.untold);
        Bits::of_word(u64::from(told)).chain(WAYS..WAYS + untold)
    }

    fn of(number: u32, plan: &Plan, shape: Shape, front: &Front) -> Self {
        let worth = |branch: &Branch| u32::from(branch.is_worth_it(shape, front));
        let told = plan.go_on.iter().take(WAYS).enumerate();
        let ways = told.map(|(way, branch)| worth(branch) << way).sum();
        let untold = plan.go_on.len().saturating_sub(WAYS);
        let sorted = if plan.items.is_empty() {
            Sorted::default()
        } else {
            front.scanner.sort_out(shape, &plan.items)
        };
        Self { plan: number, sorted, ways, untold }
    }
}

#[derive(Clone, Debug)]
struct Known {
    state: State,
    look: Look,
    decision: Decision,
}

/// The answers of one front; lives with a worker.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub(super) plans: Plans,
    /// For each place, the answer's number plus one. Empty until something is known.
    places: Vec<u16>,
    known: Vec<Known>,
}

impl Decisions {
    /// What to do with a value of that look in a state.
    pub(super) fn of(
        &mut self,
        state: State,
        look: Look,
        pipelines: &Pipelines,
        front: &Front,
    ) -> Option<&Decision> {
        if self.places.is_empty() {
            self.places.resize(PLACES, 0);
        }
        let place = self.places.get_mut(usize::from(look.mixed_with(state.number())) % PLACES)?;
        let number = place.checked_sub(1).map(usize::from);
        let same = |known: &Known| (known.state, known.look) == (state, look);
        if let Some(number) = number
            && self.known.get(number).is_some_and(same)
        {
            return self.known.get(number).map(|known| &known.decision);
        }
        let plan = self.plans.plan(state, look.present, pipelines, front);
        let decision = Decision::of(plan, self.plans.get(plan)?, look.shape, front);
        let known = Known { state, look, decision };
        if number.is_none() && self.known.len() < KEPT {
            self.known.push(known);
            *place = self.known.len() as u16;
            return self.known.last().map(|known| &known.decision);
        }
        // In the place of another; where there is none of this place, of any.
        let number = number.unwrap_or(usize::from(look.mixed_with(state.number())) % KEPT);
        *place = number as u16 + 1;
        let held = self.known.get_mut(number)?;
        *held = known;
        Some(&held.decision)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::{Necessary, Scratch};
    use crate::seclang::Variable;
    use crate::transaction::front::{Candidate, Item, build_front};
    use crate::transaction::program::{Counted, Target};
    use crate::transform::{Changed, Transformation};

    const PIPELINES: &[&[Transformation]] = &[
        &[],
        &[Transformation::RemoveWhitespace],
        &[Transformation::CmdLine, Transformation::NormalizePath],
        &[Transformation::UrlDecodeUni, Transformation::ReplaceComments, Transformation::CompressWhitespace],
        &[Transformation::Lowercase, Transformation::RemoveComments, Transformation::Trim],
        &[Transformation::Base64Decode, Transformation::RemoveCommentsChar, Transformation::SqlHexDecode],
    ];
    const TEXTS: [&str; 6] = ["ab", "a(b", "/b", "a b", "b", "a/*"];

    fn target() -> Target {
        let (variable, selector) = (Variable::ArgsGet, crate::seclang::Selector::All);
        Target { variable, selector, except: Vec::new(), counted: Counted::No, slots: Vec::new() }
    }

    /// What a value is a candidate for, the way a run follows decisions.
    fn follow(
        decisions: &mut Decisions,
        front: &Front,
        pipelines: &Pipelines,
        text: &[u8],
        state: State,
        found: &mut Bits,
    ) {
        let mut scratch = Scratch::new();
        let look = pipelines.look_at(text, &mut scratch);
        let decision = decisions.of(state, look, pipelines, front).unwrap().clone();
        let plan = decisions.plans.get(decision.plan).unwrap().clone();
        if decision.sorted.wait {
            let mut seen = Bits::new();
            front.scanner.find_texts(text, look.shape, &mut seen, &mut scratch);
            seen.intersect_with(&plan.items);
            found.union_with(&seen);
        }
        decision.sorted.open.iter().for_each(|item| found.insert(*item as usize));
        for way in decision.ways() {
            let branch = &plan.go_on[way];
            let mut out = Vec::new();
            let changed = branch.transformation.apply(text, &mut out) == Changed::Changed;
            let next = if changed { &out } else { text };
            if !branch.goes_on_with(next) {
                continue;
            }
            follow(decisions, front, pipelines, next, branch.state, found);
        }
    }

    proptest! {
        #[test]
        fn no_match_is_lost_on_a_way_that_is_not_worth_it(
            values in proptest::collection::vec(r"([abB (/*]|/\*|\*/|--|0x61|%28|YWIo| |\.\.|,){0,8}", 1..8),
        ) {
            let mut pipelines = Pipelines::default();
            let targets = [target()];
            let candidate = |(at, text): (usize, &&str)| Candidate {
                item: Item { phase: 0, rule: at, operator: None },
                necessary: Necessary::of_literals([text.as_bytes()]),
                targets: &targets,
                pipelines: vec![at / TEXTS.len()],
            };
            for steps in PIPELINES {
                pipelines.add(steps);
            }
            let texts = TEXTS.iter().cycle().take(TEXTS.len() * PIPELINES.len());
            let candidates: Vec<Candidate<'_>> = texts.enumerate().map(candidate).collect();
            let front = build_front(&candidates, |variable| vec![variable]);
            let interest = front.interest(Variable::ArgsGet, b"q").unwrap();
            let mut decisions = Decisions::default();
            let start = decisions.plans.start(interest, &front.interests[interest]);
            for value in &values {
                let mut found = Bits::new();
                follow(&mut decisions, &front, &pipelines, value.as_bytes(), start, &mut found);
                for (number, steps) in PIPELINES.iter().enumerate() {
                    let mut text = value.as_bytes().to_vec();
                    for step in *steps {
                        let mut out = Vec::new();
                        if step.apply(&text, &mut out) == Changed::Changed {
                            text = out;
                        }
                    }
                    text.make_ascii_lowercase();
                    for (at, wanted) in TEXTS.iter().enumerate() {
                        let matches = text.windows(wanted.len()).any(|part| part == wanted.as_bytes());
                        let item = number * TEXTS.len() + at;
                        prop_assert!(!matches || found.contains(item), "{value:?}: {steps:?} {wanted:?}");
                    }
                }
            }
        }
    }
}
