//! What a limit measures, and how much of it is too much.
//!
//! Invariant: a measure is one thing; what is written beside it and does not belong to it is a mistake.

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem};
use portcullis_model::counter::Window;

use super::key::KeyPart;
use crate::decode::{Decode, Reading};
use crate::scalar::{Rate, parse_duration, parse_size};
use crate::table::{Json, Kind, Scalar};

/// What a limit measures, and how much is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Exchanges, by a token bucket.
    Rate {
        /// What it gives back in which time.
        rate: Rate,
        /// What it holds.
        burst: NonZero<u64>,
    },
    /// Exchanges under way at once.
    Concurrency(NonZero<u64>),
    /// Exchanges in a window of time.
    Quota(Quota),
    /// Bytes of bodies, both ways, in a window of time.
    Bytes(Quota),
    /// Different values of something in a window of time.
    Distinct {
        /// Of what.
        of: KeyPart,
        /// How many, and how long they are counted from the first.
        limit: Rate,
    },
}

impl Measure {
    /// Whether more of the same kind is let through than by another.
    pub(super) fn exceeds(&self, other: &Self) -> bool {
        // Compared as units in the time of both, so that nothing is rounded.
        let rate = |rate: &Rate, other: &Rate| {
            u128::from(rate.count.get()) * other.per.as_nanos()
                > u128::from(other.count.get()) * rate.per.as_nanos()
        };
        match (self, other) {
            (Self::Rate { rate: own, burst }, Self::Rate { rate: others, burst: below }) => {
                rate(own, others) || (!rate(others, own) && burst > below)
            }
            (Self::Concurrency(own), Self::Concurrency(others)) => own > others,
            (Self::Quota(own), Self::Quota(others)) | (Self::Bytes(own), Self::Bytes(others)) => {
                own.window != others.window || own.most > others.most
            }
            (Self::Distinct { limit, .. }, Self::Distinct { limit: others, .. }) => {
                limit.per != others.per || limit.count > others.count
            }
            _ => false,
        }
    }

    /// How long it takes until what was counted is forgotten altogether; shorter by at most a nanosecond.
    fn memory(&self) -> Duration {
        match self {
            Self::Rate { rate, burst } => {
                let whole = rate.per.as_nanos().saturating_mul(u128::from(burst.get()));
                let nanos = whole.checked_div(u128::from(rate.count.get())).unwrap_or(u128::MAX);
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            Self::Quota(Quota { window: Window::Rolling(span), .. })
            | Self::Bytes(Quota { window: Window::Rolling(span), .. }) => *span,
            Self::Distinct { limit, .. } => limit.per,
            Self::Concurrency(_) | Self::Quota(_) | Self::Bytes(_) => Duration::ZERO,
        }
    }

    /// Whether exchanges can cost more than one of it.
    pub(super) const fn has_cost(&self) -> bool {
        matches!(self, Self::Rate { .. } | Self::Quota(_))
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { rate, burst } => write!(f, "rate {}/{:?} burst {burst}", rate.count, rate.per),
            Self::Concurrency(most) => write!(f, "concurrency {most}"),
            Self::Quota(quota) => write!(f, "quota {}/{:?}", quota.most, quota.window),
            Self::Bytes(quota) => write!(f, "bytes {}/{:?}", quota.most, quota.window),
            Self::Distinct { of, limit } => write!(f, "distinct {of} {}/{:?}", limit.count, limit.per),
        }
    }
}

/// So many in a window of time, `10000/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub most: NonZero<u64>,
    /// When they are counted anew.
    pub window: Window,
}

fn parse_window(text: &str) -> Option<Window> {
    match text.trim() {
        "day" => Some(Window::Day),
        "month" => Some(Window::Month),
        span => parse_duration(span).filter(|span| *span >= Duration::from_secs(1)).map(Window::Rolling),
    }
}

impl Decode for Quota {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "quota",
        about: "so many per `day` or `month` of the calendar (UTC), `10000/day`, or in the last so long, `5000/24h`",
        json: Json::Pattern(r"^\s*\d+\s*/\s*(day|month|(\d+\s*(s|sec|m|min|h|hour|d|day|w)\s*)+)$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let parse = |text: &str| {
            let (most, window) = text.split_once('/')?;
            Some(Self { most: NonZero::new(most.trim().parse().ok()?)?, window: parse_window(window)? })
        };
        let found = node.as_str().and_then(parse);
        found.or_else(|| {
            reading.wrong_kind(node, "a quota", "write it like `10000/day`, `1000000/month` or `5000/24h`")
        })
    }
}

/// A quota of bytes, `1GiB/day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteQuota(pub Quota);

impl Decode for ByteQuota {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "quota of bytes",
        about: "a size per `day` or `month` of the calendar (UTC), `1GiB/day`, or in the last so long, `100MiB/1h`",
        json: Json::Pattern(
            r"^\s*\d+\s*(B|K|KiB|M|MiB|G|GiB|T|TiB|kB|KB|MB|GB|TB)?\s*/\s*(day|month|(\d+\s*(s|sec|m|min|h|hour|d|day|w)\s*)+)$",
        ),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let parse = |text: &str| {
            let (most, window) = text.split_once('/')?;
            Some(Self(Quota { most: NonZero::new(parse_size(most)?)?, window: parse_window(window)? }))
        };
        let found = node.as_str().and_then(parse);
        found.or_else(|| {
            reading.wrong_kind(node, "a quota of bytes", "write it like `1GiB/day` or `100MiB/1h`")
        })
    }
}

/// The keys by which a measure is written; all that were found.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) rate: Option<Rate>,
    pub(super) burst: Option<NonZero<u64>>,
    pub(super) concurrency: Option<NonZero<u64>>,
    pub(super) quota: Option<Quota>,
    pub(super) bytes: Option<ByteQuota>,
    pub(super) distinct: Option<KeyPart>,
    pub(super) limit: Option<Rate>,
}

const DAY: u64 = 24 * 60 * 60;

/// Stores forget what is older.
const LONGEST: Duration = Duration::from_secs(366 * DAY);

const MEASURES: [&str; 5] = ["rate", "concurrency", "quota", "bytes", "distinct"];

impl Written {
    /// The one measure; a problem where there is none, more than one, or half of one.
    pub(super) fn measure(self, node: &Node, what: &str, reading: &mut Reading) -> Option<Measure> {
        let burst = self.burst;
        let rate = self.rate.map(|rate| Measure::Rate { rate, burst: burst.unwrap_or(rate.count) });
        let distinct = self.distinct.zip(self.limit).map(|(of, limit)| Measure::Distinct { of, limit });
        let measures = [
            rate,
            self.concurrency.map(Measure::Concurrency),
            self.quota.map(Measure::Quota),
            self.bytes.map(|bytes| Measure::Bytes(bytes.0)),
            distinct,
        ];
        let mut measures = measures.into_iter().flatten();
        let (first, second) = (measures.next(), measures.next());
        let stray = match &first {
            Some(Measure::Rate { .. }) => ["limit", "distinct"].as_slice(),
            Some(Measure::Distinct { .. }) => &["burst"],
            _ => &["burst", "limit", "distinct"],
        };
        if let Some(entry) =
            stray.iter().find_map(|key| node.entry(key)).filter(|_| first.is_some() && second.is_none())
        {
            return reading.refuse(belongs_elsewhere(&entry.key.text).at(&entry.key.place));
        }
        match (first, second) {
            (Some(measure), None) if measure.memory() > LONGEST => {
                let days = measure.memory().as_secs() / DAY;
                let problem = Problem::error(
                    "policy.long_memory",
                    format!(
                        "{what} remembers for {days} days, and counts are kept for {} at most",
                        LONGEST.as_secs() / DAY
                    ),
                );
                let remedy = "give a shorter time; a `rate` remembers until its whole `burst` is given back";
                reading.refuse(problem.at(&node.place).remedy(remedy))
            }
            (Some(measure), None) => Some(measure),
            (None, _) if misread(node) => None,
            (first, _) => {
                let much = if first.is_some() { "several things" } else { "nothing" };
                let problem = Problem::error("policy.one_measure", format!("{what} measures {much}"));
                let remedy = "give one of `rate: 100/min`, `concurrency: 10`, `quota: 10000/day`, `bytes: 1GiB/day`, \
                              or `distinct: params.id` with `limit: 50/h`";
                reading.refuse(problem.at(&node.place).remedy(remedy))
            }
        }
    }
}

/// Whether a measure was written that could not be read, which has a problem of its own by now.
fn misread(node: &Node) -> bool {
    let half = node.entry("distinct").is_some() != node.entry("limit").is_some();
    !half && MEASURES.iter().any(|key| node.entry(key).is_some())
}

fn belongs_elsewhere(key: &str) -> Problem {
    let (with, remedy) = match key {
        "burst" => ("`rate`", "leave it out, or write `rate: 100/min`"),
        "limit" => ("`distinct`", "leave it out, or write `distinct: params.id` for what is counted"),
        _ => ("`limit`", "write `limit: 50/h` for how many different values, and no other measure"),
    };
    Problem::error("policy.one_measure", format!("`{key}` goes with {with} only")).remedy(remedy)
}
