//! Pipelines of transformations, and which of them leave a value alone.
//!
//! Every transformation is known by the bytes without which it changes nothing; those sets are numbered, so that one
//! look at each byte of a value tells which pipelines can be skipped. A [`Plans`] is a small automaton grown on
//! demand: for the sets present in a value, which pipelines end here and which transformations have to be carried
//! out to go on. Invariant: following the plan gives the texts that carrying out every pipeline step by step gives, but
//! for the case of their letters.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::scan::bytes::ByteSet;
use crate::scan::{Bits, Selected};
use crate::transaction::front::{Front, Interest};
use crate::transform::Transformation;

/// Which of the numbered byte sets have a byte in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Present(u32);

impl Present {
    /// Nothing of any set, as in an empty value; what can change every value still runs.
    const NOTHING: Self = Self(1 << 31);
}

/// The pipelines of a rule set.
#[derive(Clone, Debug)]
pub(super) struct Pipelines {
    steps: Vec<Vec<Transformation>>,
    /// For each byte, the sets it is in.
    table: Box<[u32; 256]>,
    /// For each transformation, its set, or the bit that is always present.
    triggers: Vec<Present>,
    /// For each transformation, the set without which it changes at most the case of letters.
    beyond_case: Vec<Present>,
    /// The sets that a change of case could bring into a value.
    lettered: Present,
}

impl Default for Pipelines {
    fn default() -> Self {
        let mut sets: Vec<ByteSet> = Vec::new();
        let mut number = |set: Option<&ByteSet>| {
            let Some(set) = set else { return Present::NOTHING };
            if set.is_empty() {
                return Present(0);
            }
            let at = sets.iter().position(|known| known == set).unwrap_or_else(|| {
                sets.push(*set);
                sets.len() - 1
            });
            // With more sets than bits, the rest counts as always present.
            if at < 31 { Present(1 << at) } else { Present::NOTHING }
        };
        let all = Transformation::ALL.iter();
        let triggers = all.clone().map(|each| number(each.triggers())).collect();
        let beyond_case = all.map(|each| number(each.triggers_beyond_case())).collect();
        let letters = ByteSet::new().with(b'a'..=b'z').with(b'A'..=b'Z');
        let lettered = sets.iter().enumerate().take(31).filter(|(_, set)| set.intersects(&letters));
        let lettered = Present(lettered.map(|(at, _)| 1 << at).sum());
        let mut table = Box::new([0; 256]);
        for (byte, bits) in table.iter_mut().enumerate() {
            let holds = |(_, set): &(usize, &ByteSet)| set.contains(byte as u8);
            *bits = sets.iter().enumerate().take(31).filter(holds).map(|(at, _)| 1 << at).sum();
        }
        Self { steps: Vec::new(), table, triggers, beyond_case, lettered }
    }
}

impl Pipelines {
    /// The number of a pipeline, added if it is new.
    pub(super) fn add(&mut self, steps: &[Transformation]) -> usize {
        self.steps.iter().position(|known| known == steps).unwrap_or_else(|| {
            self.steps.push(steps.to_vec());
            self.steps.len() - 1
        })
    }

    /// Which sets have a byte in the value.
    pub(super) fn present(&self, value: &[u8]) -> Present {
        let bits = |byte: &u8| self.table.get(usize::from(*byte)).copied().unwrap_or_default();
        Present(value.iter().fold(Present::NOTHING.0, |all, byte| all | bits(byte)))
    }

    /// Whether a transformation can change a value with these sets present.
    pub(super) fn can_change(&self, transformation: Transformation, present: Present) -> bool {
        let trigger = self.triggers.get(transformation as usize).copied().unwrap_or(Present::NOTHING);
        trigger.0 & present.0 != 0
    }
}

impl Pipelines {
    /// The next of `steps` from `done` on that has to be carried out for a scan, which does not tell cases apart; none
    /// if all that is left changes at most the case of letters.
    fn next_step(&self, steps: &[Transformation], done: usize, present: Present) -> Option<usize> {
        let beyond = |step: &Transformation| {
            let trigger = self.beyond_case.get(*step as usize).copied().unwrap_or(Present::NOTHING);
            trigger.0 & (present.0 | self.lettered.0) != 0
        };
        let rest = steps.get(done..)?;
        if !rest.iter().any(beyond) {
            return None;
        }
        rest.iter().position(|step| self.can_change(*step, present)).map(|at| done + at)
    }
}

/// Somewhere in a pipeline: its number, and how many steps are behind.
type Position = (u16, u8);

/// An interest, and a set of pipelines, each with what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct State(u32);

/// What a state stands for.
type Meaning = (u32, Box<[Position]>);

/// What to do with a value.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The items of the interest whose pipelines end at this value.
    pub(super) items: Bits,
    /// The gates to these items.
    pub(super) gates: ItemGates,
    /// What to carry out, and with what to go on.
    pub(super) go_on: SmallVec<[(Transformation, State); 4]>,
}

/// The gates to the items of a plan, put together when it is met again.
#[derive(Clone, Debug)]
pub(super) enum ItemGates {
    /// The plan was not followed yet.
    Unused,
    /// It was, once.
    Used,
    /// There are few.
    Few(Selected),
    /// There are so many that what was found out about a shape is worth remembering.
    Many,
}

/// As many gates are looked at as fast as what was found out about a shape before.
const FEW: usize = 128;

impl Plan {
    /// Notes that the plan is followed, and puts the gates together if it was before.
    fn use_gates(&mut self, front: &Front) {
        self.gates = match &self.gates {
            ItemGates::Unused => ItemGates::Used,
            ItemGates::Used => front.scanner.select(&self.items, FEW).map_or(ItemGates::Many, ItemGates::Few),
            ItemGates::Few(_) | ItemGates::Many => return,
        };
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

    /// A plan by its number, to be followed.
    pub(super) fn follow(&mut self, number: u32, front: &Front) -> Option<&Plan> {
        let plan = self.made.get_mut(number as usize)?;
        plan.use_gates(front);
        Some(plan)
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
        let mut ended = Bits::new();
        let mut next: Vec<(Transformation, Vec<Position>)> = Vec::new();
        for (pipeline, done) in positions {
            let steps = pipelines.steps.get(usize::from(pipeline)).map_or(&[][..], Vec::as_slice);
            let next_step = pipelines.next_step(steps, usize::from(done), present);
            match next_step.and_then(|at| Some((at, steps.get(at)?))) {
                None => {
                    ended.union_with(front.by_pipeline.get(usize::from(pipeline)).unwrap_or(&Bits::new()));
                }
                Some((at, step)) => {
                    let position = (pipeline, at as u8 + 1);
                    match next.iter_mut().find(|(known, _)| known == step) {
                        Some((_, positions)) => positions.push(position),
                        None => next.push((*step, vec![position])),
                    }
                }
            }
        }
        if let Some(interest) = front.interests.get(interest as usize) {
            ended.intersect_with(&interest.items);
        }
        let go_on =
            next.into_iter().map(|(step, positions)| (step, self.state(interest, positions))).collect();
        Plan { items: ended, gates: ItemGates::Unused, go_on }
    }
}
