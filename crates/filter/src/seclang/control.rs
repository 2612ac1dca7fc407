//! `ctl`: one table of its forms, and their values.

use std::ops::RangeInclusive;

use portcullis_document::{Problem, nearest};

use super::action::{BodyProcessor, Control, Effect, RuleSelector, Switch, TextMatch};
use super::configuration::{EngineMode, XmlArguments};
use super::inventory::Treatment;
use super::line::Span;
use super::target::{KeyPattern, Kind};
use super::target_list;

type Reads = fn(Span<'_>) -> Result<Control, Problem>;
type Selects = fn(Span<'_>) -> Result<RuleSelector, Problem>;

#[derive(Clone, Copy)]
enum Meaning {
    /// One control.
    One(Reads),
    /// Rules, and after a semicolon the targets they lose.
    Targets(Selects),
    Idle(&'static str),
    Refused(&'static str),
}

const NO_AUDIT: &str = "events are kept by the policy's rules for events";
const NO_HASH: &str = "links are not signed";

const CONTROLS: [(&str, Meaning); 19] = [
    ("auditEngine", Meaning::Idle(NO_AUDIT)),
    ("auditLogParts", Meaning::Idle(NO_AUDIT)),
    (
        "debugLogLevel",
        Meaning::Idle("there is no debug log of rules; `portcullis filter try` shows what they do"),
    ),
    ("forceRequestBodyVariable", Meaning::One(|value| Ok(Control::ForceRequestBodyVariable(switch(value)?)))),
    ("hashEnforcement", Meaning::Refused(NO_HASH)),
    ("hashEngine", Meaning::Refused(NO_HASH)),
    ("parseXmlIntoArgs", Meaning::One(|value| Ok(Control::XmlIntoArgs(xml_arguments(value)?)))),
    ("requestBodyAccess", Meaning::One(|value| Ok(Control::RequestBodyAccess(switch(value)?)))),
    ("requestBodyLimit", Meaning::One(|value| Ok(Control::RequestBodyLimit(number(value)?)))),
    ("requestBodyProcessor", Meaning::One(|value| Ok(Control::BodyProcessor(processor(value)?)))),
    ("responseBodyAccess", Meaning::One(|value| Ok(Control::ResponseBodyAccess(switch(value)?)))),
    ("responseBodyLimit", Meaning::One(|value| Ok(Control::ResponseBodyLimit(number(value)?)))),
    ("ruleEngine", Meaning::One(|value| Ok(Control::Engine(engine_mode(value)?)))),
    ("ruleRemoveById", Meaning::One(|value| Ok(Control::RemoveRules(RuleSelector::Ids(ids(value)?))))),
    (
        "ruleRemoveByMsg",
        Meaning::One(|value| Ok(Control::RemoveRules(RuleSelector::Message(text_match(value)?)))),
    ),
    (
        "ruleRemoveByTag",
        Meaning::One(|value| Ok(Control::RemoveRules(RuleSelector::Tag(text_match(value)?)))),
    ),
    ("ruleRemoveTargetById", Meaning::Targets(|value| Ok(RuleSelector::Ids(ids(value)?)))),
    ("ruleRemoveTargetByMsg", Meaning::Targets(|value| Ok(RuleSelector::Message(text_match(value)?)))),
    ("ruleRemoveTargetByTag", Meaning::Targets(|value| Ok(RuleSelector::Tag(text_match(value)?)))),
];

/// Every form of `ctl` and what becomes of it.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Treatment)> {
    CONTROLS.iter().map(|(name, meaning)| {
        let treatment = match meaning {
            Meaning::One(_) | Meaning::Targets(_) => Treatment::Done,
            Meaning::Idle(why) => Treatment::Idle(why),
            Meaning::Refused(why) => Treatment::Refused(why),
        };
        (*name, treatment)
    })
}

/// The effects of one `ctl:name=value`.
pub(super) fn parse(written: Span<'_>, effects: &mut Vec<Effect>) -> Result<(), Problem> {
    let Some((name, value)) = written.split_once(|c| c == '=') else {
        let problem = written.error("seclang.control", "`ctl` needs a name and a value");
        return Err(problem.remedy("write it like ctl:ruleEngine=Off"));
    };
    let (name, value) = (name.trim(), value.trim().unquote());
    let known = CONTROLS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.raw()));
    match known.map(|(_, meaning)| meaning) {
        Some(Meaning::One(reads)) => effects.push(Effect::Control(reads(value)?)),
        Some(Meaning::Targets(selects)) => remove_targets(value, *selects, effects)?,
        Some(Meaning::Idle(_)) => {}
        Some(Meaning::Refused(why)) => {
            let message = format!("`ctl:{}` is refused: {why}", name.raw());
            return Err(name.error("seclang.refused", message));
        }
        None => return Err(unknown(name)),
    }
    Ok(())
}

fn unknown(name: Span<'_>) -> Problem {
    let problem = name.error("seclang.control", format!("`{}` is nothing `ctl` can change", name.raw()));
    match nearest(name.raw(), CONTROLS.iter().map(|(known, _)| *known)) {
        Some(near) => problem.remedy(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// `942100;ARGS:note` or `attack-sqli;ARGS:a|ARGS:b`.
fn remove_targets(value: Span<'_>, selects: Selects, effects: &mut Vec<Effect>) -> Result<(), Problem> {
    let Some((rules, targets)) = value.split_once(|c| c == ';') else {
        let problem = value.error("seclang.control", "rules and a target are needed here");
        return Err(problem.remedy("write it like ruleRemoveTargetById=942100;ARGS:note"));
    };
    let rules = selects(rules.trim())?;
    let mut problems = Vec::new();
    let targets = target_list::parse(targets, &mut problems);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    for mut target in targets {
        if target.kind == Kind::Values {
            target.kind = Kind::Except;
        }
        effects.push(Effect::Control(Control::RemoveTarget(rules.clone(), target)));
    }
    Ok(())
}

/// One of some names, without regard to case, or a problem that lists them.
pub(super) fn choice<T: Copy>(value: Span<'_>, known: &[(&str, T)]) -> Result<T, Problem> {
    let raw = value.raw().trim();
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(raw));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let problem = value.error("seclang.value", format!("`{raw}` cannot stand here"));
        problem.remedy(format!("one of {}", names.join(", ")))
    })
}

/// On or off.
pub(super) fn switch(value: Span<'_>) -> Result<Switch, Problem> {
    choice(value, &[("On", Switch::On), ("Off", Switch::Off)])
}

/// On, off, or detection only.
pub(super) fn engine_mode(value: Span<'_>) -> Result<EngineMode, Problem> {
    let known =
        [("On", EngineMode::On), ("Off", EngineMode::Off), ("DetectionOnly", EngineMode::DetectionOnly)];
    choice(value, &known)
}

/// On, off, or instead of `XML`.
pub(super) fn xml_arguments(value: Span<'_>) -> Result<XmlArguments, Problem> {
    let known = [("On", XmlArguments::On), ("Off", XmlArguments::Off), ("OnlyArgs", XmlArguments::OnlyArgs)];
    choice(value, &known)
}

fn processor(value: Span<'_>) -> Result<BodyProcessor, Problem> {
    choice(value, &BodyProcessor::ALL.map(|known| (known.name(), known)))
}

/// A whole number.
pub(super) fn number(value: Span<'_>) -> Result<u64, Problem> {
    let raw = value.raw().trim();
    raw.parse().map_err(|_| value.error("seclang.number", format!("`{raw}` is not a whole number")))
}

/// `1`, `1-5`, and lists of them at commas or white space.
pub(super) fn ids(value: Span<'_>) -> Result<Vec<RangeInclusive<u32>>, Problem> {
    let range = |text: &str| {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to).then_some(from..=to)
    };
    let parts = value.raw().split([',', ' ', '\t']).filter(|part| !part.is_empty());
    let found: Option<Vec<RangeInclusive<u32>>> = parts.map(range).collect();
    found.filter(|found| !found.is_empty()).ok_or_else(|| {
        let problem = value.error("seclang.number", format!("`{}` is no rule number", value.raw()));
        problem.remedy("write a number or a range like 942100-942199")
    })
}

/// Text that means tags or messages: itself, or where it holds what no tag does, a pattern.
pub(super) fn text_match(value: Span<'_>) -> Result<TextMatch, Problem> {
    let raw = value.unquote().raw();
    let is_pattern = raw.starts_with('^') || raw.ends_with('$') || raw.contains(['*', '+', '[', '|', '\\']);
    if !is_pattern {
        return Ok(TextMatch::Exact(raw.into()));
    }
    KeyPattern::compile(raw)
        .map(TextMatch::Pattern)
        .map_err(|why| value.error("seclang.pattern", format!("this pattern cannot be used: {why}")))
}
