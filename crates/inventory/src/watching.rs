//! Which operations people do not want to hear of.
//!
//! Invariants: of two words on one operation the later stands, in whatever order they come; at most [`MOST`] are kept.
//! An ignored operation is learned like any other.

use std::collections::BTreeMap;

use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};

/// Operations that are remembered.
const MOST: usize = 4096;

/// Whether a person wants to hear of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watching {
    /// As of any other.
    Watched,
    /// No: it raises no findings and is in no list of shadows.
    Ignored,
}

/// What was said of operations, by their ids at that time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Watched(BTreeMap<OperationId, (Timestamp, Watching)>);

impl Watched {
    pub(crate) fn say(&mut self, operation: OperationId, watching: Watching, at: Timestamp) {
        let known = self.0.entry(operation).or_insert((at, watching));
        *known = (*known).max((at, watching));
        while self.0.len() > MOST {
            self.0.pop_last();
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (operation, (at, watching)) in other.0 {
            self.say(operation, watching, at);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was said, each with its time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OperationId, Timestamp, Watching)> {
        self.0.iter().map(|(operation, (at, watching))| (operation, *at, *watching))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_word_stands_in_any_order() {
        let said = |words: &[(i64, Watching)]| {
            words.iter().fold(Watched::default(), |mut all, (second, watching)| {
                all.say(OperationId::new("a"), *watching, Timestamp::from_secs(*second));
                all
            })
        };
        let forth = said(&[(1, Watching::Ignored), (2, Watching::Watched)]);
        assert_eq!(forth, said(&[(2, Watching::Watched), (1, Watching::Ignored)]));
        assert!(forth.iter().all(|(.., watching)| watching == Watching::Watched));
        let mut merged = said(&[(3, Watching::Ignored)]);
        merged.merge(forth);
        assert!(merged.iter().all(|(.., watching)| watching == Watching::Ignored));
    }
}
