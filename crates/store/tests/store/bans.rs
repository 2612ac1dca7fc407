//! Bans on several nodes of one server: told, lifted, and made up for after a node or the server was away.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_model::{Ban, BanKey, CallerKey, Timestamp};
use portcullis_store::{ServerStore, Store};

use crate::redis::{PATIENCE, Redis};

/// After any time the server has.
fn at(secs: u64) -> Timestamp {
    Timestamp::parse("2099-01-01T00:00:00Z").unwrap().plus(Duration::from_secs(secs))
}

fn ban(host: u8) -> Ban {
    Ban {
        key: BanKey::Caller(CallerKey::address(IpAddr::from([203, 0, 113, host]))),
        site: Some("shop".into()),
        since: at(0),
        until: at(3600),
        grows_to: None,
        event: None,
        reason: "test".into(),
        by: "limit:test".into(),
    }
}

/// Waits until a node refuses exactly these hosts, a few seconds in.
async fn refuses(node: &ServerStore, hosts: &[u8]) {
    let wanted: Vec<String> = hosts.iter().map(|host| ban(*host).key.to_string()).collect();
    let held = || {
        let mut held: Vec<String> = node.bans(at(9)).iter().map(|ban| ban.key.to_string()).collect();
        held.sort();
        held
    };
    let there = async {
        while held() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, there).await;
    assert!(in_time.is_ok(), "{:?} and not {wanted:?}", held());
}

fn node(redis: &Redis) -> ServerStore {
    ServerStore::start(redis.plan())
}

#[tokio::test]
async fn a_ban_reaches_every_node_and_so_does_its_end() {
    let redis = Redis::start(&[]).await;
    let (one, other) = (node(&redis), node(&redis));
    one.ban(ban(1));
    refuses(&other, &[1]).await;
    let late = node(&redis);
    refuses(&late, &[1]).await;
    assert!(other.unban(&ban(1).key, Some("shop"), at(1)));
    refuses(&one, &[]).await;
    refuses(&late, &[]).await;
    for some in [&one, &late, &node(&redis)] {
        some.ban(ban(2));
        some.ban(Ban { since: at(2), ..ban(1) });
        refuses(some, &[2]).await;
    }
    one.ban(Ban { since: at(3), by: "limit:other".into(), ..ban(1) });
    refuses(&other, &[1, 2]).await;
    for key in ["kept", "ends", "number"] {
        let left = redis.ask(&["--raw", "PTTL", &format!("test:{{bans}}:{key}")]);
        assert!(left.trim().parse::<i64>().unwrap() > 0, "{key} expires: {left}");
    }
}

#[tokio::test]
async fn what_was_said_while_the_server_was_gone_is_told_once_it_is_back() {
    let mut redis = Redis::start(&[]).await;
    let (one, other) = (node(&redis), node(&redis));
    one.ban(ban(1));
    one.ban(ban(4));
    refuses(&other, &[1, 4]).await;
    redis.kill();
    one.ban(ban(2));
    other.ban(ban(3));
    assert!(one.unban(&ban(4).key, Some("shop"), at(1)));
    refuses(&one, &[1, 2]).await;
    redis.revive().await;
    refuses(&one, &[1, 2, 3]).await;
    refuses(&other, &[1, 2, 3]).await;
    refuses(&node(&redis), &[1, 2, 3]).await;
}

#[tokio::test]
async fn a_channel_that_went_dead_unnoticed_is_made_up_for() {
    let redis = Redis::start(&[]).await;
    let (one, other) = (node(&redis), node(&redis));
    one.ban(ban(1));
    refuses(&other, &[1]).await;
    for host in 2..5 {
        redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        one.ban(ban(host));
        refuses(&other, &(1..=host).collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn of_two_bans_the_one_that_ends_later_holds_everywhere() {
    let redis = Redis::start(&[]).await;
    let (one, other) = (node(&redis), node(&redis));
    one.ban(ban(1));
    other.ban(Ban { until: at(60), ..ban(1) });
    other.ban(ban(2));
    refuses(&one, &[1, 2]).await;
    let late = node(&redis);
    refuses(&late, &[1, 2]).await;
    assert!(late.bans(at(9)).iter().all(|held| held.until == ban(1).until));
}

#[tokio::test]
async fn bans_that_ended_are_not_kept_on_the_server() {
    let redis = Redis::start(&[]).await;
    let ask =
        |words: &[&str]| redis.ask(&[&["--raw"], words].concat()).lines().next().unwrap().parse().unwrap();
    let one = node(&redis);
    let soon = Timestamp::from_secs(ask(&["TIME"])).plus(Duration::from_secs(2));
    for host in 0..100 {
        one.ban(Ban { since: Timestamp::from_secs(1), until: soon, ..ban(host) });
    }
    let pruned = async {
        let mut lasting = 0;
        while lasting == 0 || ask(&["HLEN", "test:{bans}:kept"]) != lasting {
            lasting += 1;
            one.ban(ban(u8::try_from(100 + lasting).unwrap()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, pruned).await.expect("what ended is forgotten");
}
