//! SecLang, the rule language of ModSecurity 3: text to resolved rules, or every problem with its place.
//!
//! Rules come out with chains together, `SecDefaultAction` merged, `SecRuleUpdate…` and `SecRuleRemove…` applied and
//! `skipAfter` resolved, so that nothing after this reads text again. What each directive, variable, operator,
//! transformation and action becomes is written in `docs/seclang.md`, which a test holds true.
//! Deliberately absent: files (they come through `Sources`), and running anything.

mod action;
mod configuration;
mod rule;
mod target;
mod text;
mod variable;

pub use action::{
    Actions, AllowScope, BodyProcessor, Change, Collection, Control, Disruptive, Effect, Flow, Log,
    RuleSelector, SetVar, Severity, Switch, TextMatch,
};
pub use configuration::{Configuration, EngineMode, LimitAction, XmlArguments};
pub use rule::{Link, OperatorCall, Phase, Rule, RuleId, Rules, Test};
pub use target::{KeyPattern, Kind, Selector, Target};
pub use text::{Macro, Piece};
pub use variable::{Shape, Variable};
