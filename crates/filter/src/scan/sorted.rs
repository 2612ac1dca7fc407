//! What the shape of a value alone says of some items of a scanner.
//!
//! Most items need texts, marks or lengths that the shape shows to be missing, so that neither they nor the texts they
//! wait for have to be looked at. Immutable. Does not know texts.

use smallvec::SmallVec;

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
