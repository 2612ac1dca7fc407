//! The verdict: the strictest of all reasons, and what would have been done had everything been enforced.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::action::{Action, Enforcement};
use crate::reason::Reason;

/// What was decided about one exchange, with every reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    action: Action,
    would: Action,
    reasons: SmallVec<[Reason; 2]>,
}

impl Verdict {
    /// Adds a reason; the strictest action wins, among the enforced ones and among all.
    pub fn add(&mut self, reason: Reason) {
        self.would = self.would.max(reason.action);
        if reason.enforcement == Enforcement::Enforced {
            self.action = self.action.max(reason.action);
        }
        self.reasons.push(reason);
    }

    /// What is done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// What would have been done if nothing were in monitor mode; at least as strict as [`Self::action`].
    pub fn would_have(&self) -> Action {
        self.would
    }

    /// Every reason, in the order given.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The first enforced reason that asks for the winning action.
    pub fn decisive(&self) -> Option<&Reason> {
        self.reasons
            .iter()
            .find(|reason| reason.action == self.action && reason.enforcement == Enforcement::Enforced)
    }
}

/// A verdict as events show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct VerdictRecord {
    /// What was done.
    pub action: Action,
    /// What would have been done without monitor mode, where it is stricter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_have: Option<Action>,
}

impl From<&Verdict> for VerdictRecord {
    fn from(verdict: &Verdict) -> Self {
        Self { action: verdict.action, would_have: (verdict.would > verdict.action).then_some(verdict.would) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Stage;

    #[test]
    fn the_strictest_wins_and_monitor_mode_is_told_apart() {
        let mut verdict = Verdict::default();
        verdict.add(Reason::new(Stage::Limits, "limits.exceeded", Action::Throttle));
        verdict.add(Reason::new(Stage::Rules, "rules.block", Action::Block).would_have());
        assert_eq!((verdict.action(), verdict.would_have()), (Action::Throttle, Action::Block));
        assert_eq!(verdict.decisive().map(|reason| &*reason.code), Some("limits.exceeded"));
        assert_eq!(VerdictRecord::from(&verdict).would_have, Some(Action::Block));
    }
}
