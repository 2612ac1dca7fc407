//! What a rule does with an exchange, and with its caller.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use super::ban::BanOrder;
use crate::condition::Template;
use crate::decode::{Decode, Reading, section, suggest, words};
use crate::scalar::{FieldPath, HeaderName, StatusCode};
use crate::table::{Kind, Named, Word};

/// What a rule does with an exchange.
#[derive(Clone, Debug)]
pub enum RuleAction {
    /// Skips exactly these stages.
    Pass(Vec<Skippable>),
    /// Marks it as worth a look.
    Monitor,
    /// Asks its browser to prove itself first.
    Challenge,
    /// Refuses it; the first one ends the rules.
    Block(BlockAnswer),
    /// Sends the client elsewhere.
    Redirect(Redirect),
    /// Refuses it for now.
    Throttle(Throttle),
    /// Refuses it, and its caller for a time.
    Ban(BanOrder),
    /// Masks fields of the response.
    Mask(Vec<FieldPath>),
}

impl RuleAction {
    /// The word policy uses.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Monitor => "monitor",
            Self::Challenge => "challenge",
            Self::Block(_) => "block",
            Self::Redirect(_) => "redirect",
            Self::Throttle(_) => "throttle",
            Self::Ban(_) => "ban",
            Self::Mask(_) => "mask",
        }
    }
}

words! {
    /// A stage that a rule's `pass` can skip.
    pub enum Skippable {
        /// Limits.
        Limits = "limits",
        /// The content filter.
        Filter = "filter",
        /// Whether this caller may call this operation: `require`, `allow`, `unknown_callers`.
        Authorise = "authorise",
        /// Whether the contract declares the operation (`unknown_apis`) and the request is as it says
        /// (`contract_checks`).
        Contract = "contract",
    }
}

section! {
    /// What to do, with its details: one of these.
    pub(crate) struct ActionKeys as "action" {
        /// Skips exactly these stages, and nothing else.
        pass: Option<Vec<Skippable>>,
        /// Refuses with an answer of its own.
        block: Option<BlockAnswer>,
        /// Sends the client elsewhere.
        redirect: Option<Redirect>,
        /// Refuses for now, with 429.
        throttle: Option<Throttle>,
        /// Refuses, and refuses the caller for a time.
        ban: Option<BanOrder>,
        /// Masks these fields of a JSON response.
        mask: Option<Vec<FieldPath>>,
    }
}

/// Actions that need no details.
const BARE: &[Word] = &[
    Word { word: "monitor", about: &["Marks the exchange as worth a look."] },
    Word {
        word: "challenge",
        about: &["Asks its browser to prove itself first, with a small computation; programs get 403."],
    },
    Word { word: "block", about: &["Refuses it with 403."] },
    Word { word: "throttle", about: &["Refuses it for now, with 429."] },
    Word { word: "ban", about: &["Refuses it, and its caller for 15 minutes."] },
];

impl Decode for RuleAction {
    const KIND: Kind = Kind::Either(&[Kind::Words(BARE), <ActionKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        match node.as_str() {
            Some("monitor") => Some(Self::Monitor),
            Some("challenge") => Some(Self::Challenge),
            Some("block") => reading.default("{}").map(Self::Block),
            Some("throttle") => reading.default("{}").map(Self::Throttle),
            Some("ban") => reading.default("15m").map(Self::Ban),
            Some(word) => unknown_action(node, word, reading),
            None => with_details(node, reading),
        }
    }
}

fn unknown_action(node: &Node, word: &str, reading: &mut Reading) -> Option<RuleAction> {
    let details = match word {
        "pass" => "say what is skipped: `action: { pass: [limits] }`",
        "redirect" => "say where to: `action: { redirect: \"https://…\" }`",
        "mask" => "say which fields: `action: { mask: [card.number] }`",
        "tag" => "tags have a key of their own: `tag: [namespace:value]`",
        "allow" => "to let it past a stage, name the stage: `action: { pass: [limits] }`",
        _ => "",
    };
    let known = ["pass", "monitor", "challenge", "block", "redirect", "throttle", "ban", "mask"];
    let remedy = if details.is_empty() { suggest(word, known, "action") } else { details.to_owned() };
    let message = match details {
        "" => format!("`{word}` is not an action"),
        _ => format!("`{word}` alone is not an action"),
    };
    reading.refuse(Problem::error("policy.unknown_word", message).at(&node.place).remedy(remedy))
}

fn with_details(node: &Node, reading: &mut Reading) -> Option<RuleAction> {
    let ActionKeys { pass, block, redirect, throttle, ban, mask, place } =
        ActionKeys::decode(node, None, reading)?;
    let named = [
        pass.map(RuleAction::Pass),
        block.map(RuleAction::Block),
        redirect.map(RuleAction::Redirect),
        throttle.map(RuleAction::Throttle),
        ban.map(RuleAction::Ban),
        mask.map(RuleAction::Mask),
    ];
    let mut named = named.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(action), None) => Some(action),
        _ if node.entries().is_some_and(|entries| entries.len() == 1) => None,
        _ => {
            let problem = Problem::error("policy.one_action", "an action is exactly one thing").at(&place);
            reading
                .refuse(problem.remedy("give one of `pass`, `block`, `redirect`, `throttle`, `ban`, `mask`"))
        }
    }
}

section! {
    /// A refusal's own answer.
    pub struct BlockAnswer as "block answer" {
        /// The status.
        status: StatusCode = "403",
        /// Header fields to add.
        headers: AnswerHeaders = "{}",
        /// The body, instead of the gateway's own.
        body: Option<String>,
    }
}

/// Header fields of an answer, in the order written.
#[derive(Clone, Debug)]
pub struct AnswerHeaders(pub Vec<(HeaderName, SmolStr)>);

impl std::ops::Deref for AnswerHeaders {
    type Target = [(HeaderName, SmolStr)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Decode for AnswerHeaders {
    const KIND: Kind = Kind::Named(&Named { what: "header field", kind: <SmolStr as Decode>::KIND });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let Some(entries) = node.entries() else {
            return reading.wrong_kind(node, "a map from header fields to their values", "");
        };
        let decoded: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let name = super::field_name(&entry.key, reading);
                let value = SmolStr::decode(&entry.value, None, reading)?;
                if http::HeaderValue::from_str(&value).is_err() {
                    return reading.wrong_kind(&entry.value, "text that can stand in a header field", "");
                }
                Some((name?, value))
            })
            .collect();
        decoded.into_iter().collect::<Option<_>>().map(Self)
    }
}

/// Where a client is sent.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// The address.
    pub to: Template,
    /// The status.
    pub status: StatusCode,
}

section! {
    /// Where a client is sent.
    pub(crate) struct RedirectKeys as "redirect" {
        /// The address; `${…}` stands for an expression's value.
        to: Template,
        /// The status: 301, 302, 303, 307 or 308.
        status: StatusCode = "302",
    }
}

impl Decode for Redirect {
    const KIND: Kind = Kind::Either(&[<Template as Decode>::KIND, <RedirectKeys as Decode>::KIND]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.entries().is_none() {
            let to = Template::decode(node, None, reading)?;
            return Some(Self { to, status: reading.default("302")? });
        }
        let RedirectKeys { to, status, .. } = RedirectKeys::decode(node, None, reading)?;
        if matches!(status.get(), 301 | 302 | 303 | 307 | 308) {
            return Some(Self { to, status });
        }
        let place = &node.get("status").unwrap_or(node).place;
        let problem =
            Problem::error("policy.no_redirect", format!("no redirect is answered with {}", status.get()));
        reading.refuse(problem.at(place).remedy("its status is 301, 302, 303, 307 or 308"))
    }
}

section! {
    /// A refusal for now.
    pub struct Throttle as "throttle" {
        /// When to come back, as `Retry-After` says it.
        retry_after: Duration = "30s",
    }
}
