//! What a batch gets while its server is gone, silent or full, and once it is back.

use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_model::counter::{Answer, Answers, Batch, StoreFailure};
use portcullis_store::server::{Outage, TimeFrom};
use portcullis_store::{ServerPlan, ServerStore, Store};

use crate::conformance::take;
use crate::redis::{PATIENCE, Redis};

async fn ask(store: &ServerStore) -> Result<Answers, StoreFailure> {
    let batch = Batch { now: Timestamp::from_micros(0), ops: [take()].into_iter().collect() };
    store.apply(&batch).answers().await
}

/// Asks until the server answers.
async fn answered(store: &ServerStore) -> Answers {
    let answers = async {
        loop {
            if let Ok(answers) = ask(store).await {
                return answers;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("the server answers again")
}

fn admitted(answers: &Answers) -> bool {
    matches!(answers.as_slice(), [Answer::Take { admitted: true, .. }])
}

#[tokio::test]
async fn a_killed_server_fails_at_once_and_is_found_again() {
    let mut redis = Redis::start(&[]).await;
    let store = ServerStore::start(redis.plan());
    assert!(admitted(&answered(&store).await));
    redis.kill();
    let failure = ask(&store).await.unwrap_err();
    assert!(matches!(failure, StoreFailure::Unavailable(_)), "{failure}");
    let before = store.figures();
    assert!(!before.connected && before.failed == 1, "{before:?}");
    redis.revive().await;
    assert!(admitted(&answered(&store).await), "the server came back empty");
    let after = store.figures();
    assert!(after.connected && after.connects == before.connects + 1, "{after:?}");
}

#[tokio::test]
async fn a_connection_that_broke_once_is_tried_again() {
    let redis = Redis::start(&[]).await;
    let store = ServerStore::start(redis.plan());
    answered(&store).await;
    for _ in 0..5 {
        redis.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        ask(&store).await.expect("a new connection is made in time");
    }
    assert_eq!(store.figures().failed, 0);
}

#[tokio::test]
async fn a_server_that_takes_connections_and_no_writes_is_not_run_over() {
    let redis = Redis::start(&["--replicaof", "127.0.0.1", "1"]).await;
    let store = ServerStore::start(redis.plan());
    for _ in 0..200 {
        let failure = ask(&store).await.unwrap_err();
        assert!(matches!(failure, StoreFailure::Unavailable(_)), "{failure}");
    }
    let connects = store.figures().connects;
    assert!((1..20).contains(&connects), "{connects} connections for 200 batches");
    redis.ask(&["REPLICAOF", "NO", "ONE"]);
    answered(&store).await;
}

#[tokio::test]
async fn a_silent_server_costs_its_deadline_then_nothing() {
    let redis = Redis::start(&[]).await;
    let store = ServerStore::start(ServerPlan { deadline: Duration::from_millis(50), ..redis.plan() });
    answered(&store).await;
    redis.signal("STOP");
    let mut failures = Vec::new();
    for _ in 0..30 {
        failures.push(ask(&store).await.unwrap_err());
    }
    redis.signal("CONT");
    let timeouts = failures.iter().filter(|failure| matches!(failure, StoreFailure::Timeout(_))).count();
    assert!(timeouts >= 1, "{failures:?}");
    answered(&store).await;
    let figures = store.figures();
    assert!(figures.connected && figures.timed_out == timeouts as u64, "{figures:?}");
}

#[tokio::test]
async fn meanwhile_the_node_counts_by_itself_where_policy_says_so() {
    let mut redis = Redis::start(&[]).await;
    let store = ServerStore::start(ServerPlan { outage: Outage::CountLocally, ..redis.plan() });
    answered(&store).await;
    redis.kill();
    let mut admitted_here = 0;
    for _ in 0..6 {
        match ask(&store).await {
            Err(StoreFailure::CountedLocally { answers, .. }) => {
                admitted_here += usize::from(admitted(&answers));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(admitted_here, 3, "the node's own bucket holds the burst");
    assert_eq!(store.figures().local, 6);
}

#[tokio::test]
async fn a_full_server_is_a_failure_that_says_so() {
    let redis = Redis::start(&["--maxmemory-policy", "noeviction"]).await;
    let store = ServerStore::start(ServerPlan { time: TimeFrom::Server, ..redis.plan() });
    answered(&store).await;
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let failure = ask(&store).await.unwrap_err();
    assert!(failure.to_string().contains("maxmemory"), "{failure}");
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    answered(&store).await;
}
