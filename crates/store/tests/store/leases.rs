//! Units taken ahead on several nodes of one server: how far counts may then be from exact, and what trips it saves.

#![allow(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "small numbers")]

use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_model::counter::{Answer, Batch, CounterKey, Op, Window};
use portcullis_store::server::LeaseTerms;
use portcullis_store::{ServerPlan, ServerStore, Store};

use crate::redis::Redis;

const NODES: usize = 3;
const BURST: u64 = 100;
/// A tenth of the burst.
const SLICE: u64 = 10;
const HOLD: Duration = Duration::from_millis(500);
/// A rate limit that gives nothing back within a test.
const SLOW: (u64, Duration) = (1, Duration::from_hours(240));

fn node(redis: &Redis) -> ServerStore {
    let terms = LeaseTerms { share: 0.1, hold: HOLD };
    ServerStore::start(ServerPlan { leases: Some(terms), ..redis.plan() })
}

fn nodes(redis: &Redis) -> Vec<ServerStore> {
    (0..NODES).map(|_| node(redis)).collect()
}

fn take(key: u128, (rate, per): (u64, Duration), burst: u64) -> Op {
    Op::Take { key: CounterKey(key), rate, per, burst, cost: 1 }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + millis * 1000)
}

async fn ask(store: &ServerStore, now: Timestamp, op: Op) -> Answer {
    let batch = Batch { now, ops: [op].into_iter().collect() };
    store.apply(&batch).answers().await.expect("it answers")[0].clone()
}

async fn admits(store: &ServerStore, now: Timestamp, op: Op) -> bool {
    matches!(ask(store, now, op).await, Answer::Take { admitted: true, .. })
}

fn trips(nodes: &[ServerStore]) -> u64 {
    nodes.iter().map(|node| node.figures().answered).sum()
}

#[tokio::test]
async fn a_busy_key_costs_few_trips_and_no_more_than_the_burst_is_admitted() {
    let redis = Redis::start(&[]).await;
    let nodes = nodes(&redis);
    let mut admitted = 0;
    for turn in 0..900 {
        let node = &nodes[turn % NODES];
        admitted += u64::from(admits(node, at(turn as i64), take(1, SLOW, BURST)).await);
    }
    assert_eq!(admitted, BURST, "all slices are given out while every node is busy");
    assert!(trips(&nodes) < 60, "{} trips for 900 batches", trips(&nodes));
    let leased: u64 = nodes.iter().map(|node| node.figures().leased).sum();
    assert_eq!(leased + trips(&nodes), 900);
}

#[tokio::test]
async fn what_a_node_holds_and_does_not_give_out_is_all_that_others_lack() {
    let redis = Redis::start(&[]).await;
    let nodes = nodes(&redis);
    // Each but the last becomes busy, and then is asked no more.
    let mut admitted = 0;
    for node in &nodes[1..] {
        for _ in 0..2 {
            admitted += u64::from(admits(node, at(0), take(1, SLOW, BURST)).await);
        }
    }
    for turn in 0..300 {
        admitted += u64::from(admits(&nodes[0], at(turn), take(1, SLOW, BURST)).await);
    }
    assert_eq!(admitted, BURST - (NODES as u64 - 1) * SLICE);
}

#[tokio::test]
async fn no_window_admits_more_than_the_rate_and_a_slice_of_each_node() {
    let redis = Redis::start(&[]).await;
    let nodes = nodes(&redis);
    let rate = (50, Duration::from_secs(1));
    let mut random = fastrand::Rng::with_seed(7);
    let (mut now, mut taken) = (0, Vec::new());
    for _ in 0..3000 {
        // Mostly faster than the rate, with pauses in which units come back.
        now += if random.u32(0..100) == 0 { random.i64(0..3000) } else { random.i64(0..15) };
        let node = &nodes[random.usize(0..NODES)];
        if admits(node, at(now), take(1, rate, BURST)).await {
            taken.push(now);
        }
    }
    for (first, from) in taken.iter().enumerate() {
        for (later, to) in taken.iter().enumerate().skip(first) {
            let most = BURST + (50 * (to - from) as u64).div_ceil(1000) + NODES as u64 * SLICE;
            assert!((later - first + 1) as u64 <= most, "{from} to {to}");
        }
    }
    let all = BURST + (50 * now as u64).div_ceil(1000);
    assert!(taken.len() as u64 <= all, "since the bucket was full");
    assert!(taken.len() > 500 && trips(&nodes) < 2500, "{} and {}", taken.len(), trips(&nodes));
}

#[tokio::test]
async fn units_are_not_given_out_once_their_time_is_over_nor_under_another_limit() {
    let redis = Redis::start(&[]).await;
    let node = node(&redis);
    for millis in [0, 1, 2] {
        assert!(admits(&node, at(millis), take(1, SLOW, BURST)).await);
    }
    assert_eq!(node.figures().leased, 1);
    assert!(admits(&node, at(3), take(1, SLOW, 2 * BURST)).await);
    assert!(admits(&node, at(2000), take(1, SLOW, BURST)).await);
    assert!(admits(&node, at(-2000), take(1, SLOW, BURST)).await, "the clock was set back");
    assert_eq!(node.figures().leased, 1);
}

#[tokio::test]
async fn a_refusal_is_told_again_without_a_trip_for_as_long_as_it_surely_stands() {
    let redis = Redis::start(&[]).await;
    let node = node(&redis);
    let rate = (1, Duration::from_millis(200));
    for _ in 0..BURST {
        assert!(admits(&node, at(0), take(1, rate, BURST)).await);
    }
    let before = node.figures().answered;
    for millis in 1..200 {
        let answer = ask(&node, at(millis), take(1, rate, BURST)).await;
        let Answer::Take { admitted: false, retry_after, .. } = answer else {
            panic!("{millis}: {answer:?}")
        };
        assert_eq!(retry_after, Duration::from_millis(200 - millis as u64));
    }
    assert_eq!(node.figures().answered, before + 1);
    assert!(admits(&node, at(200), take(1, rate, BURST)).await, "not a moment longer");
}

#[tokio::test]
async fn small_limits_and_other_counters_cost_a_trip_each() {
    let redis = Redis::start(&[]).await;
    let node = node(&redis);
    for _ in 0..9 {
        assert!(admits(&node, at(0), take(1, SLOW, 9)).await, "a tenth of nine is no unit");
    }
    let quota = Op::Quota { key: CounterKey(2), window: Window::Day, limit: 100, cost: 1 };
    for used in 1..=9 {
        let both = Batch { now: at(0), ops: [quota.clone(), take(3, SLOW, BURST)].into_iter().collect() };
        let answers = node.apply(&both).answers().await.expect("it answers");
        assert!(matches!(answers[0], Answer::Quota { used: counted, .. } if counted == used), "{answers:?}");
        assert!(
            matches!(answers[1], Answer::Take { remaining, .. } if remaining == BURST - used),
            "{answers:?}"
        );
    }
    assert_eq!((node.figures().leased, node.figures().answered), (0, 18));
}

#[tokio::test]
async fn a_node_that_takes_ahead_passes_what_exact_ones_do_when_it_is_alone() {
    let redis = Redis::start(&[]).await;
    let store = node(&redis);
    let start = Timestamp::parse("2026-11-23T04:05:06Z").expect("a time");
    let failures = portcullis_store::conformance::run(&store, 1, start).await;
    assert!(failures.is_empty(), "{failures:?}");
}
