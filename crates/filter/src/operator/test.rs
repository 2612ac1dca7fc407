//! The kinds of operators, and one of a kind with its argument.
//!
//! The table here is what exists; what ModSecurity has and this refuses is named with the reason.

use std::ops::Range;

use bytes::Bytes;
use smol_str::SmolStr;

use super::compare::{Bound, Relation, number};
use super::injection::Language;
use super::network::Networks;
use super::pattern::Pattern;
use super::verify::Number;
use super::words::{self, Words};
use super::{OperatorProblem, Work, validate};
use crate::scan::Necessary;
use crate::scan::bytes::ByteSet;

/// How a file is asked for.
pub(super) type Files<'a> = dyn FnMut(&str) -> Result<Bytes, SmolStr> + 'a;

/// A kind of operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text(Relation),
    Number(Bound),
    Regex(Times),
    Words(From),
    Networks(From),
    Injection(Language),
    ByteRange,
    UrlEncoding,
    Utf8Encoding,
    Verify(Number),
    Always,
    Never,
}

/// Which matches of a pattern are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// The first.
    Once,
    /// All of them, as far as captures have numbers.
    Every,
}

/// Where a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// In the argument.
    Argument,
    /// In the file that the argument names.
    File,
}

/// Every operator that is run: its name as the reference spells it, and its kind.
const KINDS: &[(&str, Kind)] = &[
    ("beginsWith", Kind::Text(Relation::Begins)),
    ("contains", Kind::Text(Relation::Contains)),
    ("containsWord", Kind::Text(Relation::ContainsWord)),
    ("detectSQLi", Kind::Injection(Language::Sql)),
    ("detectXSS", Kind::Injection(Language::Html)),
    ("endsWith", Kind::Text(Relation::Ends)),
    ("eq", Kind::Number(Bound::Equal)),
    ("ge", Kind::Number(Bound::AtLeast)),
    ("geoLookup", Kind::Never),
    ("gt", Kind::Number(Bound::Above)),
    ("ipMatch", Kind::Networks(From::Argument)),
    ("ipMatchF", Kind::Networks(From::File)),
    ("ipMatchFromFile", Kind::Networks(From::File)),
    ("le", Kind::Number(Bound::AtMost)),
    ("lt", Kind::Number(Bound::Below)),
    ("noMatch", Kind::Never),
    ("pm", Kind::Words(From::Argument)),
    ("pmf", Kind::Words(From::File)),
    ("pmFromFile", Kind::Words(From::File)),
    ("rx", Kind::Regex(Times::Once)),
    ("rxGlobal", Kind::Regex(Times::Every)),
    ("streq", Kind::Text(Relation::Equals)),
    ("strmatch", Kind::Text(Relation::Contains)),
    ("unconditionalMatch", Kind::Always),
    ("validateByteRange", Kind::ByteRange),
    ("validateUrlEncoding", Kind::UrlEncoding),
    ("validateUtf8Encoding", Kind::Utf8Encoding),
    ("verifyCC", Kind::Verify(Number::Card)),
    ("verifyCPF", Kind::Verify(Number::Cpf)),
    ("verifySSN", Kind::Verify(Number::Ssn)),
    ("verifySVNR", Kind::Verify(Number::Svnr)),
    ("within", Kind::Text(Relation::Within)),
];

/// Operators that ModSecurity has and this does not run, and why.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("fuzzyHash", "it compares ssdeep digests, which need that library and a list made with it"),
    ("gsbLookup", "the service it asked was closed"),
    ("inspectFile", "it runs a program of the rule's choice for each upload"),
    (
        "rbl",
        "it asks a name server while a request waits; lists of addresses are a policy's `bans` and `lists`",
    ),
    ("rsub", "it rewrites bodies, and rules here only judge"),
    (
        "validateDTD",
        "it loads document types named by rules; XML with a document type is refused before rules run",
    ),
    ("validateHash", "it checks links that ModSecurity 2 itself signed"),
    ("validateSchema", "it needs an XML Schema processor; contracts validate bodies instead"),
];

/// The kind of that name.
pub(super) fn kind(name: &str) -> Result<(&'static str, Kind), OperatorProblem> {
    let known = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let refused = || REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.copied().ok_or_else(|| match refused() {
        Some((name, why)) => OperatorProblem::Refused { name, why },
        None => OperatorProblem::Unknown(name.into()),
    })
}

/// The names of all kinds.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

/// A kind with its argument.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Text(Relation, Box<[u8]>),
    Number(Bound, i64),
    Regex(Times, Pattern),
    Words(Words),
    Networks(Networks),
    Injection(Language),
    ByteRange(ByteSet),
    UrlEncoding,
    Utf8Encoding,
    Verify(Number, Pattern),
    Always,
    Never,
}

impl Test {
    /// Compiles the argument. Who knows the operator's name adds it to what is wrong.
    pub(super) fn compile(kind: Kind, argument: &[u8], files: &mut Files<'_>) -> Result<Self, Wrong> {
        Ok(match kind {
            Kind::Text(relation) => Self::Text(relation, argument.into()),
            Kind::Number(bound) => Self::Number(bound, number(argument)),
            Kind::Regex(times) => Self::Regex(times, Pattern::compile(argument).map_err(Wrong::Pattern)?),
            Kind::Verify(number) => Self::Verify(number, Pattern::compile(argument).map_err(Wrong::Pattern)?),
            Kind::Words(From::Argument) => Self::Words(Words::compile(words::of_argument(argument)?)?),
            Kind::Words(From::File) => Self::Words(Words::compile(words::of_file(&read(argument, files)?))?),
            Kind::Networks(From::Argument) => Self::Networks(Networks::of_argument(argument)?),
            Kind::Networks(From::File) => Self::Networks(Networks::of_file(&read(argument, files)?)?),
            Kind::Injection(language) => Self::Injection(language),
            Kind::ByteRange => Self::ByteRange(validate::allowed(argument)?),
            Kind::UrlEncoding => Self::UrlEncoding,
            Kind::Utf8Encoding => Self::Utf8Encoding,
            Kind::Always => Self::Always,
            Kind::Never => Self::Never,
        })
    }

    /// Whether it matches; captures go to `work`.
    pub(super) fn find(&self, value: &[u8], work: &mut Work) -> bool {
        let place = match self {
            Self::Always => return true,
            Self::Never => return false,
            Self::Number(bound, other) => return bound.holds(number(value), *other),
            Self::Networks(networks) => networks.contain(value).then_some(0..value.len()),
            Self::Regex(Times::Once, pattern) => return once(pattern, value, work),
            Self::Regex(Times::Every, pattern) => return every(pattern, value, work),
            Self::Verify(number, pattern) => verified(*number, pattern, value, work),
            Self::Injection(language) => return language.find(value, work),
            Self::Text(relation, text) => relation.find(value, text),
            Self::Words(words) => words.find(value),
            Self::ByteRange(allowed) => validate::other_than(value, allowed),
            Self::UrlEncoding => validate::broken_percent(value),
            Self::Utf8Encoding => validate::broken_utf8(value),
        };
        let found = place.is_some();
        if let Some(range) = place {
            work.captured.note(range);
        }
        found
    }

    /// Whether it has a way to rule values out that costs less than to try them.
    pub(super) const fn can_rule_out(&self) -> bool {
        matches!(self, Self::Injection(Language::Sql))
    }

    /// Whether that way tells that it does not match `value`, whatever the case of its letters.
    pub(super) fn rules_out(&self, value: &[u8]) -> bool {
        matches!(self, Self::Injection(Language::Sql)) && Language::is_plain_sql(value)
    }

    /// What must hold of a value for this to match it.
    pub(super) fn necessary(&self) -> Necessary {
        match self {
            Self::Never => Necessary::never(),
            Self::Regex(_, pattern) | Self::Verify(_, pattern) => pattern.necessary().clone(),
            Self::Words(words) => words.necessary(),
            Self::Injection(language) => language.necessary(),
            Self::Text(relation, text) => relation.necessary(text),
            Self::Networks(_) => Necessary::of_set(ByteSet::of(b".:")).and(Necessary::of_length(2)),
            Self::ByteRange(allowed) => Necessary::of_set(allowed.complement()),
            Self::UrlEncoding => Necessary::of_set(ByteSet::of(b"%")),
            Self::Utf8Encoding => Necessary::of_set(ByteSet::new().with(0x80..=0xff)),
            Self::Number(..) | Self::Always => Necessary::any(),
        }
    }

    /// About how many bytes it takes, beyond its argument.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Regex(_, pattern) | Self::Verify(_, pattern) => pattern.size(),
            _ => 0,
        }
    }

    /// Whether it takes steps from the budget.
    pub(super) const fn is_bounded(&self) -> bool {
        match self {
            Self::Regex(Times::Once, pattern) => pattern.is_bounded(),
            Self::Regex(Times::Every, _) | Self::Verify(..) => true,
            _ => false,
        }
    }
}

/// What is wrong with an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Pattern(String),
    Argument(String),
    File(SmolStr, SmolStr),
}

impl std::convert::From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::Argument(why)
    }
}

fn read(argument: &[u8], files: &mut Files<'_>) -> Result<Bytes, Wrong> {
    let name = SmolStr::from(String::from_utf8_lossy(argument.trim_ascii()));
    files(&name).map_err(|why| Wrong::File(name, why))
}

fn once(pattern: &Pattern, value: &[u8], work: &mut Work) -> bool {
    let found = pattern.find_at(value, 0, work);
    if let Some(places) = &found {
        work.captured.note_places(0, places);
    }
    found.is_some()
}

/// What a search that has to be repeated costs: it may have looked at all of the rest, sixty-four bytes a step.
fn again(value: &[u8], begin: usize) -> u64 {
    1 + (value.len().saturating_sub(begin) / 64) as u64
}

/// All matches one after the other, their groups numbered on, until captures have no numbers left. Empty ones take no
/// number: each costs steps, for there may be one at every byte, found by looking at all bytes behind it.
fn every(pattern: &Pattern, value: &[u8], work: &mut Work) -> bool {
    let mut begin = 0;
    let mut captured = 0;
    while captured < super::work::Places::GROUPS {
        let Some(places) = pattern.find_at(value, begin, work) else { break };
        let whole = places.whole();
        if captured == 0 || !whole.is_empty() {
            work.captured.note_places(captured, &places);
            captured += places.groups().len();
        } else if work.pay(again(value, begin)).is_none() {
            break;
        }
        begin = whole.end + usize::from(whole.is_empty());
        if begin > value.len() {
            break;
        }
    }
    captured > 0
}

/// Tries what the pattern finds from one place after the other until arithmetic agrees. Each try costs the length of
/// what was found and a share of the rest, for hostile digits would make this quadratic.
fn verified(number: Number, pattern: &Pattern, value: &[u8], work: &mut Work) -> Option<Range<usize>> {
    let mut begin = 0;
    while begin <= value.len() {
        let whole = pattern.find_at(value, begin, work)?.whole();
        if number.is_in(value.get(whole.clone())?) {
            return Some(whole);
        }
        begin = whole.start + 1;
        work.pay(again(value, begin).saturating_add(whole.len() as u64))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these searches looks at all of the rest; without steps they took time with the square of the length.
    #[test]
    fn empty_matches_take_steps() {
        let pattern = Pattern::compile(b"(?:a*b)?").unwrap();
        let mut work = Work::default();
        assert!(every(&pattern, b"aab", &mut work) && !work.exhausted);
        assert!(every(&pattern, &b"a".repeat(200_000), &mut work) && work.exhausted);
    }
}
