//! One site, compiled: its contract, its routes, and the settings of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwapOption;
use portcullis_contract::{Contract, LearnedOperations, Operation, Requirement};
use portcullis_policy::RoutePattern;
use portcullis_wire::EncodedSlash;
use smol_str::SmolStr;

use crate::challenge::Terms;
use crate::identity::{Identity, Statement};
use crate::scope::Scope;
use crate::upstreams::Upstreams;

/// Counters of operations the contract does not name share this many slots: enough that a stranger's first call does
/// not fall into one that others have used up.
const SHARED_COUNTERS: usize = 4096;
/// Exchanges of an operation that are all looked at, and of how many one is afterwards.
const FIRST: u32 = 50;
const THEN_ONE_IN: u32 = 16;

/// A site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: SmolStr,
    pub(crate) encoded_slash: EncodedSlash,
    pub(crate) contract: Option<Arc<Contract>>,
    /// Each operation's `op:` tag.
    pub(crate) operation_tags: Vec<SmolStr>,
    /// Which provider stands for each security scheme.
    pub(crate) schemes: Vec<(SmolStr, SmolStr)>,
    pub(crate) scope: Scope,
    pub(crate) routes: Vec<Route>,
    /// Operations that were frozen from traffic; apart from the contract, for they declare nothing.
    pub(crate) frozen: Option<Arc<Contract>>,
    /// What a challenge asks.
    pub(crate) challenge: Terms,
    /// How its upstream is told who calls.
    pub(crate) statement: Option<Statement>,
    /// The page refused people see.
    pub(crate) page: Option<Arc<str>>,
    pub(crate) learned: Learned,
    pub(crate) upstreams: Upstreams,
}

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) pattern: RoutePattern,
    pub(crate) scope: Scope,
}

impl Site {
    pub(crate) fn operation(&self, index: usize) -> Option<&Operation> {
        self.contract.as_ref()?.operations().get(index)
    }

    /// Whether an identity is what a scheme of the contract asks for.
    pub(crate) fn proves(&self, requirement: &Requirement, identity: &Identity) -> bool {
        self.schemes
            .iter()
            .any(|(scheme, provider)| *scheme == requirement.scheme && *provider == identity.provider)
    }
}

/// What learning asks and says: how often operations were looked at, and the operations found. The only thing of a
/// snapshot that changes.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) operations: ArcSwapOption<LearnedOperations>,
    pub(crate) looking: Looking,
    declared: Box<[AtomicU32]>,
    shared: Box<[AtomicU32]>,
}

/// Which exchanges learning looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looking {
    /// The first of each operation, then some.
    AtSome,
    /// Every one.
    AtAll,
}

impl Learned {
    pub(crate) fn new(declared: usize) -> Self {
        let counters = |many: usize| (0..many).map(|_| AtomicU32::new(0)).collect();
        Self {
            operations: ArcSwapOption::empty(),
            looking: Looking::AtSome,
            declared: counters(declared),
            shared: counters(SHARED_COUNTERS),
        }
    }

    /// How many exchanges this one of a declared operation stands for, if it is looked at.
    pub(crate) fn samples_declared(&self, index: usize) -> Option<u32> {
        self.sampled(self.declared.get(index)?)
    }

    /// The same for an operation grouped under a name; names share counters, which stay bounded.
    pub(crate) fn samples_grouped(&self, name: &str) -> Option<u32> {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.sampled(self.shared.get(hash as usize % SHARED_COUNTERS)?)
    }

    /// The first fifty exchanges of an operation, then one in sixteen.
    fn sampled(&self, counter: &AtomicU32) -> Option<u32> {
        if self.looking == Looking::AtAll {
            return Some(1);
        }
        match counter.fetch_add(1, Ordering::Relaxed) {
            ..FIRST => Some(1),
            seen => seen.is_multiple_of(THEN_ONE_IN).then_some(THEN_ONE_IN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fifty_are_looked_at_then_one_in_sixteen() {
        let learned = Learned::new(1);
        let looked =
            |from: u32, to: u32| (from..to).filter(|_| learned.samples_declared(0).is_some()).count();
        assert_eq!((looked(0, 50), looked(50, 50 + 1600)), (50, 100));
        assert_eq!(learned.samples_declared(1), None);
        assert_eq!(learned.samples_grouped("GET /a/{number}"), Some(1));
    }
}
