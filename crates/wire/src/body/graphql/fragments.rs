//! What a document asks for once its fragments are put in their places: small texts can ask for much.
//!
//! Invariants: each fragment is resolved once; sums saturate; a fragment that spreads itself is a cycle, not a loop.

use std::collections::HashMap;

/// What one selection set asks for by itself, and which fragments it spreads.
#[derive(Debug, Default)]
pub(super) struct Selections {
    pub(super) fields: u32,
    pub(super) aliases: u32,
    pub(super) depth: u32,
    pub(super) cost: u64,
    /// The fragment's name as a range of the document, the depth it stands at, and how many times it may be answered.
    pub(super) spreads: Vec<((usize, usize), u32, u64)>,
}

/// The same with its fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) fields: u32,
    pub(super) aliases: u32,
    pub(super) depth: u32,
    pub(super) cost: u64,
    pub(super) cyclic: bool,
}

/// Spreads followed in each other; deeper ones count as a cycle.
const MOST_NESTED: u32 = 64;

/// The weight of all operations of a document.
pub(super) fn weigh(
    text: &[u8],
    operations: &[Selections],
    fragments: &[((usize, usize), Selections)],
) -> Weight {
    let name = |range: &(usize, usize)| text.get(range.0..range.1).unwrap_or_default();
    let by_name = fragments.iter().map(|(range, selections)| (name(range), selections)).collect();
    let mut scale = Scale { text, by_name, known: HashMap::new() };
    operations.iter().fold(Weight::default(), |sum, operation| {
        let weight = scale.weigh(operation, 0);
        Weight {
            fields: sum.fields.saturating_add(weight.fields),
            aliases: sum.aliases.saturating_add(weight.aliases),
            depth: sum.depth.max(weight.depth),
            cost: sum.cost.saturating_add(weight.cost),
            cyclic: sum.cyclic || weight.cyclic,
        }
    })
}

struct Scale<'a> {
    text: &'a [u8],
    by_name: HashMap<&'a [u8], &'a Selections>,
    /// What was weighed; `None` while it is being weighed.
    known: HashMap<&'a [u8], Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn weigh(&mut self, selections: &Selections, nested: u32) -> Weight {
        let mut sum = Weight {
            fields: selections.fields,
            aliases: selections.aliases,
            depth: selections.depth,
            cost: selections.cost,
            cyclic: false,
        };
        for ((start, end), at, times) in &selections.spreads {
            let weight = self.fragment(self.text.get(*start..*end).unwrap_or_default(), nested + 1);
            sum.fields = sum.fields.saturating_add(weight.fields);
            sum.aliases = sum.aliases.saturating_add(weight.aliases);
            sum.cost = sum.cost.saturating_add(weight.cost.saturating_mul(*times));
            sum.depth = sum.depth.max(at.saturating_add(weight.depth));
            sum.cyclic |= weight.cyclic;
        }
        sum
    }

    fn fragment(&mut self, name: &'a [u8], nested: u32) -> Weight {
        let cycle = Weight { cyclic: true, ..Weight::default() };
        match self.known.get(name) {
            Some(Some(weight)) => return *weight,
            Some(None) => return cycle,
            None if nested > MOST_NESTED => return cycle,
            None => {}
        }
        let Some(selections) = self.by_name.get(name).copied() else { return Weight::default() };
        self.known.insert(name, None);
        let weight = self.weigh(selections, nested);
        self.known.insert(name, Some(weight));
        weight
    }
}
