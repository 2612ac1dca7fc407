//! What an exchange costs: `cargo bench -p portcullis-engine --bench exchange`.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use portcullis_document::MemorySources;
use portcullis_engine::{Arrival, BodyHint, EndFacts, Finished, ResponseStep, Snapshot, Step, compile};
use portcullis_model::event::{End, UpstreamRecord};
use portcullis_model::{
    EventId, Headers, Moment, NoBans, Peer, RequestHead, ResponseHead, Scheme, Tick, Timestamp, Version,
};
use smallvec::SmallVec;

const BARE: &str = "
listen: 127.0.0.1:8080
sites:
  shop:
    hosts: shop.example
    upstream: { servers: http://127.0.0.1:9000 }
";

const FULL: &str = r#"
listen: 127.0.0.1:8080
client_ip: { header: x-forwarded-for, trusted: [10.0.0.0/8] }
lists:
  tor: { ranges: [198.51.100.0/24, 192.0.2.7] }
  partners: { ranges: [203.0.113.0/28] }
rules:
  - { name: tor, when: 'ip in lists.tor', tag: ["net:tor"] }
  - { name: no-tor-admin, when: 'tag("net:tor") && path.startsWith("/admin")', action: block }
  - { name: scanners, when: 'user_agent.matches("(?i)sqlmap|nikto|nuclei")', action: block }
sites:
  shop:
    hosts: [shop.example, "*.shop.example"]
    upstream: { servers: http://127.0.0.1:9000 }
    contract: { files: [openapi.yaml] }
    unknown_apis: block
    rules:
      - { name: zombies, when: 'standing == "zombie"', tag: [cleanup:soon] }
      - { name: exports, when: 'operation in ["GET /export", "GET /dump"]', action: block }
      - { name: debug, when: 'headers["x-debug"] != null && !tag("list:partners")', action: monitor }
      - { name: tell, when: "true", headers: { set: { X-Client: "${ip}" } } }
    routes:
      - { name: internal, match: "/internal/**", allow: 'tag("list:partners")' }
      - { name: health, match: GET /health }
"#;

const LIMITED: &str = "    limits: [{ name: all, key: caller, rate: 1000000/s }]\n";

fn contract() -> String {
    let mut text = "openapi: 3.1.0\ninfo: { title: Shop, version: '1' }\npaths:\n".to_owned();
    for resource in ["customers", "orders", "plans", "invoices", "usage", "sims", "tickets", "devices"] {
        for tail in ["", "/{id}", "/{id}/notes", "/{id}/notes/{note}"] {
            let operation = format!(
                "  /api/v1/{resource}{tail}:\n    get: {{ responses: {{ '200': {{ description: ok }} }} }}\n"
            );
            text.push_str(&operation);
        }
    }
    text
}

fn snapshot(policy: &str) -> Arc<Snapshot> {
    let sources = MemorySources::new()
        .file("portcullis.yaml", policy.to_owned())
        .file("openapi.yaml", contract())
        .file("node.secret", "a secret");
    let policy = portcullis_policy::load("portcullis.yaml", &sources).policy.expect("a policy");
    Arc::new(compile(Arc::new(policy), &sources).expect("a snapshot").snapshot)
}

/// A browser's request with fifteen fields, as the gateway's reader makes it: slices of one buffer.
fn arrival(peer: &Arc<Peer>) -> Arrival {
    let fields: [(&'static str, &'static str); 15] = [
        ("Host", "shop.example"),
        ("Connection", "keep-alive"),
        ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
        ("sec-ch-ua-mobile", "?0"),
        ("sec-ch-ua-platform", "\"Linux\""),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"),
        ("Accept", "application/json, text/plain, */*"),
        ("Origin", "https://app.shop.example"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Mode", "cors"),
        ("Referer", "https://app.shop.example/"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", "en-US,en;q=0.9"),
        ("Cookie", "session=0123456789abcdef; theme=dark"),
        ("X-Request-Id", "6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d7e9f"),
    ];
    let mut headers = Headers::with_capacity(fields.len());
    for (name, value) in fields {
        headers.push(Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()));
    }
    let now = Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(0) };
    Arrival {
        id: EventId::new(now.wall, 7),
        now,
        peer: Arc::clone(peer),
        head: RequestHead {
            method: http::Method::GET,
            target: Bytes::from_static(b"/api/v1/customers/4711/notes?page=2&sort=desc"),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Http,
            headers,
        },
        defects: SmallVec::new(),
        body: BodyHint::None,
        lent: Arc::default(),
        proofs: Arc::new(portcullis_engine::NoProofs),
    }
}

fn response() -> ResponseHead {
    let fields = [
        ("content-type", "application/octet-stream"),
        ("content-length", "512"),
        ("date", "x"),
        ("server", "y"),
    ];
    ResponseHead { status: 200, version: Version::Http11, headers: fields.into_iter().collect() }
}

fn run(snapshot: &Arc<Snapshot>, arrival: Arrival, response: ResponseHead) -> Finished {
    let mut step = snapshot.begin(arrival, &NoBans);
    let forward = loop {
        step = match step {
            Step::Forward(forward) => break forward,
            Step::Counters(ask) => {
                let answers = ask.batch().ops.iter().map(|_| portcullis_model::counter::Answer::Take {
                    admitted: true,
                    remaining: 1,
                    retry_after: std::time::Duration::ZERO,
                    reset: std::time::Duration::ZERO,
                });
                let answers = Ok(answers.collect());
                ask.answer(answers, &NoBans, Tick(10))
            }
            Step::RequestBody(_) | Step::Delay(_) | Step::Credential(_) | Step::Refuse(_) => {
                unreachable!("the request is admitted on its head")
            }
        }
    };
    match forward.answered(response, UpstreamRecord::default(), Tick(20)) {
        ResponseStep::Deliver(deliver) => deliver.begin().finish(EndFacts {
            end: End::Complete,
            status: 200,
            request_bytes: 0,
            response_bytes: 512,
            upstream: None,
            grpc_status: None,
            now: Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(40) },
            not_inspected: SmallVec::new(),
        }),
        ResponseStep::Refuse(_) | ResponseStep::Counters(_) => unreachable!("the response is admitted"),
    }
}

fn exchanges(criterion: &mut Criterion) {
    let address: SocketAddr = "203.0.113.9:40000".parse().expect("an address");
    let peer = Arc::new(Peer { address, listener: "127.0.0.1:8080".into(), tls: None });
    let limited = format!("{FULL}{LIMITED}");
    for (name, policy) in [("bare", BARE), ("full", FULL), ("limited", &limited)] {
        let snapshot = snapshot(policy);
        let fresh = || (arrival(&peer), response());
        criterion.bench_function(&format!("exchange/{name}"), |bench| {
            bench.iter_batched(fresh, |(arrival, head)| run(&snapshot, arrival, head), BatchSize::SmallInput);
        });
        criterion.bench_function(&format!("event/{name}"), |bench| {
            let (arrival, head) = fresh();
            let finished = run(&snapshot, arrival, head);
            bench.iter(|| finished.event());
        });
    }
}

criterion_group!(benches, exchanges);
criterion_main!(benches);
