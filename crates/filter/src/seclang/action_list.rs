//! Lists of actions as written: `id:1,phase:2,msg:'a, b',t:none,ctl:ruleEngine=Off`.
//!
//! One table says what every action is; [`Draft`] collects what a list says, before defaults are merged in.

use std::ops::RangeInclusive;

use portcullis_document::{Problem, nearest};
use smol_str::SmolStr;

use super::action::{AllowScope, Change, Collection, Effect, SetVar, Severity};
use super::control;
use super::draft::{Draft, DraftDisruptive, DraftFlow};
use super::inventory::Treatment;
use super::line::{Span, closing};
use super::rule::Phase;
use super::text::Macro;
use crate::transform::Transformation;

/// What an action does to a draft; the value is without quotes.
type Apply = fn(&mut Draft, &Value<'_>) -> Result<(), Problem>;

/// What an action is.
enum Meaning {
    /// It has no value.
    Alone(fn(&mut Draft)),
    /// It needs a number of that range.
    Number(RangeInclusive<u32>, fn(&mut Draft, u32)),
    /// It needs text without macros.
    Plain(fn(&mut Draft, SmolStr)),
    /// It needs text that may have macros.
    Text(fn(&mut Draft, Macro)),
    /// It needs a value that cannot be wrong.
    Value(fn(&mut Draft, &Value<'_>)),
    /// It needs a value of a form of its own.
    With(Apply),
    /// It may have one.
    Maybe(Apply),
    /// It is read and does nothing.
    Idle(&'static str),
    /// It is a mistake.
    Refused(&'static str),
}

const REDACTED: &str = "evidence is always redacted";
const NO_CONTENT: &str = "rules do not rewrite bodies";

#[rustfmt::skip]
const ACTIONS: [(&str, Meaning); 47] = [
    ("accuracy", Meaning::Number(1..=9, |draft, number| draft.accuracy = Some(number as u8))),
    ("allow", Meaning::Maybe(allow)),
    ("append", Meaning::Refused(NO_CONTENT)),
    ("auditlog", Meaning::Alone(|draft| draft.audit = Some(true))),
    ("block", Meaning::Alone(|draft| draft.disruptive = Some(DraftDisruptive::Block))),
    ("capture", Meaning::Alone(|draft| draft.capture = true)),
    ("chain", Meaning::Alone(|draft| draft.chain = true)),
    ("ctl", Meaning::With(|draft, value| control::parse(value.span, &mut draft.effects))),
    ("deny", Meaning::Alone(|draft| draft.disruptive = Some(DraftDisruptive::Deny))),
    ("deprecatevar", Meaning::Refused("ModSecurity 3 has none; use `setvar` with a subtraction and `expirevar`")),
    ("drop", Meaning::Alone(|draft| draft.disruptive = Some(DraftDisruptive::Drop))),
    ("exec", Meaning::Refused("nothing is executed")),
    ("expirevar", Meaning::With(expire)),
    ("id", Meaning::With(id)),
    ("initcol", Meaning::With(init_collection)),
    ("log", Meaning::Alone(|draft| (draft.log, draft.audit) = (Some(true), Some(true)))),
    ("logdata", Meaning::Text(|draft, text| draft.log_data = Some(text))),
    ("maturity", Meaning::Number(1..=9, |draft, number| draft.maturity = Some(number as u8))),
    ("msg", Meaning::Text(|draft, text| draft.message = Some(text))),
    ("multiMatch", Meaning::Alone(|draft| draft.multi_match = true)),
    ("noauditlog", Meaning::Alone(|draft| draft.audit = Some(false))),
    ("nolog", Meaning::Alone(|draft| (draft.log, draft.audit) = (Some(false), Some(false)))),
    ("pass", Meaning::Alone(|draft| draft.disruptive = Some(DraftDisruptive::Pass))),
    ("pause", Meaning::Refused("a held connection costs the gateway more than its client; use a limit")),
    ("phase", Meaning::With(phase)),
    ("prepend", Meaning::Refused(NO_CONTENT)),
    ("proxy", Meaning::Refused("rules choose no upstream; use a route")),
    ("redirect", Meaning::Text(|draft, to| draft.disruptive = Some(DraftDisruptive::Redirect(to)))),
    ("rev", Meaning::Plain(|draft, text| draft.revision = Some(text))),
    ("sanitiseArg", Meaning::Idle(REDACTED)),
    ("sanitiseMatched", Meaning::Idle(REDACTED)),
    ("sanitiseMatchedBytes", Meaning::Idle(REDACTED)),
    ("sanitiseRequestHeader", Meaning::Idle(REDACTED)),
    ("sanitiseResponseHeader", Meaning::Idle(REDACTED)),
    ("setenv", Meaning::Value(set_env)),
    ("setrsc", Meaning::Text(|draft, name| draft.effects.push(Effect::SetResource(name)))),
    ("setsid", Meaning::Text(|draft, name| draft.effects.push(Effect::SetSession(name)))),
    ("setuid", Meaning::Text(|draft, name| draft.effects.push(Effect::SetUser(name)))),
    ("setvar", Meaning::With(set_var)),
    ("severity", Meaning::With(severity)),
    ("skip", Meaning::Number(1..=1_000_000, |draft, rules| draft.flow = Some(DraftFlow::Skip(rules)))),
    ("skipAfter", Meaning::Value(skip_after)),
    ("status", Meaning::Number(100..=599, |draft, number| draft.status = Some(number as u16))),
    ("t", Meaning::With(transformation)),
    ("tag", Meaning::Plain(|draft, text| draft.tags.push(text))),
    ("ver", Meaning::Plain(|draft, text| draft.version = Some(text))),
    ("xmlns", Meaning::Idle("names in an XPath are compared as written")),
];

/// Every action and what becomes of it.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Treatment)> {
    ACTIONS.iter().map(|(name, meaning)| {
        let treatment = match meaning {
            Meaning::Idle(why) => Treatment::Idle(why),
            Meaning::Refused(why) => Treatment::Refused(why),
            _ => Treatment::Done,
        };
        (*name, treatment)
    })
}

/// One action as written.
struct Written<'a> {
    name: Span<'a>,
    value: Option<Value<'a>>,
}

/// A value without its quotes.
pub(super) struct Value<'a> {
    pub(super) span: Span<'a>,
}

impl Value<'_> {
    /// The text, escaped quotes resolved.
    fn plain(&self) -> SmolStr {
        SmolStr::from(unescape(self.span.raw()))
    }

    fn text(&self) -> Macro {
        Macro::parse(&unescape(self.span.raw()))
    }

    fn number(&self, range: &RangeInclusive<u32>) -> Result<u32, Problem> {
        let raw = self.span.raw().trim();
        raw.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let message = format!("`{raw}` is not a number from {} to {}", range.start(), range.end());
            self.span.error("seclang.number", message)
        })
    }

    fn error(&self, message: impl Into<String>) -> Problem {
        self.span.error("seclang.action", message)
    }
}

fn unescape(raw: &str) -> String {
    raw.replace("\\'", "'").replace("\\\"", "\"")
}

/// What a list says; what cannot be read is a problem and left out.
pub(super) fn parse(list: Span<'_>, problems: &mut Vec<Problem>) -> Draft {
    let mut draft = Draft::new(list.place());
    let mut rest = list.trim();
    while !rest.raw().is_empty() {
        if rest.raw().starts_with(',') {
            rest = rest.from(1).trim();
            continue;
        }
        let (written, after) = first(rest);
        let done = written.and_then(|written| apply(&mut draft, &written));
        problems.extend(done.err());
        rest = after.trim();
    }
    draft
}

/// The first action of a list and what follows it.
fn first(rest: Span<'_>) -> (Result<Written<'_>, Problem>, Span<'_>) {
    let raw = rest.raw();
    let end_of_name = raw.find([':', ',']).unwrap_or(raw.len());
    let name = rest.part(0..end_of_name).trim();
    if raw.as_bytes().get(end_of_name) != Some(&b':') {
        return (Ok(Written { name, value: None }), rest.from(end_of_name));
    }
    let value = rest.from(end_of_name + 1).trim();
    let Some(length) = length_of_value(value.raw()) else {
        let problem = value.part(0..1).error("seclang.quote", "this quote is never closed");
        let problem = problem.remedy("end the value with ', and write ' inside it as \\'");
        return (Err(problem), value.from(value.raw().len()));
    };
    let span = value.part(0..length).trim().unquote();
    (Ok(Written { name, value: Some(Value { span }) }), value.from(length))
}

/// Where a value ends: at the comma outside quotes that stand at its beginning or after `=`. `None` without a
/// closing quote.
fn length_of_value(value: &str) -> Option<usize> {
    let comma =
        |from: usize| value.get(from..).and_then(|rest| rest.find(',')).map_or(value.len(), |at| from + at);
    let plain = comma(0);
    let quoted = if value.starts_with('\'') {
        Some(1)
    } else {
        value.get(..plain).and_then(|text| text.find("='")).map(|at| at + 2)
    };
    let Some(begin) = quoted else { return Some(plain) };
    closing(value.get(begin..).unwrap_or_default(), '\'').map(|at| comma(begin + at + 1))
}

fn apply(draft: &mut Draft, written: &Written<'_>) -> Result<(), Problem> {
    let name = written.name.raw();
    let known = ACTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let Some((_, meaning)) = known else { return Err(unknown(written.name)) };
    match (meaning, &written.value) {
        (Meaning::Idle(_), _) => {}
        (Meaning::Refused(why), _) => {
            let message = format!("the action `{name}` is refused: {why}");
            return Err(written.name.error("seclang.refused", message));
        }
        (Meaning::Alone(does), None) => does(draft),
        (Meaning::Alone(_), Some(value)) => return Err(value.error(format!("`{name}` takes no value"))),
        (Meaning::Maybe(does), None) => does(draft, &Value { span: written.name.part(0..0) })?,
        (Meaning::Number(range, does), Some(value)) => does(draft, value.number(range)?),
        (Meaning::Plain(does), Some(value)) => does(draft, value.plain()),
        (Meaning::Text(does), Some(value)) => does(draft, value.text()),
        (Meaning::Value(does), Some(value)) => does(draft, value),
        (Meaning::With(does) | Meaning::Maybe(does), Some(value)) => does(draft, value)?,
        (_, None) => {
            let problem = written.name.error("seclang.action", format!("`{name}` needs a value"));
            return Err(problem.remedy(format!("write {name}:value")));
        }
    }
    Ok(())
}

fn unknown(name: Span<'_>) -> Problem {
    let problem = name.error("seclang.action", format!("`{}` is not an action", name.raw()));
    match nearest(name.raw(), ACTIONS.iter().map(|(known, _)| *known)) {
        Some(near) => problem.remedy(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn id(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let number = value.number(&(1..=u32::MAX))?;
    draft.id = Some((number, value.span.place()));
    Ok(())
}

fn phase(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let phase = Phase::parse(value.span.raw().trim()).ok_or_else(|| {
        let message = format!("`{}` is not a phase", value.span.raw());
        value.span.error("seclang.action", message).remedy("a phase is 1 to 5, request, response or logging")
    })?;
    draft.phase = Some((phase, value.span.place()));
    Ok(())
}

fn allow(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let scope = match value.span.raw().trim().to_ascii_lowercase().as_str() {
        "" => AllowScope::Transaction,
        "phase" => AllowScope::Phase,
        "request" => AllowScope::Request,
        other => return Err(value.error(format!("`allow` takes `phase` or `request`, not `{other}`"))),
    };
    draft.disruptive = Some(DraftDisruptive::Allow(scope));
    Ok(())
}

fn severity(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let raw = value.span.raw().trim();
    let severity = Severity::parse(raw).ok_or_else(|| {
        let names = Severity::ALL.map(Severity::name).join(", ");
        let message = format!("`{raw}` is not a severity");
        value.span.error("seclang.action", message).remedy(format!("a severity is 0 to 7 or one of {names}"))
    })?;
    draft.severity = Some(severity);
    Ok(())
}

fn skip_after(draft: &mut Draft, value: &Value<'_>) {
    draft.flow = Some(DraftFlow::SkipAfter(value.plain(), value.span.place()));
}

fn transformation(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let raw = value.span.raw().trim();
    if raw.eq_ignore_ascii_case("none") {
        draft.transformations.push(None);
        return Ok(());
    }
    let Some(found) = Transformation::parse(raw) else {
        let problem = value.span.error("seclang.transformation", format!("`{raw}` is not a transformation"));
        let near = nearest(raw, Transformation::ALL.iter().map(|known| known.name()));
        return Err(match near {
            Some(near) => problem.remedy(format!("did you mean `{near}`?")),
            None => problem,
        });
    };
    draft.transformations.push(Some(found));
    Ok(())
}

/// `tx.score` or `tx:score`.
fn variable_name(span: Span<'_>) -> Result<(Collection, Span<'_>), Problem> {
    let Some((collection, key)) = span.split_once(|c| c == '.' || c == ':') else {
        let problem = span.error("seclang.action", "a collection and a name are needed here");
        return Err(problem.remedy("write it like tx.score"));
    };
    Ok((collection_name(collection)?, key))
}

fn collection_name(span: Span<'_>) -> Result<Collection, Problem> {
    let raw = span.raw().trim();
    Collection::parse(raw).ok_or_else(|| {
        let names = Collection::ALL.map(Collection::name).join(", ");
        let message = format!("`{raw}` is not a collection that rules write to");
        span.error("seclang.action", message).remedy(format!("a collection is one of {names}"))
    })
}

fn set_var(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let span = value.span.trim();
    let (span, removes) = if span.raw().starts_with('!') { (span.from(1), true) } else { (span, false) };
    let (name, new) = match span.split_once(|c| c == '=') {
        Some((name, new)) => (name.trim(), Some(new.unquote())),
        None => (span.trim(), None),
    };
    let (collection, key) = variable_name(name)?;
    let change = match new.map(|new| unescape(new.raw())) {
        _ if removes => Change::Remove,
        None => Change::Set(Macro::parse("1")),
        Some(new) => match new.split_at_checked(1) {
            Some(("+", number)) => Change::Add(Macro::parse(number)),
            Some(("-", number)) => Change::Subtract(Macro::parse(number)),
            _ => Change::Set(Macro::parse(&new)),
        },
    };
    draft.effects.push(Effect::SetVar(SetVar { collection, key: Macro::parse(key.raw()), change }));
    Ok(())
}

fn expire(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let Some((name, seconds)) = value.span.split_once(|c| c == '=') else {
        return Err(value.error("`expirevar` needs the seconds, as in expirevar:ip.seen=60"));
    };
    let (collection, key) = variable_name(name.trim())?;
    let (key, seconds) = (Macro::parse(key.raw()), Macro::parse(seconds.unquote().raw()));
    draft.effects.push(Effect::ExpireVar { collection, key, seconds });
    Ok(())
}

fn init_collection(draft: &mut Draft, value: &Value<'_>) -> Result<(), Problem> {
    let Some((collection, key)) = value.span.split_once(|c| c == '=') else {
        return Err(value.error("`initcol` needs a key, as in initcol:ip=%{REMOTE_ADDR}"));
    };
    let collection = collection_name(collection)?;
    if collection == Collection::Tx {
        return Err(value.error("`tx` is the transaction's own and is not loaded"));
    }
    draft.effects.push(Effect::InitCollection(collection, Macro::parse(key.unquote().raw())));
    Ok(())
}

fn set_env(draft: &mut Draft, value: &Value<'_>) {
    let raw = unescape(value.span.raw());
    let effect = match (raw.strip_prefix('!'), raw.split_once('=')) {
        (Some(name), _) => Effect::SetEnv(Macro::parse(name), None),
        (None, Some((name, new))) => Effect::SetEnv(Macro::parse(name), Some(Macro::parse(new))),
        (None, None) => Effect::SetEnv(Macro::parse(&raw), Some(Macro::parse("1"))),
    };
    draft.effects.push(effect);
}
