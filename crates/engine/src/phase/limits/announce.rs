//! What clients are told of limits: how much, in which time, and what is left (draft-ietf-httpapi-ratelimit-headers).
//!
//! Deliberately absent: the limit's own name, which says nothing to a client and something to an attacker.

use std::fmt::Write as _;
use std::time::Duration;

use portcullis_model::counter::{Answer as Counted, Window};
use portcullis_policy::Quota;
use smol_str::SmolStr;

use crate::scope::{Limit, Measure};

/// What clients know a limit by that is told of alone.
pub(crate) const ALONE: &str = "default";

/// One limit as clients read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    name: SmolStr,
    quota: u64,
    unit: Option<&'static str>,
    /// A month has no length of its own.
    window: Option<Duration>,
    left: u64,
    /// When there is more, if that is known.
    more_in: Option<Duration>,
}

impl Announced {
    /// A limit of which nothing is left until then.
    pub(super) fn used_up(limit: &Limit, wait: Duration) -> Option<Self> {
        let (quota, unit, window) = terms(&limit.measure)?;
        let name = limit.announced.clone().unwrap_or(SmolStr::new_static(ALONE));
        // Less than a second is still no time to come back at.
        let more_in = Some(wait.max(Duration::from_secs(1)));
        Some(Self { name, quota, unit, window, left: 0, more_in })
    }
}

/// What is told of a limit with an answer that passes, where policy wants it.
pub(super) fn of(limit: &Limit, answer: &Counted) -> Option<Announced> {
    let name = limit.announced.clone()?;
    let (quota, unit, window) = terms(&limit.measure)?;
    let (left, more_in) = match answer {
        Counted::Take { remaining, reset, .. } => (*remaining, Some(*reset)),
        Counted::Acquire { held, .. } => (quota.saturating_sub(*held), None),
        Counted::Quota { used, reset, .. } => (quota.saturating_sub(*used), Some(*reset)),
        _ => return None,
    };
    Some(Announced { name, quota, unit, window, left, more_in })
}

/// How much, of what, in which time.
fn terms(measure: &Measure) -> Option<(u64, Option<&'static str>, Option<Duration>)> {
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

/// The two fields, each one list; none where there is nothing to tell.
pub(crate) fn fields(announced: &[Announced]) -> Vec<(&'static str, String)> {
    let (mut policy, mut state) = (String::new(), String::new());
    for one in announced {
        let comma = if policy.is_empty() { "" } else { ", " };
        // Writing to a `String` cannot fail.
        let _ = write!(policy, "{comma}\"{}\";q={}", one.name, one.quota);
        let _ = one.unit.map(|unit| write!(policy, ";qu=\"{unit}\""));
        let _ = one.window.map(|window| write!(policy, ";w={}", window.as_secs().max(1)));
        let _ = write!(state, "{comma}\"{}\";r={}", one.name, one.left);
        let _ = one.more_in.map(|wait| write!(state, ";t={}", whole_seconds(wait)));
    }
    if policy.is_empty() { Vec::new() } else { vec![("ratelimit-policy", policy), ("ratelimit", state)] }
}

/// Rounded up: who comes back then is not too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
