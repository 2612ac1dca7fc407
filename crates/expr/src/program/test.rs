//! Tests: the questions a program asks, prepared as far as they can be.

use memchr::memmem::Finder;
use smol_str::SmolStr;

use super::operand::{Operand, literal_value};
use super::prefixes::Prefixes;
use super::{Condition, Scope};
use crate::pattern::Pattern;
use crate::reads::TagTest;
use crate::semantics;
use crate::sets::{IpSet, WordSet};
use crate::syntax::Comparison;
use crate::typed::{Const, Quantifier, TextTest};
use crate::value::{ListId, Value};

/// One question.
#[derive(Debug)]
pub(super) enum Test {
    Tag(TagTest),
    /// A text against something prepared.
    Text(Operand, Prepared),
    /// A text (first) against another computed one (second).
    Texts(TextTest, Operand, Operand),
    Compare(Comparison, Operand, Operand),
    Among(Operand, Vec<Const>),
    Within(Operand, IpSet),
    Listed(Operand, ListId),
    Includes(Operand, Operand),
    There(Operand),
    True(Operand),
    Each(Quantifier, Operand, Condition),
}

/// What a text is tested against.
#[derive(Debug)]
pub(super) enum Prepared {
    Is(SmolStr),
    OneOf(WordSet),
    StartsWith(Prefixes),
    EndsWith(SmolStr),
    Contains(Box<Finder<'static>>),
    Matches(Pattern),
}

impl Prepared {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Is(word) => text == word,
            Self::OneOf(words) => words.contains(text),
            Self::StartsWith(prefixes) => prefixes.begin(text),
            Self::EndsWith(suffix) => text.ends_with(&**suffix),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl Test {
    pub(super) fn holds<'f>(&'f self, scope: Scope<'f, '_>) -> bool {
        match self {
            Self::Tag(TagTest::Exact(tag)) => scope.facts.has_tag(tag),
            Self::Tag(TagTest::Prefix(prefix)) => scope.facts.has_tag_with(prefix),
            Self::Text(operand, prepared) => {
                semantics::any_text(&operand.value(scope), |text| prepared.holds(text))
            }
            Self::Texts(test, text, part) => {
                let part = part.value(scope);
                semantics::any_text(&text.value(scope), |text| {
                    semantics::any_text(&part, |part| test.holds(text, part))
                })
            }
            Self::Compare(comparison, left, right) => {
                semantics::compare(*comparison, &left.value(scope), &right.value(scope))
            }
            Self::Among(operand, literals) => {
                let value = operand.value(scope);
                let same = |literal| semantics::compare(Comparison::Equal, &value, &literal_value(literal));
                literals.iter().any(same)
            }
            Self::Within(operand, nets) => within(&operand.value(scope), nets),
            Self::Listed(operand, list) => listed(scope, *list, &operand.value(scope)),
            Self::Includes(list, item) => semantics::includes(&list.value(scope), &item.value(scope)),
            Self::There(operand) => !operand.value(scope).is_null(),
            Self::True(operand) => semantics::is_true(&operand.value(scope)),
            Self::Each(quantifier, list, body) => each(scope, *quantifier, list, body),
        }
    }
}

fn within(value: &Value<'_>, nets: &IpSet) -> bool {
    match value {
        Value::Ip(ip) => nets.contains(*ip),
        other => semantics::any_text(other, |text| text.parse().is_ok_and(|ip| nets.contains(ip))),
    }
}

fn listed(scope: Scope<'_, '_>, list: ListId, value: &Value<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::Many(texts) => texts.iter().any(|text| scope.facts.in_list(list, &Value::text(text))),
        Value::Several(values) => values.iter().any(|value| listed(scope, list, value)),
        one => scope.facts.in_list(list, one),
    }
}

fn each<'f>(scope: Scope<'f, '_>, quantifier: Quantifier, list: &'f Operand, body: &'f Condition) -> bool {
    let Some(list) = semantics::items(list.value(scope)) else { return false };
    let mut items = scope.items.to_vec();
    let mut passes = |item| {
        items.truncate(scope.items.len());
        items.push(item);
        body.holds(Scope { facts: scope.facts, items: &items })
    };
    let mut list = list.into_iter();
    match quantifier {
        Quantifier::Exists => list.any(&mut passes),
        Quantifier::All => list.all(&mut passes),
    }
}
