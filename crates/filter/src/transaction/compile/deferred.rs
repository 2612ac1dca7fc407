//! Rules that an ordinary exchange jumps over: what CRS's higher paranoia levels hold while they are turned off.
//!
//! Values are not scanned for them until a phase gets there. Which they are is only expected: the variables are taken
//! as they are after a first phase that saw no value. A wrong guess costs time and never a match.

use std::sync::Weak;

use crate::scan::Bits;
use crate::transaction::budget::Budget;
use crate::transaction::program::{Disruptive, Flow, Program, Rule, SlotTest, Test};
use crate::transaction::run::{Run, Scanning};
use crate::transaction::state::State;
use crate::transaction::workspace::Cache;

/// For each phase, the rules that are expected to be jumped over. The program may be without its fronts.
pub(super) fn deferred_rules(program: &Program) -> [Bits; 5] {
    let mut state = State::new(program);
    state.clear(program, Budget::default());
    let mut cache = Cache::new(program, Weak::new());
    let mut run =
        Run { program, state: &mut state, cache: &mut cache, phase: 0, scanning: Scanning::Off, rule: None };
    run.run();
    let mut deferred: [Bits; 5] = Default::default();
    for (deferred, phase) in deferred.iter_mut().zip(&program.phases) {
        for (at, rule) in phase.rules.iter().enumerate() {
            if let Some((test, to)) = jump(rule)
                && run.slot_holds(test)
            {
                (at + 1..to).for_each(|rule| deferred.insert(rule));
            }
        }
    }
    deferred
}

/// The test of a rule that does nothing but jump, and where to.
fn jump(rule: &Rule) -> Option<(SlotTest, usize)> {
    let [link] = rule.links.as_slice() else { return None };
    match (&link.test, rule.outcome.flow, &rule.outcome.disruptive) {
        (Test::Slot(test), Flow::Goto(to), Disruptive::Pass) => Some((*test, to)),
        _ => None,
    }
}
