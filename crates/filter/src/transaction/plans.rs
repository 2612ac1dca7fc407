//! Which pipelines end at a value, and how the others go on.
//!
//! A [`Plans`] is a small automaton grown on demand: for what is present in a value, which pipelines end here and which
//! transformations have to be carried out to go on. Invariants: following the plan gives the texts that carrying out
//! every pipeline step by step gives, but for the case of their letters; a branch that is not worth it ends in no text
//! that an item could match. Does not know what is done with the items.

mod after;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::scan::bytes::ByteSet;
use crate::scan::{Bits, Shape};
use crate::transaction::decisions::Decision;
use crate::transaction::front::{Front, Interest};
use crate::transaction::pipeline::{Pipelines, Present};
use crate::transaction::plans::after::After;
use crate::transform::Transformation;

/// Somewhere in a pipeline: its number, and how many steps are behind.
type Position = (u16, u8);

/// An interest, and a set of pipelines, each with what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State(u32);

impl State {
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// What a state stands for.
type Meaning = (u32, Box<[Position]>);

/// What to do with a value.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The items of the interest whose pipelines end at this value.
    pub(super) items: Bits,
    /// What to carry out.
    pub(super) go_on: SmallVec<[Branch; 4]>,
}

impl Plan {
    /// The ways on that are worth it.
    pub(super) fn ways(&self, decision: &Decision) -> impl Iterator<Item = (Transformation, State)> {
        let ways = decision.ways().filter_map(|way| self.go_on.get(way));
        ways.map(|branch| (branch.transformation, branch.state))
    }
}

/// One way on from a value.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) transformation: Transformation,
    /// With what to go on.
    pub(super) state: State,
    /// The items at the ends of it, and what values have there that this one has not; none if that can be anything.
    reach: Option<(Bits, Shape)>,
    /// Where that can be anything, what its result must have.
    after: Option<After>,
}

impl Branch {
    /// Whether an item at an end of it could match what comes of a value of that shape.
    pub(super) fn is_worth_it(&self, shape: Shape, front: &Front) -> bool {
        self.reach.as_ref().is_none_or(|(items, made)| front.scanner.may_open(items, shape.with(*made)))
    }

    /// Whether it is worth going on with what its transformation made.
    pub(super) fn goes_on_with(&self, made: &[u8]) -> bool {
        self.after.as_ref().is_none_or(|after| after.may_lead_on(made))
    }
}

/// The automaton of one front, grown as values come; lives with a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    states: Vec<Meaning>,
    numbers: HashMap<Meaning, State, foldhash::fast::FixedState>,
    made: Vec<Plan>,
    by_value: HashMap<(State, Present), u32, foldhash::fast::FixedState>,
}

/// Plans kept before all are forgotten and grown again.
const PLANS: usize = 4096;

impl Plans {
    /// The state before any step of an interest's pipelines.
    pub(super) fn start(&mut self, number: usize, interest: &Interest) -> State {
        let pipelines = interest.pipelines.iter();
        self.state(number as u32, pipelines.map(|pipeline| (*pipeline as u16, 0)).collect())
    }

    /// Forgets everything if it has grown too large; states given out before are void then.
    pub(super) fn is_full(&self) -> bool {
        self.made.len() >= PLANS
    }

    /// The plan for a value.
    pub(super) fn plan(
        &mut self,
        state: State,
        present: Present,
        pipelines: &Pipelines,
        front: &Front,
    ) -> u32 {
        if let Some(plan) = self.by_value.get(&(state, present)) {
            return *plan;
        }
        let plan = self.make(state, present, pipelines, front);
        let number = self.made.len() as u32;
        self.made.push(plan);
        self.by_value.insert((state, present), number);
        number
    }

    /// A plan by its number.
    pub(super) fn get(&self, number: u32) -> Option<&Plan> {
        self.made.get(number as usize)
    }

    fn state(&mut self, interest: u32, mut positions: Vec<Position>) -> State {
        positions.sort_unstable();
        positions.dedup();
        let meaning = (interest, positions.into_boxed_slice());
        if let Some(state) = self.numbers.get(&meaning) {
            return *state;
        }
        let state = State(self.states.len() as u32);
        self.states.push(meaning.clone());
        self.numbers.insert(meaning, state);
        state
    }

    fn make(&mut self, state: State, present: Present, pipelines: &Pipelines, front: &Front) -> Plan {
        let (interest, positions) = self.states.get(state.0 as usize).cloned().unwrap_or_default();
        let all = front.interests.get(interest as usize).map_or_else(Bits::new, |known| known.items.clone());
        let mut ended = Bits::new();
        let mut next: Vec<(Transformation, Vec<Position>)> = Vec::new();
        for (pipeline, done) in positions {
            let steps = pipelines.steps(pipeline);
            let next_step = pipelines.next_step(steps, usize::from(done), present);
            match next_step.and_then(|at| Some((at, steps.get(at)?))) {
                None => front.at_end_of(pipeline).into_iter().for_each(|items| ended.union_with(items)),
                Some((at, step)) => {
                    let position = (pipeline, at as u8 + 1);
                    match next.iter_mut().find(|(known, _)| known == step) {
                        Some((_, positions)) => positions.push(position),
                        None => next.push((*step, vec![position])),
                    }
                }
            }
        }
        ended.intersect_with(&all);
        let go_on = next.into_iter().map(|(transformation, positions)| {
            let rest = |(pipeline, done): &Position| pipelines.steps(*pipeline).get(usize::from(*done)..);
            let rests: Vec<&[Transformation]> =
                positions.iter().map(|position| rest(position).unwrap_or_default()).collect();
            let made = rests.iter().try_fold(ByteSet::new(), |made, rest| {
                Some(made.union(&pipelines.made(transformation, rest, present)?))
            });
            let mut items = Bits::new();
            let ends = positions.iter().filter_map(|(pipeline, _)| front.at_end_of(*pipeline));
            ends.for_each(|end| items.union_with(end));
            items.intersect_with(&all);
            let after = if made.is_none() { After::of(&items, &rests, front) } else { None };
            let reach = made.map(|made| (items, Shape::of_set(&made)));
            Branch { transformation, state: self.state(interest, positions), reach, after }
        });
        let go_on = go_on.collect();
        Plan { items: ended, go_on }
    }
}
