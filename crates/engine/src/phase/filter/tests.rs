//! A filter that fails: whatever panics inside it, the exchange was not judged, and policy says what that means.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_document::MemorySources;
use portcullis_model::event::End;
use portcullis_model::{EventId, Moment, NoBans, Peer, RequestHead, Scheme, Tick, Timestamp, Version};

use super::*;
use crate::arrival::{Arrival, BodyHint, Held, HeldBody};
use crate::finished::EndFacts;
use crate::step::Step;

/// Panics where a request asks for it by a field that names the phase.
#[allow(clippy::panic, reason = "what is tested is what becomes of one")]
pub(super) fn trip(state: &State, phase: Phase) {
    let wanted = state.head.headers.get("x-trip").unwrap_or_default();
    assert!(wanted != format!("{phase:?}").as_bytes(), "on purpose");
}

fn arrival(phase: &str) -> Arrival {
    let address: SocketAddr = "203.0.113.9:4000".parse().unwrap();
    let now = Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(0) };
    let fields = [("Host", "shop.example"), ("Content-Type", "application/json"), ("X-Trip", phase)];
    Arrival {
        id: EventId::new(now.wall, 1),
        now,
        peer: Arc::new(Peer { address, listener: "l".into(), tls: None }),
        head: RequestHead {
            method: http::Method::POST,
            target: Bytes::from_static(b"/"),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Http,
            headers: fields.into_iter().collect(),
        },
        defects: SmallVec::new(),
        body: BodyHint::Length(2),
        lent: Arc::default(),
        proofs: Arc::new(crate::NoProofs),
    }
}

/// What becomes of a request whose filter panics in a phase.
fn tripped(settings: &str, phase: &str) -> Step {
    let policy = format!(
        "listen: 127.0.0.1:8080\nsites:\n  shop:\n    hosts: shop.example\n    upstream: {{ servers: http://127.0.0.1:9000 }}\n    {settings}\n"
    );
    let sources = MemorySources::new().file("portcullis.yaml", policy).file("node.secret", "x");
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    let snapshot = Arc::new(crate::compile(Arc::new(policy), &sources).unwrap().snapshot);
    match snapshot.begin(arrival(phase), &NoBans) {
        Step::RequestBody(ask) => {
            let held = HeldBody { bytes: Bytes::from_static(b"{}"), outcome: Held::Complete };
            ask.answer(&held, Tick(1))
        }
        step => step,
    }
}

fn end() -> EndFacts {
    EndFacts {
        end: End::Complete,
        status: 503,
        request_bytes: 0,
        response_bytes: 0,
        upstream: None,
        grpc_status: None,
        now: Moment { wall: Timestamp::from_secs(1_800_000_001), tick: Tick(2) },
        not_inspected: SmallVec::new(),
    }
}

#[test]
fn a_filter_that_panics_refuses_with_a_reason() {
    for settings in ["filter: {}", "mode: monitor"] {
        for phase in ["RequestHead", "RequestBody"] {
            let Step::Refuse(refuse) = tripped(settings, phase) else {
                panic!("{settings} {phase}: forwarded")
            };
            assert_eq!(refuse.answer().status, 503);
            let event = refuse.begin().finish(end()).event();
            let codes: Vec<&str> = event.reasons.iter().map(|reason| reason.code.as_str()).collect();
            assert_eq!(codes, ["filter.failed"], "{settings} {phase}");
            let left_out = event.not_inspected.first().map(|part| (part.what.as_str(), part.why.as_str()));
            assert_eq!(left_out, Some(("filter", "failed")));
        }
    }
}

#[test]
fn policy_may_let_it_pass_and_the_event_says_so() {
    let Step::Forward(forward) = tripped("filter: { on_budget: monitor }", "RequestHead") else {
        panic!("it passes")
    };
    let event = forward.abandon(end()).event();
    assert_eq!(event.reasons.first().map(|reason| reason.code.as_str()), Some("filter.failed"));
    assert!(matches!(tripped("filter: {}", "none"), Step::Forward(_)), "without a panic it goes on");
}
