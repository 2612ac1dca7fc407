//! The regression tests of OWASP CRS, all of them, in process: read by the wire crate, judged under the whole rule
//! set with scans and without, answered by a backend like the suite's.
//!
//! Found through `PORTCULLIS_CORPORA`; without it this says so and checks nothing. Requests that an HTTP server has to
//! refuse before rules exist are listed in `crs/refused.rs` with the reason, and the refusal is asserted.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may be loud"
)]

#[path = "crs/backend.rs"]
mod backend;
#[path = "crs/exchange.rs"]
mod exchange;
#[path = "crs/refused.rs"]
mod refused;
#[path = "crs/suite.rs"]
mod suite;

use exchange::{Met, Pass, meet};
use portcullis_filter::ftw::{Observed, Stage, judge};
use portcullis_filter::transaction::Workspace;

#[test]
fn every_regression_test_of_crs_passes() {
    let Some(corpora) = suite::corpora() else { return };
    let usual = suite::rules(&corpora, suite::Limits::AsPublished);
    let strict = suite::rules(&corpora, suite::Limits::OnArguments);
    let tests = suite::tests(&corpora);
    let mut workspace = Workspace::new();
    let (mut stages, mut failed, mut apart) = (0, Vec::new(), Vec::new());
    for test in &tests {
        // Two tests are about limits that are not set, since they would show in other tests.
        let rules = if ["920360-1", "920380-1"].contains(&&*test.name()) { &strict } else { &usual };
        for stage in &test.stages {
            stages += 1;
            let met = meet(rules, &stage.input.bytes(), Pass::Scanning, &mut workspace);
            let exhaustive = meet(rules, &stage.input.bytes(), Pass::Exhaustive, &mut workspace);
            assert_eq!(met, exhaustive, "{}: scans change the verdict", test.name());
            let wrong = verdict(stage, &met);
            if wrong.is_empty() {
                continue;
            }
            if refused::is_expected(&test.name(), &met) {
                apart.push(test.name());
            } else {
                failed.push(format!("{}: {} ({})", test.name(), wrong.join("; "), test.description));
            }
        }
    }
    eprintln!("{} tests, {stages} stages, {} listed apart: {}", tests.len(), apart.len(), apart.join(", "));
    assert!(failed.is_empty(), "{} of {stages} stages failed:\n{}", failed.len(), failed.join("\n"));
    assert!(!suite::is_whole() || apart.iter().eq(refused::listed()), "the list names a test that passes");
}

/// What is wrong with what came of a stage.
fn verdict(stage: &Stage, met: &Met) -> Vec<String> {
    let observed = match met {
        Met::Answered(observed) => observed.clone(),
        // A refusal is an answer of the gateway, no rule was asked.
        Met::Refused(defect) => refused::observed(*defect),
        Met::Unanswered => exchange::Seen::default(),
    };
    judge(&stage.expected, &Observed::from(observed))
}
