//! A batch as calls of the script on the server, and the script's answers as ours.
//!
//! Invariants: keys are `PREFIX:{HASH}:KIND`, the hash of fixed length and the prefix without `:`, `{` or `}`, so no
//! two inputs share a key and all of one counter is in one slot of a cluster; numbers go out below 2^53, where the
//! script's arithmetic is exact. It does not know connections.

use std::time::Duration;

use portcullis_model::counter::{Answer, MapChange, Op, Window};
use redis::Value;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::distinct::MOST_EXACT;

/// The largest whole number the script counts with exactly.
const MOST: u64 = (1 << 53) - 1;
/// How long a collection field's name or value can be.
const VALUE_BYTES: usize = 4096;
/// The longest time an answer names; stands for "never" as well.
const FOREVER: Duration = Duration::from_hours(366 * 24);

/// One call of the script: operations that may run together, and where their answers belong.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) keys: Vec<String>,
    pub(super) args: Vec<SmolStr>,
    /// Which operations of the batch it carries out, in its order.
    pub(super) places: Vec<usize>,
}

impl Call {
    /// A call whose operations happen at `now`; at the server's time where that is empty.
    pub(super) fn at(now: &SmolStr) -> Self {
        Self { args: vec![now.clone()], ..Self::default() }
    }

    /// Adds an operation, which takes so many units ahead if it is on a bucket.
    pub(super) fn add(&mut self, place: usize, op: &Op, ahead: u64, prefix: &str) {
        self.places.push(place);
        self.keys.push(format!("{prefix}:{{{:032x}}}:{}", op.key().0, kind(op)));
        match op {
            Op::Take { rate, per, burst, cost, .. } => {
                self.take((*rate).clamp(1, MOST), *per, [*cost, *burst, cost.saturating_add(ahead)], ahead);
            }
            Op::Acquire { limit, lease, ttl, .. } => {
                self.words("acquire", [num(*limit), hex(*lease), span(*ttl)]);
            }
            Op::Release { lease, .. } => self.words("release", [hex(*lease)]),
            Op::Quota { window: Window::Day, limit, cost, .. } => {
                self.words("day", [num(*limit), num(*cost)]);
            }
            Op::Quota { window: Window::Month, limit, cost, .. } => {
                self.words("month", [num(*limit), num(*cost)]);
            }
            Op::Quota { window: Window::Rolling(over), limit, cost, .. } => {
                self.words("rolling", [num(*limit), num(*cost), num(slice(*over))]);
            }
            Op::Distinct { key, value, window, exact } => {
                self.keys.push(format!("{prefix}:{{{:032x}}}:until", key.0));
                let exact = (*exact).min(MOST_EXACT);
                self.words("distinct", [format_smolstr!("{value:016x}"), span(*window), num(exact.into())]);
            }
            Op::Once { window, .. } => self.words("once", [span(*window)]),
            Op::Recent { value, keep, ttl, .. } => {
                let keep = u64::from(*keep).max(1);
                self.words("recent", [format_smolstr!("{value:016x}"), num(keep), span(*ttl)]);
            }
            Op::Map { change, .. } => self.change(change),
        }
    }

    fn words<const N: usize>(&mut self, op: &'static str, args: [SmolStr; N]) {
        self.args.push(SmolStr::new_static(op));
        self.args.extend(args);
    }

    /// The cost, the capacity and the cost with what is taken ahead as times, each in whole microseconds and a rest in
    /// units of 1/rate.
    fn take(&mut self, rate: u64, per: Duration, units: [u64; 3], ahead: u64) {
        let time = |units: u64| {
            let scaled = u128::from(units) * per.as_micros();
            let whole = scaled / u128::from(rate);
            match u64::try_from(whole) {
                Ok(whole) if whole < MOST / 4 => [num(whole), num((scaled % u128::from(rate)) as u64)],
                _ => [num(MOST / 4), num(0)],
            }
        };
        let [[more, more_rest], [most, most_rest], [lease, lease_rest]] = units.map(time);
        if ahead == 0 {
            self.words("take", [num(rate), more, more_rest, most, most_rest]);
        } else {
            self.words("lease", [num(rate), more, more_rest, most, most_rest, lease, lease_rest]);
        }
    }

    fn change(&mut self, change: &MapChange) {
        let ends = |ttl: &Option<Duration>| ttl.map_or(SmolStr::default(), span);
        match change {
            MapChange::Set { field, value, .. } if field.len() > VALUE_BYTES || value.len() > VALUE_BYTES => {
                // Not carried out, as in memory: removing a field that cannot be there answers with none.
                self.words("remove", ["\u{0}too long".into()]);
            }
            MapChange::Read => self.words("read", []),
            MapChange::Set { field, value, ttl } => {
                self.words("set", [field.clone(), value.clone(), ends(ttl)]);
            }
            MapChange::Add { field, by, ttl } => {
                let by = (*by).clamp(-MOST.cast_signed(), MOST.cast_signed());
                self.words("add", [field.clone(), by.to_smolstr(), ends(ttl)]);
            }
            MapChange::Expire { field, ttl } => self.words("expire", [field.clone(), span(*ttl)]),
            MapChange::Remove { field } => self.words("remove", [field.clone()]),
        }
    }
}

/// Names what is kept, so that a key used for another kind of operation starts afresh.
fn kind(op: &Op) -> SmolStr {
    match op {
        Op::Take { .. } => SmolStr::new_static("take"),
        Op::Acquire { .. } | Op::Release { .. } => SmolStr::new_static("held"),
        Op::Quota { window: Window::Day, .. } => SmolStr::new_static("day"),
        Op::Quota { window: Window::Month, .. } => SmolStr::new_static("month"),
        Op::Quota { window: Window::Rolling(over), .. } => format_smolstr!("last{}", over.as_micros()),
        Op::Distinct { .. } => SmolStr::new_static("set"),
        Op::Once { .. } => SmolStr::new_static("once"),
        Op::Recent { .. } => SmolStr::new_static("recent"),
        Op::Map { .. } => SmolStr::new_static("map"),
    }
}

/// What the script answered to one operation.
pub(super) fn answer(op: &Op, value: &Value) -> Option<Answer> {
    let Value::Array(parts) = value else { return None };
    let number = |at: usize| match parts.get(at) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    let time = |at: usize| Some(Duration::from_micros(number(at)?).min(FOREVER));
    Some(match op {
        Op::Take { rate, per, burst, cost, .. } => {
            let used = u128::from(number(1)?) * u128::from((*rate).max(1)) + u128::from(number(2)?);
            taken(number(0)? == 1, used, u128::from((*rate).max(1)), per.as_micros(), (*burst, *cost))
        }
        Op::Acquire { .. } => Answer::Acquire { admitted: number(0)? == 1, held: number(1)? },
        Op::Release { .. } => Answer::Done,
        Op::Quota { .. } => Answer::Quota { admitted: number(0)? == 1, used: number(1)?, reset: time(2)? },
        Op::Distinct { .. } => Answer::Distinct { count: number(0)?, new: number(1)? == 1, reset: time(2)? },
        Op::Once { .. } => Answer::Once { first: number(0)? == 1 },
        Op::Recent { .. } => Answer::Recent(
            parts.iter().map(|part| u64::from_str_radix(&words(part)?, 16).ok()).collect::<Option<_>>()?,
        ),
        Op::Map { .. } => {
            let (pairs, _) = parts.as_chunks::<2>();
            Answer::Map(
                pairs
                    .iter()
                    .map(|[name, value]| Some((words(name)?, words(value)?)))
                    .collect::<Option<_>>()?,
            )
        }
    })
}

/// A bucket's answer from its time used, scaled by the rate: the same arithmetic as in memory, without rounding.
fn taken(admitted: bool, used: u128, rate: u128, per: u128, (burst, cost): (u64, u64)) -> Answer {
    let capacity = u128::from(burst) * per;
    let span = |scaled: u128| {
        Duration::from_micros(u64::try_from(scaled.div_ceil(rate)).unwrap_or(u64::MAX)).min(FOREVER)
    };
    let lacking = (used + u128::from(cost) * per).saturating_sub(capacity);
    let retry_after = match admitted {
        true => Duration::ZERO,
        false if cost > burst => FOREVER,
        false => span(lacking),
    };
    let left = capacity.saturating_sub(used).checked_div(per);
    let remaining = left.map_or(burst, |units| u64::try_from(units).unwrap_or(u64::MAX));
    Answer::Take { admitted, remaining, retry_after, reset: span(used) }
}

/// Whether an operation that wanted units ahead got them.
pub(super) fn was_leased(value: &Value) -> bool {
    matches!(value, Value::Array(parts) if parts.get(3) == Some(&Value::Int(1)))
}

fn words(value: &Value) -> Option<SmolStr> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok().map(SmolStr::new),
        Value::SimpleString(text) => Some(SmolStr::new(text)),
        _ => None,
    }
}

fn num(number: u64) -> SmolStr {
    number.min(MOST).to_smolstr()
}

fn hex(lease: u128) -> SmolStr {
    format_smolstr!("{lease:032x}")
}

fn span(span: Duration) -> SmolStr {
    num(u64::try_from(span.as_micros()).unwrap_or(MOST).min(MOST / 4))
}

/// The sixtieth of a rolling window, in microseconds.
fn slice(over: Duration) -> u64 {
    u64::try_from(over.as_micros() / 60).unwrap_or(MOST).max(1)
}
