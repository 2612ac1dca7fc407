//! Several upstreams of one site, by path.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::server::Server;
use crate::harness::{Gateway, exchange_whole};

fn lines(body: &str) -> Vec<&str> {
    body.lines().collect()
}

#[test]
fn paths_go_to_their_upstreams_and_events_say_which() {
    let [shop, billing, files] = ["shop", "billing", "files"].map(Server::start);
    let gateway = Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [{}] }}\n    upstreams:\n      \
         billing: {{ prefix: /api/billing, rewrite: /v2, servers: [{}] }}\n      \
         files: {{ prefix: /files, rewrite: /, servers: [{}] }}\n",
        shop.url(),
        billing.url(),
        files.url()
    ));
    for (path, who, asked) in [
        ("/api", "shop", "GET /api HTTP/1.1"),
        ("/api/billing/7?x=1", "billing", "GET /v2/7?x=1 HTTP/1.1"),
        ("/files", "files", "GET / HTTP/1.1"),
        ("/filesystem", "shop", "GET /filesystem HTTP/1.1"),
    ] {
        let (status, body) = gateway.get(path);
        assert_eq!((status, &lines(&body)[..2]), (200, &[who, asked][..]), "{path}");
        let prefix = lines(&body).into_iter().find_map(|line| line.strip_prefix("x-forwarded-prefix: "));
        let taken = match who {
            "billing" => Some("/api/billing"),
            "files" => Some("/files"),
            _ => None,
        };
        assert_eq!(prefix, taken, "{path}");
    }
    assert_eq!(gateway.get("/api%2Fbilling/7").0, 400);
    assert_eq!((shop.count(), billing.count(), files.count()), (2, 1, 1));

    let events = gateway.await_until("every event is committed", |gateway| {
        let events = gateway.json(&["events", "--limit", "10"]);
        (events.len() == 5).then_some(events)
    });
    let named: Vec<_> = events
        .iter()
        .map(|event| {
            (event["request"]["path"].as_str().unwrap_or_default(), event["upstream"]["name"].as_str())
        })
        .collect();
    for (path, name) in [("/api/billing/7", Some("billing")), ("/files", Some("files")), ("/api", None)] {
        assert!(named.contains(&(path, name)), "{path} {name:?} in {named:?}");
    }
    let counted = format!("site=\"shop\",server=\"{}\",upstream=\"billing\"}} 1", billing.url());
    assert!(gateway.metrics().contains(&counted), "{}", gateway.metrics());
}

/// A server that answers every request with these fields.
fn redirecting(fields: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let lines = reader.by_ref().lines().map_while(Result::ok);
            let _head = lines.take_while(|line| !line.is_empty()).count();
            let answer =
                format!("HTTP/1.1 302 Found\r\n{fields}Content-Length: 0\r\nConnection: close\r\n\r\n");
            // A client that went away does not care.
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn places_in_answers_are_named_as_clients_know_them() {
    let server = redirecting(
        "Location: http://shop.test/v2/7?x=1\r\nContent-Location: /v2/8\r\nSet-Cookie: a=1; Path=/v2; HttpOnly\r\n\
         Set-Cookie: b=2; Path=/other\r\n",
    );
    let gateway = Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nsites: {{ shop: {{ hosts: [\"*\"], upstreams: {{ \
         billing: {{ prefix: /billing, rewrite: /v2, servers: [\"{server}\"] }}, \
         plain: {{ prefix: /plain, servers: [\"{server}\"] }} }} }} }}\n"
    ));
    let ask = |path: &str| {
        let message = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
        exchange_whole(gateway.address(), &message).expect("answered").to_ascii_lowercase()
    };
    let answer = ask("/billing/6");
    for field in [
        "location: http://shop.test/billing/7?x=1\r\n",
        "content-location: /billing/8\r\n",
        "set-cookie: a=1; path=/billing; httponly\r\n",
        "set-cookie: b=2; path=/other\r\n",
    ] {
        assert!(answer.contains(field), "{field} in {answer}");
    }
    assert!(
        ask("/plain/6").contains("location: http://shop.test/v2/7?x=1\r\n"),
        "nothing was rewritten there"
    );
}

#[test]
fn mistakes_are_told_with_their_places() {
    let gateway = Gateway::prepare(
        "listen: [{ address: \"127.0.0.1:0\" }]\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstreams:\n      \
         one: { prefix: /a, servers: [UPSTREAM] }\n      two: { prefix: /a/, servers: [UPSTREAM] }\n",
    );
    let output = gateway.command(&["check"]);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!output.status.success());
    assert!(said.contains("the paths below `/a` go to an upstream already"), "{said}");
    assert!(said.contains("portcullis.yaml:7:22"), "{said}");
}
