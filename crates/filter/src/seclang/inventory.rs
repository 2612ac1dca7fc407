//! What becomes of every word of the language: done, accepted without effect, or refused, each with its reason.
//!
//! `docs/seclang.md` shows this table, and a test holds the two equal. The tables of directives, actions and `ctl` are
//! the ones the reader dispatches on, so that they cannot say what is not so.

use super::variable::Variable;
use super::{action_list, control, directive};
use crate::operator::Operator;
use crate::transform::Transformation;

/// Which part of the language a word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `SecRule` and the like.
    Directive,
    /// `ARGS` and the like.
    Variable,
    /// `@rx` and the like.
    Operator,
    /// `t:lowercase` and the like.
    Transformation,
    /// `setvar` and the like.
    Action,
    /// `ctl:ruleEngine` and the like.
    Control,
}

/// What becomes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// What the reference says.
    Done,
    /// Read and left without effect, because of this; a warning says so once.
    Ignored(&'static str),
    /// Read, and nothing is lost by leaving it without effect, because of this.
    Idle(&'static str),
    /// A mistake, because of this.
    Refused(&'static str),
}

/// One word of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it belongs.
    pub part: Part,
    /// How it is written.
    pub name: &'static str,
    /// What becomes of it.
    pub treatment: Treatment,
}

/// Every word, part by part, in the order of the alphabet.
pub fn inventory() -> Vec<Word> {
    let variables = Variable::ALL.iter().map(|known| (known.name(), idle_variable(*known)));
    let refused = REFUSED_VARIABLES.iter().map(|(name, why)| (*name, Treatment::Refused(why)));
    let transformations = Transformation::ALL.iter().map(|known| (known.name(), Treatment::Done));
    let none = [("none", Treatment::Done)];
    let mut all: Vec<Word> = Vec::new();
    let mut add = |part, words: &mut dyn Iterator<Item = (&'static str, Treatment)>| {
        all.extend(words.map(|(name, treatment)| Word { part, name, treatment }));
    };
    add(Part::Directive, &mut directive::words());
    add(Part::Variable, &mut variables.chain(refused));
    add(Part::Operator, &mut operators());
    add(Part::Transformation, &mut transformations.chain(none));
    add(Part::Action, &mut action_list::words());
    add(Part::Control, &mut control::words());
    all.sort_by_key(|word| (word.part, word.name.to_ascii_lowercase()));
    all
}

/// Why a variable of ModSecurity 2 is not one here.
pub(super) fn refused_variable(name: &str) -> Option<&'static str> {
    let mut known = REFUSED_VARIABLES.iter();
    known.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, why)| *why)
}

/// An operator's name as the reference spells it, and what becomes of it.
pub(super) fn operator(name: &str) -> Option<(&'static str, Treatment)> {
    operators().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Names of all operators.
pub(super) fn operator_names() -> impl Iterator<Item = &'static str> {
    operators().map(|(name, _)| name)
}

const fn idle_variable(variable: Variable) -> Treatment {
    match variable {
        Variable::FilesTmpNames => Treatment::Idle("always empty: uploads are never written to disk"),
        Variable::Geo => Treatment::Idle("always empty: no country database is read by rules"),
        Variable::PathInfo => Treatment::Idle("always empty: a gateway has no scripts"),
        Variable::RemoteHost => Treatment::Idle("the client's address: names are not looked up"),
        Variable::WebserverErrorLog => Treatment::Idle("always empty: there is no web server's log"),
        _ => Treatment::Done,
    }
}

const NO_SCRIPTS: &str = "a gateway serves no scripts from disk";
const NO_STREAM: &str = "use `REQUEST_BODY` and `RESPONSE_BODY`";
const NO_PERFORMANCE: &str = "the cost of rules is not measured while they run";

const REFUSED_VARIABLES: [(&str, &str); 19] = [
    ("PERF_ALL", NO_PERFORMANCE),
    ("PERF_COMBINED", NO_PERFORMANCE),
    ("PERF_GC", NO_PERFORMANCE),
    ("PERF_LOGGING", NO_PERFORMANCE),
    ("PERF_PHASE1", NO_PERFORMANCE),
    ("PERF_PHASE2", NO_PERFORMANCE),
    ("PERF_PHASE3", NO_PERFORMANCE),
    ("PERF_PHASE4", NO_PERFORMANCE),
    ("PERF_PHASE5", NO_PERFORMANCE),
    ("PERF_RULES", NO_PERFORMANCE),
    ("SCRIPT_BASENAME", NO_SCRIPTS),
    ("SCRIPT_FILENAME", NO_SCRIPTS),
    ("SCRIPT_GID", NO_SCRIPTS),
    ("SCRIPT_GROUPNAME", NO_SCRIPTS),
    ("SCRIPT_MODE", NO_SCRIPTS),
    ("SCRIPT_UID", NO_SCRIPTS),
    ("SCRIPT_USERNAME", NO_SCRIPTS),
    ("STREAM_INPUT_BODY", NO_STREAM),
    ("STREAM_OUTPUT_BODY", NO_STREAM),
];

/// Operators that a rule may name but that never match: rules of CRS 3 name them beside others that do.
const INEFFECTIVE: [(&str, &str); 2] = [
    ("geoLookup", "no country database is read by rules; it never matches"),
    ("rbl", "rules make no network calls; it never matches"),
];

/// Operators and what becomes of them.
fn operators() -> impl Iterator<Item = (&'static str, Treatment)> {
    let done = Operator::names().map(|name| (name, Treatment::Done));
    let refused = Operator::refused().iter().map(|(name, why)| (*name, Treatment::Refused(why)));
    done.chain(refused).map(|(name, treatment)| {
        let ineffective = INEFFECTIVE.iter().find(|(known, _)| *known == name);
        (name, ineffective.map_or(treatment, |(_, why)| Treatment::Ignored(why)))
    })
}
