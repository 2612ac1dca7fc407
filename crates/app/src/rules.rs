//! `portcullis rules`: tests of the content filter's rules, run through the policy's own engine.
//!
//! Invariants: nothing is sent anywhere; every test starts with an empty store; a test that could not be read is told
//! and counts as a mistake, not as passed.

mod run;
mod suite;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::load::{self, Purpose};
use crate::output::{self, Audience, right};
use crate::{Exit, Misuse, check, cli};
use run::Outcome;
use suite::Suite;

/// Carries the command out.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Rules) -> Result<Exit> {
    let cli::Rules::Test { tests, only, overrides } = command;
    let suite = Suite::read(&tests, &only, overrides.as_deref())?;
    if !suite.problems.is_empty() {
        output::say(&check::rendered(&suite.problems));
    }
    if suite.is_broken() {
        return Ok(Exit::No);
    }
    if suite.cases.is_empty() {
        return Err(Misuse(format!("{} holds no test that is meant", tests.display())).into());
    }
    let loaded = match load::load(config, Purpose::Look) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            output::say(&check::rendered(&rejected.problems));
            return Ok(Exit::No);
        }
    };
    let outcomes = run::all(&loaded.snapshot, &suite);
    match audience {
        Audience::Programs => print_json(&suite, &outcomes),
        Audience::People => print_table(&suite, &outcomes),
    }
    let failed = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)));
    Ok(if failed { Exit::No } else { Exit::Done })
}

fn print_json(suite: &Suite, outcomes: &[Outcome]) {
    let results = suite.cases.iter().zip(outcomes).map(|(case, outcome)| {
        let wrong = match outcome {
            Outcome::Failed(wrong) => wrong.as_slice(),
            Outcome::Passed | Outcome::LeftOut(_) => &[],
        };
        let reason = match outcome {
            Outcome::LeftOut(reason) => Some(reason.as_str()),
            _ => case.known.as_deref(),
        };
        json!({ "test": case.test.name(), "outcome": outcome.word(), "wrong": wrong, "known": reason })
    });
    let results: Vec<serde_json::Value> = results.collect();
    let count = |word: &str| outcomes.iter().filter(|outcome| outcome.word() == word).count();
    output::json(&json!({
        "passed": count("passed"),
        "failed": count("failed"),
        "left_out": count("left out"),
        "tests": results,
    }));
}

/// Failures one by one, then sums by group.
fn print_table(suite: &Suite, outcomes: &[Outcome]) {
    let mut failures = output::table(&["test", "what is wrong", "what it is about"]);
    let mut groups: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (case, outcome) in suite.cases.iter().zip(outcomes) {
        let [passed, failed, left_out] = groups.entry(&case.group).or_default();
        match outcome {
            Outcome::Passed => *passed += 1,
            Outcome::LeftOut(_) => *left_out += 1,
            Outcome::Failed(wrong) => {
                *failed += 1;
                let about = case.test.description.lines().next().unwrap_or_default();
                failures.add_row([case.test.name(), wrong.join("; "), about.to_owned()]);
            }
        }
    }
    if !failures.is_empty() {
        output::line(&failures.to_string());
    }
    let mut table = output::table(&["tests of", "passed", "failed", "left out"]);
    let mut sums = [0; 3];
    for (group, counts) in groups {
        table.add_row([group.into(), right(counts[0]), right(counts[1]), right(counts[2])]);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    table.add_row(["all".into(), right(sums[0]), right(sums[1]), right(sums[2])]);
    output::line(&table.to_string());
}
