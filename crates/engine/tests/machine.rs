//! The machine where things go wrong: stores and upstreams that fail, clients that vanish, bodies that break.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_document::MemorySources;
use portcullis_engine::{
    Arrival, BodyHint, Connection, Delayed, EndFacts, Forward, Held, HeldBody, ProgressFacts, RequestFailure,
    ResponseMode, ResponseStep, Shed, Snapshot, Step, UpstreamFailure, compile,
};
use portcullis_model::DataClass;
use portcullis_model::counter::{Answer, Op, StoreFailure};
use portcullis_model::data_class::DataPlace;
use portcullis_model::event::{Answerer, End, UpstreamRecord};
use portcullis_model::{
    Action, EventId, Headers, Moment, NoBans, Peer, RequestHead, ResponseHead, Scheme, Tick, Timestamp,
    Version,
};
use portcullis_wire::Defect;
use smallvec::{SmallVec, smallvec};

fn snapshot(more: &str) -> Arc<Snapshot> {
    let policy = format!(
        "listen: 127.0.0.1:8080\n{more}\nsites:\n  shop:\n    hosts: shop.example\n    upstream: {{ servers: http://127.0.0.1:9000 }}\n    limits: [{{ name: all, when: 'path == \"/limited\"', rate: 1/s }}, {{ name: places, when: 'path == \"/places\"', concurrency: 2 }}, {{ name: slow, when: 'path == \"/slow\"', rate: 1/s, action: {{ delay: {{ for: 2s, at_once: 3 }} }} }}]\n    rules: [{{ name: body, when: 'path == \"/held\" && body.a == 1', action: block }}]\n"
    );
    let sources = MemorySources::new().file("portcullis.yaml", policy).file("node.secret", "x");
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    Arc::new(compile(Arc::new(policy), &sources).expect("a snapshot").snapshot)
}

fn at(tick: u64) -> Moment {
    Moment { wall: Timestamp::from_secs(1_800_000_000), tick: Tick(tick) }
}

fn arrival(path: &'static str, body: BodyHint) -> Arrival {
    let address: SocketAddr = "203.0.113.9:4000".parse().expect("an address");
    Arrival {
        id: EventId::new(at(0).wall, 1),
        now: at(0),
        peer: Arc::new(Peer { address, listener: "l".into(), tls: None }),
        head: RequestHead {
            method: http::Method::POST,
            target: Bytes::from_static(path.as_bytes()),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Http,
            headers: [("Host", "shop.example"), ("Content-Type", "application/json")]
                .into_iter()
                .collect::<Headers>(),
        },
        defects: SmallVec::new(),
        body,
        lent: Arc::default(),
        proofs: Arc::new(portcullis_engine::NoProofs),
    }
}

fn end(end: End, status: u16) -> EndFacts {
    EndFacts {
        end,
        status,
        request_bytes: 3,
        response_bytes: 5,
        upstream: None,
        grpc_status: None,
        now: at(9_000_000),
        not_inspected: SmallVec::new(),
    }
}

fn forward(path: &'static str) -> Forward {
    match snapshot("").begin(arrival(path, BodyHint::None), &NoBans) {
        Step::Forward(forward) => forward,
        _ => panic!("the request is admitted on its head"),
    }
}

#[test]
fn a_framing_defect_is_refused_and_closes() {
    let defects = smallvec![Defect::ContentLengthAndTransferEncoding];
    let arrival = Arrival { defects, ..arrival("/", BodyHint::None) };
    let Step::Refuse(refuse) = snapshot("").begin(arrival, &NoBans) else { panic!("it is refused") };
    assert_eq!((refuse.answer().status, refuse.answer().connection), (400, Connection::Close));
    let event = refuse.begin().finish(end(End::Complete, 400)).event();
    assert_eq!(
        event.reasons.first().map(|reason| reason.code.as_str()),
        Some("framing.content_length_and_transfer_encoding")
    );
    assert_eq!(event.response.map(|response| response.from), Some(Answerer::Gateway));
}

#[test]
fn a_store_that_fails_means_what_policy_says() {
    for (more, refused) in [("", false), ("state: { on_failure: deny }", true)] {
        let Step::Counters(ask) = snapshot(more).begin(arrival("/limited", BodyHint::None), &NoBans) else {
            panic!("the limit is asked")
        };
        let failure = StoreFailure::Unavailable("gone".into());
        match ask.answer(Err(failure), &NoBans, Tick(5)) {
            Step::Refuse(refuse) => assert_eq!((refuse.answer().status, refused), (503, true)),
            Step::Forward(forward) => {
                assert!(!refused);
                let event = forward.abandon(end(End::ClientGone, 0)).event();
                assert_eq!(
                    event.reasons.first().map(|reason| reason.code.as_str()),
                    Some("gateway.store_failed")
                );
            }
            _ => panic!("a verdict"),
        }
    }
}

fn shed(why: Shed) -> UpstreamFailure {
    UpstreamFailure::Shed { why, again: Duration::from_secs(1) }
}

#[test]
fn every_failure_of_the_upstream_is_named() {
    for (failure, status, code) in [
        (UpstreamFailure::NoServer, 503, "upstream.no_server"),
        (UpstreamFailure::AllDown, 503, "upstream.all_down"),
        (UpstreamFailure::Busy { again: Duration::from_secs(1) }, 503, "upstream.busy"),
        (UpstreamFailure::Waited { again: Duration::from_secs(1) }, 503, "upstream.queue_timeout"),
        (shed(Shed::Full), 503, "overload.full"),
        (shed(Shed::Caller), 503, "overload.caller"),
        (shed(Shed::Memory), 503, "overload.memory"),
        (UpstreamFailure::Refused, 502, "upstream.refused"),
        (UpstreamFailure::ConnectTimeout, 504, "upstream.connect_timeout"),
        (UpstreamFailure::Tls, 502, "upstream.tls"),
        (UpstreamFailure::HeadTimeout, 504, "upstream.head_timeout"),
        (UpstreamFailure::TotalTimeout, 504, "upstream.total_timeout"),
        (UpstreamFailure::Reset, 502, "upstream.reset"),
        (UpstreamFailure::Garbage(Defect::StatusLine), 502, "upstream.garbage"),
    ] {
        let refuse = forward("/").failed(&failure, UpstreamRecord::default(), Tick(7));
        assert_eq!(refuse.answer().status, status);
        let finished = refuse.begin().finish(end(End::Complete, status));
        assert_eq!(finished.event().reasons.first().map(|reason| reason.code.as_str()), Some(code));
        assert!(finished.event().upstream.is_some());
        assert_eq!(finished.summary().action, Action::Block);
    }
}

#[test]
fn a_request_that_breaks_while_it_streams_is_refused() {
    for (failure, status, code) in [
        (RequestFailure::Broken(Defect::ChunkSize), 400, "framing.chunk_size"),
        (RequestFailure::Stalled, 408, "body.stalled"),
        (RequestFailure::Short, 400, "body.short"),
    ] {
        let refuse = forward("/").request_failed(&failure, UpstreamRecord::default(), Tick(7));
        assert_eq!((refuse.answer().status, refuse.answer().connection), (status, Connection::Close));
        let event = refuse.begin().finish(end(End::Complete, status)).event();
        assert_eq!(event.reasons.first().map(|reason| reason.code.as_str()), Some(code));
    }
}

#[test]
fn a_held_body_that_breaks_is_refused() {
    for (outcome, status) in [
        (Held::Broken(Defect::ChunkEnd), 400),
        (Held::Lost, 400),
        (Held::Stalled, 408),
        (Held::OverLimit, 413),
        (Held::Deadline, 408),
    ] {
        let Step::RequestBody(ask) = snapshot("").begin(arrival("/held", BodyHint::Unknown), &NoBans) else {
            panic!("the body is asked for")
        };
        assert_eq!(ask.limit(), 1 << 20);
        let held = HeldBody { bytes: Bytes::from_static(b"{"), outcome };
        let Step::Refuse(refuse) = ask.answer(&held, Tick(1)) else { panic!("it is refused") };
        assert_eq!(refuse.answer().status, status);
    }
}

#[test]
fn a_conversation_in_a_format_that_is_not_read_is_judged_by_its_head() {
    let mut arrival = arrival("/held", BodyHint::Unknown);
    arrival.head.version = Version::Http2;
    let fields = [("host", "shop.example"), ("content-type", "application/grpc+json"), ("te", "trailers")];
    arrival.head.headers = fields.into_iter().collect();
    let Step::Forward(forward) = snapshot("").begin(arrival, &NoBans) else { panic!("it is admitted") };
    let event = forward.abandon(end(End::Complete, 0)).event();
    let parts: Vec<_> =
        event.not_inspected.iter().map(|part| (part.what.as_str(), part.why.as_str())).collect();
    assert_eq!(parts, [("request_body", "streaming")]);
}

#[test]
fn a_client_that_vanishes_leaves_an_event_wherever_it_was() {
    let snapshot = snapshot("");
    let begin = |path| snapshot.begin(arrival(path, BodyHint::Length(3)), &NoBans);
    let gone = || end(End::ClientGone, 0);
    let Step::Counters(counters) = begin("/limited") else { panic!("the limit is asked") };
    let Step::RequestBody(body) = begin("/held") else { panic!("the body is asked for") };
    for finished in [counters.abandon(gone()), body.abandon(gone()), forward("/").abandon(gone())] {
        let event = finished.event();
        assert_eq!((event.end, event.response), (End::ClientGone, None));
        assert_eq!((event.site.as_deref(), event.request.body_bytes), (Some("shop"), 3));
    }
}

#[test]
fn a_long_exchange_reports_and_its_last_word_is_the_whole() {
    let head = ResponseHead {
        status: 200,
        version: Version::Http11,
        headers: [("Content-Type", "application/json")].into_iter().collect(),
    };
    let record = UpstreamRecord { head_us: Some(2), ..UpstreamRecord::default() };
    let ResponseStep::Deliver(deliver) = forward("/a/7").answered(head, record, Tick(5_000)) else {
        panic!("it is delivered")
    };
    assert_eq!(deliver.mode(), ResponseMode::Tee { limit: 64 * 1024 }, "the first exchanges are looked at");
    let mut sending = deliver.begin();
    sending.tee(b"{\"a\": [1, 2, ");
    sending.tee(b"3], \"by\": [\"anna@example.com\"]}");
    let facts = ProgressFacts { status: 200, request_bytes: 1, response_bytes: 2, now: at(1_000_000) };
    let reports: Vec<_> = (0..2).map(|_| sending.progress(facts)).collect();
    assert_eq!(reports.iter().map(|event| event.progress).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert!(reports.iter().all(|event| event.end == End::Ongoing && event.duration_us == 1000));
    let finished = sending.finish(end(End::Complete, 200));
    let event = finished.event();
    assert_eq!((event.progress, event.end, event.duration_us), (None, End::Complete, 9000));
    let observation = finished.observation().expect("the first exchanges are looked at");
    let shape = observation.response_body.expect("a shape").shape;
    assert_eq!(
        format!("{shape:?}"),
        r#"Object([("a", Array { length: 3, items: [Integer(Magnitude(1))] }), ("by", Array { length: 1, items: [String { length: 16, kind: Email, word: None }] })])"#
    );
    let seen: Vec<_> = observation.data.iter().map(|data| (data.place, &*data.field, data.class)).collect();
    assert_eq!(seen, [(DataPlace::ResponseBody, "by[]", DataClass::Email)]);
    assert_eq!(event.data, observation.data);
    assert!(event.tags.iter().any(|tag| tag.tag == "data:email"));
}

/// A gRPC call over HTTP/2 with the first bytes that came, and why no more were waited for.
fn called(bytes: &'static [u8], outcome: Held) -> Step {
    let mut call = arrival("/shop.Orders/Find", BodyHint::Unknown);
    call.head.version = Version::Http2;
    call.head.headers =
        [("Host", "shop.example"), ("Content-Type", "application/grpc")].into_iter().collect::<Headers>();
    let Step::RequestBody(ask) = snapshot("").begin(call, &NoBans) else { panic!("its messages are read") };
    assert!(ask.deadline() <= Duration::from_millis(100), "a stream must be able to begin");
    ask.answer(&HeldBody { bytes: Bytes::from_static(bytes), outcome }, Tick(1))
}

#[test]
fn messages_of_grpc_are_looked_at_and_streams_as_far_as_they_came() {
    const HARMLESS: &[u8] = b"\0\0\0\0\x05\x0a\x03Ada";
    const ATTACK: &[u8] = b"\0\0\0\0\x1d\x0a\x1b' UNION SELECT a,b FROM c--";
    assert!(matches!(called(HARMLESS, Held::Complete), Step::Forward(_)));
    let Step::Refuse(refuse) = called(ATTACK, Held::Complete) else { panic!("an attack in a message") };
    let event = refuse.begin().finish(end(End::Complete, 403)).event();
    let places: Vec<&str> =
        event.reasons.iter().filter_map(|reason| Some(reason.found.as_ref()?.place.as_str())).collect();
    assert!(places.contains(&"body[0].1"), "{places:?}");
    assert!(matches!(called(ATTACK, Held::Deadline), Step::Refuse(_)));
    let Step::Forward(forward) = called(HARMLESS, Held::Deadline) else { panic!("a stream goes on") };
    let event = forward.abandon(end(End::ClientGone, 0)).event();
    assert_eq!(event.not_inspected.first().map(|part| part.why.as_str()), Some("streaming"));
}

#[test]
fn a_place_is_asked_for_and_given_back_however_it_ends() {
    for admitted in [true, false] {
        let Step::Counters(ask) = snapshot("").begin(arrival("/places", BodyHint::None), &NoBans) else {
            panic!("a place is asked for");
        };
        let Some(&Op::Acquire { key, limit: 2, lease, .. }) = ask.batch().ops.first() else {
            panic!("{:?}", ask.batch());
        };
        let step = ask.answer(Ok(smallvec![Answer::Acquire { admitted, held: 2 }]), &NoBans, Tick(1));
        let finished = match step {
            Step::Forward(forward) if admitted => forward.abandon(end(End::ClientGone, 0)),
            Step::Refuse(refuse) if !admitted => {
                assert_eq!(refuse.answer().status, 429);
                let told = |name| refuse.answer().headers.iter().any(|(known, _)| *known == name);
                assert!(told("retry-after") && told("ratelimit") && told("ratelimit-policy"));
                refuse.begin().finish(end(End::Complete, 429))
            }
            _ => panic!("the store's answer decides"),
        };
        let writes = finished.writes().expect("the place is given back");
        assert_eq!(writes.ops.as_slice(), [Op::Release { key, lease }]);
    }
}

#[test]
fn who_cannot_be_held_is_told_to_come_back() {
    for outcome in [Some(Delayed::Over), Some(Delayed::TooMany), None] {
        let Step::Counters(ask) = snapshot("").begin(arrival("/slow", BodyHint::None), &NoBans) else {
            panic!("the limit is asked");
        };
        let (retry_after, reset) = (Duration::from_secs(1), Duration::from_secs(1));
        let refused = Answer::Take { admitted: false, remaining: 0, retry_after, reset };
        let Step::Delay(ask) = ask.answer(Ok(smallvec![refused]), &NoBans, Tick(1)) else {
            panic!("it is held");
        };
        assert_eq!((ask.span(), ask.at_once()), (Duration::from_secs(2), 3));
        let Some(outcome) = outcome else {
            let event = ask.abandon(end(End::ClientGone, 0)).event();
            assert_eq!(event.reasons.first().map(|reason| reason.code.as_str()), Some("limits.delayed"));
            continue;
        };
        match ask.answer(outcome, Tick(2)) {
            Step::Forward(forward) => {
                assert_eq!(outcome, Delayed::Over);
                assert_eq!(forward.abandon(end(End::ClientGone, 0)).event().verdict.action, Action::Monitor);
            }
            Step::Refuse(refuse) => {
                assert_eq!((outcome, refuse.answer().status), (Delayed::TooMany, 429));
                assert!(refuse.answer().headers.contains(&("retry-after".into(), "2".into())));
            }
            _ => panic!("a verdict"),
        }
    }
}
