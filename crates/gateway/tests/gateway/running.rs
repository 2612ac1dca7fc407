//! A gateway that runs: probes, reload, drain.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_gateway::Leaving;

use crate::stage::{Files, Stage, get, plain, policy, raw};

const PROBES: &str = "metrics: { listen: 127.0.0.1:0 }";

async fn probed() -> (Stage, SocketAddr) {
    let stage = Stage::start(&policy("127.0.0.1:0", PROBES), Files::default()).await;
    let probes = stage.gateway.metrics_address().unwrap();
    (stage, probes)
}

async fn probe(address: SocketAddr, path: &str) -> String {
    raw(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn probes_show_life_readiness_and_counts() {
    let (stage, probes) = probed().await;
    assert!(probe(probes, "/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(probe(probes, "/readyz").await.starts_with("HTTP/1.1 200 "));
    assert!(probe(probes, "/secrets").await.starts_with("HTTP/1.1 404 "));
    raw(stage.address(), get("/counted")).await;
    stage.event().await;
    let text = probe(probes, "/metrics").await;
    for line in [
        "portcullis_exchanges_total{site=\"shop\",action=\"pass\",status=\"2xx\"} 1",
        "portcullis_connections_total{listener=\"127.0.0.1:0\"} 1",
        "portcullis_archive_failing 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let post =
        raw(probes, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
}

#[tokio::test]
async fn a_reload_changes_listeners_and_keeps_what_stays() {
    let stage = Stage::plain().await;
    let kept = stage.address();
    let mut wire = plain(kept).await;
    wire.send("GET /before HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    wire.read_until("GET /before 0").await;
    stage.gateway.reload(stage.compiled(&policy("[127.0.0.1:0, '[::1]:0']", PROBES))).unwrap();
    let addresses = stage.gateway.addresses();
    assert_eq!((addresses.len(), addresses[0]), (2, kept));
    assert!(raw(addresses[1], get("/added")).await.ends_with("GET /added 0"));
    assert!(stage.gateway.metrics_address().is_some());
    wire.send("GET /after HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    wire.read_until("GET /after 0").await;
    // Gone listeners: their idle connections close, new ones are not taken.
    stage.gateway.reload(stage.compiled(&policy("'[::1]:0'", ""))).unwrap();
    assert_eq!(wire.read_to_end().await, "");
    assert_eq!(stage.gateway.addresses(), [addresses[1]]);
    assert_eq!(stage.gateway.metrics_address(), None);
    assert!(raw(addresses[1], get("/still")).await.ends_with("GET /still 0"));
}

#[tokio::test]
async fn a_reload_that_cannot_be_carried_out_changes_nothing() {
    let stage = Stage::plain().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = format!("[127.0.0.1:0, '[::1]:0', '{}']", taken.local_addr().unwrap());
    let refused = stage.gateway.reload(stage.compiled(&policy(&wanted, ""))).unwrap_err();
    assert!(refused.to_string().starts_with("cannot listen on "), "{refused}");
    assert_eq!(stage.gateway.addresses().len(), 1);
    assert!(raw(stage.address(), get("/on")).await.ends_with("GET /on 0"));
}

#[tokio::test]
async fn a_reload_under_load_loses_no_request() {
    let stage = Stage::plain().await;
    let address = stage.address();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async move {
                let mut wire = plain(address).await;
                for _ in 0..50 {
                    wire.send("GET /load HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
                    wire.read_until("GET /load 0").await;
                }
            })
        })
        .collect();
    for n in 0..20 {
        stage
            .gateway
            .reload(stage.compiled(&policy("127.0.0.1:0", &format!("connections: {{ max: {} }}", 100 + n))))
            .unwrap();
        tokio::task::yield_now().await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(stage.upstream.seen().len(), 400);
}

#[tokio::test]
async fn draining_finishes_what_runs_and_takes_nothing_new() {
    let (stage, probes) = probed().await;
    let address = stage.address();
    let mut idle = plain(address).await;
    idle.send("GET /idle HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    idle.read_until("GET /idle 0").await;
    let mut busy = plain(address).await;
    busy.send("POST /busy HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhe").await;
    stage.metric_becomes("portcullis_connections_open{listener=\"127.0.0.1:0\"}", "2").await;
    let Stage { gateway, upstream, .. } = stage;
    let draining =
        tokio::spawn(async move { gateway.drain(Duration::from_secs(20), Leaving::ForGood).await });
    assert_eq!(idle.read_to_end().await, "");
    assert!(probe(probes, "/readyz").await.starts_with("HTTP/1.1 503 "));
    assert!(!draining.is_finished());
    busy.send("llo").await;
    assert!(busy.read_to_end().await.ends_with("POST /busy 5"));
    tokio::time::timeout(crate::stage::PATIENCE, draining).await.expect("the drain ends").unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn draining_ends_what_does_not_end_by_itself() {
    let stage = Stage::plain().await;
    let mut stuck = plain(stage.address()).await;
    stuck.send("POST /stuck HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhe").await;
    stage.metric_becomes("portcullis_connections_open{listener=\"127.0.0.1:0\"}", "1").await;
    let Stage { gateway, .. } = stage;
    let drained = tokio::time::timeout(
        crate::stage::PATIENCE,
        gateway.drain(Duration::from_millis(100), Leaving::ForGood),
    )
    .await;
    drained.expect("the drain ends");
    stuck.read_to_end().await;
}
