//! Finds the rules that nothing comes of, once the first of phase 1 have set what they always set: those that begin with
//! a test of a variable that is set by no rule after them, and those that such a test jumps over. In CRS they are what
//! belongs to higher paranoia levels.
//!
//! Invariant: as long as no rule is taken away that jumps, leaving them out changes nothing but the steps that are spent.

use crate::scan::Bits;
use crate::seclang::Collection;
use crate::transaction::program::{Effect, Flow, Number, Phase, Program, Rule, SlotTest, Test};
use crate::transaction::prologue::Settled;
use crate::transaction::run::Run;
use crate::transaction::slots::{CAPTURES, Slot};
use crate::transaction::text::{Part, Text};

/// What is settled after these rules of phase 1, the state of `run` being what they left.
pub(super) fn settle(run: &Run<'_>, begin: &Bits) -> Settled {
    let program = run.program;
    let changing = changing_slots(program, begin);
    let is_known = |test: SlotTest| {
        let operand = match test.operand {
            Number::Plain(_) => true,
            Number::Slot(slot) => !changing.contains(&slot),
        };
        operand && !changing.contains(&test.slot)
    };
    let mut settled = Settled::default();
    for (index, phase) in program.phases.iter().enumerate() {
        let Some(rules) = settled.rules.get_mut(index) else { break };
        for (at, rule) in phase.rules.iter().enumerate().filter(|(at, _)| index > 0 || !begin.contains(*at)) {
            let Some(test) = first_test(rule).filter(|test| is_known(*test)) else { continue };
            if !run.slot_holds(test) {
                rules.insert(at);
            } else if let Some(to) = rule.gate.filter(|to| !is_entered(phase, at, *to)) {
                (at..to.min(phase.rules.len())).for_each(|rule| rules.insert(rule));
                settled.gates.insert(rule.number as usize);
            }
        }
        if let Some(deferred) = settled.deferred.get_mut(index) {
            deferred.copy_from(&phase.deferred);
            deferred.subtract(rules);
        }
    }
    settled
}

/// The slots that rules could set, but for those that begin phase 1.
fn changing_slots(program: &Program, begin: &Bits) -> Vec<Slot> {
    let mut changing: Vec<Slot> = program.slots.all().take(CAPTURES).collect();
    for (index, phase) in program.phases.iter().enumerate() {
        let later = phase.rules.iter().enumerate().filter(|(at, _)| index > 0 || !begin.contains(*at));
        for effect in later.flat_map(|(_, rule)| &rule.links).flat_map(|link| &link.effects) {
            match effect {
                Effect::Count(slot, ..) | Effect::Assign(slot, _) => changing.push(*slot),
                Effect::Set { collection: Collection::Tx, key, .. } => {
                    let begin = beginning_of(key);
                    let named = |slot: &Slot| program.slots.of(*slot).starts_with(&begin);
                    changing.extend(program.slots.all().filter(named));
                }
                _ => {}
            }
        }
    }
    changing
}

/// What every name begins with that a key can stand for, in lower case.
fn beginning_of(key: &Text) -> String {
    let begin = match key {
        Text::Plain(name) => name.as_str(),
        Text::Pieces(parts) => match parts.first() {
            Some(Part::Plain(begin)) => begin.as_str(),
            _ => "",
        },
    };
    begin.to_ascii_lowercase()
}

fn first_test(rule: &Rule) -> Option<SlotTest> {
    match rule.links.first()?.test {
        Test::Slot(test) => Some(test),
        _ => None,
    }
}

/// Whether a rule before `gate` could jump to one that is jumped over from there.
fn is_entered(phase: &Phase, gate: usize, to: usize) -> bool {
    let before = phase.rules.iter().take(gate).enumerate();
    let mut targets = before.map(|(at, rule)| match rule.outcome.flow {
        Flow::Next => 0,
        Flow::Skip(count) => count.saturating_add(at + 1),
        Flow::Goto(target) => target,
    });
    targets.any(|target| target > gate && target < to)
}
