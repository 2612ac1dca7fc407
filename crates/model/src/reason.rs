//! Reasons: why a verdict came out as it did, with evidence already redacted.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::action::{Action, Enforcement};

/// The part of an exchange's life that gave a reason.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the head and the message's framing.
    Framing,
    /// Host, path and percent-encoding.
    Normalise,
    /// Finding site and route.
    Locate,
    /// Bans in force.
    Bans,
    /// Proving who calls.
    Authenticate,
    /// Whether this caller may call this operation.
    Authorise,
    /// The contract: operations declared or not.
    Contract,
    /// Proofs that browsers give of themselves.
    Challenge,
    /// Rules.
    Rules,
    /// Limits.
    Limits,
    /// Holding and reading the request body.
    Body,
    /// The content filter.
    Filter,
    /// Talking to the upstream.
    Upstream,
    /// The response.
    Response,
    /// The gateway itself (store down, panic, shutting down).
    Gateway,
}

impl Stage {
    /// The word used in events and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Framing => "framing",
            Self::Normalise => "normalise",
            Self::Locate => "locate",
            Self::Bans => "bans",
            Self::Authenticate => "authenticate",
            Self::Authorise => "authorise",
            Self::Contract => "contract",
            Self::Challenge => "challenge",
            Self::Rules => "rules",
            Self::Limits => "limits",
            Self::Body => "body",
            Self::Filter => "filter",
            Self::Upstream => "upstream",
            Self::Response => "response",
            Self::Gateway => "gateway",
        }
    }
}

/// One reason for a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reason {
    /// The stage that gave it.
    pub stage: Stage,
    /// A stable code, `stage.what`, e.g. `framing.content_length_and_transfer_encoding`.
    pub code: SmolStr,
    /// What it asks for.
    pub action: Action,
    /// Whether it is carried out or only recorded.
    pub enforcement: Enforcement,
    /// The rule, limit, list or provider that said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<SmolStr>,
    /// A sentence for the operator, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<SmolStr>,
    /// What the content filter found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<Found>>,
}

/// What a rule of the content filter found, redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Found {
    /// The class of attack, `sqli`; absent where the rule names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<SmolStr>,
    /// Where: `query.q`, `body.items[2].note`, `headers.user-agent`.
    pub place: SmolStr,
    /// The places by which exclusions find the match, where it is not `place` alone; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<SmolStr>,
    /// Whether there are more of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_places: bool,
    /// The part that matched, as it was read; bounded, secrets and personal data replaced.
    pub matched: SmolStr,
    /// How the value had to be read to see it, outermost first: `url, base64`; empty as it was sent.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub read_as: SmolStr,
    /// What it added to the score; of a decision by score the whole.
    pub score: i64,
    /// Of a decision by score, from which score on it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<i64>,
}

impl Reason {
    /// A reason that is carried out.
    pub fn new(stage: Stage, code: impl Into<SmolStr>, action: Action) -> Self {
        Self {
            stage,
            code: code.into(),
            action,
            enforcement: Enforcement::Enforced,
            by: None,
            detail: None,
            found: None,
        }
    }

    /// The same, said by that rule, limit, list or provider.
    pub fn by(mut self, name: impl Into<SmolStr>) -> Self {
        self.by = Some(name.into());
        self
    }

    /// The same, with a sentence for the operator (redacted by the caller).
    pub fn detail(mut self, text: impl Into<SmolStr>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// The same, with what the content filter found.
    pub fn found(mut self, found: Found) -> Self {
        self.found = Some(Box::new(found));
        self
    }

    /// The same, only recorded.
    pub fn would_have(mut self) -> Self {
        self.enforcement = Enforcement::WouldHave;
        self
    }
}
