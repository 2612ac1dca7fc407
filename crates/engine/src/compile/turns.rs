//! When each rule runs: the earliest turn in which all it reads is known, also tags that other rules set.

use portcullis_expr::Reads;
use portcullis_policy::{Phase, Rule, RuleAction};

use crate::scope::Turn;

/// The turn of every rule, in order. Turns only move later, so this ends.
pub(super) fn settle(rules: &[&Rule]) -> Vec<Turn> {
    let reads: Vec<Reads> = rules.iter().map(|rule| all_reads(rule)).collect();
    let mut turns: Vec<Turn> = rules
        .iter()
        .zip(&reads)
        .map(|(rule, reads)| Turn::from(reads.known).max(earliest(rule.phase)))
        .collect();
    loop {
        let mut moved = false;
        for at in 0..rules.len() {
            let Some(needed) = reads.get(at).and_then(|reads| latest_setter(reads, rules, &turns)) else {
                continue;
            };
            if let Some(turn) = turns.get_mut(at).filter(|turn| **turn < needed) {
                *turn = needed;
                moved = true;
            }
        }
        if !moved {
            return turns;
        }
    }
}

/// The policy's phases are coarser; never run earlier than the policy says.
pub(super) fn earliest(phase: Phase) -> Turn {
    match phase {
        Phase::Head => Turn::Located,
        Phase::Body => Turn::RequestBody,
        Phase::ResponseHead => Turn::ResponseHead,
        Phase::ResponseBody => Turn::ResponseBody,
    }
}

/// What its condition and its templates read.
pub(super) fn all_reads(rule: &Rule) -> Reads {
    let mut reads = rule.when.reads().clone();
    for (_, template) in rule.headers.set.iter() {
        reads.merge(template.checked.reads());
    }
    if let Some(RuleAction::Redirect(redirect)) = &rule.action {
        reads.merge(redirect.to.checked.reads());
    }
    reads
}

/// The latest turn of a rule that may set a tag these reads ask for.
pub(super) fn latest_setter(reads: &Reads, rules: &[&Rule], turns: &[Turn]) -> Option<Turn> {
    let sets = |rule: &Rule| {
        reads.tags.iter().any(|test| {
            test.admits(&format!("rule:{}", rule.name))
                || rule.tags.iter().any(|tag| test.admits(tag.as_str()))
        })
    };
    rules.iter().zip(turns).filter(|(rule, _)| sets(rule)).map(|(_, turn)| *turn).max()
}
