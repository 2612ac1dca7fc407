//! Rules: a condition, and what follows from it: tags, an action, changed header fields.

mod action;
mod ban;

use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

pub use action::{AnswerHeaders, BlockAnswer, Redirect, RuleAction, Skippable, Throttle};
pub use ban::{BanBy, BanOrder};

use crate::condition::{Condition, Phase, Template};
use crate::decode::{Decode, Reading, check_label, nothing_written, section};
use crate::scalar::{HeaderName, TagName};
use crate::table::{Kind, Named};

section! {
    /// A condition, and what follows where it holds. Rules run in the earliest phase in which all they read is
    /// known, in written order within a phase, those for every site first.
    pub struct Rule as "rule" {
        /// Its name in events, tags and metrics.
        name: SmolStr,
        /// When it applies.
        when: Condition,
        /// Tags to set.
        tags as "tag": Vec<TagName> = "[]",
        /// What to do with the exchange.
        action: Option<RuleAction>,
        /// Header fields to change on the way to the upstream.
        headers: HeaderEdits = "{}",
        + {
            /// When it runs; settled once all rules are known.
            phase: Phase = Phase::Head,
            /// Where its parts are written.
            marks: Marks = Marks::default(),
        }
    }
    => settle_rule
}

fn settle_rule(rule: Rule, node: &Node, reading: &mut Reading) -> Option<Rule> {
    check_label(node, "rule", reading)?;
    if ["tag", "action", "headers"].iter().all(|key| nothing_written(node, key)) {
        let problem = Problem::error("policy.idle_rule", format!("the rule `{}` does nothing", rule.name));
        let place = node.entry("name").map_or(&node.place, |entry| &entry.value.place);
        return reading.refuse(problem.at(place).remedy("give it a `tag`, an `action` or `headers`"));
    }
    let key = |name: &str| node.entry(name).map(|entry| entry.key.place.clone());
    Some(Rule { marks: Marks { tag: key("tag"), action: key("action"), headers: key("headers") }, ..rule })
}

/// Where the keys of a rule are written, for problems about them.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// `tag`.
    pub tag: Option<Place>,
    /// `action`.
    pub action: Option<Place>,
    /// `headers`.
    pub headers: Option<Place>,
}

section! {
    /// Header fields changed on the way to the upstream. A field that is set is first removed where the client sent
    /// it, in every spelling, whether or not the rule applies.
    pub struct HeaderEdits as "header changes" {
        /// Fields to set, by name; where the value cannot be had, the field is left out.
        set: HeaderTemplates = "{}",
        /// Fields to remove.
        remove: Vec<HeaderName> = "[]",
    }
}

impl HeaderEdits {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Header fields and the templates of their values.
#[derive(Clone, Debug)]
pub struct HeaderTemplates(pub Vec<(HeaderName, Template)>);

impl std::ops::Deref for HeaderTemplates {
    type Target = [(HeaderName, Template)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Fields that say how a message is framed and carried, which are the gateway's alone.
const CARRIAGE: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Decode for HeaderTemplates {
    const KIND: Kind = Kind::Named(&Named { what: "header field", kind: <Template as Decode>::KIND });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let Some(entries) = node.entries() else {
            if node.is_null() {
                return Some(Self(Vec::new()));
            }
            return reading.wrong_kind(node, "a map from header fields to their values", "");
        };
        let decoded: Vec<Option<_>> = entries
            .iter()
            .map(|entry| {
                let name = field_name(&entry.key, reading);
                Some((name?, Template::decode(&entry.value, None, reading)?))
            })
            .collect();
        decoded.into_iter().collect::<Option<_>>().map(Self)
    }
}

fn field_name(key: &portcullis_document::Key, reading: &mut Reading) -> Option<HeaderName> {
    let Some(name) = HeaderName::parse(&key.text) else {
        let message = format!("no header field can be called `{}`", key.text.escape_debug());
        return reading.refuse(Problem::error("policy.bad_header", message).at(&key.place));
    };
    if CARRIAGE.contains(&name.as_str()) {
        let message = format!("`{name}` says how the message is carried, which is the gateway's to say");
        return reading.refuse(Problem::error("policy.carriage_header", message).at(&key.place));
    }
    Some(name)
}
