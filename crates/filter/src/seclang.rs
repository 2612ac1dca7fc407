//! SecLang, the rule language of ModSecurity 3: text to resolved rules, or every problem with its place.
//!
//! Rules come out with chains together, `SecDefaultAction` merged, `SecRuleUpdate…` and `SecRuleRemove…` applied and
//! `skipAfter` resolved, so that nothing after this reads text again. What each directive, variable, operator,
//! transformation and action becomes is written in `docs/seclang.md`, which a test holds true.
//! Deliberately absent: files (they come through `Sources`), and running anything.

mod action;
mod action_list;
mod configuration;
mod control;
mod directive;
mod draft;
mod glob;
mod inventory;
mod layout;
mod line;
mod operator_call;
mod reader;
mod reference;
mod resolve;
mod rule;
mod settings;
mod target;
mod target_list;
mod text;
mod variable;

#[cfg(test)]
mod tests;

use portcullis_document::{Problem, Sources};

pub use action::{
    Actions, AllowScope, BodyProcessor, Change, Collection, Control, Disruptive, Effect, Flow, Log,
    RuleSelector, SetVar, Severity, Switch, TextMatch,
};
pub use configuration::{Configuration, EngineMode, LimitAction, XmlArguments};
pub use inventory::{Part, Treatment, Word, inventory};
pub use layout::crs_entries;
pub use reader::Entry;
pub use reference::reference;
pub use rule::{Link, OperatorCall, Phase, Rule, RuleId, Rules, Test};
pub use target::{KeyPattern, Kind, Selector, Target};
pub use text::{Macro, Piece};
pub use variable::{Shape, Variable};

/// The rules of some files together, or every problem with them, warnings included.
pub fn load(entries: &[Entry], sources: &dyn Sources) -> Result<Rules, Vec<Problem>> {
    let mut reader = reader::Reader::new(sources);
    for entry in entries {
        reader.read_entry(entry);
    }
    let phases = resolve::resolve(std::mem::take(&mut reader.statements), &mut reader.problems);
    if reader.has_failed() {
        return Err(reader.problems);
    }
    Ok(Rules { config: reader.config, phases, notes: reader.problems })
}
