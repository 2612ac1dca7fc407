//! The engine for patterns that no linear engine can match: backtracking under a budget of steps.
//!
//! Invariants: every step, also every byte that a reference compares, is paid from the budget; memory is bounded by
//! [`ROOM`] open alternatives. When either runs out the answer is that, and not a verdict. Does not know the syntax.

use super::program::{Program, Step};
use super::tree::{Case, Look, Wanted};

/// How many alternatives may be open at once.
const ROOM: usize = 100_000;

/// The budget ran out before an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Where the leftmost match stands in `text` from `begin` on: the places noted, two for each group. Takes what it
/// needs from `steps`.
pub(super) fn search(
    program: &Program,
    text: &[u8],
    begin: usize,
    steps: &mut u64,
) -> Result<Option<Vec<Option<usize>>>, Exhausted> {
    // A way that failed has set its notes back, so that one run serves every place.
    let mut run = Run { program, text, steps, notes: vec![None; program.notes], open: Vec::new() };
    for at in begin..=text.len() {
        if run.from(0, at)?.is_some() {
            return Ok(Some(run.notes));
        }
    }
    Ok(None)
}

/// What to do when a way fails.
enum Open {
    /// Go on at a step and a place.
    Try(usize, usize),
    /// Set a note back.
    Unnote(usize, Option<usize>),
}

struct Run<'a> {
    program: &'a Program,
    text: &'a [u8],
    steps: &'a mut u64,
    notes: Vec<Option<usize>>,
    open: Vec<Open>,
}

impl Run<'_> {
    /// Runs from a step to its `Done` and gives the place reached. Notes set on the way stay; alternatives left open
    /// on the way are dropped. Calls itself for look-around and atomic groups, as deep as the pattern nests them.
    fn from(&mut self, step: usize, at: usize) -> Result<Option<usize>, Exhausted> {
        let floor = self.open.len();
        let mut way = Some((step, at));
        while let Some((step, at)) = way {
            self.pay(1)?;
            if matches!(self.program.steps.get(step), None | Some(Step::Done)) {
                self.keep_notes(floor);
                return Ok(Some(at));
            }
            way = match self.step(step, at)? {
                Some(next) => Some(next),
                None => self.back_to(floor),
            };
        }
        Ok(None)
    }

    fn pay(&mut self, steps: u64) -> Result<(), Exhausted> {
        *self.steps = self.steps.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    fn open(&mut self, way: Open) -> Result<(), Exhausted> {
        self.open.push(way);
        if self.open.len() > ROOM { Err(Exhausted) } else { Ok(()) }
    }

    /// Drops alternatives above `floor` but not what undoes notes: an outer way may still fail. What is below is not
    /// looked at: look-around in a loop would pay one step for as many ways as the loop has left open.
    fn keep_notes(&mut self, floor: usize) {
        let mut kept = floor;
        for index in floor..self.open.len() {
            if matches!(self.open.get(index), Some(Open::Unnote(..))) {
                self.open.swap(kept, index);
                kept += 1;
            }
        }
        self.open.truncate(kept);
    }

    /// The next open alternative above `floor`, notes set back on the way.
    fn back_to(&mut self, floor: usize) -> Option<(usize, usize)> {
        while self.open.len() > floor {
            match self.open.pop()? {
                Open::Try(step, at) => return Some((step, at)),
                Open::Unnote(note, place) => self.set(note, place),
            }
        }
        None
    }

    fn set(&mut self, note: usize, place: Option<usize>) {
        if let Some(held) = self.notes.get_mut(note) {
            *held = place;
        }
    }

    fn note(&self, note: usize) -> Option<usize> {
        self.notes.get(note).copied().flatten()
    }

    /// Where one step leads; `None` if it fails.
    fn step(&mut self, step: usize, at: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        let next = step + 1;
        Ok(match self.program.steps.get(step) {
            Some(Step::Set(set)) => {
                self.text.get(at).filter(|byte| set.contains(**byte)).map(|_| (next, at + 1))
            }
            Some(Step::Look(look)) => self.holds(*look, at).then_some((next, at)),
            Some(Step::Jump(to)) => Some((*to, at)),
            Some(Step::Fork(first, second)) => {
                self.open(Open::Try(*second, at))?;
                Some((*first, at))
            }
            Some(Step::Note(note)) => {
                self.open(Open::Unnote(*note, self.note(*note)))?;
                self.set(*note, Some(at));
                Some((next, at))
            }
            Some(Step::Moved(note, after)) => {
                Some((if self.note(*note) == Some(at) { *after } else { next }, at))
            }
            Some(Step::Back(group, case)) => self.repeated(*group, *case, at)?.map(|at| (next, at)),
            Some(Step::Atomic(after)) => self.from(next, at)?.map(|end| (*after, end)),
            Some(Step::Around { after, back, wanted }) => {
                let begin = at.checked_sub(back.unwrap_or_default());
                let found = self.around(next, begin, *wanted)?;
                (found == (*wanted == Wanted::Present)).then_some((*after, at))
            }
            Some(Step::Done) | None => None,
        })
    }

    /// Whether look-around finds something; what is sought to be absent leaves no notes.
    fn around(&mut self, step: usize, begin: Option<usize>, wanted: Wanted) -> Result<bool, Exhausted> {
        let floor = self.open.len();
        let Some(begin) = begin else { return Ok(false) };
        let found = self.from(step, begin)?.is_some();
        if wanted == Wanted::Absent {
            self.back_to(floor);
        }
        Ok(found)
    }

    /// The place after what a group captured, if that stands at `at` again. A group that captured nothing fails.
    fn repeated(&mut self, group: u32, case: Case, at: usize) -> Result<Option<usize>, Exhausted> {
        let note = 2 * group as usize;
        let (Some(from), Some(to)) = (self.note(note), self.note(note + 1)) else { return Ok(None) };
        let Some(held) = self.text.get(from..to) else { return Ok(None) };
        self.pay(held.len() as u64)?;
        let there = self.text.get(at..at + held.len());
        let is_same = there.is_some_and(|there| match case {
            Case::Exact => there == held,
            Case::Folded => there.eq_ignore_ascii_case(held),
        });
        Ok(is_same.then_some(at + held.len()))
    }

    fn holds(&self, look: Look, at: usize) -> bool {
        let byte = |at: Option<usize>| at.and_then(|at| self.text.get(at)).copied();
        let (before, after) = (byte(at.checked_sub(1)), byte(Some(at)));
        let is_word =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match look {
            Look::Start => at == 0,
            Look::End => at == self.text.len(),
            Look::LineStart => before.is_none_or(|byte| byte == b'\n'),
            Look::LineEnd => after.is_none_or(|byte| byte == b'\n'),
            Look::Word => is_word(before) != is_word(after),
            Look::NotWord => is_word(before) == is_word(after),
        }
    }
}
