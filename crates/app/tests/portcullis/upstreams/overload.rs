//! Too much to do: who is refused, in which order, and what is not.

use super::server::Server;
use crate::harness::{Gateway, exchange_whole};

fn start(server: &Server, connections: &str, overload: &str) -> Gateway {
    Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         connections: {{ {connections} }}\nclient_ip: {{ header: x-forwarded-for, trusted: [127.0.0.0/8] }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    filter: {{ body_limit: 1MiB }}\n    \
         upstream: {{ servers: [{}], overload: {overload} }}\n",
        server.url()
    ))
}

fn ask(gateway: &Gateway, path: &str, client: &str) -> String {
    let message = format!(
        "GET {path} HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"
    );
    exchange_whole(gateway.address(), &message).expect("answered").to_ascii_lowercase()
}

fn codes(gateway: &Gateway, count: usize) -> Vec<String> {
    let code = |event: &serde_json::Value| event["reasons"][0]["code"].as_str().map(str::to_owned);
    gateway.await_until("the refusals are committed", |gateway| {
        let mut codes: Vec<String> =
            gateway.json(&["events", "--limit", "99"]).iter().filter_map(code).collect();
        codes.sort();
        (codes.len() == count).then_some(codes)
    })
}

#[test]
fn a_full_upstream_is_given_no_more_but_probes() {
    let server = Server::start("only");
    // Unknown callers may fill nine tenths of ten.
    let gateway = start(&server, "", "{ minimum: 1, maximum: 10 }");
    server.hold();
    std::thread::scope(|scope| {
        let gateway = &gateway;
        let greedy: Vec<_> = (0..8)
            .map(|n| {
                let answer = scope.spawn(move || ask(gateway, "/", "203.0.113.1"));
                gateway.await_until("it is asked", |_| (server.count() == n + 1).then_some(()));
                answer
            })
            .collect();
        let other = scope.spawn(move || ask(gateway, "/", "203.0.113.2"));
        gateway.await_until("it is asked", |_| (server.count() == 9).then_some(()));
        let refused = ask(gateway, "/", "203.0.113.3");
        assert!(
            refused.starts_with("http/1.1 503 ") && refused.contains("\r\nretry-after: 1\r\n"),
            "{refused}"
        );
        let probe = scope.spawn(move || ask(gateway, "/healthz", "203.0.113.3"));
        gateway.await_until("it is asked", |_| (server.count() == 10).then_some(()));
        server.release();
        for answer in greedy.into_iter().chain([other, probe]) {
            assert!(answer.join().expect("no panic").starts_with("http/1.1 200 "));
        }
    });
    assert_eq!(codes(&gateway, 1), ["overload.full"]);
    let metrics = gateway.metrics();
    assert!(
        metrics.contains("portcullis_overload_shed_total{site=\"shop\",upstream=\"\",why=\"full\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("portcullis_overload_limit{site=\"shop\",upstream=\"\"} "), "{metrics}");
    assert!(ask(&gateway, "/", "203.0.113.3").starts_with("http/1.1 200 "), "there is room again");
}

#[test]
fn nobody_fills_it_alone_while_others_want_something() {
    let server = Server::start("only");
    let gateway = start(&server, "", "{ minimum: 1, maximum: 10 }");
    server.hold();
    std::thread::scope(|scope| {
        let gateway = &gateway;
        let begun: Vec<_> = ["1", "1", "1", "1", "1", "1", "1", "2"]
            .iter()
            .enumerate()
            .map(|(n, client)| {
                let answer = scope.spawn(move || ask(gateway, "/", &format!("203.0.113.{client}")));
                gateway.await_until("it is asked", |_| (server.count() == n + 1).then_some(()));
                answer
            })
            .collect();
        assert!(ask(gateway, "/", "203.0.113.1").starts_with("http/1.1 503 "), "it has most of it");
        let other = scope.spawn(move || ask(gateway, "/", "203.0.113.2"));
        gateway.await_until("the other is asked", |_| (server.count() == 9).then_some(()));
        server.release();
        for answer in begun.into_iter().chain([other]) {
            assert!(answer.join().expect("no panic").starts_with("http/1.1 200 "));
        }
    });
    assert_eq!(codes(&gateway, 1), ["overload.caller"]);
}

#[test]
fn what_is_held_already_goes_on() {
    use std::io::{Read, Write};
    let server = Server::start("only");
    let gateway = start(&server, "", "{ minimum: 1, maximum: 2 }");
    // Its body is held for the filter; it was let in before the upstream had anything to do.
    let mut held = std::net::TcpStream::connect(gateway.address()).expect("connected");
    held.write_all(
        b"POST /held HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\
          Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":",
    )
    .expect("sent");
    let open = "portcullis_connections_open{listener=\"127.0.0.1:0\"} 1";
    gateway.await_until("it is there", |gateway| gateway.metrics().contains(open).then_some(()));
    // A round trip: what came before it has been judged.
    assert!(ask(&gateway, "/", "203.0.113.1").starts_with("http/1.1 200 "));
    server.hold();
    std::thread::scope(|scope| {
        let gateway = &gateway;
        let first = scope.spawn(move || ask(gateway, "/", "203.0.113.1"));
        gateway.await_until("it is asked", |_| (server.count() == 2).then_some(()));
        assert!(ask(gateway, "/", "203.0.113.2").starts_with("http/1.1 503 "));
        held.write_all(b"1}").expect("sent");
        gateway.await_until("it is asked for what was held", |_| (server.count() == 3).then_some(()));
        server.release();
        assert!(first.join().expect("no panic").starts_with("http/1.1 200 "));
        let mut answer = String::new();
        held.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn without_memory_only_what_is_under_way_goes_on() {
    let server = Server::start("only");
    let gateway = start(&server, "memory: 1MiB", "{}");
    gateway.await_until("the process was weighed", |gateway| {
        let answer = ask(gateway, "/", "203.0.113.1");
        (answer.starts_with("http/1.1 503 ") && answer.contains("\r\nretry-after: 5\r\n")).then_some(())
    });
    assert_eq!(codes(&gateway, 1), ["overload.memory"]);
    assert!(gateway.metrics().contains("portcullis_overload_memory_total 1"));
    gateway.write_policy(
        &std::fs::read_to_string(gateway.path("portcullis.yaml"))
            .expect("there")
            .replace("memory: 1MiB", "memory: 8GiB"),
    );
    gateway.await_until("it goes on", |gateway| {
        ask(gateway, "/", "203.0.113.1").starts_with("http/1.1 200 ").then_some(())
    });
}
