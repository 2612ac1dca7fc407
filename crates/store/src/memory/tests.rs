//! The memory store against the conformance suite and its bounds.

use std::time::Duration;

use portcullis_model::counter::{CounterKey, Window};
use proptest::prelude::*;

use super::*;
use crate::conformance;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn one(store: &MemoryStore, now: Timestamp, op: Op) -> Answer {
    let batch = Batch { now, ops: [op].into_iter().collect() };
    match store.apply(&batch) {
        Reply::Ready(Ok(answers)) => answers[0].clone(),
        other => panic!("memory answers at once, not {other:?}"),
    }
}

fn once(n: u128, secs: u64) -> Op {
    Op::Once {
        key: CounterKey(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
        window: Duration::from_secs(secs),
    }
}

fn first(answer: &Answer) -> bool {
    matches!(answer, Answer::Once { first: true })
}

#[tokio::test]
async fn it_conforms() {
    let store = MemoryStore::new(MemoryLimits::default());
    for salt in [1, 2] {
        let failures = conformance::run(&store, salt, at(0)).await;
        assert!(failures.is_empty(), "{failures:#?}");
    }
}

#[tokio::test]
async fn the_suite_notices_what_does_not_conform() {
    let store = MemoryStore::new(MemoryLimits::default());
    assert_eq!(conformance::run(&store, 1, at(0)).await, []);
    let again = conformance::run(&store, 1, at(0)).await;
    assert!(again.len() > 10, "the same keys meet what the first run left: {again:#?}");
}

#[test]
fn keys_are_bounded_and_the_idle_give_way_before_the_used() {
    let store = MemoryStore::new(MemoryLimits { keys: 64 * 32, bytes: 1 << 20, bans: 10 });
    for n in 0..100_000 {
        one(&store, at(0), once(n, 1000));
        if n % 8 == 0 {
            one(&store, at(0), once(0, 1000));
        }
    }
    let footprint = store.footprint();
    assert!(footprint.keys <= 64 * 32 && footprint.keys > 64 * 30, "{footprint:?}");
    assert_eq!(footprint.evicted + footprint.keys as u64, 100_000);
    assert!(!first(&one(&store, at(0), once(0, 1000))), "the key in use is still there");
}

#[test]
fn what_has_run_out_gives_way_first_and_is_swept() {
    let store = MemoryStore::new(MemoryLimits { keys: 64 * 8, bytes: 1 << 20, bans: 10 });
    for n in 0..64 * 4 {
        one(&store, at(0), once(n, 10));
    }
    for n in 1000..1000 + 64 * 3 {
        one(&store, at(20), once(n, 1000));
    }
    let before = store.footprint();
    let swept = store.sweep(at(20));
    assert_eq!(store.footprint().keys + swept, before.keys);
    let evicted_alive = (1000..1000 + 64 * 3).filter(|n| first(&one(&store, at(20), once(*n, 1000)))).count();
    assert!(evicted_alive as u64 <= store.footprint().evicted);
}

#[test]
fn bytes_are_bounded() {
    let store = MemoryStore::new(MemoryLimits { keys: 1_000_000, bytes: 64 * 64 * 1024, bans: 10 });
    for n in 0..2000_u64 {
        let key = CounterKey(u128::from(n) << 96 | u128::from(n));
        for value in 0..20 {
            one(&store, at(0), Op::Distinct { key, value, window: Duration::from_secs(100), exact: 10 });
        }
    }
    let footprint = store.footprint();
    assert!(footprint.bytes <= 64 * 64 * 1024, "{footprint:?}");
    assert!(footprint.evicted > 500, "{footprint:?}");
}

#[test]
fn a_key_used_for_another_kind_starts_afresh() {
    let store = MemoryStore::new(MemoryLimits::default());
    let key = CounterKey(5);
    one(&store, at(0), Op::Once { key, window: Duration::from_secs(100) });
    let quota = Op::Quota { key, window: Window::Day, limit: 5, cost: 1 };
    assert!(matches!(one(&store, at(0), quota.clone()), Answer::Quota { admitted: true, used: 1, .. }));
    assert!(matches!(one(&store, at(0), quota), Answer::Quota { admitted: true, used: 2, .. }));
    assert!(first(&one(&store, at(0), Op::Once { key, window: Duration::from_secs(100) })));
}

proptest! {
    /// Whatever is asked of whichever key, the table stays consistent with its index and its weights.
    #[test]
    fn the_table_stays_consistent(ops in prop::collection::vec((0_u8..8, 0_u64..12, 0_u64..6, 0_i64..40), 1..300)) {
        let store = MemoryStore::new(MemoryLimits { keys: 4, bytes: 9000, bans: 4 });
        for (kind, key, value, now) in ops {
            let key = CounterKey(u128::from(key));
            let window = Duration::from_secs(5);
            let op = match kind {
                0 => Op::Take { key, rate: value + 1, per: window, burst: 3, cost: 1 },
                1 => Op::Acquire { key, limit: 2, lease: u128::from(value), ttl: window },
                2 => Op::Release { key, lease: u128::from(value) },
                3 => Op::Quota { key, window: Window::Rolling(window), limit: 9, cost: value },
                4 => Op::Distinct { key, value, window, exact: 2 },
                5 => Op::Once { key, window },
                6 => Op::Recent { key, value, keep: 3, ttl: window },
                _ => Op::Map { key, change: portcullis_model::counter::MapChange::Add { field: "n".into(), by: 1, ttl: Some(window) } },
            };
            one(&store, at(now), op);
            let footprint = store.footprint();
            prop_assert!(footprint.keys <= 4);
        }
        store.sweep(at(1_000_000));
        let left = store.footprint();
        prop_assert_eq!((left.keys, left.bytes), (0, 0));
    }
}
