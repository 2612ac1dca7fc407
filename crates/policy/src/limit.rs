//! Limits: how much the same caller, address or anything else may do.
//!
//! A limit is a key, a measure and what happens above it; further thresholds of the same measure may follow, each
//! with a stricter action. Which exchanges count is said by `when`, `except` and what a missing key means.

mod action;
mod cost;
mod key;
mod measure;

use std::num::NonZero;

use portcullis_document::{Node, Problem};
use portcullis_expr::{Reads, TagTest, Var};
use smol_str::SmolStr;

pub use action::{DelayOrder, LimitAction};
pub use cost::{Cost, CostBy};
pub use key::{KeyPart, Missing};
pub use measure::{ByteQuota, Measure, Quota};

use crate::condition::{Condition, Phase};
use crate::decode::{Reading, check_label, nothing_written, section, words};
use crate::rule::BanBy;
use crate::scalar::{Rate, TagName};
use measure::Written;

section! {
    /// How much may be done, counted apart for every value of its key: so many exchanges in a time (`rate`), at once
    /// (`concurrency`) or in a day (`quota`), so many bytes, or so many different values. Every limit that applies is
    /// counted, whatever the others say.
    pub struct Limit as "limit" {
        /// Its name in events, tags and metrics.
        name: SmolStr,
        /// What is counted apart: one of these, or several together.
        key: Vec<KeyPart> = "caller",
        /// What it means that a part of the key is not there. Exchanges without an identity are never counted by one.
        missing: Missing = "shared",
        /// Which exchanges count; all of them if not given. Where this is known only with the answer, they are counted
        /// once they end.
        when: Option<Condition>,
        /// When they are counted. What is counted at the end holds nothing back, so that the action is `monitor` or
        /// `ban`.
        counted: Counted = "arrival",
        /// Exchanges with one of these tags do not count.
        except: Vec<TagName> = "[]",
        /// How many exchanges, in which time: a token bucket. In any window no more than `burst + rate × window` is let
        /// through.
        rate: Option<Rate>,
        /// With `rate`: how many at once; as many as the rate's number if not given.
        burst: Option<NonZero<u64>>,
        /// Instead of `rate`: how many exchanges under way at once. A place is given back when its exchange ends, or
        /// after an hour.
        concurrency: Option<NonZero<u64>>,
        /// Instead of `rate`: how many exchanges a day, month or other window. What is refused is not counted.
        quota: Option<Quota>,
        /// Instead of `rate`: how many bytes of bodies, requests' and answers' together. They are counted as exchanges
        /// end, so those under way when the quota is reached still go on.
        bytes: Option<ByteQuota>,
        /// Instead of `rate`: how many different values of this, as `limit` says. Exchanges without it do not count.
        distinct: Option<KeyPart>,
        /// With `distinct`: how many different values, counted for how long from the first. Exact up to 512, then
        /// estimated to about 2%.
        limit: Option<Rate>,
        /// What an exchange counts as, for a rate or a quota: a number, numbers by operation, or what its GraphQL documents
        /// ask for.
        cost: Cost = "1",
        /// When clients read in `RateLimit-Policy` and `RateLimit` what holds and what is left.
        announce: Announce = "refused",
        /// What happens above it.
        action: LimitAction = "throttle",
        /// Further thresholds of the same measure, each higher than the one before and with a stricter action.
        above: Vec<Above> = "[]",
        + {
            /// All its thresholds, the lowest first; the first is the limit's own.
            thresholds: Vec<Threshold> = Vec::new(),
            /// When it is counted; settled once all rules are known.
            phase: Phase = Phase::Head,
        }
    }
    => settle_limit
}

words! {
    /// When a limit counts an exchange.
    pub enum Counted {
        /// As soon as all the limit reads is known. What is refused before, by its framing, a ban or the content
        /// filter, is not counted.
        Arrival = "arrival",
        /// Once it has ended, however it ended.
        End = "end",
    }
}

words! {
    /// When a client is told of a limit.
    pub enum Announce {
        /// Where the limit refuses it.
        Refused = "refused",
        /// With every answer that passes, too.
        Always = "always",
    }
}

section! {
    /// A further threshold of a limit.
    pub struct Above as "threshold" {
        /// How many exchanges, in which time.
        rate: Option<Rate>,
        /// With `rate`: how many at once; as many as the rate's number if not given.
        burst: Option<NonZero<u64>>,
        /// How many exchanges at once.
        concurrency: Option<NonZero<u64>>,
        /// How many exchanges a day, month or other window.
        quota: Option<Quota>,
        /// How many bytes a day, month or other window.
        bytes: Option<ByteQuota>,
        /// How many different values of what the limit counts.
        limit: Option<Rate>,
        /// What happens above it.
        action: LimitAction,
    }
}

/// How much is let through, and what happens above.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// How much.
    pub measure: Measure,
    /// What happens above.
    pub action: LimitAction,
}

impl Limit {
    /// All it reads before it can be counted.
    pub fn reads(&self) -> Reads {
        let mut reads = self.when.as_ref().map_or_else(Reads::default, |when| when.reads().clone());
        self.key.iter().for_each(|part| part.read(&mut reads));
        self.except.iter().for_each(|tag| reads.tag(TagTest::Exact(tag.as_smol().clone())));
        if !self.cost.operations.is_empty() {
            reads.var(Var::Operation);
        }
        if self.cost.by == CostBy::Graphql {
            reads.var(Var::Body);
        }
        if let Some(of) = &self.distinct {
            of.read(&mut reads);
        }
        reads
    }

    /// Whether it is counted only once the exchange has ended, too late to refuse it.
    pub fn is_late(&self) -> bool {
        self.counted == Counted::End || self.phase > Phase::Body
    }
}

fn settle_limit(mut limit: Limit, node: &Node, reading: &mut Reading) -> Option<Limit> {
    check_label(node, "limit", reading)?;
    if node.get("key").is_some() && nothing_written(node, "key") {
        let problem =
            Problem::error("policy.empty_key", format!("the limit `{}` counts nothing apart", limit.name));
        return reading.refuse(problem.at(&node.place).remedy("e.g. `key: caller`, or `key: ip`"));
    }
    let written = Written {
        rate: limit.rate,
        burst: limit.burst,
        concurrency: limit.concurrency,
        quota: limit.quota,
        bytes: limit.bytes,
        distinct: limit.distinct.clone(),
        limit: limit.limit,
    };
    let measure = written.measure(node, &format!("the limit `{}`", limit.name), reading)?;
    if let Some(entry) = node.entry("cost").filter(|_| !measure.has_cost()) {
        let problem = Problem::error("policy.idle_cost", "only a rate or a quota has a cost");
        return reading.refuse(problem.at(&entry.key.place).remedy("leave it out"));
    }
    if let (Announce::Always, Measure::Distinct { .. }) = (limit.announce, &measure) {
        let problem = Problem::error("policy.idle_announce", "different values cannot be announced");
        let place = &node.get("announce").unwrap_or(node).place;
        return reading.refuse(problem.at(place).remedy("leave `announce` out"));
    }
    limit.thresholds = vec![Threshold { measure, action: limit.action.clone() }];
    for above in std::mem::take(&mut limit.above) {
        let threshold = settle_above(&limit, &above, written_above(node, &above)?, reading)?;
        limit.thresholds.push(threshold);
    }
    ban_what_is_counted(&mut limit);
    Some(limit)
}

fn written_above<'a>(node: &'a Node, above: &Above) -> Option<&'a Node> {
    let list = node.get("above")?;
    list.items().unwrap_or(std::slice::from_ref(list)).iter().find(|item| item.place == above.place)
}

fn settle_above(limit: &Limit, above: &Above, node: &Node, reading: &mut Reading) -> Option<Threshold> {
    let written = Written {
        rate: above.rate,
        burst: above.burst,
        concurrency: above.concurrency,
        quota: above.quota,
        bytes: above.bytes,
        distinct: limit.distinct.clone().filter(|_| above.limit.is_some()),
        limit: above.limit,
    };
    let measure = written.measure(node, "this threshold", reading)?;
    let below = limit.thresholds.last()?;
    let refuse = |what: &str, remedy: &str, reading: &mut Reading| {
        let problem = Problem::error("policy.thresholds", format!("this threshold {what}")).at(&above.place);
        reading.refuse(problem.remedy(remedy))
    };
    if !measure.exceeds(&below.measure) {
        return refuse(
            "is not above the one before it",
            "give more of the same measure, the lowest first",
            reading,
        );
    }
    if above.action.strictness() <= below.action.strictness() {
        let remedy = "from the mildest: `monitor`, `delay`, `throttle`, `challenge`, `block`, `ban`";
        return refuse("is not stricter than the one before it", remedy, reading);
    }
    Some(Threshold { measure, action: above.action.clone() })
}

/// A limit that counts addresses, and not callers, bans the address.
fn ban_what_is_counted(limit: &mut Limit) {
    let caller = limit.key.iter().any(|part| matches!(part, KeyPart::Caller | KeyPart::Identity));
    if caller || !limit.key.contains(&KeyPart::Ip) {
        return;
    }
    let actions = limit.thresholds.iter_mut().map(|threshold| &mut threshold.action);
    for action in actions.chain(std::iter::once(&mut limit.action)) {
        if let LimitAction::Ban(order) = action
            && order.by == BanBy::Caller
        {
            order.by = BanBy::Ip;
        }
    }
}
