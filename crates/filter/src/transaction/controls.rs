//! What `ctl` changed for the rest of one transaction.
//!
//! Invariant: rules and targets are only ever taken away. Does not know how rules run.

use std::sync::Arc;

use crate::scan::Bits;
use crate::seclang::{BodyProcessor, Configuration, EngineMode, Selector, Switch, Variable, XmlArguments};

/// The settings one transaction runs under.
#[derive(Debug)]
pub(super) struct Controls {
    pub(super) engine: EngineMode,
    pub(super) request_body_access: Switch,
    pub(super) response_body_access: Switch,
    pub(super) force_request_body: Switch,
    pub(super) processor: Option<BodyProcessor>,
    pub(super) request_body_limit: u64,
    pub(super) response_body_limit: u64,
    pub(super) xml_into_args: XmlArguments,
    removed: Bits,
    removed_targets: Vec<Removed>,
}

#[derive(Debug)]
struct Removed {
    rules: Arc<Bits>,
    variable: Variable,
    selector: Selector,
}

/// The most target removals of one transaction.
const REMOVALS: usize = 1024;

impl Controls {
    /// The settings a transaction begins with.
    pub(super) fn new(config: &Configuration) -> Self {
        let switch = |on| if on { Switch::On } else { Switch::Off };
        Self {
            engine: config.engine,
            request_body_access: switch(config.request_body_access),
            response_body_access: switch(config.response_body_access),
            force_request_body: Switch::Off,
            processor: None,
            request_body_limit: config.request_body_limit,
            response_body_limit: config.response_body_limit,
            xml_into_args: config.xml_into_args,
            removed: Bits::new(),
            removed_targets: Vec::new(),
        }
    }

    /// Takes rules away, by number.
    pub(super) fn remove_rules(&mut self, rules: &Bits) {
        self.removed.union_with(rules);
    }

    /// Takes targets of some rules away.
    pub(super) fn remove_target(&mut self, rules: &Arc<Bits>, variable: Variable, selector: &Selector) {
        if self.removed_targets.len() < REMOVALS {
            let removed = Removed { rules: Arc::clone(rules), variable, selector: selector.clone() };
            self.removed_targets.push(removed);
        }
    }

    /// Whether a rule was taken away.
    pub(super) fn is_removed(&self, rule: u32) -> bool {
        self.removed.contains(rule as usize)
    }

    /// Whether a rule still looks at this value of a variable.
    pub(super) fn looks_at(&self, rule: u32, variable: Variable, key: &[u8]) -> bool {
        !self.removed_targets.iter().any(|removed| {
            removed.variable == variable
                && removed.rules.contains(rule as usize)
                && removed.selector.selects(key)
        })
    }
}
