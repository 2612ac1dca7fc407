//! Word that policies are to be read again, on several nodes of one server.

use std::time::Duration;

use portcullis_store::ServerStore;
use portcullis_store::server::Reloading;

use crate::redis::{PATIENCE, Redis};

async fn hears(store: &ServerStore) -> Reloading {
    let reloading = store.reloading();
    let listens = async {
        while !store.figures().listening {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, listens).await.expect("it listens");
    reloading
}

async fn is_told(reloading: &mut Reloading) {
    tokio::time::timeout(PATIENCE, reloading.told()).await.expect("it is told");
}

#[tokio::test]
async fn every_node_is_told_also_over_a_channel_that_went_dead_and_after_the_server_lost_everything() {
    let mut redis = Redis::start(&[]).await;
    let (one, other) = (ServerStore::start(redis.plan()), ServerStore::start(redis.plan()));
    let (mut here, mut there) = (hears(&one).await, hears(&other).await);
    assert!(one.tell_reload().await);
    is_told(&mut here).await;
    is_told(&mut there).await;

    redis.ask(&["INCR", "test:{bans}:reloads"]);
    is_told(&mut there).await;

    redis.kill();
    assert!(!one.tell_reload().await, "nobody is there to take it");
    redis.revive().await;
    while !other.tell_reload().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    is_told(&mut here).await;
}
