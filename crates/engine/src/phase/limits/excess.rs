//! What the store's answer says of a limit, and what the client is told of it.
//!
//! Deliberately absent: the limit's name, which says nothing to a client and something to an attacker.

use std::time::Duration;

use portcullis_model::counter::{Answer as Counted, Window};
use portcullis_policy::Quota;

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
        let Some((quota, unit, window)) = announced(&limit.measure) else { return answer };
        let unit = unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
        let window = window.map(|window| format!(";w={}", window.as_secs().max(1))).unwrap_or_default();
        let wait = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        answer
            .header("ratelimit-policy", format!("\"default\";q={quota}{unit}{window}"))
            .header("ratelimit", format!("\"default\";r=0;t={}", wait.max(1)))
    }
}

/// How much, of what, in which time. A month has no length of its own.
fn announced(measure: &Measure) -> Option<(u64, Option<&'static str>, Option<Duration>)> {
    let window = |quota: &Quota| match quota.window {
        Window::Day => Some(Duration::from_hours(24)),
        Window::Month => None,
        Window::Rolling(span) => Some(span),
    };
    match measure {
        Measure::Rate { rate, .. } => Some((rate.count.get(), None, Some(rate.per))),
        Measure::Concurrency(most) => Some((*most, Some("concurrent-requests"), None)),
        Measure::Quota(quota) => Some((quota.most.get(), None, window(quota))),
        Measure::Bytes(quota) => Some((quota.most.get(), Some("content-bytes"), window(quota))),
        Measure::Distinct { .. } => None,
    }
}
