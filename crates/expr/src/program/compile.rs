//! From typed trees to programs: control flow made into jumps, literals folded, like tests joined.
//!
//! Tests have no effects and cannot fail, so those of one `&&` or `||` are put in the order of their cost, and
//! `path == "/a" || path == "/b"` becomes one look into a set.

use memchr::memmem::Finder;
use smol_str::SmolStr;

use super::operand::Operand;
use super::prefixes::Prefixes;
use super::test::{Prepared, Test};
use super::{Code, Condition, Step, Target};
use crate::path::Path;
use crate::sets::WordSet;
use crate::syntax::Comparison;
use crate::typed::{Const, Kind, TextTest, Typed};
use crate::vocabulary::{Type, Var};

/// Compiles a tree.
pub(super) fn compile(typed: &Typed) -> Code {
    if typed.ty == Type::Bool { Code::Condition(condition(typed)) } else { Code::Value(operand(typed)) }
}

fn condition(typed: &Typed) -> Condition {
    let mut flow = Flow::default();
    let entry = flow.lower(typed, Target::True, Target::False);
    Condition { steps: flow.steps, entry }
}

/// Lowers conditions from the last test to the first, so that every target exists when it is named.
#[derive(Default)]
struct Flow {
    steps: Vec<Step>,
}

impl Flow {
    /// Adds what decides between the two targets and says where that begins.
    fn lower(&mut self, typed: &Typed, holds: Target, fails: Target) -> Target {
        match &typed.kind {
            Kind::Not(inner) => self.lower(inner, fails, holds),
            Kind::And(parts) => {
                by_cost(parts).into_iter().rev().fold(holds, |next, part| self.lower(part, next, fails))
            }
            Kind::Or(parts) => self.any(parts, holds, fails),
            Kind::If(parts) if typed.ty == Type::Bool => {
                let [question, yes, no] = &**parts;
                let yes = self.lower(yes, holds, fails);
                let no = self.lower(no, holds, fails);
                self.lower(question, yes, no)
            }
            Kind::Const(literal) => {
                if *literal == Const::Bool(true) {
                    holds
                } else {
                    fails
                }
            }
            _ => self.push(test(typed), holds, fails),
        }
    }

    fn push(&mut self, test: Test, holds: Target, fails: Target) -> Target {
        self.steps.push(Step { test, holds, fails });
        Target::Step((self.steps.len() - 1) as u32)
    }

    fn any(&mut self, parts: &[Typed], holds: Target, fails: Target) -> Target {
        let (joined, rest) = join(parts);
        let next = by_cost(rest).into_iter().rev().fold(fails, |next, part| self.lower(part, holds, next));
        joined.into_iter().rev().fold(next, |next, test| self.push(test, holds, next))
    }
}

/// The tests of one source that can be joined.
#[derive(Default)]
struct Joined<'t> {
    source: Option<&'t Typed>,
    words: Vec<SmolStr>,
    prefixes: Vec<SmolStr>,
}

/// Joins tests of the same text against literal words and prefixes; gives back the others as they are.
fn join(parts: &[Typed]) -> (Vec<Test>, Vec<&Typed>) {
    let mut groups: Vec<Joined<'_>> = Vec::new();
    let mut rest = Vec::new();
    for part in parts {
        let Some((source, words, prefix)) = joinable(part) else {
            rest.push(part);
            continue;
        };
        let at = groups.iter().position(|group| group.source.and_then(read) == read(source));
        let at = at.unwrap_or_else(|| {
            groups.push(Joined { source: Some(source), ..Joined::default() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.words.extend(words);
            group.prefixes.extend(prefix);
        }
    }
    (groups.into_iter().flat_map(Joined::tests).collect(), rest)
}

impl Joined<'_> {
    fn tests(self) -> Vec<Test> {
        let Some(source) = self.source else { return Vec::new() };
        let words = (!self.words.is_empty()).then(|| one_of(self.words));
        let prefixes =
            (!self.prefixes.is_empty()).then(|| Prepared::StartsWith(Prefixes::new(self.prefixes)));
        words.into_iter().chain(prefixes).map(|prepared| Test::Text(operand(source), prepared)).collect()
    }
}

/// The source, words and prefix of a test that can be joined with its like.
fn joinable(part: &Typed) -> Option<(&Typed, Vec<SmolStr>, Option<SmolStr>)> {
    let (source, words, prefix) = match &part.kind {
        Kind::Compare(Comparison::Equal, sides) => {
            let [left, right] = &**sides;
            let (source, word) = literal_side(left, right)?;
            (source, vec![word.clone()], None)
        }
        Kind::Among(source, literals) => (&**source, words(literals)?, None),
        Kind::Text(TextTest::StartsWith, sides) => {
            let [source, prefix] = &**sides;
            (source, Vec::new(), Some(SmolStr::from(prefix.literal_text()?)))
        }
        _ => return None,
    };
    read(source).map(|_| (source, words, prefix))
}

/// What a tree reads, where it does nothing but read.
fn read(typed: &Typed) -> Option<(Var, Option<&Path>)> {
    match &typed.kind {
        Kind::Var(var) => Some((*var, None)),
        Kind::Member(var, path) => Some((*var, Some(path))),
        _ => None,
    }
}

fn literal_side<'t>(left: &'t Typed, right: &'t Typed) -> Option<(&'t Typed, &'t SmolStr)> {
    match (&left.kind, &right.kind) {
        (_, Kind::Const(Const::Text(word))) => Some((left, word)),
        (Kind::Const(Const::Text(word)), _) => Some((right, word)),
        _ => None,
    }
}

fn words(literals: &[Const]) -> Option<Vec<SmolStr>> {
    let word = |literal: &Const| match literal {
        Const::Text(word) => Some(word.clone()),
        _ => None,
    };
    literals.iter().map(word).collect()
}

fn one_of(mut words: Vec<SmolStr>) -> Prepared {
    if words.len() == 1 {
        words.pop().map_or(Prepared::OneOf(WordSet::new(Vec::new())), Prepared::Is)
    } else {
        Prepared::OneOf(WordSet::new(words))
    }
}

/// The parts, cheap ones first; otherwise in the order written.
fn by_cost<'t>(parts: impl IntoIterator<Item = &'t Typed>) -> Vec<&'t Typed> {
    let mut parts: Vec<&Typed> = parts.into_iter().collect();
    parts.sort_by_key(|part| cost(part));
    parts
}

fn cost(typed: &Typed) -> u8 {
    match &typed.kind {
        Kind::Const(_) => 0,
        Kind::Tag(_) | Kind::There(_) | Kind::Compare(..) | Kind::Among(..) | Kind::Var(_) => 1,
        Kind::Text(..) | Kind::Within(..) | Kind::Member(..) => 2,
        Kind::Listed(..) | Kind::Includes(..) | Kind::Arithmetic(..) | Kind::Convert(..) | Kind::Item(_) => 3,
        Kind::Matches(..) => 4,
        Kind::Each(..) => 5,
        Kind::Not(inner) => cost(inner),
        Kind::And(parts) | Kind::Or(parts) => parts.iter().map(cost).max().unwrap_or(0),
        Kind::If(parts) => parts.iter().map(cost).max().unwrap_or(0),
    }
}

fn test(typed: &Typed) -> Test {
    match &typed.kind {
        Kind::Tag(test) => Test::Tag(test.clone()),
        Kind::There(inner) => Test::There(operand(inner)),
        Kind::Compare(comparison, sides) => compare(*comparison, sides),
        Kind::Among(inner, literals) => match words(literals) {
            Some(words) => Test::Text(operand(inner), one_of(words)),
            None => Test::Among(operand(inner), literals.clone()),
        },
        Kind::Within(inner, nets) => Test::Within(operand(inner), nets.clone()),
        Kind::Listed(inner, list) => Test::Listed(operand(inner), *list),
        Kind::Includes(sides) => {
            let [list, item] = &**sides;
            Test::Includes(operand(list), operand(item))
        }
        Kind::Text(test, sides) => text(*test, sides),
        Kind::Matches(inner, pattern) => Test::Text(operand(inner), Prepared::Matches(pattern.clone())),
        Kind::Each(quantifier, sides) => {
            let [list, body] = &**sides;
            Test::Each(*quantifier, operand(list), condition(body))
        }
        _ => Test::True(operand(typed)),
    }
}

fn compare(comparison: Comparison, sides: &[Typed; 2]) -> Test {
    let [left, right] = sides;
    if let (Comparison::Equal, Some((source, word))) = (comparison, literal_side(left, right)) {
        return Test::Text(operand(source), Prepared::Is(word.clone()));
    }
    Test::Compare(comparison, operand(left), operand(right))
}

fn text(test: TextTest, sides: &[Typed; 2]) -> Test {
    let [text, part] = sides;
    let Some(literal) = part.literal_text() else { return Test::Texts(test, operand(text), operand(part)) };
    let prepared = match test {
        TextTest::StartsWith => Prepared::StartsWith(Prefixes::new(vec![literal.into()])),
        TextTest::EndsWith => Prepared::EndsWith(literal.into()),
        TextTest::Contains => Prepared::Contains(Box::new(Finder::new(literal).into_owned())),
    };
    Test::Text(operand(text), prepared)
}

fn operand(typed: &Typed) -> Operand {
    let folded = match &typed.kind {
        Kind::Const(literal) => Operand::Literal(literal.clone()),
        Kind::Var(var) => Operand::Var(*var),
        Kind::Member(var, path) => Operand::Member(*var, path.clone()),
        Kind::Item(depth) => Operand::Item(*depth),
        Kind::Arithmetic(operator, sides) => {
            let [left, right] = &**sides;
            Operand::Arithmetic(*operator, Box::new([operand(left), operand(right)]))
        }
        Kind::Convert(conversion, inner) => Operand::Convert(*conversion, Box::new(operand(inner))),
        Kind::If(parts) if typed.ty != Type::Bool => {
            let [question, yes, no] = &**parts;
            Operand::Choice(Box::new((condition(question), operand(yes), operand(no))))
        }
        _ => Operand::Condition(condition(typed)),
    };
    folded.folded()
}
