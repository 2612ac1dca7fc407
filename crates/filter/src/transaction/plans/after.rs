//! Whether it is worth going on with what a transformation made that can make anything.
//!
//! Any word can be decoded from Base64, and hardly ever is that a text some rule looks for. Invariant: a text that is
//! not gone on with comes to none that an item at the end of the way could match. Does not know how ways are followed.

use smallvec::SmallVec;

use crate::scan::bytes::ByteSet;
use crate::scan::{Bits, Shape, Sieve};
use crate::transaction::front::Front;
use crate::transaction::pipeline::Pipelines;
use crate::transform::Transformation;

/// What the result of a transformation must have for an item at the end of the way.
#[derive(Clone, Debug)]
pub(super) struct After {
    items: Sieve,
    /// What the rest of the way can add to any text.
    made: Shape,
    /// The kinds of bytes of which a text has one if the rest of the way can make more of it.
    opening: Shape,
    openers: Openers,
    /// The bytes without which the rest of the way changes nothing; all if that is not known.
    changed: ByteSet,
}

/// The steps of the rest of a way that can make anything, with the bytes of which they need one: those whose texts
/// nothing but others of these changed.
type Openers = SmallVec<[(Transformation, Shape); 4]>;

impl After {
    /// For items at the ends of ways, of which `rests` are left; `None` if that cannot be said.
    pub(super) fn of(items: &Bits, rests: &[&[Transformation]], front: &Front) -> Option<Self> {
        let mut all = (ByteSet::new(), ByteSet::new());
        for rest in rests {
            let (made, opening) = Pipelines::may_make(rest)?;
            all = (all.0.union(&made), all.1.union(&opening));
        }
        let (made, opening) = all;
        let items = front.scanner.sieve(items)?;
        let steps = rests.iter().copied().flatten();
        let triggers = steps.map(|step| step.triggers().map_or(ByteSet::all(), ByteSet::in_both_cases));
        let changed = triggers.fold(ByteSet::new(), |all, bytes| all.union(&bytes));
        let openers = openers(rests);
        Some(Self { items, made: Shape::of_set(&made), opening: Shape::of_set(&opening), openers, changed })
    }

    /// Whether an item could match what comes of a text.
    pub(super) fn may_lead_on(&self, text: &[u8]) -> bool {
        let shape = Shape::of(text);
        let within = shape.with(self.made);
        if !shape.shares_kinds(self.opening) {
            let is_last = || !self.changed.occurs_in(text);
            return self.items.lets_through(within) && (self.items.has_run(text) || !is_last());
        }
        // One of them alone does what it does to this very text; what two do to each other's results is not told.
        let mut opening = self.openers.iter().filter(|(_, needs)| shape.shares_kinds(*needs));
        let (Some((step, _)), None) = (opening.next(), opening.next()) else { return true };
        let more = step.makes_of(text).map(|more| Shape::of_set(&more));
        more.is_none_or(|more| more.shares_kinds(self.opening) || self.items.lets_through(within.with(more)))
    }
}

/// The steps of ways that can make anything; none if there are such that something else comes before, or twice.
fn openers(ways: &[&[Transformation]]) -> Openers {
    let mut openers = Openers::new();
    for way in ways {
        let can_open = |step: &&Transformation| step.makes().is_none();
        let first = way.iter().take_while(can_open).count();
        let (first, rest) = way.split_at_checked(first).unwrap_or((way, &[]));
        let twice =
            first.iter().enumerate().any(|(at, step)| first.iter().take(at).any(|known| known == step));
        if twice || rest.iter().any(|step| can_open(&step)) {
            return Openers::new();
        }
        for step in first {
            let needs =
                step.triggers().map_or(Shape::default(), |bytes| Shape::of_set(&bytes.in_both_cases()));
            if !openers.iter().any(|(known, _)| known == step) {
                openers.push((*step, needs));
            }
        }
    }
    openers
}
