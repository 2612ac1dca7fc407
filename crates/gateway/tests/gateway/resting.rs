//! Connections that carry nothing for a while, and what they do after that.

use crate::behind::{Behind, read_head, site_on, write};
use crate::stage::{Authority, Files, PATIENCE, Stage, plain, policy};

const RESTING: &str = "portcullis_connections_resting";

fn again(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n")
}

#[tokio::test]
async fn a_connection_that_rested_goes_on_as_before() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    for round in 0..2 {
        let path = format!("/round-{round}");
        // In two pieces: it is woken by less than a head.
        let request = again(&path);
        let (first, second) = request.split_at(9);
        wire.send(first).await;
        tokio::task::yield_now().await;
        wire.send(second).await;
        wire.read_until(&format!("GET {path} 0")).await;
        stage.metric_becomes(RESTING, "1").await;
    }
    wire.send(
        "POST /last HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    )
    .await;
    assert!(wire.read_to_end().await.ends_with("POST /last 5"));
    stage.metric_becomes(RESTING, "0").await;
}

#[tokio::test]
async fn what_came_while_it_rested_is_refused_or_answered_in_order() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    stage.metric_becomes(RESTING, "1").await;
    wire.send(format!("{}{}BAD\r\n\r\n", again("/one"), again("/two"))).await;
    let answers = wire.read_to_end().await;
    let places = ["GET /one 0", "GET /two 0", "HTTP/1.1 400 "].map(|text| answers.find(text));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answers}");
}

#[tokio::test]
async fn a_client_that_goes_while_it_rests_is_forgotten() {
    let stage = Stage::plain().await;
    let wire = plain(stage.address()).await;
    stage.metric_becomes(RESTING, "1").await;
    drop(wire);
    stage.metric_becomes(RESTING, "0").await;
    stage.metric_becomes("portcullis_connections_open{listener=\"127.0.0.1:0\"}", "0").await;
}

#[tokio::test]
async fn it_is_closed_after_the_idle_time_all_the_same() {
    let more = "connections: { idle_timeout: 3s }";
    let stage = Stage::start(&policy("127.0.0.1:0", more), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    stage.metric_becomes(RESTING, "1").await;
    assert_eq!(wire.read_to_end().await, "");
    assert_eq!(stage.metric("portcullis_client_timeouts_total{what=\"idle\"}").as_deref(), Some("1"));
}

#[tokio::test]
async fn it_rests_encrypted_and_through_a_change_of_protocol() {
    let behind = Behind::raw(|_, mut stream| async move {
        use tokio::io::AsyncReadExt;
        read_head(&mut stream).await;
        write(
            &mut stream,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        )
        .await;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await.unwrap();
        write(&mut stream, std::str::from_utf8(&word).unwrap()).await;
    })
    .await;
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example"]);
    let files = Files::default();
    for (name, text) in [("shop.pem", &leaf.certificate), ("shop.key", &leaf.key)] {
        files.lock().insert(name.to_owned(), text.clone().into());
    }
    let listen = "{ address: 127.0.0.1:0, tls: { certificate: shop.pem, key: shop.key } }";
    let policy = site_on(&[behind.address], "", "").replace("{ address: 127.0.0.1:0, h2c: true }", listen);
    let stage = Stage::start(&policy, files).await;
    let mut wire = authority.client().connect(stage.address(), "shop.example").await.unwrap();
    stage.metric_becomes(RESTING, "1").await;
    wire.send("GET /ws HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
    wire.read_until("101 Switching").await;
    wire.send("hello").await;
    assert!(wire.read_to_end().await.ends_with("hello"));
}

#[tokio::test]
async fn draining_waits_for_none_that_rests() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    wire.send(again("/kept")).await;
    wire.read_until("GET /kept 0").await;
    stage.metric_becomes(RESTING, "1").await;
    let draining = stage.gateway.drain(PATIENCE, portcullis_gateway::Leaving::ForGood);
    tokio::time::timeout(PATIENCE / 2, draining).await.expect("nothing is waited for");
    assert_eq!(wire.read_to_end().await, "");
}
