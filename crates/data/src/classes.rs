//! The classes one value belongs to.

use portcullis_model::data_class::{Confidence, DataClass};

/// Classes, each with how sure it is. Free text can belong to several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes([Option<Confidence>; DataClass::ALL.len()]);

impl Classes {
    /// Adds a class, or raises how sure it is.
    pub fn add(&mut self, class: DataClass, confidence: Confidence) {
        if let Some(known) = self.0.get_mut(class as usize) {
            *known = (*known).max(Some(confidence));
        }
    }

    /// How sure a class is; `None` if the value is not of it.
    pub fn get(&self, class: DataClass) -> Option<Confidence> {
        self.0.get(class as usize).copied().flatten()
    }

    /// Whether it belongs to none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The classes, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (DataClass, Confidence)> + '_ {
        DataClass::ALL.into_iter().filter_map(|class| Some((class, self.get(class)?)))
    }
}
