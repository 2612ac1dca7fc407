//! HTTP/2: by ALPN and with prior knowledge, its bounds, and frames written by hand.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{SendRequest, handshake};
use h2::{Reason, RecvStream};
use http::{Method, Request};
use portcullis_model::event::End;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use crate::behind::{Behind, read_head, site_on, write};
use crate::stage::{Authority, Files, Stage, get, plain, policy, raw};

/// A stage that takes HTTP/2 in clear.
async fn h2c(more: &str) -> Stage {
    Stage::start(&policy("{ address: 127.0.0.1:0, h2c: true }", more), Files::default()).await
}

/// A client that is driven until it is dropped.
async fn client<T>(stream: T) -> SendRequest<Bytes>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (send, connection) = handshake(stream).await.unwrap();
    tokio::spawn(connection);
    send.ready().await.unwrap()
}

fn request(target: &str) -> Request<()> {
    Request::get(format!("http://shop.example{target}")).body(()).unwrap()
}

async fn text(mut body: RecvStream) -> String {
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).unwrap()
}

async fn ask(client: &mut SendRequest<Bytes>, request: Request<()>) -> (u16, String) {
    let (answer, _) = client.send_request(request, true).unwrap();
    let (head, body) = answer.await.unwrap().into_parts();
    (head.status.as_u16(), text(body).await)
}

#[tokio::test]
async fn is_chosen_by_alpn_and_only_where_it_is_offered() {
    let authority = Authority::new("tests");
    let leaf = authority.issue(&["shop.example"]);
    for (http2, chosen) in [("true", &b"h2"[..]), ("false", b"http/1.1")] {
        let files = Files::default();
        files.lock().insert("shop.pem".to_owned(), leaf.certificate.clone().into());
        files.lock().insert("shop.key".to_owned(), leaf.key.clone().into());
        let listen = format!(
            "{{ address: 127.0.0.1:0, http2: {http2}, tls: {{ certificate: shop.pem, key: shop.key }} }}"
        );
        let stage = Stage::start(&policy(&listen, ""), files).await;
        let dial = authority.client().offering(&["h2", "http/1.1"]);
        let mut wire = dial.connect(stage.address(), "shop.example").await.unwrap();
        assert_eq!(wire.stream.get_ref().1.alpn_protocol(), Some(chosen));
        if chosen == b"h2" {
            let mut client = client(wire.stream).await;
            assert_eq!(ask(&mut client, request("/two")).await, (200, "GET /two 0".to_owned()));
            assert_eq!(stage.event().await.request.version.as_str(), "2");
        } else {
            wire.send(get("/one")).await;
            assert!(wire.read_to_end().await.ends_with("GET /one 0"));
        }
    }
}

#[tokio::test]
async fn prior_knowledge_is_taken_only_where_policy_says_so_and_beside_http1() {
    let stage = h2c("").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    for n in 0..3 {
        assert_eq!(ask(&mut client, request(&format!("/{n}"))).await, (200, format!("GET /{n} 0")));
    }
    assert!(raw(stage.address(), get("/one")).await.ends_with("GET /one 0"));
    let clear = Stage::plain().await;
    assert!(raw(clear.address(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.starts_with("HTTP/1.1 505 "));
}

#[tokio::test]
async fn a_body_goes_both_ways() {
    let stage = h2c("").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    let request = Request::post("http://shop.example/up").body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    for piece in [Bytes::from(vec![b'x'; 10_000]), Bytes::from_static(b"end")] {
        body.reserve_capacity(piece.len());
        poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
        body.send_data(piece, false).unwrap();
    }
    body.send_data(Bytes::new(), true).unwrap();
    assert_eq!(text(answer.await.unwrap().into_body()).await, "POST /up 10003");
}

#[tokio::test]
async fn head_and_refusals_have_no_body_where_there_may_be_none() {
    let stage = h2c("").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    for host in ["shop.example", "nobody.example"] {
        let request = Request::head(format!("http://{host}/")).body(()).unwrap();
        assert_eq!(ask(&mut client, request).await.1, "", "{host}");
    }
}

#[tokio::test]
async fn streams_beyond_the_bound_wait_for_the_client() {
    let stage = h2c("connections: { streams: 2 }").await;
    let mut wire = plain(stage.address()).await;
    wire.send(Frames::default().preface().0).await;
    // SETTINGS_MAX_CONCURRENT_STREAMS (3) = 2, among the gateway's settings.
    let settings = read_frame(&mut wire.stream, 4).await;
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 2]), "{settings:?}");
    assert_eq!(stage.metric("portcullis_streams_full_total").as_deref(), Some("0"));
    // Bodies that never end keep both streams open.
    wire.send(Frames::default().headers(0, 1, &POST).headers(0, 3, &POST).0).await;
    stage.metric_becomes("portcullis_streams_full_total", "1").await;
}

#[tokio::test]
async fn a_client_that_does_little_but_reset_is_cut_off() {
    let stage = h2c("connections: { resets: 20 }").await;
    let (mut send, connection) = handshake(plain(stage.address()).await.stream).await.unwrap();
    let connection = tokio::spawn(connection);
    // The body is never finished, so no exchange can end but by the reset.
    for _ in 0..500 {
        let request = Request::post("http://shop.example/reset").body(()).unwrap();
        let Ok(ready) = send.ready().await else { break };
        send = ready;
        let Ok((_, mut body)) = send.send_request(request, false) else { break };
        body.send_reset(Reason::CANCEL);
        tokio::task::yield_now().await;
    }
    let ended =
        tokio::time::timeout(crate::stage::PATIENCE, connection).await.expect("the connection is ended");
    assert!(ended.unwrap().is_err());
    stage.metric_becomes("portcullis_connections_cut_total{what=\"flood\"}", "1").await;
    assert_eq!(stage.upstream.seen().len(), 0);
}

/// Frames of one connection, written by hand.
#[derive(Default)]
struct Frames(Vec<u8>);

impl Frames {
    fn preface(mut self) -> Self {
        self.0.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        self.frame(4, 0, 0, &[])
    }

    fn frame(mut self, kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.0.extend_from_slice(&length[1..]);
        self.0.extend_from_slice(&[kind, flags, 0, 0, 0, stream]);
        self.0.extend_from_slice(payload);
        self
    }

    /// HEADERS that end the head and, by `flags`, the stream.
    fn headers(self, flags: u8, stream: u8, fields: &[(&str, &str)]) -> Self {
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal field without indexing, its name written out (RFC 7541 §6.2.2).
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.frame(1, flags | 4, stream, &block)
    }
}

/// The payload of the next frame of that kind.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin), kind: u8) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == kind {
            return payload;
        }
    }
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "shop.example"), (":path", "/bad")];
const POST: [(&str, &str); 4] =
    [(":method", "POST"), (":scheme", "http"), (":authority", "shop.example"), (":path", "/bad")];

#[tokio::test]
async fn malformed_requests_reach_no_upstream() {
    let stage = h2c("").await;
    let with = |more: &[(&'static str, &'static str)]| [&GET[..], more].concat();
    for (name, fields) in [
        ("CR LF in a value", with(&[("x", "a\r\nhost: evil.example")])),
        ("a line feed in a value", with(&[("x", "a\nb")])),
        ("a NUL in a value", with(&[("x", "a\0b")])),
        ("an upper-case name", with(&[("X-Upper", "a")])),
        ("a space in a name", with(&[("x y", "a")])),
        ("a colon in a name", with(&[("x:y", "a")])),
        ("an empty name", with(&[("", "a")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("connection", with(&[("connection", "close")])),
        ("te: gzip", with(&[("te", "gzip")])),
        ("a pseudo-header behind the fields", with(&[("x", "y"), (":path", "/evil")])),
        ("a pseudo-header twice", with(&[(":path", "/evil")])),
        ("an unknown pseudo-header", with(&[(":evil", "x")])),
        ("a pseudo-header of responses", with(&[(":status", "200")])),
        ("no path", vec![GET[0], GET[1], GET[2]]),
        ("an empty path", vec![GET[0], GET[1], GET[2], (":path", "")]),
        ("no method", vec![GET[1], GET[2], GET[3]]),
        ("no scheme", vec![GET[0], GET[2], GET[3]]),
        ("no authority and no host", vec![GET[0], GET[1], GET[3]]),
        (
            "an authority with user information",
            vec![GET[0], GET[1], (":authority", "a@shop.example"), GET[3]],
        ),
        ("a host that differs", with(&[("host", "other.example")])),
        ("two hosts", with(&[("host", "shop.example"), ("host", "shop.example")])),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "0")])),
        ("a signed length", with(&[("content-length", "+0")])),
        ("a space in the path", vec![GET[0], GET[1], GET[2], (":path", "/a b")]),
        ("a path without a slash", vec![GET[0], GET[1], GET[2], (":path", "bad")]),
        ("a path that is a request line", vec![GET[0], GET[1], GET[2], (":path", "/ HTTP/1.1\r\nX: y")]),
        (
            "a method that is a request line",
            vec![(":method", "GET / HTTP/1.1\r\nX:"), GET[1], GET[2], GET[3]],
        ),
    ] {
        let mut wire = plain(stage.address()).await;
        wire.send(Frames::default().preface().headers(1, 1, &fields).frame(6, 0, 0, b"answered").0).await;
        // Whether it is reset or refused, the connection has dealt with it once the ping is answered or it closed.
        assert!(!accepted(&mut wire.stream).await, "{name}");
        assert_eq!(stage.upstream.bytes(), 0, "{name}: {:?}", stage.upstream.seen());
    }
}

/// Whether stream 1 was answered with a success before the ping was answered or the connection closed.
async fn accepted(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut head = [0; 9];
    let mut pinged = false;
    let mut ended = false;
    while !(pinged && ended) {
        let read = tokio::time::timeout(crate::stage::PATIENCE, stream.read_exact(&mut head)).await;
        if read.expect("the gateway deals with the request").is_err() {
            return false;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        match (head[3], head[8]) {
            // 0x88 is `:status: 200` of HPACK's static table.
            (1, 1) if payload.first() == Some(&0x88) => return true,
            (3, 1) => ended = true,
            (0 | 1, 1) => ended |= head[4] & 1 == 1,
            (7, _) => return false,
            (6, _) => pinged = true,
            _ => {}
        }
    }
    false
}

#[tokio::test]
async fn what_h2_lets_through_is_refused_by_name() {
    let stage = h2c("").await;
    for (fields, code) in [
        ([("host", "other.example"), ("x", "y")], "framing.host_mismatch"),
        ([("content-length", "0"), ("content-length", "0")], "framing.repeated_content_length"),
        ([("content_length", "5"), ("x", "y")], "framing.disguised_field"),
    ] {
        let mut wire = plain(stage.address()).await;
        wire.send(Frames::default().preface().headers(1, 1, &[&GET[..], &fields].concat()).0).await;
        let event = stage.event().await;
        assert!(event.reasons.iter().any(|reason| reason.code == code), "{code}: {:?}", event.reasons);
        assert_eq!(stage.upstream.bytes(), 0, "{code}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_said_completes_no_request() {
    for (said, body) in [("3", &b"hello"[..]), ("9", b"hello")] {
        let stage = h2c("").await;
        let mut wire = plain(stage.address()).await;
        let fields = [&POST[..], &[("content-length", said)]].concat();
        wire.send(Frames::default().preface().headers(0, 1, &fields).frame(0, 1, 1, body).0).await;
        let event = stage.event().await;
        assert_ne!(event.response.as_ref().map(|response| response.status), Some(200), "{said}: {event:?}");
        assert_eq!(stage.upstream.seen().len(), 0, "{said}");
    }
}

#[tokio::test]
async fn a_held_body_of_the_wrong_length_is_named() {
    let stage = h2c("rules: [{ name: no-evil, when: 'body.word == \"evil\"', action: block }]").await;
    for (said, body) in [("3", &b"hello"[..]), ("9", b"hello")] {
        let mut wire = plain(stage.address()).await;
        let fields = [&POST[..], &[("content-length", said)]].concat();
        wire.send(Frames::default().preface().headers(0, 1, &fields).frame(0, 1, 1, body).0).await;
        let event = stage.event().await;
        let codes: Vec<_> = event.reasons.iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!(codes, ["framing.h2_length_mismatch"], "{said}");
        assert_eq!(stage.upstream.bytes(), 0, "{said}");
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let stage = h2c("connections: { body_timeout: 200ms }").await;
    let mut wire = plain(stage.address()).await;
    wire.send(Frames::default().preface().headers(0, 1, &POST).frame(0, 0, 1, b"half").0).await;
    let event = stage.event().await;
    assert_eq!(event.reasons[0].code, "body.stalled");
    assert_eq!(event.response.as_ref().map(|response| response.status), Some(408));
    assert_eq!(stage.metric("portcullis_client_timeouts_total{what=\"body\"}").as_deref(), Some("1"));
    assert_eq!(stage.upstream.seen().len(), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let stage = h2c("connections: { write_timeout: 200ms }").await;
    let mut wire = plain(stage.address()).await;
    // SETTINGS_INITIAL_WINDOW_SIZE (4) = 0: there is never room for a response's body.
    let frames = Frames(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec());
    wire.send(frames.frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]).headers(1, 1, &GET).0).await;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(crate::stage::PATIENCE, wire.stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is ended");
    stage.metric_becomes("portcullis_client_timeouts_total{what=\"write\"}", "1").await;
    assert_eq!(stage.event().await.request.path, "/bad", "its exchange has ended");
}

#[tokio::test]
async fn a_response_that_breaks_off_resets_its_stream() {
    let begun = Arc::new(Notify::new());
    let wait = Arc::clone(&begun);
    let behind = Behind::raw(move |_, mut stream| {
        let wait = Arc::clone(&wait);
        async move {
            read_head(&mut stream).await;
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await;
            wait.notified().await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut client = client(plain(stage.address()).await.stream).await;
    let (answer, _) = client.send_request(request("/part"), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "part");
    begun.notify_one();
    assert!(body.data().await.is_some_and(|last| last.is_err()), "it does not end as if it were whole");
    assert_eq!(stage.event().await.end, End::UpstreamFailed);
    assert!(client.send_request(request("/again"), true).unwrap().0.await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn a_head_larger_than_the_limit_is_refused() {
    let stage = h2c("connections: { header_bytes: 16KiB }").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    let mut large = request("/large");
    large.headers_mut().insert("x-large", "x".repeat(20_000).try_into().unwrap());
    let (answer, _) = client.send_request(large, true).unwrap();
    if let Ok(answer) = answer.await {
        assert_eq!(answer.status(), 431);
    }
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn fields_and_targets_are_bounded_as_in_http1_and_cookies_may_come_in_crumbs() {
    let stage = h2c("connections: { headers: 10, target_bytes: 100 }").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    let mut many = request("/many");
    for place in 0..11 {
        many.headers_mut().append("x", place.into());
    }
    let long = request(&format!("/{}", "x".repeat(100)));
    for (request, status, code) in
        [(many, 431, "framing.too_many_fields"), (long, 414, "framing.target_too_long")]
    {
        assert_eq!(ask(&mut client, request).await.0, status, "{code}");
        assert_eq!(stage.event().await.reasons[0].code, code);
        let counted = stage.metric(&format!("portcullis_framing_defects_total{{what=\"{code}\"}}"));
        assert_eq!(counted.as_deref(), Some("1"), "{code}");
    }
    assert_eq!(stage.upstream.bytes(), 0);
    let mut crumbs = request("/crumbs");
    for place in 0..20 {
        crumbs.headers_mut().append("cookie", format!("c{place}={place}").parse().unwrap());
    }
    assert_eq!(ask(&mut client, crumbs).await.0, 200);
    let seen = &stage.upstream.seen()[0].headers;
    let cookies: Vec<_> = seen.get_all("cookie").iter().collect();
    assert_eq!(cookies.len(), 1, "an HTTP/1 server looks at one field: {cookies:?}");
    assert!(cookies[0].to_str().unwrap().starts_with("c0=0; c1=1; "), "{cookies:?}");
}

#[tokio::test]
async fn an_endless_head_ends_the_connection() {
    let stage = h2c("").await;
    let mut wire = plain(stage.address()).await;
    let mut frames = Frames::default().preface().frame(1, 0, 1, &[0x82]);
    // CONTINUATION frames that never say END_HEADERS (CVE-2024-27316 and its kin).
    for _ in 0..2000 {
        let block = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
        frames = frames.frame(9, 0, 1, &block);
    }
    let _ = wire.stream.write_all(&frames.0).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(crate::stage::PATIENCE, wire.stream.read_to_end(&mut rest))
        .await
        .expect("it is closed");
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn an_unknown_method_is_no_reason_to_refuse() {
    let stage = h2c("").await;
    let mut client = client(plain(stage.address()).await.stream).await;
    let request =
        Request::builder().method(Method::from_bytes(b"PURGE").unwrap()).uri("http://shop.example/x");
    assert_eq!(ask(&mut client, request.body(()).unwrap()).await, (200, "PURGE /x 0".to_owned()));
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go() {
    let stage = h2c("connections: { idle_timeout: 200ms }").await;
    let (send, connection) = handshake(plain(stage.address()).await.stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut send = send.ready().await.unwrap();
    assert_eq!(ask(&mut send, request("/once")).await, (200, "GET /once 0".to_owned()));
    let ended =
        tokio::time::timeout(crate::stage::PATIENCE, connection).await.expect("the connection is ended");
    assert!(ended.unwrap().is_ok());
}

#[tokio::test]
async fn a_client_that_does_not_go_when_told_is_cut_off() {
    let stage = h2c("connections: { idle_timeout: 200ms }").await;
    let mut wire = plain(stage.address()).await;
    wire.send(Frames::default().preface().0).await;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(crate::stage::PATIENCE, wire.stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is ended");
    stage.metric_becomes("portcullis_connections_cut_total{what=\"overstayed\"}", "1").await;
}
