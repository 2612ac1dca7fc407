//! Patterns as programs of the bounded engine: a tree to steps.
//!
//! Invariant: a program has at most [`LARGEST`] steps, and every jump leads into it. Does not know how steps run.

use super::tree::{Around, Case, Greed, Look, Node, Repeat, Side, Tree, Wanted};
use crate::scan::bytes::ByteSet;

/// How many steps a program may have.
const LARGEST: usize = 20_000;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Take a byte of the set.
    Set(ByteSet),
    /// Go on if the place is so.
    Look(Look),
    /// Go on at the first, later at the second.
    Fork(usize, usize),
    /// Go on there.
    Jump(usize),
    /// Note the place.
    Note(usize),
    /// Go on at the second if the place is the one noted under the first: a loop that took nothing ends.
    Moved(usize, usize),
    /// Try what follows this step up to its `Done`, then go on at `after`.
    Around {
        /// Where to go on.
        after: usize,
        /// How far back the try begins.
        back: Option<usize>,
        /// Whether it has to succeed.
        wanted: Wanted,
    },
    /// Run what follows this step up to its `Done` once and keep what it took; go on there.
    Atomic(usize),
    /// Take what a group captured.
    Back(u32, Case),
    /// The end of the pattern, of look-around or of an atomic group.
    Done,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Its steps.
    pub(super) steps: Vec<Step>,
    /// How many places it notes.
    pub(super) notes: usize,
}

/// Compiles a tree.
pub(super) fn compile(tree: &Tree) -> Result<Program, String> {
    let mut program = Program { steps: Vec::new(), notes: 2 * (tree.groups as usize + 1) };
    program.push(Step::Note(0))?;
    program.node(&tree.root)?;
    program.push(Step::Note(1))?;
    program.push(Step::Done)?;
    Ok(program)
}

impl Program {
    fn push(&mut self, step: Step) -> Result<usize, String> {
        if self.steps.len() >= LARGEST {
            return Err("the pattern is too large for the engine that look-around and references need".into());
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn patch(&mut self, at: usize, step: Step) {
        if let Some(held) = self.steps.get_mut(at) {
            *held = step;
        }
    }

    fn node(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Set(set) => self.push(Step::Set(*set)).map(drop),
            Node::Look(look) => self.push(Step::Look(*look)).map(drop),
            Node::Back(group, case) => self.push(Step::Back(*group, *case)).map(drop),
            Node::Group(None, inside) => self.node(inside),
            Node::Group(Some(index), inside) => {
                self.push(Step::Note(2 * *index as usize))?;
                self.node(inside)?;
                self.push(Step::Note(2 * *index as usize + 1)).map(drop)
            }
            Node::Sequence(parts) => parts.iter().try_for_each(|part| self.node(part)),
            Node::Choice(branches) => self.choice(branches),
            Node::Repeat(repeat) if repeat.greed == Greed::Possessive => {
                self.atomic(|program| program.repeat(repeat))
            }
            Node::Repeat(repeat) => self.repeat(repeat),
            Node::Atomic(inside) => self.atomic(|program| program.node(inside)),
            Node::Around(around) => self.around(around),
        }
    }

    fn choice(&mut self, branches: &[Node]) -> Result<(), String> {
        let mut jumps = Vec::new();
        let Some((last, others)) = branches.split_last() else { return Ok(()) };
        for branch in others {
            let fork = self.push(Step::Done)?;
            self.node(branch)?;
            jumps.push(self.push(Step::Done)?);
            self.patch(fork, Step::Fork(fork + 1, self.steps.len()));
        }
        self.node(last)?;
        for jump in jumps {
            self.patch(jump, Step::Jump(self.steps.len()));
        }
        Ok(())
    }

    fn repeat(&mut self, repeat: &Repeat) -> Result<(), String> {
        for _ in 0..repeat.min {
            let before = self.steps.len();
            self.node(&repeat.node)?;
            // Nothing is nothing however often; nested, asking again would take for ever and never reach the limit.
            if self.steps.len() == before {
                return Ok(());
            }
        }
        match repeat.max {
            None => self.star(repeat),
            Some(max) => self.optional(repeat, max.saturating_sub(repeat.min)),
        }
    }

    /// Any number of times; a round that takes nothing ends it.
    fn star(&mut self, repeat: &Repeat) -> Result<(), String> {
        let fork = self.push(Step::Done)?;
        let note = self.notes;
        self.notes += 1;
        self.push(Step::Note(note))?;
        self.node(&repeat.node)?;
        let moved = self.push(Step::Done)?;
        self.push(Step::Jump(fork))?;
        let after = self.steps.len();
        self.patch(moved, Step::Moved(note, after));
        self.patch(fork, forked(repeat.greed, fork + 1, after));
        Ok(())
    }

    fn optional(&mut self, repeat: &Repeat, times: u32) -> Result<(), String> {
        let mut forks = Vec::new();
        for _ in 0..times {
            forks.push(self.push(Step::Done)?);
            self.node(&repeat.node)?;
        }
        for fork in forks {
            self.patch(fork, forked(repeat.greed, fork + 1, self.steps.len()));
        }
        Ok(())
    }

    fn atomic(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let begin = self.push(Step::Done)?;
        inside(self)?;
        self.push(Step::Done)?;
        self.patch(begin, Step::Atomic(self.steps.len()));
        Ok(())
    }

    fn around(&mut self, around: &Around) -> Result<(), String> {
        if around.side == Side::Ahead {
            return self.attempt(&around.node, None, around.wanted);
        }
        let branches = match &around.node {
            Node::Choice(branches) => branches.as_slice(),
            other => std::slice::from_ref(other),
        };
        let widths = branches.iter().map(width).collect::<Option<Vec<usize>>>();
        let widths = widths.ok_or("what is looked for behind has no fixed length")?;
        match around.wanted {
            Wanted::Absent => branches
                .iter()
                .zip(widths)
                .try_for_each(|(branch, width)| self.attempt(branch, Some(width), Wanted::Absent)),
            Wanted::Present => self.any_behind(branches, &widths),
        }
    }

    fn any_behind(&mut self, branches: &[Node], widths: &[usize]) -> Result<(), String> {
        let mut jumps = Vec::new();
        for (index, (branch, width)) in branches.iter().zip(widths).enumerate() {
            let fork = self.push(Step::Done)?;
            self.attempt(branch, Some(*width), Wanted::Present)?;
            jumps.push(self.push(Step::Done)?);
            let is_last = index + 1 == branches.len();
            let other = self.steps.len();
            self.patch(fork, if is_last { Step::Jump(fork + 1) } else { Step::Fork(fork + 1, other) });
        }
        for jump in jumps {
            self.patch(jump, Step::Jump(self.steps.len()));
        }
        Ok(())
    }

    fn attempt(&mut self, node: &Node, back: Option<usize>, wanted: Wanted) -> Result<(), String> {
        let begin = self.push(Step::Done)?;
        self.node(node)?;
        self.push(Step::Done)?;
        self.patch(begin, Step::Around { after: self.steps.len(), back, wanted });
        Ok(())
    }
}

const fn forked(greed: Greed, again: usize, after: usize) -> Step {
    match greed {
        Greed::Lazy => Step::Fork(after, again),
        Greed::Greedy | Greed::Possessive => Step::Fork(again, after),
    }
}

/// How many bytes a node takes, if that is one number.
fn width(node: &Node) -> Option<usize> {
    match node {
        Node::Set(_) => Some(1),
        Node::Look(_) | Node::Around(_) => Some(0),
        Node::Group(_, inside) | Node::Atomic(inside) => width(inside),
        Node::Sequence(parts) => parts.iter().try_fold(0, |sum: usize, part| sum.checked_add(width(part)?)),
        Node::Choice(branches) => {
            let mut widths = branches.iter().map(width);
            let first = widths.next()??;
            widths.all(|other| other == Some(first)).then_some(first)
        }
        Node::Repeat(repeat) if repeat.max == Some(repeat.min) => {
            width(&repeat.node)?.checked_mul(repeat.min as usize)
        }
        Node::Repeat(_) | Node::Back(..) => None,
    }
}
