//! The demo's policy file: it loads without a remark, and decides the story's calls as the story tells them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may be loud")]

use std::sync::Arc;

use portcullis_document::{MemorySources, Style, render};
use portcullis_engine::keys::{Key, KeyRing};
use portcullis_engine::{Arrival, BodyHint, EndFacts, Finished, Snapshot, Step, compile};
use portcullis_model::event::End;
use portcullis_model::{EventId, Headers, Moment, Peer, RequestHead, Scheme, Tick, Timestamp, Version};
use portcullis_store::{MemoryLimits, MemoryStore, Reply, Store as _};
use serde_json::json;

const NODE_SECRET: &[u8] = b"as made on first start";
const NOW: i64 = 1_800_000_000;

/// The demo's files, with a key for the partner shop in the ring: its text beside them.
fn sources() -> (MemorySources, String) {
    let now = Timestamp::from_secs(NOW);
    let (text, key) = Key::mint(&[7; 32], NODE_SECRET, "harbour-phones", &[], now);
    let sources = MemorySources::new()
        .file("portcullis.yaml", include_str!("../portcullis.yaml"))
        .file("openapi.yaml", include_str!("../openapi.yaml"))
        .file("jwks.json", include_str!("../jwks.json"))
        .file("keys.yaml", KeyRing::new(vec![key]).to_yaml())
        .file("node.secret", NODE_SECRET);
    (sources, text.reveal().clone())
}

/// The demo's policy, and a store, and the partner's key.
struct Demo {
    snapshot: Arc<Snapshot>,
    store: MemoryStore,
    partner_key: String,
}

impl Demo {
    fn new() -> Self {
        let (sources, partner_key) = sources();
        let loaded = portcullis_policy::load("portcullis.yaml", &sources);
        assert!(loaded.problems.is_empty(), "{}", render(&loaded.problems, Style::Plain));
        let compiled = compile(Arc::new(loaded.policy.unwrap()), &sources).unwrap_or_else(|problems| {
            panic!("{}", render(&problems, Style::Plain));
        });
        assert!(compiled.warnings.is_empty(), "{}", render(&compiled.warnings, Style::Plain));
        let store = MemoryStore::new(MemoryLimits::default());
        Self { snapshot: Arc::new(compiled.snapshot), store, partner_key }
    }

    /// Judges one call: `forward`, or the status of the refusal; and the exchange's event.
    fn judge(&self, from: &str, call: &str, credential: &[(&'static str, String)]) -> (String, Finished) {
        let bans = self.store.ban_view();
        let mut step = self.snapshot.begin(arrival(from, call, credential), &*bans);
        loop {
            step = match step {
                Step::Counters(ask) => {
                    let Reply::Ready(answers) = self.store.apply(ask.batch()) else {
                        panic!("memory waits for nobody")
                    };
                    ask.answer(answers, &*bans, Tick(0))
                }
                Step::Credential(_) => panic!("nobody in this policy has a password"),
                Step::RequestBody(_) => panic!("nothing in this policy reads a request's body"),
                Step::Delay(_) => panic!("nothing in this policy delays a request"),
                Step::Forward(forward) => return ("forward".to_owned(), forward.abandon(end(0))),
                Step::Refuse(refuse) => {
                    for ban in refuse.bans() {
                        self.store.ban(ban.clone());
                    }
                    let status = refuse.answer().status;
                    return (status.to_string(), refuse.abandon(end(status)));
                }
            }
        }
    }

    fn check(
        &self,
        from: &str,
        call: &str,
        credential: &[(&'static str, String)],
        expected: &str,
        tags: &[&str],
    ) {
        let (verdict, finished) = self.judge(from, call, credential);
        let event = finished.event();
        assert_eq!(verdict, expected, "{call}: {:?}", event.reasons);
        for tag in tags {
            assert!(event.tags.iter().any(|set| set.tag == *tag), "{call} has not {tag}: {:?}", event.tags);
        }
    }

    fn partner(&self) -> [(&'static str, String); 1] {
        [("x-api-key", self.partner_key.clone())]
    }
}

fn arrival(from: &str, call: &str, credential: &[(&'static str, String)]) -> Arrival {
    let (method, target) = call.split_once(' ').unwrap();
    let mut headers = Headers::default();
    headers.push("Host", "api.kestrel.example");
    headers.push("X-Forwarded-For", from);
    for (name, value) in credential {
        headers.push(*name, value.clone());
    }
    let peer =
        Peer { address: "127.0.0.1:40000".parse().unwrap(), listener: "127.0.0.1:8080".into(), tls: None };
    let now = Moment { wall: Timestamp::from_secs(NOW), tick: Tick(0) };
    Arrival {
        id: EventId::new(now.wall, 1),
        now,
        peer: Arc::new(peer),
        head: RequestHead {
            method: method.parse().unwrap(),
            target: target.to_owned().into(),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Http,
            headers,
        },
        defects: std::iter::empty().collect(),
        body: BodyHint::None,
        lent: Arc::default(),
        proofs: Arc::new(portcullis_engine::NoProofs),
    }
}

fn end(status: u16) -> EndFacts {
    EndFacts {
        end: End::Complete,
        status,
        request_bytes: 0,
        response_bytes: 0,
        upstream: None,
        grpc_status: None,
        now: Moment { wall: Timestamp::from_secs(NOW), tick: Tick(1) },
        not_inspected: std::iter::empty().collect(),
    }
}

/// A customer's token, as the API signs it.
fn token(customer: &str) -> [(&'static str, String); 1] {
    let claims = json!({
        "iss": "https://id.kestrel.example", "aud": "kestrel-api", "sub": customer,
        "roles": ["customer"], "iat": NOW, "exp": NOW + 3600,
    });
    let key = jsonwebtoken::EncodingKey::from_ec_pem(include_bytes!("../tokens.pem")).unwrap();
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = Some("kestrel-demo-1".to_owned());
    [("authorization", format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &key).unwrap()))]
}

const HOME: &str = "198.51.100.10";
const SHOP: &str = "203.0.113.10";
const NOWHERE: &str = "192.0.2.66";

#[test]
fn customers_call_what_the_contract_declares() {
    let demo = Demo::new();
    demo.check(HOME, "POST /v1/sessions", &[], "forward", &["api:documented", "caller:unknown"]);
    demo.check(HOME, "GET /v1/plans", &[], "forward", &["api:documented"]);
    demo.check(HOME, "GET /v1/customers/1001", &token("1001"), "forward", &["caller:known", "auth:jwt"]);
    demo.check(HOME, "GET /v1/customers/1001/invoices/KM-1001-10.csv", &token("1001"), "forward", &[]);
    demo.check(HOME, "GET /v1/customers/1001/balance", &token("1001"), "forward", &["api:zombie"]);
    demo.check(HOME, "GET /v0/customers/1001", &[], "forward", &["api:shadow"]);
    demo.check(HOME, "GET /v1/customers/1001", &[], "401", &[]);
}

#[test]
fn partners_are_named_to_the_api_and_nobody_else_is() {
    let demo = Demo::new();
    let call = "POST /v1/sims/8944110000000030031/activation";
    demo.check(SHOP, call, &demo.partner(), "forward", &["auth:api_key"]);
    demo.check(SHOP, call, &token("1001"), "403", &[]);
    demo.check(SHOP, call, &[("x-api-key", "pck_unknown-to-everyone".to_owned())], "401", &["auth:failed"]);
    demo.check(SHOP, call, &[("x-kestrel-partner", "harbour-phones".to_owned())], "401", &[]);
    let bans = demo.store.ban_view();
    let both = [demo.partner().as_slice(), &[("x_kestrel_partner", "forged".to_owned())]].concat();
    let mut step = demo.snapshot.begin(arrival(SHOP, call, &both), &*bans);
    while let Step::Counters(ask) = step {
        let Reply::Ready(answers) = demo.store.apply(ask.batch()) else { panic!("memory waits for nobody") };
        step = ask.answer(answers, &*bans, Tick(0));
    }
    let Step::Forward(forward) = step else { panic!("the partner is let through") };
    let set: Vec<_> = forward.edits().set().iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(set, ["x-kestrel-partner: harbour-phones"]);
    assert!(forward.edits().removes(b"x_kestrel_partner"));
    drop(forward.abandon(end(0)));
}

#[test]
fn what_is_in_no_contract_is_watched_or_closed() {
    let demo = Demo::new();
    demo.check(
        HOME,
        "POST /v1/customers/1012/credit",
        &token("1012"),
        "forward",
        &["api:shadow", "fraud:credit"],
    );
    demo.check(HOME, "GET /v1/internal/export", &token("1012"), "403", &["api:shadow"]);
    demo.check("203.0.113.70", "GET /v1/internal/export", &token("1012"), "forward", &["list:office"]);
    demo.check(NOWHERE, "GET /v1/debug/config", &[], "401", &["api:shadow"]);
    demo.check(NOWHERE, "GET /.env", &[], "403", &["probe:path"]);
}

#[test]
fn who_guesses_pins_waits_and_who_reads_us_out_is_banned() {
    let demo = Demo::new();
    for _ in 0..5 {
        demo.check(NOWHERE, "POST /v1/sessions", &[], "forward", &[]);
    }
    demo.check(NOWHERE, "POST /v1/sessions", &[], "429", &[]);
    for customer in 1001..1021 {
        demo.check(NOWHERE, &format!("GET /v0/customers/{customer}"), &[], "forward", &["api:shadow"]);
    }
    demo.check(NOWHERE, "GET /v0/customers/1021", &[], "403", &[]);
    demo.check(NOWHERE, "GET /v1/plans", &[], "403", &[]);
    demo.check(HOME, "GET /v1/plans", &[], "forward", &[]);
}

#[test]
fn injections_are_named_and_stopped() {
    let demo = Demo::new();
    for (query, tag) in [
        ("4G%27%20UNION%20SELECT%20number,%20pin%20FROM%20customers--%20", "filter:sqli"),
        ("%3Cscript%3Ealert(document.cookie)%3C/script%3E", "filter:xss"),
        ("..%2F..%2F..%2F..%2Fetc%2Fpasswd", "filter:traversal"),
    ] {
        demo.check(NOWHERE, &format!("GET /v1/plans?network={query}"), &[], "403", &[tag]);
    }
}
