//! Bodies in both directions: held before the verdict, streamed without waiting, mended when rewritten.

use std::sync::Arc;

use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis_model::Action;
use tokio::sync::Notify;

use crate::behind::{Behind, read_head, read_until, site_on, write};
use crate::stage::{Files, Stage, get, plain, policy, raw};

const READS_BODY: &str = "rules: [{ name: no-evil, when: 'body.word == \"evil\"', action: block }]";

fn post(body: &str, more: &str) -> String {
    format!(
        "POST /word HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn nothing_of_a_held_body_reaches_the_upstream_before_the_verdict() {
    let stage = Stage::start(&policy("127.0.0.1:0", READS_BODY), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    let body = r#"{"word":"good","more":"than one piece"}"#;
    let whole = post(body, "Expect: 100-continue\r\n");
    let (head, _) = whole.split_at(whole.len() - body.len());
    wire.send(head).await;
    wire.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    wire.send(&body[..20]).await;
    assert_eq!(stage.upstream.bytes(), 0);
    wire.send(&body[20..]).await;
    let answer = wire.read_to_end().await;
    assert!(answer.ends_with(&format!("POST /word {}", body.len())), "{answer}");
    let seen = &stage.upstream.seen()[0];
    assert_eq!(seen.body, body);
    assert_eq!(seen.headers.get("content-length").unwrap(), &body.len().to_string());
    assert!(seen.headers.get("expect").is_none(), "what is here needs no asking");
}

#[tokio::test]
async fn a_body_that_is_refused_never_reaches_the_upstream() {
    let stage = Stage::start(&policy("127.0.0.1:0", READS_BODY), Files::default()).await;
    let answer = raw(stage.address(), post(r#"{"word":"evil"}"#, "")).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let event = stage.event().await;
    assert_eq!(event.verdict.action, Action::Block);
    assert_eq!(event.request.body_bytes, 15);
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn over_the_limit_policy_decides() {
    let long = format!(r#"{{"word":"good","pad":"{}"}}"#, "x".repeat(100_000));
    let body = |over: &str| {
        site_on_stage(&format!("    body: {{ hold: 1KiB, over_limit: {over} }}\n    {READS_BODY}\n"))
    };
    let stage = Stage::start(&body("refuse"), Files::default()).await;
    let answer = raw(stage.address(), post(&long, "")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(stage.upstream.bytes(), 0);
    assert_eq!(stage.event().await.reasons[0].code, "body.over_limit");
    assert_eq!(stage.metric("portcullis_holds_cut_total{what=\"request_limit\"}").as_deref(), Some("1"));

    let stage = Stage::start(&body("inspect_part"), Files::default()).await;
    let answer = raw(stage.address(), post(&long, "")).await;
    assert!(answer.ends_with(&format!("POST /word {}", long.len())), "{answer}");
    assert_eq!(stage.upstream.seen()[0].body, long);
    let event = stage.event().await;
    assert!(event.not_inspected.iter().any(|what| what.what == "request_body"), "{:?}", event.not_inspected);
    assert_eq!(event.request.body_bytes, long.len() as u64);
}

#[tokio::test]
async fn a_part_of_a_stalled_body_is_never_sent_as_if_it_were_whole() {
    let site = format!("    body: {{ deadline: 1h, over_limit: inspect_part }}\n    {READS_BODY}\n");
    let policy = format!("connections: {{ body_timeout: 200ms }}\n{}", site_on_stage(&site));
    let stage = Stage::start(&policy, Files::default()).await;
    let mut wire = plain(stage.address()).await;
    let whole = post(r#"{"word":"good"}"#, "");
    wire.send(&whole[..whole.len() - 4]).await;
    let answer = wire.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(stage.event().await.reasons[0].code, "body.stalled");
    assert_eq!(stage.upstream.bytes(), 0);
}

fn site_on_stage(site: &str) -> String {
    policy("127.0.0.1:0", "").replace(
        "  shop: { hosts: [shop.example, '*.shop.example'], filter: off, upstream: { servers: [UPSTREAM] } }\n",
        &format!("  shop:\n    hosts: [shop.example]\n    filter: off\n    upstream: {{ servers: [UPSTREAM] }}\n{site}"),
    )
}

#[tokio::test]
async fn a_body_nobody_reads_streams() {
    let first = Arc::new(Notify::new());
    let came = Arc::clone(&first);
    let behind = Behind::raw(move |_, mut stream| {
        let came = Arc::clone(&came);
        async move {
            read_until(&mut stream, "first").await;
            came.notify_one();
            read_until(&mut stream, "second").await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send(
        "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 11\r\n\r\nfirst",
    )
    .await;
    first.notified().await;
    wire.send("second").await;
    assert!(wire.read_to_end().await.ends_with("ok"));
    assert_eq!(stage.event().await.request.body_bytes, 11);
}

#[tokio::test]
async fn a_client_is_told_to_continue_when_the_upstream_says_so() {
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let asked = Arc::new(Notify::new());
    let asks = Arc::clone(&asked);
    let behind = Behind::raw(move |_, mut stream| {
        let (wait, asks) = (Arc::clone(&wait), Arc::clone(&asks));
        async move {
            let head = read_head(&mut stream).await.unwrap();
            assert!(head.to_lowercase().contains("expect: 100-continue"), "{head}");
            asks.notify_one();
            wait.notified().await;
            write(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
            read_until(&mut stream, "body").await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .await;
    asked.notified().await;
    go.notify_one();
    assert_eq!(wire.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("body").await;
    assert!(wire.read_to_end().await.ends_with("ok"));
}

#[tokio::test]
async fn a_client_whose_upstream_refuses_at_once_is_not_told_to_continue() {
    let behind = Behind::raw(|_, mut stream| async move {
        read_head(&mut stream).await;
        write(&mut stream, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await;
        assert!(read_head(&mut stream).await.is_none());
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let expect = "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let answer = raw(stage.address(), expect).await;
    assert!(answer.starts_with("HTTP/1.1 417 ") && answer.ends_with("no"), "{answer}");
}

#[tokio::test]
async fn an_early_answer_comes_through_while_the_body_still_flows() {
    let behind = Behind::raw(|_, mut stream| async move {
        read_until(&mut stream, "begun").await;
        write(&mut stream, "HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 4\r\n\r\nstop")
            .await;
        read_until(&mut stream, "never").await;
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000000\r\n\r\nbegun").await;
    let answer = wire.read_until("stop").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn head_and_bodiless_answers_keep_what_they_say_and_the_connection() {
    let behind = Behind::raw(|_, mut stream| async move {
        while let Some(head) = read_head(&mut stream).await {
            let answer = match head.split(' ').nth(1) {
                Some("/not-modified") => "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n",
                Some("/none") => "HTTP/1.1 204 No Content\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
            };
            write(&mut stream, answer).await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let head = raw(stage.address(), get("/file").replace("GET", "HEAD")).await;
    assert!(head.contains("content-length: 12345\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let same = raw(stage.address(), get("/not-modified")).await;
    assert!(same.starts_with("HTTP/1.1 304 ") && same.contains("etag: \"v1\""), "{same}");
    assert!(raw(stage.address(), get("/none")).await.starts_with("HTTP/1.1 204 "));
    assert_eq!(behind.connections(), 1);
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let behind = Behind::http1(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let told = format!("{:?}", collected.trailers().and_then(|fields| fields.get("x-sum")));
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-end", http::HeaderValue::from_static("yes"));
        let (mut sender, body) =
            http_body_util::channel::Channel::<bytes::Bytes, std::convert::Infallible>::new(2);
        sender.send_data(told.into()).await.unwrap();
        sender.send_trailers(trailers).await.unwrap();
        Response::builder().header("trailer", "x-end").body(body).unwrap()
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let answer = raw(
        stage.address(),
        "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close, te\r\nTE: trailers\r\nTrailer: X-Sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
    )
    .await;
    assert!(answer.contains(r#"Some("6")"#), "{answer}");
    assert!(answer.ends_with("0\r\nx-end: yes\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_masked_answer_is_mended() {
    let behind = Behind::http1(|request| async move {
        let body = format!(
            r#"{{"card":"4111111111111111","coding":{:?}}}"#,
            request.headers().get("accept-encoding")
        );
        assert!(request.headers().get("range").is_none());
        let body = body.replace("Some(", "").replace("),", ",").replace(")}", "}");
        Response::builder()
            .status(StatusCode::OK)
            .header("content-type", "application/json")
            .header("etag", "\"v1\"")
            .header("content-md5", "x")
            .body(Full::<bytes::Bytes>::from(body))
            .unwrap()
    })
    .await;
    let rules =
        "    rules: [{ name: cards, when: 'response.body.card != null', action: { mask: [card] } }]\n";
    let stage = Stage::start(&site_on(&[behind.address], "", rules), Files::default()).await;
    let request =
        get("/card").replace("Host", "Accept-Encoding: gzip, sdch, zstd\r\nRange: bytes=0-3\r\nHost");
    let answer = raw(stage.address(), request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!body.contains("4111111111111111"), "{body}");
    assert!(!body.contains("sdch"), "{body}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
    assert!(head.contains("etag: W/\"v1\"") && !head.contains("content-md5"), "{head}");
}

#[tokio::test]
async fn a_trailer_says_nothing_that_a_field_may_not() {
    let behind = Behind::http1(|request| async move {
        let collected = request.into_body().collect().await.unwrap();
        let named: Vec<_> =
            collected.trailers().into_iter().flatten().map(|(name, _)| name.to_string()).collect();
        Response::new(Full::<bytes::Bytes>::from(named.join(",")))
    })
    .await;
    let who = "rules: [{ name: who, when: 'false', headers: { set: { X-User-Id: 'proven' } } }]";
    for reads in ["", "{ name: no-evil, when: 'body.word == \"evil\"', action: block }"] {
        let rules = format!("    {}\n", who.replace("}]", &format!("}}, {reads}]")));
        let stage = Stage::start(&site_on(&[behind.address], "", &rules), Files::default()).await;
        let answer = raw(
            stage.address(),
            "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\
             Trailer: X-Sum, X-User-Id, X_User_Id, X-Forwarded-User\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-User-Id: 1\r\nX_User_Id: 1\r\nX-Forwarded-User: 1\r\n\r\n",
        )
        .await;
        assert!(answer.ends_with("\r\n\r\nx-sum"), "{reads}: {answer}");
    }
}

/// What a rule that reads responses does to one with these fields and this body.
async fn masked(site: &str, fields: &'static [(&str, &str)], body: Vec<u8>) -> (Stage, String) {
    let behind = Behind::http1(move |_| {
        let body = Full::<bytes::Bytes>::from(body.clone());
        async move {
            let answer = Response::builder().header("content-type", "application/json");
            fields
                .iter()
                .fold(answer, |answer, (name, value)| answer.header(*name, *value))
                .body(body)
                .unwrap()
        }
    })
    .await;
    let rules =
        "    rules: [{ name: cards, when: 'response.body.card != null', action: { mask: [card] } }]\n";
    let policy = site_on(&[behind.address], "", &format!("{site}{rules}"));
    let stage = Stage::start(&policy, Files::default()).await;
    let answer = raw(stage.address(), get("/card")).await;
    (stage, answer)
}

/// The deflate coding (RFC 1950) without compressing anything.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    let length = u16::try_from(bytes.len()).unwrap();
    let sum = (high << 16 | low).to_be_bytes();
    [&[0x78, 1, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &sum].concat()
}

#[tokio::test]
async fn a_coded_answer_is_masked_and_leaves_uncoded() {
    let body = deflated(br#"{"card":"4111111111111111","n":1}"#);
    let (_stage, answer) = masked("", &[("content-encoding", "deflate")], body).await;
    assert!(answer.ends_with(r#"{"card":"***","n":1}"#), "{answer}");
    assert!(!answer.contains("content-encoding"), "{answer}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_or_read_in_part_as_policy_says() {
    let long = format!(r#"{{"n":1,"pad":"{}"}}"#, "x".repeat(100_000)).into_bytes();
    let site = |over| format!("    response_body: {{ hold: 1KiB, over_limit: {over} }}\n");
    let (stage, answer) = masked(&site("refuse"), &[], long.clone()).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!(stage.event().await.reasons[0].code, "response.over_limit");
    assert_eq!(stage.metric("portcullis_holds_cut_total{what=\"response_limit\"}").as_deref(), Some("1"));

    let (stage, answer) = masked(&site("inspect_part"), &[], long.clone()).await;
    assert!(answer.as_bytes().ends_with(&long), "{}", answer.len());
    let event = stage.event().await;
    assert!(event.not_inspected.iter().any(|what| what.what == "response_body" && what.why == "over_limit"));
}
