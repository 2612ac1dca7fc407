//! Clients that are slow, small, many or greedy.

use std::time::Instant;

use crate::stage::{Files, Stage, get, plain, policy};

#[tokio::test]
async fn one_byte_at_a_time_is_as_good_as_one_write() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    let chunked = "POST /tiny HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
    for byte in format!("{chunked}{}", get("/next")).bytes() {
        wire.send([byte]).await;
    }
    let answers = wire.read_to_end().await;
    assert!(answers.contains("POST /tiny 5") && answers.ends_with("GET /next 0"), "{answers}");
    assert_eq!(stage.upstream.seen()[0].body, "abcde");
}

#[tokio::test]
async fn many_tiny_chunks_are_one_body() {
    let stage = Stage::plain().await;
    let chunks = "1\r\nx\r\n".repeat(10_000);
    let mut wire = plain(stage.address()).await;
    wire.send(format!(
        "POST /many HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    ))
    .await;
    assert!(wire.read_to_end().await.ends_with("POST /many 10000"));
}

async fn slow(connections: &str) -> Stage {
    Stage::start(&policy("127.0.0.1:0", &format!("connections: {{ {connections} }}")), Files::default()).await
}

#[tokio::test]
async fn a_head_that_does_not_come_is_refused_by_name() {
    let stage = slow("header_timeout: 200ms").await;
    let mut wire = plain(stage.address()).await;
    let begun = Instant::now();
    wire.send("GET /slow HTTP/1.1\r\nHost: shop.example\r\nX-Slow: ").await;
    let answer = wire.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed().as_millis() >= 200);
    let event = stage.event().await;
    assert_eq!(event.reasons[0].code, "framing.head_timeout");
    assert_eq!(event.request.path, "/slow");
    assert_eq!(stage.metric("portcullis_client_timeouts_total{what=\"head\"}").as_deref(), Some("1"));
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn dripping_header_bytes_does_not_buy_time() {
    let stage = slow("header_timeout: 300ms").await;
    let mut wire = plain(stage.address()).await;
    wire.send("GET /drip HTTP/1.1\r\n").await;
    let begun = Instant::now();
    let (mut read, mut write) = tokio::io::split(wire.stream);
    let dripping = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while write.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut read, &mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(begun.elapsed().as_secs() < 5);
    dripping.abort();
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let stage = slow("body_timeout: 200ms").await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST /stall HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\nhalf").await;
    wire.read_to_end().await;
    stage.metric_becomes("portcullis_client_timeouts_total{what=\"body\"}", "1").await;
    assert_eq!(stage.upstream.seen().len(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let stage = slow("idle_timeout: 200ms").await;
    let mut wire = plain(stage.address()).await;
    wire.send("GET /once HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    let answer = wire.read_to_end().await;
    assert!(answer.ends_with("GET /once 0"), "{answer}");
    stage.metric_becomes("portcullis_connections_open{listener=\"127.0.0.1:0\"}", "0").await;
}

#[tokio::test]
async fn connections_are_bounded_by_client_and_in_all() {
    for (bounds, why) in [("max: 2", "full"), ("per_client: 2", "client")] {
        let stage = slow(bounds).await;
        let mut kept = Vec::new();
        for _ in 0..2 {
            let mut wire = plain(stage.address()).await;
            wire.send("GET /kept HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
            wire.read_until("GET /kept 0").await;
            kept.push(wire);
        }
        let mut one_more = plain(stage.address()).await;
        assert_eq!(one_more.read_to_end().await, "", "{bounds}");
        let refused =
            format!("portcullis_connections_refused_total{{listener=\"127.0.0.1:0\",why=\"{why}\"}}");
        stage.metric_becomes(&refused, "1").await;
        drop(kept);
        stage.metric_becomes("portcullis_connections_open{listener=\"127.0.0.1:0\"}", "0").await;
        let mut again = plain(stage.address()).await;
        again.send(get("/again")).await;
        assert!(again.read_to_end().await.ends_with("GET /again 0"), "{bounds}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_has_no_bound_of_its_own() {
    let more =
        "connections: { per_client: 1 }\nclient_ip: { header: x-forwarded-for, trusted: [127.0.0.0/8] }";
    let stage = Stage::start(&policy("127.0.0.1:0", more), Files::default()).await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        let mut wire = plain(stage.address()).await;
        wire.send("GET /proxied HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
        wire.read_until("GET /proxied 0").await;
        wires.push(wire);
    }
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let stage = Stage::plain().await;
    let wire = plain(stage.address()).await;
    let (mut read, mut write) = tokio::io::split(wire.stream);
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let head = "POST /upload HTTP/1.1\r\nHost: nobody.example\r\nContent-Length: 50000000\r\n\r\n";
        write.write_all(head.as_bytes()).await.unwrap();
        // It is cut off sooner or later; what matters is what it can read.
        let piece = vec![b'x'; 65_536];
        while write.write_all(&piece).await.is_ok() {}
    });
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("application/problem+json"), "{answer}");
    sending.await.unwrap();
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let stage = slow("write_timeout: 200ms").await;
    let mut wire = plain(stage.address()).await;
    // Answers nobody reads, until the socket's buffers are full.
    let one = format!("GET /{} HTTP/1.1\r\nHost: shop.example\r\n\r\n", "x".repeat(8000));
    let sending = async {
        use tokio::io::AsyncWriteExt;
        while wire.stream.write_all(one.as_bytes()).await.is_ok() {}
    };
    tokio::time::timeout(crate::stage::PATIENCE, sending).await.expect("the connection is ended");
    stage.metric_becomes("portcullis_client_timeouts_total{what=\"write\"}", "1").await;
}
