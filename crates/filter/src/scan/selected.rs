//! What the shape of a value alone says of some items of a scanner.
//!
//! Most items need texts, marks or lengths that the shape shows to be missing, so that neither they nor the texts they
//! wait for have to be looked at. Immutable. Does not know texts.

use smallvec::SmallVec;

use super::gates::Demands;
use super::shape::Shape;

/// Which of some items could match values of a shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Those that could match any such value.
    pub open: SmallVec<[u32; 4]>,
    /// Whether others could match those in which their texts occur.
    pub wait: bool,
}

impl Sorted {
    pub(super) fn add(&mut self, item: u32) {
        if !self.open.contains(&item) {
            self.open.push(item);
        }
    }
}

/// The gates to a few items of a scanner, in groups of those that only shapes with some bit can open.
#[derive(Clone, Debug)]
pub struct Selected {
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    /// Of these bits, a shape has one that opens a gate of the group.
    lead: u64,
    /// What each demands, and the item behind it where it waits for no texts.
    gates: Vec<(Demands, Option<u32>)>,
}

impl Selected {
    pub(super) fn new(gates: Vec<(Demands, Option<u32>)>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for gate in gates {
            let lead = gate.0.lead();
            match groups.iter_mut().find(|group| group.lead == lead) {
                Some(group) => group.gates.push(gate),
                None => groups.push(Group { lead, gates: vec![gate] }),
            }
        }
        Self { groups }
    }

    /// What the shape of a value says of the items.
    pub fn sort_out(&self, shape: Shape) -> Sorted {
        let mut sorted = Sorted::default();
        for group in &self.groups {
            if group.lead & shape.0 == 0 {
                continue;
            }
            for (demands, item) in &group.gates {
                if demands.are_met_by(shape) {
                    sorted.wait |= item.is_none();
                    if let Some(item) = item {
                        sorted.add(*item);
                    }
                }
            }
        }
        sorted
    }
}
