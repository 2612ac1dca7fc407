//! Rules as they are after reading: chains together, defaults merged, updates and removals applied, jumps resolved.

use portcullis_document::{Place, Problem};
use smol_str::SmolStr;

use super::action::{Actions, Effect, RuleSelector};
use super::configuration::Configuration;
use super::target::Target;
use super::text::Macro;
use crate::operator::Operator;
use crate::transform::Transformation;

/// Every rule of some files, and their settings.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What other directives set.
    pub config: Configuration,
    /// The rules of each phase, in the order written; [`Phase::index`] is the index.
    pub phases: [Vec<Rule>; 5],
    /// What is probably not meant, though the rules can be used.
    pub notes: Vec<Problem>,
}

impl Rules {
    /// The rules of a phase.
    pub fn phase(&self, phase: Phase) -> &[Rule] {
        self.phases.get(phase.index()).map_or(&[], Vec::as_slice)
    }

    /// Every rule, phase by phase.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.phases.iter().flatten()
    }
}

/// When a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Phase {
    /// 1.
    RequestHead = 1,
    /// 2.
    RequestBody = 2,
    /// 3.
    ResponseHead = 3,
    /// 4.
    ResponseBody = 4,
    /// 5.
    Logging = 5,
}

impl Phase {
    /// All five, in order.
    pub const ALL: [Self; 5] =
        [Self::RequestHead, Self::RequestBody, Self::ResponseHead, Self::ResponseBody, Self::Logging];

    /// Its index from 0.
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// The phase of that name or number: `2`, `request`, `response`, `logging`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "1" => Some(Self::RequestHead),
            "2" | "request" => Some(Self::RequestBody),
            "3" => Some(Self::ResponseHead),
            "4" | "response" => Some(Self::ResponseBody),
            "5" | "logging" => Some(Self::Logging),
            _ => None,
        }
    }
}

/// A rule's number; 0 for a `SecAction` or rule that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One rule, with its chain.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its number.
    pub id: RuleId,
    /// Where it is written.
    pub place: Place,
    /// When it runs.
    pub phase: Phase,
    /// Its own test.
    pub first: Link,
    /// The tests that follow, all of which have to match as well.
    pub chain: Vec<Link>,
    /// What it does and says once all matched. `msg`, `logdata` and tags of later links are merged in.
    pub actions: Actions,
}

impl Rule {
    /// Its own test and those of the chain.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::once(&self.first).chain(&self.chain)
    }

    /// Whether a removal or an update means this rule.
    pub fn is_selected(&self, selector: &RuleSelector) -> bool {
        match selector {
            RuleSelector::Ids(ranges) => ranges.iter().any(|range| range.contains(&self.id.0)),
            RuleSelector::Tag(text) => self.actions.tags.iter().any(|tag| text.matches(tag)),
            RuleSelector::Message(text) => {
                let message = self.actions.message.as_ref();
                message.is_some_and(|message| text.matches(&message.to_string()))
            }
        }
    }
}

/// One test of a rule, and what happens when it matches.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it is written.
    pub place: Place,
    /// The test.
    pub test: Test,
    /// What values go through before the test, in order.
    pub transformations: Vec<Transformation>,
    /// `multiMatch`: the test is tried after every transformation that changed the value.
    pub multi_match: bool,
    /// `capture`: groups of the match become `TX:0` to `TX:9`.
    pub capture: bool,
    /// What happens when the test matches.
    pub effects: Vec<Effect>,
}

/// What is tested.
#[derive(Clone, Debug)]
pub enum Test {
    /// Nothing: `SecAction` always matches.
    Always,
    /// Values against an operator.
    Values {
        /// Which values.
        targets: Vec<Target>,
        /// Against what.
        operator: OperatorCall,
    },
}

/// An operator as a rule calls it.
#[derive(Clone, Debug)]
pub struct OperatorCall {
    /// `!@…`: matches where the operator does not.
    pub negated: bool,
    /// The name as the reference spells it, without `@`.
    pub name: SmolStr,
    /// The argument, quotes removed.
    pub argument: Macro,
    /// The same, compiled. One that has no effect here is compiled as `noMatch`.
    pub compiled: Operator,
}
