//! Actions and their strictness.

use serde::{Deserialize, Serialize};

/// What is done to an exchange, ordered from the mildest to the strictest: across stages the strictest wins.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Let it through.
    #[default]
    Pass,
    /// Let it through and mark it as worth a look.
    Monitor,
    /// Let it through with named fields masked.
    Mask,
    /// Send the client elsewhere.
    Redirect,
    /// Refuse for now: 429 with `Retry-After`.
    Throttle,
    /// Ask the caller to prove itself first.
    Challenge,
    /// Refuse.
    Block,
    /// Refuse, and refuse this caller for a time.
    Ban,
}

impl Action {
    /// The word used in policy, events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Monitor => "monitor",
            Self::Mask => "mask",
            Self::Redirect => "redirect",
            Self::Throttle => "throttle",
            Self::Challenge => "challenge",
            Self::Block => "block",
            Self::Ban => "ban",
        }
    }

    /// Every action, mildest first.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Monitor,
        Self::Mask,
        Self::Redirect,
        Self::Throttle,
        Self::Challenge,
        Self::Block,
        Self::Ban,
    ];

    /// Whether the exchange does not reach its end as the caller meant it.
    pub const fn refuses(self) -> bool {
        matches!(self, Self::Redirect | Self::Throttle | Self::Challenge | Self::Block | Self::Ban)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a decision is carried out, or only recorded as what would have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// `mode: block`: carried out.
    Enforced,
    /// `mode: monitor`: recorded only.
    WouldHave,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_policy() {
        assert!(Action::ALL.is_sorted());
        assert!(
            Action::Ban > Action::Block
                && Action::Throttle > Action::Redirect
                && Action::Redirect > Action::Mask
        );
    }
}
