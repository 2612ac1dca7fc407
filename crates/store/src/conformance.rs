//! The cases every store must pass: one table, run against each backend.
//!
//! Each case uses keys of its own under a salt the caller chooses, so the suite can run again on a store that is
//! shared and not empty. Nothing here knows a backend.

mod cases;

use std::fmt;
use std::time::Duration;

use portcullis_model::counter::{Answer, Batch, Op};
use portcullis_model::{Ban, BanKey, CallerKey, Timestamp};
use smol_str::format_smolstr;

use crate::backend::Store;

/// One case: operations in order, each with the answer it must get.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One operation at one time, and its answer.
#[derive(Clone, Debug)]
pub struct Step {
    /// From the suite's start.
    pub at: Duration,
    /// What is asked.
    pub op: Op,
    /// What must be answered.
    pub expect: Expect,
}

/// The answer a step must get.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Exactly this.
    Exactly(Answer),
    /// A quota's use, whenever it is reset (that depends on where in a window the suite starts).
    Used {
        /// Whether it fitted.
        admitted: bool,
        /// What is used.
        used: u64,
    },
    /// A distinct count within 5% of this.
    About(u64),
    /// Anything: the step only prepares.
    Any,
}

/// A step that got another answer than it must.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The case.
    pub case: &'static str,
    /// Which of its steps, from 1; 0 for bans.
    pub step: usize,
    /// What was expected, and what came.
    pub difference: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, step {}: {}", self.case, self.step, self.difference)
    }
}

impl Expect {
    fn met(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Self::Any, _) => true,
            (Self::Exactly(expected), answer) => expected == answer,
            (Self::About(expected), Answer::Distinct { count, .. }) => {
                count.abs_diff(*expected).saturating_mul(20) <= *expected
            }
            (Self::Used { admitted, used }, Answer::Quota { admitted: fitted, used: now, .. }) => {
                admitted == fitted && used == now
            }
            (Self::About(_) | Self::Used { .. }, _) => false,
        }
    }
}

/// Every case, its keys made from `salt`; runs from `start` on.
pub fn cases(salt: u128) -> Vec<Case> {
    cases::all(salt)
}

/// Runs every case; what failed.
pub async fn run(store: &dyn Store, salt: u128, start: Timestamp) -> Vec<Failure> {
    let mut failures = Vec::new();
    for case in cases(salt) {
        for (place, step) in case.steps.iter().enumerate() {
            let batch = Batch { now: start.plus(step.at), ops: [step.op.clone()].into_iter().collect() };
            let answers = store.apply(&batch).answers().await;
            let met = matches!(answers.as_deref(), Ok([answer]) if step.expect.met(answer));
            if !met {
                let difference = format!("{:?} expected {:?}, came {answers:?}", step.op, step.expect);
                failures.push(Failure { case: case.name, step: place + 1, difference });
            }
        }
    }
    failures.extend(run_batch(store, salt, start).await);
    failures.extend(run_bans(store, salt, start));
    failures
}

/// A batch answers every operation, in order, also after one that refuses.
async fn run_batch(store: &dyn Store, salt: u128, start: Timestamp) -> Option<Failure> {
    let ops: Vec<Op> = cases(salt ^ u128::from(u64::MAX))
        .into_iter()
        .flat_map(|case| case.steps)
        .map(|step| step.op)
        .collect();
    let batch = Batch { now: start, ops: ops.iter().cloned().collect() };
    let answers = store.apply(&batch).answers().await;
    let fits = |(op, answer): (&Op, &Answer)| {
        matches!(
            (op, answer),
            (Op::Take { .. }, Answer::Take { .. })
                | (Op::Acquire { .. }, Answer::Acquire { .. })
                | (Op::Release { .. }, Answer::Done)
                | (Op::Quota { .. }, Answer::Quota { .. })
                | (Op::Distinct { .. }, Answer::Distinct { .. })
                | (Op::Once { .. }, Answer::Once { .. })
                | (Op::Recent { .. }, Answer::Recent(_))
                | (Op::Map { .. }, Answer::Map(_))
        )
    };
    let met =
        answers.as_ref().is_ok_and(|answers| answers.len() == ops.len() && ops.iter().zip(answers).all(fits));
    (!met).then(|| Failure {
        case: "one batch",
        step: 0,
        difference: "answers do not fit the operations".into(),
    })
}

/// Bans are set, found, listed, prolonged, lifted, and end.
fn run_bans(store: &dyn Store, salt: u128, start: Timestamp) -> Vec<Failure> {
    // One of its own for each run: what an earlier run lifted stays lifted.
    let [.., third, fourth] = salt.to_be_bytes();
    let ip = std::net::IpAddr::from([198, 18, third, fourth]);
    let caller = CallerKey::address(ip);
    let key = BanKey::Caller(caller.clone());
    let ban = |secs: u64| Ban {
        key: key.clone(),
        site: Some("shop".into()),
        since: start,
        until: start.plus(Duration::from_secs(secs)),
        grows_to: None,
        event: None,
        reason: "conformance".into(),
        by: format_smolstr!("limit:suite-{salt}"),
    };
    let finds = |site: &str, secs: u64| {
        store.ban_view().find(Some(site), &caller, ip, start.plus(Duration::from_secs(secs))).is_some()
    };
    let mut failures = Vec::new();
    let mut expect = |what: &'static str, met: bool| {
        if !met {
            failures.push(Failure { case: "bans", step: 0, difference: what.into() });
        }
    };
    expect("nothing is banned at first", !finds("shop", 1));
    store.ban(ban(60));
    expect("a ban holds at its site", finds("shop", 59));
    expect("a ban does not hold at another site", !finds("other", 59));
    expect("a ban ends", !finds("shop", 60));
    store.ban(ban(30));
    expect("a shorter ban does not shorten a longer one", finds("shop", 59));
    expect("bans are listed", store.bans(start).iter().any(|held| held.key == key));
    expect("a ban of another site is not lifted", !store.unban(&key, None, start));
    expect("a ban is lifted", store.unban(&key, Some("shop"), start));
    expect("a lifted ban does not hold", !finds("shop", 1));
    expect("a lifted ban is gone", !store.unban(&key, Some("shop"), start));
    store.ban(ban(60));
    expect("what was lifted is not set again by the same", !finds("shop", 1));
    failures
}
