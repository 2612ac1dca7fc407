//! The table of cases.

use std::time::Duration;

use portcullis_model::counter::{Answer, CounterKey, MapChange, Op, Window};
use smol_str::SmolStr;

use super::{Case, Expect, Step};
use Expect::{About, Any, Exactly, Used};

/// Makes a case's steps over one key.
type Builder = fn(CounterKey) -> Vec<Step>;

pub(super) fn all(salt: u128) -> Vec<Case> {
    let builders: [(&'static str, Builder); 11] = [
        ("a bucket admits its burst, then its rate", take),
        ("a bucket refuses more than it can ever hold", take_too_much),
        ("places are held until released or run out", acquire),
        ("a rolling quota forgets slice by slice", rolling),
        ("a daily quota begins anew with the day", day),
        ("a monthly quota begins anew with the month", month),
        ("distinct values are exact up to the bound", distinct),
        ("distinct values are estimated past the bound", estimated),
        ("a nonce is first once a window", once),
        ("recent values are kept newest first", recent),
        ("a collection keeps fields and their times", collection),
    ];
    builders
        .iter()
        .enumerate()
        .map(|(number, (name, steps))| Case {
            name,
            steps: steps(CounterKey(
                salt.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).wrapping_add(number as u128),
            )),
        })
        .collect()
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn step(at: u64, op: Op, expect: Expect) -> Step {
    Step { at: secs(at), op, expect }
}

fn take(key: CounterKey) -> Vec<Step> {
    let op = || Op::Take { key, rate: 60, per: secs(60), burst: 2, cost: 1 };
    let answer = |admitted, remaining, retry, reset| {
        Exactly(Answer::Take { admitted, remaining, retry_after: secs(retry), reset: secs(reset) })
    };
    vec![
        step(0, op(), answer(true, 1, 0, 1)),
        step(0, op(), answer(true, 0, 0, 2)),
        step(0, op(), answer(false, 0, 1, 2)),
        step(1, op(), answer(true, 0, 0, 2)),
        step(1, op(), answer(false, 0, 1, 2)),
        step(100, op(), answer(true, 1, 0, 1)),
    ]
}

fn take_too_much(key: CounterKey) -> Vec<Step> {
    let op = |cost| Op::Take { key, rate: 1, per: secs(10), burst: 3, cost };
    vec![
        step(0, op(4), Any),
        step(
            0,
            op(3),
            Exactly(Answer::Take { admitted: true, remaining: 0, retry_after: secs(0), reset: secs(30) }),
        ),
        step(
            5,
            op(1),
            Exactly(Answer::Take { admitted: false, remaining: 0, retry_after: secs(5), reset: secs(25) }),
        ),
    ]
}

fn acquire(key: CounterKey) -> Vec<Step> {
    let acquire = |lease| Op::Acquire { key, limit: 2, lease, ttl: secs(10) };
    let answer = |admitted, held| Exactly(Answer::Acquire { admitted, held });
    vec![
        step(0, acquire(1), answer(true, 1)),
        step(1, acquire(2), answer(true, 2)),
        step(2, acquire(3), answer(false, 2)),
        step(2, acquire(2), answer(true, 2)),
        step(3, Op::Release { key, lease: 9 }, Exactly(Answer::Done)),
        step(3, acquire(3), answer(false, 2)),
        step(4, Op::Release { key, lease: 1 }, Exactly(Answer::Done)),
        step(5, acquire(3), answer(true, 2)),
        step(12, acquire(4), answer(true, 2)),
    ]
}

fn rolling(key: CounterKey) -> Vec<Step> {
    let op = |cost| Op::Quota { key, window: Window::Rolling(secs(3600)), limit: 10, cost };
    let fits = |used| Used { admitted: true, used };
    vec![
        step(0, op(6), fits(6)),
        step(1800, op(6), Used { admitted: false, used: 6 }),
        step(1800, op(4), fits(10)),
        step(3500, op(1), Used { admitted: false, used: 10 }),
        step(3661, op(6), fits(10)),
        step(5461, op(4), fits(10)),
        step(100_000, op(0), fits(0)),
    ]
}

fn day(key: CounterKey) -> Vec<Step> {
    calendar(key, Window::Day, 86_400)
}

fn month(key: CounterKey) -> Vec<Step> {
    calendar(key, Window::Month, 32 * 86_400)
}

fn calendar(key: CounterKey, window: Window, past_the_end: u64) -> Vec<Step> {
    let op = |cost| Op::Quota { key, window, limit: 10, cost };
    vec![
        step(0, op(9), Used { admitted: true, used: 9 }),
        step(0, op(2), Used { admitted: false, used: 9 }),
        step(0, op(1), Used { admitted: true, used: 10 }),
        step(past_the_end, op(1), Used { admitted: true, used: 1 }),
    ]
}

fn distinct(key: CounterKey) -> Vec<Step> {
    let op = |value| Op::Distinct { key, value, window: secs(60), exact: 3 };
    let answer = |count, new, reset| Exactly(Answer::Distinct { count, new, reset: secs(reset) });
    vec![
        step(0, op(7), answer(1, true, 60)),
        step(10, op(7), answer(1, false, 50)),
        step(10, op(8), answer(2, true, 50)),
        step(59, op(9), answer(3, true, 1)),
        step(60, op(9), answer(1, true, 60)),
    ]
}

fn estimated(key: CounterKey) -> Vec<Step> {
    let op = |value: u64| Op::Distinct {
        key,
        value: value.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        window: secs(60),
        exact: 16,
    };
    let mut steps: Vec<Step> = (0..999).map(|value| step(0, op(value), Any)).collect();
    steps.push(step(1, op(999), About(1000)));
    steps.extend((0..500).map(|value| step(1, op(value), About(1000))));
    steps
}

fn once(key: CounterKey) -> Vec<Step> {
    let op = || Op::Once { key, window: secs(10) };
    let answer = |first| Exactly(Answer::Once { first });
    vec![
        step(0, op(), answer(true)),
        step(9, op(), answer(false)),
        step(10, op(), answer(true)),
        step(19, op(), answer(false)),
    ]
}

fn recent(key: CounterKey) -> Vec<Step> {
    let op = |value| Op::Recent { key, value, keep: 3, ttl: secs(10) };
    let answer = |values: &[u64]| Exactly(Answer::Recent(values.iter().copied().collect()));
    vec![
        step(0, op(1), answer(&[1])),
        step(5, op(2), answer(&[2, 1])),
        step(10, op(3), answer(&[3, 2, 1])),
        step(15, op(4), answer(&[4, 3, 2])),
        step(25, op(5), answer(&[5])),
    ]
}

fn collection(key: CounterKey) -> Vec<Step> {
    let op = |change| Op::Map { key, change };
    let field = || SmolStr::new_static("score");
    let answer = |fields: &[(&str, &str)]| {
        Exactly(Answer::Map(
            fields.iter().map(|(name, value)| (SmolStr::new(name), SmolStr::new(value))).collect(),
        ))
    };
    let set = |name: &str, value: &str, ttl: Option<Duration>| MapChange::Set {
        field: name.into(),
        value: value.into(),
        ttl,
    };
    vec![
        step(0, op(MapChange::Read), answer(&[])),
        step(0, op(set("name", "x", Some(secs(100)))), answer(&[("name", "x")])),
        step(0, op(MapChange::Add { field: field(), by: 5, ttl: Some(secs(10)) }), answer(&[("score", "5")])),
        step(1, op(MapChange::Add { field: field(), by: -7, ttl: None }), answer(&[("score", "-2")])),
        step(2, op(MapChange::Read), answer(&[("name", "x"), ("score", "-2")])),
        step(10, op(MapChange::Read), answer(&[("name", "x")])),
        step(10, op(MapChange::Add { field: "name".into(), by: 1, ttl: None }), answer(&[("name", "1")])),
        step(11, op(MapChange::Expire { field: "name".into(), ttl: secs(5) }), answer(&[("name", "1")])),
        step(15, op(MapChange::Read), answer(&[("name", "1")])),
        step(16, op(MapChange::Expire { field: "name".into(), ttl: secs(5) }), answer(&[])),
        step(17, op(set("a", "1", Some(secs(9)))), answer(&[("a", "1")])),
        step(17, op(MapChange::Remove { field: "a".into() }), answer(&[])),
        step(17, op(MapChange::Read), answer(&[])),
    ]
}
