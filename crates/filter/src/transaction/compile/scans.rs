//! Which tests of a program scans can rule out, and the fronts over them.
//!
//! Invariant: an item's number leads back to its rule, and the rule's test names the item.

use crate::scan::{Bits, Necessary};
use crate::seclang::{Selector, Shape};
use crate::transaction::compile::deferred::deferred_rules;
use crate::transaction::front::{Candidate, Front, Item, ItemId, WHENS, When, build_front, front_of};
use crate::transaction::pipeline::Pipelines;
use crate::transaction::program::{
    Counted, Link, MultiMatch, Negated, Phase, Program, Rule, Target, Test, ValueTest,
};
use crate::transaction::variable::{Kept, kept, sources};

/// Gives a program its fronts, and its phases the rules that need no scan.
pub(super) fn add_scans(program: &mut Program) {
    let deferred = deferred_rules(program);
    for kept in [Kept::Request, Kept::Response] {
        for when in WHENS {
            let number = front_of(kept, when);
            let made = front(program, number, kept, |phase, rule| {
                let is_deferred = deferred.get(phase).is_some_and(|rules| rules.contains(rule));
                is_deferred == (when == When::Deferred)
            });
            if let Some(front) = program.fronts.get_mut(number) {
                *front = made;
            }
        }
    }
    for (phase, deferred) in program.phases.iter_mut().zip(deferred) {
        let with_items = |has: bool| {
            let rules = phase.rules.iter().enumerate().filter(move |(_, rule)| rule.item().is_some() == has);
            rules.map(|(at, _)| at).collect::<Bits>()
        };
        let (always, mut scanned) = (with_items(false), with_items(true));
        scanned.intersect_with(&deferred);
        (phase.always, phase.deferred) = (always, scanned);
    }
}

/// The front over tests of the rules that are `meant` whose values all are of that kind; the tests get the items'
/// numbers.
fn front(program: &mut Program, number: usize, of: Kept, meant: impl Fn(usize, usize) -> bool) -> Front {
    let Program { phases, operators, pipelines, .. } = program;
    let mut found: Vec<Item> = Vec::new();
    let mut candidates = Vec::new();
    for (phase, rules) in phases.iter().enumerate() {
        for (rule, compiled) in rules.rules.iter().enumerate().filter(|(rule, _)| meant(phase, *rule)) {
            let Some(first) = compiled.links.first() else { continue };
            let Some(test) = scannable(first, of) else { continue };
            let Some(operator) = operators.get(test.operator) else { continue };
            let necessary = match test.negated {
                Negated::No => operator.necessary(),
                Negated::Yes => Necessary::any(),
            };
            if necessary.is_any() && !looks_at_few(test) {
                continue;
            }
            let item = Item { phase, rule, operator: operator.can_rule_out().then_some(test.operator) };
            found.push(item);
            let pipelines = prefixes(first, pipelines);
            candidates.push(Candidate { item, necessary, targets: &test.targets, pipelines });
        }
    }
    let front = build_front(&candidates, |variable| sources(variable).to_vec());
    for (item, home) in found.into_iter().enumerate() {
        if let Some(test) = first_test(phases, home) {
            test.item = Some(ItemId { front: number as u8, number: item as u32 });
        }
    }
    front
}

fn first_test(phases: &mut [Phase; 5], home: Item) -> Option<&mut ValueTest> {
    let rule = phases.get_mut(home.phase)?.rules.get_mut(home.rule)?;
    match &mut rule.links.first_mut()?.test {
        Test::Values(test) => Some(test),
        Test::Always | Test::Slot(_) => None,
    }
}

/// The test of a link, if scans can rule it out: it looks at kept values of one kind, as they are.
fn scannable(link: &Link, of: Kept) -> Option<&ValueTest> {
    let Test::Values(test) = &link.test else { return None };
    // Longer pipelines do not fit the plans; nobody writes them.
    let plain = test.argument.is_none() && link.transformations.len() < 200;
    let all_kept =
        test.targets.iter().all(|target| target.counted == Counted::No && kept(target.variable) == of);
    (plain && all_kept).then_some(test)
}

/// Whether a test looks at single values only. Then it is worth an item even if it could match any: without the value
/// it is not tried, nor again on a text that it is known to differ from.
fn looks_at_few(test: &ValueTest) -> bool {
    let single = |target: &Target| {
        matches!(target.selector, Selector::Key(_)) || target.variable.shape() == Shape::Single
    };
    test.targets.iter().all(single)
}

/// The pipelines whose results a link tests.
fn prefixes(link: &Link, pipelines: &mut Pipelines) -> Vec<usize> {
    let steps = &link.transformations;
    match link.multi_match {
        MultiMatch::No => vec![pipelines.add(steps)],
        MultiMatch::Yes => {
            (0..=steps.len()).map(|end| pipelines.add(steps.get(..end).unwrap_or_default())).collect()
        }
    }
}

impl Rule {
    /// The item scans know its first test under.
    fn item(&self) -> Option<ItemId> {
        match self.links.first().map(|link| &link.test) {
            Some(Test::Values(test)) => test.item,
            _ => None,
        }
    }
}
