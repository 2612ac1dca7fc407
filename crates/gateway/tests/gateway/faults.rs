//! Upstreams that fail, and clients that vanish: what the client gets, and what the event says.

use std::sync::Arc;
use std::time::Duration;

use portcullis_model::event::End;
use tokio::sync::Notify;

use crate::behind::{Behind, nobody, read_head, read_until, site_at, site_on, write};
use crate::stage::{Files, Stage, get, plain, raw};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const POST: &str =
    "POST /a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";

async fn before(behind: &Behind, upstream: &str) -> Stage {
    Stage::start(&site_on(&[behind.address], upstream, ""), Files::default()).await
}

/// A failure the client is told with `status`, for which the event gives `code`.
async fn check(stage: &Stage, request: &str, status: &str, code: &str, attempts: u32) {
    let answer = raw(stage.address(), request).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{code}: {answer}");
    let event = stage.event().await;
    assert_eq!(event.reasons.first().map(|reason| &*reason.code), Some(code), "{event:#?}");
    assert_eq!(event.upstream.as_ref().map(|upstream| upstream.attempts), Some(attempts), "{code}");
    assert_eq!(event.end, End::Complete, "{code}");
}

#[tokio::test]
async fn nobody_listens() {
    let stage = Stage::start(&site_on(&[nobody().await], "retries: 0", ""), Files::default()).await;
    check(&stage, &get("/"), "502", "upstream.refused", 1).await;
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_given_up() {
    let behind =
        Behind::raw(|_, mut stream| async move { while read_head(&mut stream).await.is_some() {} }).await;
    let stage = before(&behind, "timeouts: { head: 150ms }").await;
    check(&stage, &get("/"), "504", "upstream.head_timeout", 1).await;
}

#[tokio::test]
async fn no_handshake_in_time_and_too_long_in_all_are_told_apart() {
    let silent =
        Behind::raw(|_, mut stream| async move { while read_head(&mut stream).await.is_some() {} }).await;
    let server = format!("https://{}", silent.address);
    let policy = site_at(&server, "retries: 0, timeouts: { connect: 150ms }", "");
    let stage = Stage::start(&policy, Files::default()).await;
    check(&stage, &get("/"), "504", "upstream.connect_timeout", 1).await;
    let stage = before(&silent, "timeouts: { total: 150ms }").await;
    check(&stage, &get("/"), "504", "upstream.total_timeout", 1).await;
}

#[tokio::test]
async fn an_answer_without_a_length_lasts_until_the_connection_closes() {
    let behind = Behind::raw(|_, mut stream| async move {
        if read_head(&mut stream).await.is_some() {
            write(&mut stream, "HTTP/1.1 200 OK\r\n\r\nall there is").await;
        }
    })
    .await;
    let stage = before(&behind, "").await;
    for _ in 0..2 {
        let answer = raw(stage.address(), get("/")).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("all there is"), "{answer}");
        assert_eq!(stage.event().await.end, End::Complete);
    }
    assert_eq!(behind.connections(), 2);
}

#[tokio::test]
async fn what_may_be_repeated_is_and_what_may_not_is_not() {
    let behind = Behind::raw(|before, mut stream| async move {
        if read_until(&mut stream, "\r\n\r\n").await.is_some() && before == 1 {
            write(&mut stream, OK).await;
        }
    })
    .await;
    let stage = before(&behind, "retries: 1").await;
    assert!(raw(stage.address(), get("/")).await.ends_with("ok"));
    let event = stage.event().await;
    assert_eq!(event.upstream.as_ref().map(|upstream| upstream.attempts), Some(2));
    check(&stage, POST, "502", "upstream.reset", 1).await;
    check(&stage, &get("/"), "502", "upstream.reset", 2).await;
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing() {
    let behind = Behind::raw(|_, mut stream| async move {
        if read_head(&mut stream).await.is_some() {
            write(&mut stream, OK).await;
        }
    })
    .await;
    let stage = before(&behind, "retries: 0").await;
    for _ in 0..3 {
        assert!(raw(stage.address(), POST).await.ends_with("ok"));
    }
    assert_eq!(behind.connections(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_get_is_replaced() {
    let behind = Behind::raw(|before, mut stream| async move {
        let answers = if before == 0 { 1 } else { usize::MAX };
        for _ in 0..answers {
            if read_head(&mut stream).await.is_none() {
                return;
            }
            write(&mut stream, OK).await;
        }
        read_head(&mut stream).await;
    })
    .await;
    let stage = before(&behind, "retries: 0").await;
    for _ in 0..3 {
        assert!(raw(stage.address(), get("/")).await.ends_with("ok"));
    }
    assert_eq!(behind.connections(), 2);
}

#[tokio::test]
async fn garbage_is_never_passed_on() {
    for (garbage, code) in [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n", "framing.status_line"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "framing."),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "framing."),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "framing."),
        ("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", "framing."),
        ("HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok", "framing."),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "framing."),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "framing."),
    ] {
        let behind = Behind::raw(move |_, mut stream| async move {
            if read_head(&mut stream).await.is_some() {
                write(&mut stream, garbage).await;
                read_head(&mut stream).await;
            }
        })
        .await;
        let stage = before(&behind, "").await;
        let answer = raw(stage.address(), get("/")).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{garbage:?}: {answer}");
        let event = stage.event().await;
        let reason = &event.reasons[0];
        assert_eq!(reason.code, "upstream.garbage");
        let told = format!("{reason:?}");
        assert!(told.contains(code), "{garbage:?}: {told}");
    }
}

#[tokio::test]
async fn a_response_that_breaks_off_is_not_passed_for_whole() {
    for part in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    ] {
        let go = Arc::new(Notify::new());
        let wait = Arc::clone(&go);
        let behind = Behind::raw(move |_, mut stream| {
            let wait = Arc::clone(&wait);
            async move {
                read_head(&mut stream).await;
                write(&mut stream, part).await;
                wait.notified().await;
            }
        })
        .await;
        let stage = before(&behind, "").await;
        let mut wire = plain(stage.address()).await;
        wire.send(get("/").replace("Connection: close\r\n", "")).await;
        let begun = wire.read_until("part").await;
        assert!(begun.starts_with("HTTP/1.1 200 "), "{begun}");
        go.notify_one();
        let rest = wire.read_to_end().await;
        assert!(!rest.contains("0\r\n\r\n"), "{rest:?}");
        let event = stage.event().await;
        assert_eq!(event.end, End::UpstreamFailed);
        assert_eq!(event.response.as_ref().map(|response| response.body_bytes), Some(4));
    }
}

#[tokio::test]
async fn a_response_that_stalls_or_lasts_too_long_is_stopped() {
    for timeouts in ["idle: 150ms", "total: 150ms"] {
        let behind = Behind::raw(|_, mut stream| async move {
            read_head(&mut stream).await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await;
            read_head(&mut stream).await;
        })
        .await;
        let stage = before(&behind, &format!("timeouts: {{ {timeouts} }}")).await;
        let answer = raw(stage.address(), get("/")).await;
        assert!(answer.ends_with("part"), "{answer}");
        assert_eq!(stage.event().await.end, End::TimedOut, "{timeouts}");
    }
}

#[tokio::test]
async fn a_dead_server_is_passed_over_and_then_left_alone() {
    let live = Behind::http1(|_| async { http::Response::new(http_body_util::Full::from("ok")) }).await;
    let servers = [nobody().await, live.address];
    let stage =
        Stage::start(&site_on(&servers, "health: { failures: 2, pause: 1h }", ""), Files::default()).await;
    let mut attempts = Vec::new();
    for _ in 0..8 {
        assert!(raw(stage.address(), POST).await.ends_with("ok"));
        attempts.push(stage.event().await.upstream.as_ref().map_or(0, |upstream| upstream.attempts));
    }
    assert_eq!(attempts.iter().filter(|attempts| **attempts == 2).count(), 2, "{attempts:?}");
    assert_eq!(attempts[4..], [1, 1, 1, 1]);
    let dead = format!("site=\"shop\",server=\"http://{}\"}}", servers[0]);
    assert_eq!(stage.metric(&format!("portcullis_upstream_failures_total{{{dead}")).as_deref(), Some("2"));
    assert_eq!(stage.metric(&format!("portcullis_upstream_paused{{{dead}")).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_client_that_vanishes_mid_body_ends_its_exchange_and_its_upstream_request() {
    let broken = Arc::new(Notify::new());
    let noticed = Arc::clone(&broken);
    let behind = Behind::raw(move |_, mut stream| {
        let noticed = Arc::clone(&noticed);
        async move {
            read_until(&mut stream, "half").await;
            assert!(read_until(&mut stream, "never").await.is_none());
            noticed.notify_one();
        }
    })
    .await;
    let stage = before(&behind, "").await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 8\r\n\r\nhalf").await;
    while behind.connections() == 0 {
        tokio::task::yield_now().await;
    }
    drop(wire);
    tokio::time::timeout(Duration::from_secs(20), broken.notified()).await.expect("the upstream notices");
    let event = stage.event().await;
    assert_eq!((event.end, &*event.request.path), (End::ClientGone, "/up"));
    assert_eq!(event.request.body_bytes, 4);
}

#[tokio::test]
async fn a_client_that_vanishes_while_its_body_is_held_is_told_of_and_nothing_is_sent() {
    let rules = "    rules: [{ name: no-evil, when: 'body.word == \"evil\"', action: block }]\n";
    let behind = Behind::raw(|_, _| async {}).await;
    let stage = Stage::start(&site_on(&[behind.address], "", rules), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 8\r\n\r\nhalf").await;
    drop(wire);
    let event = stage.event().await;
    assert_eq!((event.end, &*event.request.path), (End::ClientGone, "/up"));
    assert_eq!(behind.connections(), 0);
}

#[tokio::test]
async fn a_slow_client_is_no_reason_to_leave_its_server_alone() {
    let behind =
        Behind::raw(|_, mut stream| async move { while read_head(&mut stream).await.is_some() {} }).await;
    let upstream = "timeouts: { head: 50ms }, health: { failures: 1, pause: 1h }";
    let policy = site_on(&[behind.address], upstream, "");
    let stage =
        Stage::start(&format!("connections: {{ body_timeout: 300ms }}\n{policy}"), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 8\r\n\r\nhalf").await;
    let answer = wire.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let event = stage.event().await;
    assert_eq!(event.reasons[0].code, "body.stalled");
    let failures =
        format!("portcullis_upstream_failures_total{{site=\"shop\",server=\"http://{}\"}}", behind.address);
    assert_eq!(stage.metric(&failures).as_deref(), Some("0"));
}

#[tokio::test]
async fn a_client_that_vanishes_while_the_upstream_thinks_frees_the_upstream() {
    let asked = Arc::new(Notify::new());
    let (asks, freed) = (Arc::clone(&asked), Arc::new(Notify::new()));
    let frees = Arc::clone(&freed);
    let behind = Behind::raw(move |_, mut stream| {
        let (asks, frees) = (Arc::clone(&asks), Arc::clone(&frees));
        async move {
            read_head(&mut stream).await;
            asks.notify_one();
            read_head(&mut stream).await;
            frees.notify_one();
        }
    })
    .await;
    let stage = before(&behind, "").await;
    let mut wire = plain(stage.address()).await;
    wire.send(get("/think")).await;
    asked.notified().await;
    drop(wire);
    tokio::time::timeout(Duration::from_secs(20), freed.notified()).await.expect("the upstream is freed");
    assert_eq!(stage.event().await.end, End::ClientGone);
}

#[tokio::test]
async fn a_client_that_vanishes_mid_response_frees_the_upstream() {
    let freed = Arc::new(Notify::new());
    let frees = Arc::clone(&freed);
    let behind = Behind::raw(move |_, mut stream| {
        let frees = Arc::clone(&frees);
        async move {
            read_head(&mut stream).await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await;
            read_head(&mut stream).await;
            frees.notify_one();
        }
    })
    .await;
    let stage = before(&behind, "").await;
    let mut wire = plain(stage.address()).await;
    wire.send(get("/part")).await;
    wire.read_until("part").await;
    drop(wire);
    tokio::time::timeout(Duration::from_secs(20), freed.notified()).await.expect("the upstream is freed");
    let event = stage.event().await;
    assert_eq!(
        (event.end, event.response.as_ref().map(|response| response.body_bytes)),
        (End::ClientGone, Some(4))
    );
}
