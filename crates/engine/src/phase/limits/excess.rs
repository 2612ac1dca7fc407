//! What the store's answer says of a limit: whether it was exceeded, and what the client is told then.

use std::time::Duration;

use portcullis_model::counter::Answer as Counted;

use super::announce::{Announced, fields};
use crate::scope::{Limit, Measure};
use crate::state::Answer;

/// How a limit was exceeded.
pub(super) struct Excess {
    /// When it is worth coming back.
    pub(super) wait: Duration,
}

/// How long a client waits before it asks for a place again.
const PLACE: Duration = Duration::from_secs(1);

/// Whether a limit was exceeded; an answer to another question says nothing.
pub(super) fn of(limit: &Limit, answer: &Counted) -> Option<Excess> {
    match (&limit.measure, answer) {
        (Measure::Rate { .. }, Counted::Take { admitted: false, retry_after, .. }) => {
            Some(Excess { wait: *retry_after })
        }
        (Measure::Concurrency(_), Counted::Acquire { admitted: false, .. }) => Some(Excess { wait: PLACE }),
        (Measure::Quota(_) | Measure::Bytes(_), Counted::Quota { admitted: false, reset, .. }) => {
            Some(Excess { wait: *reset })
        }
        (Measure::Distinct { most, .. }, Counted::Distinct { count, reset, .. }) if count > most => {
            Some(Excess { wait: *reset })
        }
        _ => None,
    }
}

impl Excess {
    /// 429, when to come back, and what holds (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn answer(&self, limit: &Limit) -> Answer {
        let answer = Answer::retry_after(self.wait);
        let Some(announced) = Announced::used_up(limit, self.wait) else { return answer };
        fields(&[announced]).into_iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }
}
