//! Properties over hostile requests: no panic, one end, and what was judged is what is forwarded.
#![allow(clippy::expect_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_document::MemorySources;
use portcullis_engine::{
    Arrival, BodyHint, CredentialReply, Delayed, EndFacts, Held, HeldBody, Snapshot, Step, compile,
};
use portcullis_model::event::End;
use portcullis_model::{
    EventId, Headers, Moment, NoBans, Peer, RequestHead, Scheme, Tick, Timestamp, Version,
};
use portcullis_wire::{EncodedSlash, normalise};
use proptest::prelude::*;
use smallvec::SmallVec;

const POLICY: &str = r#"
listen: 127.0.0.1:8080
client_ip: { header: x-forwarded-for, trusted: [0.0.0.0/0] }
archive: { headers: all }
identity: { keys: { api_key: { query: key, keys: keys.yaml } } }
sites:
  shop:
    hosts: "*"
    upstream: { servers: http://127.0.0.1:9000 }
    rules:
      - { name: a, when: 'path.startsWith("/a") && query.x == "1"', tag: [seen:a], headers: { set: { X-Seen: "${path} ${query.x}" } } }
      - { name: b, when: 'cookies.s.matches("^[a-z]+$") || headers["x-y"].contains("z")', action: monitor }
      - { name: c, when: 'body.a.b[0] == 1 || size(body.list) > 3', action: block }
    limits: [{ name: l, when: 'tag("seen:a")', key: [caller, query.x, headers.x-y], rate: 1/s }]
"#;

fn snapshot() -> Arc<Snapshot> {
    let sources =
        MemorySources::new().file("portcullis.yaml", POLICY).file("keys.yaml", "[]").file("node.secret", "x");
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let policy = loaded.policy.expect("a policy");
    Arc::new(compile(Arc::new(policy), &sources).expect("a snapshot").snapshot)
}

fn arrival(target: Vec<u8>, fields: Vec<(String, Vec<u8>)>, body: BodyHint) -> Arrival {
    let address: SocketAddr = "203.0.113.9:4000".parse().expect("an address");
    let mut headers: Headers = [("Host", "shop.example")].into_iter().collect();
    for (name, value) in fields {
        headers.push(name, value);
    }
    let now = Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(0) };
    Arrival {
        id: EventId::new(now.wall, 1),
        now,
        peer: Arc::new(Peer { address, listener: "l".into(), tls: None }),
        head: RequestHead {
            method: http::Method::POST,
            target: target.into(),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Http,
            headers,
        },
        defects: SmallVec::new(),
        body,
        lent: Arc::default(),
        proofs: Arc::new(portcullis_engine::NoProofs),
    }
}

fn end() -> EndFacts {
    EndFacts {
        end: End::Complete,
        status: 0,
        request_bytes: 0,
        response_bytes: 0,
        upstream: None,
        grpc_status: None,
        now: Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(9) },
        not_inspected: SmallVec::new(),
    }
}

fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "X-Forwarded-For",
        "Cookie",
        "X-Y",
        "Content-Type",
        "Authorization",
        "Forwarded",
    ]);
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "[ -~]{0,60}".prop_map(String::into_bytes),
        Just(b"application/json".to_vec()),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..6)
}

proptest! {
    #[test]
    fn any_request_comes_to_one_end(
        target in prop_oneof![prop::collection::vec(any::<u8>(), 0..80), "/[a-z%0-9./;?=&+]{0,60}".prop_map(String::into_bytes)],
        fields in fields(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let snapshot = snapshot();
        let hint = BodyHint::Length(body.len() as u64);
        let mut step = snapshot.begin(arrival(target, fields, hint), &NoBans);
        let finished = loop {
            step = match step {
                Step::Credential(ask) => ask.answer(CredentialReply::Fails, &NoBans, Tick(1)),
                Step::Counters(ask) => ask.answer(Ok(SmallVec::new()), &NoBans, Tick(1)),
                Step::RequestBody(ask) => {
                    let held = HeldBody { bytes: Bytes::from(body.clone()), outcome: Held::Complete };
                    ask.answer(&held, Tick(2))
                }
                Step::Delay(ask) => ask.answer(Delayed::Over, Tick(3)),
                Step::Refuse(refuse) => {
                    prop_assert!(refuse.answer().status >= 300);
                    break refuse.begin().finish(end());
                }
                Step::Forward(forward) => {
                    let target = forward.target().to_owned();
                    let again = RequestHead { target: Bytes::from(target.clone()), ..forward.head().clone() };
                    let normal = normalise(&again, EncodedSlash::Keep);
                    prop_assert_eq!(normal.target.as_str(), target, "what is forwarded is a normal form");
                    for (_, value) in forward.edits().set() {
                        prop_assert!(!value.chars().any(char::is_control));
                    }
                    break forward.abandon(end());
                }
            };
        };
        let event = finished.event();
        let text = serde_json::to_string(&event).expect("an event");
        let read: portcullis_model::Event = serde_json::from_str(&text).expect("an event");
        prop_assert_eq!(read, event, "an event is read back as it was written");
    }
}
