//! How many exchanges go on at once, and what becomes of the others.

use super::server::Server;
use crate::harness::{Gateway, exchange_whole};

const GET: &str = "GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";

fn start(server: &Server, capacity: &str) -> Gateway {
    Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    \
         upstream: {{ servers: [{}], capacity: {{ {capacity} }} }}\n",
        server.url()
    ))
}

fn ask(gateway: &Gateway) -> String {
    exchange_whole(gateway.address(), GET).expect("answered").to_ascii_lowercase()
}

fn await_asked(gateway: &Gateway, server: &Server, count: usize) {
    gateway.await_until("the server is asked", |_| (server.count() == count).then_some(()));
}

fn refusals(gateway: &Gateway) -> Vec<String> {
    let codes = |event: &serde_json::Value| event["reasons"][0]["code"].as_str().map(str::to_owned);
    gateway.await_until("the refusal is committed", |gateway| {
        let codes: Vec<String> = gateway.json(&["events", "--limit", "9"]).iter().filter_map(codes).collect();
        (!codes.is_empty()).then_some(codes)
    })
}

#[test]
fn others_wait_for_their_turn_and_the_rest_is_refused_at_once() {
    let server = Server::start("only");
    let gateway = start(&server, "server: 1, queue: 1, wait: 20s");
    server.hold();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&gateway));
        await_asked(&gateway, &server, 1);
        let second = scope.spawn(|| ask(&gateway));
        let waiting = "portcullis_upstream_waiting{site=\"shop\"} 1";
        gateway.await_until(waiting, |gateway| gateway.metrics().contains(waiting).then_some(()));
        let third = ask(&gateway);
        assert!(third.starts_with("http/1.1 503 ") && third.contains("\r\nretry-after: 20\r\n"), "{third}");
        server.release();
        for answer in [first, second] {
            let answer = answer.join().expect("no panic");
            assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        }
    });
    assert_eq!(server.count(), 2);
    assert_eq!(refusals(&gateway), ["upstream.busy"]);
}

#[test]
fn whoever_waits_too_long_is_refused() {
    let server = Server::start("only");
    let gateway = start(&server, "total: 1, queue: 5, wait: 50ms");
    server.hold();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&gateway));
        await_asked(&gateway, &server, 1);
        let second = ask(&gateway);
        assert!(second.starts_with("http/1.1 503 ") && second.contains("\r\nretry-after: 1\r\n"), "{second}");
        server.release();
        assert!(first.join().expect("no panic").starts_with("http/1.1 200 "));
    });
    assert_eq!(server.count(), 1);
    assert_eq!(refusals(&gateway), ["upstream.queue_timeout"]);
    assert!(ask(&gateway).starts_with("http/1.1 200 "), "its place is free again");
}
