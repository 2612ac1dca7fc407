//! Questions to the archive.

pub(super) mod page;
mod pushdown;

use portcullis_expr::{Env, ExprProblem, Place};
use portcullis_model::{Event, Timestamp};

/// Which events to find.
#[derive(Debug, Default)]
pub struct Query {
    /// A condition over events, checked (`expr::check` with `Place::Event`); all if absent.
    pub when: Option<portcullis_expr::Checked>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Before this.
    pub until: Option<Timestamp>,
    /// At most this many; 0 for no bound.
    pub limit: usize,
    /// Which come first.
    pub order: Order,
    /// Where the last answer stopped.
    pub after: Option<Cursor>,
}

/// Which events come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// Where an answer stopped, to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub(crate) i64);

/// The answer to a [`Query`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The events, in the order asked for.
    pub events: Vec<Event>,
    /// Where to go on; absent if there is nothing more.
    pub more: Option<Cursor>,
}

impl Query {
    /// Events for which a condition holds, or the condition's mistakes.
    pub fn parse(condition: &str) -> Result<Self, Vec<ExprProblem>> {
        let env = Env { place: Place::Event, lists: &[] };
        Ok(Self { when: Some(portcullis_expr::check(condition, &env)?), ..Self::default() })
    }
}

#[cfg(test)]
mod tests;
