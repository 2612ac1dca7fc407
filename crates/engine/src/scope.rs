//! What holds on a site or route, compiled: the part of a snapshot an exchange runs under once it is located.
//!
//! Invariant: complete, nothing is inherited at run time.

use std::sync::Arc;
use std::time::Duration;

use portcullis_expr::{Known, Path, Program, Template, Var};
use portcullis_policy::{
    CheckStance, Cost, LimitAction, Missing, Mode, OverLimit, Quota, Rate, ResponseCheck, RuleAction, Stance,
    Undeclared, UnknownCallers,
};
use smol_str::SmolStr;

use crate::arrival::HoldBounds;
use crate::filter::Filtering;
use crate::identity::Provider;
use crate::redact::Redactor;

/// Effective settings of a site or a route.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The route's name; absent for the site itself.
    pub(crate) route: Option<SmolStr>,
    pub(crate) mode: Mode,
    pub(crate) unknown_apis: Stance,
    pub(crate) unknown_callers: UnknownCallers,
    /// Whether requests are held against what the contract declares of them.
    pub(crate) request_check: CheckStance,
    /// What requests hold that it does not declare.
    pub(crate) undeclared: Undeclared,
    /// Whether responses are held against it.
    pub(crate) response_check: ResponseCheck,
    pub(crate) providers: Vec<Arc<Provider>>,
    pub(crate) require: Require,
    pub(crate) allow: Option<Program>,
    pub(crate) rules: ByTurn<Rule>,
    pub(crate) limits: ByTurn<Limit>,
    /// The content filter; absent where it is off.
    pub(crate) filter: Option<Box<Filtering>>,
    pub(crate) body: Hold,
    pub(crate) response_body: Hold,
    /// Whether a rule or limit reads the request's body itself, not only what the filter says of it.
    pub(crate) reads_request: bool,
    /// Whether a rule reads the response's body, or may mask it once its head is known.
    pub(crate) reads_response: bool,
    /// Whether a rule asks for the classes of sensitive data in the response's body.
    pub(crate) reads_data: bool,
    pub(crate) redact: Arc<Redactor>,
    /// Field names that only the gateway may set towards this upstream.
    pub(crate) reserved: Arc<[SmolStr]>,
}

/// Who may call.
#[derive(Debug)]
pub(crate) enum Require {
    Nothing,
    Contract,
    Callers(Box<Requirement>),
}

/// What one identity of the caller must meet.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// One of these providers; any where there are none.
    pub(crate) providers: Vec<SmolStr>,
    /// One of these; none are needed where there are none.
    pub(crate) groups: Vec<SmolStr>,
    /// All of these.
    pub(crate) scopes: Vec<SmolStr>,
    pub(crate) when: Option<Program>,
}

/// How a body is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) bounds: HoldBounds,
    pub(crate) over_limit: OverLimit,
    pub(crate) reading: Reading,
}

/// What reading a body may spend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) depth: u16,
    pub(crate) values: u32,
    pub(crate) value_bytes: usize,
    /// How many times its size a coded body may become.
    pub(crate) ratio: u32,
    /// How many times the limit on what is held it may become.
    pub(crate) growth: u16,
}

impl Default for Reading {
    fn default() -> Self {
        Self { depth: 64, values: 20_000, value_bytes: 1 << 20, ratio: 100, growth: 8 }
    }
}

impl Default for Hold {
    fn default() -> Self {
        let bounds = HoldBounds { limit: 1 << 20, deadline: Duration::from_secs(30) };
        Self { bounds, over_limit: OverLimit::Refuse, reading: Reading::default() }
    }
}

/// When a rule or limit runs: the phases in which the engine evaluates anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Site and route are found.
    Located,
    /// It is known who calls.
    Authenticated,
    /// The operation is matched.
    Operation,
    /// The request's body is held.
    RequestBody,
    /// The response's head is here.
    ResponseHead,
    /// The response's body is held.
    ResponseBody,
    /// The exchange has ended; only limits run.
    End,
}

impl Turn {
    /// Every turn, in order.
    pub(crate) const ALL: [Self; 7] = [
        Self::Located,
        Self::Authenticated,
        Self::Operation,
        Self::RequestBody,
        Self::ResponseHead,
        Self::ResponseBody,
        Self::End,
    ];
}

impl From<Known> for Turn {
    fn from(known: Known) -> Self {
        match known {
            Known::Peer | Known::Located => Self::Located,
            Known::Authenticated => Self::Authenticated,
            Known::Operation => Self::Operation,
            Known::RequestBody => Self::RequestBody,
            Known::ResponseHead => Self::ResponseHead,
            Known::ResponseBody | Known::End => Self::ResponseBody,
        }
    }
}

/// Things sorted by when they run, in written order within a turn.
#[derive(Debug)]
pub(crate) struct ByTurn<T>([Vec<T>; 7]);

impl<T> Default for ByTurn<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Vec::new()))
    }
}

impl<T> ByTurn<T> {
    pub(crate) fn push(&mut self, turn: Turn, item: T) {
        if let Some(slot) = self.0.get_mut(turn as usize) {
            slot.push(item);
        }
    }

    pub(crate) fn at(&self, turn: Turn) -> &[T] {
        self.0.get(turn as usize).map_or(&[], Vec::as_slice)
    }
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: SmolStr,
    /// `rule:NAME`.
    pub(crate) tag: SmolStr,
    pub(crate) when: Program,
    pub(crate) tags: Vec<SmolStr>,
    pub(crate) action: Option<RuleAction>,
    /// A block's own body.
    pub(crate) body: Option<Arc<str>>,
    pub(crate) set: Vec<(SmolStr, Template)>,
    pub(crate) remove: Arc<[SmolStr]>,
}

/// One threshold of a limit.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: SmolStr,
    /// `limit:NAME`.
    pub(crate) tag: SmolStr,
    /// Hash of site and limit: what tells its counters from all others.
    pub(crate) root: [u8; 16],
    pub(crate) key: Arc<[Part]>,
    pub(crate) missing: Missing,
    pub(crate) when: Option<Program>,
    /// Tags that exempt.
    pub(crate) except: Arc<[SmolStr]>,
    pub(crate) measure: Measure,
    /// What an exchange counts as, by the operation's name or otherwise.
    pub(crate) cost: Arc<Cost>,
    pub(crate) action: LimitAction,
    /// By which name clients are told of it with every answer, where they are.
    pub(crate) announced: Option<SmolStr>,
}

/// What a limit measures, and how much is let through.
#[derive(Clone, Debug)]
pub(crate) enum Measure {
    Rate { rate: Rate, burst: u64 },
    Concurrency(u64),
    Quota(Quota),
    Bytes(Quota),
    Distinct { of: Part, most: u64, window: Duration },
}

/// What a limit counts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Caller,
    Address,
    /// The address's network, by the lengths of its prefix for IPv4 and IPv6.
    Network(u8, u8),
    Identity,
    Host,
    Method,
    Path,
    Operation,
    /// A variable without members.
    Plain(Var),
    /// A named value of a header, the query, a cookie, a path parameter or the body.
    Named(Var, Path),
    /// The values of tags that begin so: `tenant:`.
    Tags(SmolStr),
}
