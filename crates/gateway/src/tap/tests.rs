//! The tap between bytes as clients send them and what hyper is shown.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

fn terms() -> Terms {
    let limits = Limits {
        connections: 1,
        per_client: 1,
        trusted: Vec::new(),
        handshake: Duration::from_secs(5),
        head: Duration::from_secs(10),
        body: Duration::from_secs(20),
        write: Duration::from_secs(30),
        idle: Duration::from_secs(75),
        framing: framing::FramingLimits::default(),
        streams: 1,
        resets: 1,
        memory: None,
    };
    Terms { scheme: Scheme::Http, limits: Arc::new(limits), clock: Clock::start(), metrics: Arc::default() }
}

/// Serves one end of a pipe through a tap: each answer tells what was asked.
fn served(pipe: DuplexStream, switch: Switch) {
    let heads = Arc::new(Heads::default());
    let tap = Tap::new(pipe, Arc::clone(&heads), terms());
    let service = service_fn(move |request| {
        let heads = Arc::clone(&heads);
        async move { Ok::<_, Infallible>(tell(&heads, switch, request).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(tap), service).with_upgrades();
    tokio::spawn(connection);
}

async fn tell(heads: &Heads, switch: Switch, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let record = heads.take().unwrap();
    let head = &record.head;
    let target = String::from_utf8_lossy(&head.target).into_owned();
    let mut told = format!("[{} {target}", head.method);
    for defect in &record.defects {
        let _ = write!(told, " refused {defect}");
    }
    let upgrade = hyper::upgrade::on(&mut request);
    match request.into_body().collect().await {
        Ok(body) => write!(told, " {}]", String::from_utf8_lossy(&body.to_bytes())),
        Err(error) => write!(told, " broken {}]", root(&error)),
    }
    .unwrap();
    let mut response = Response::new(Full::from(told));
    if head.headers.get("upgrade").is_some() {
        heads.answered(switch);
        if switch == Switch::Switched {
            *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
            *response.body_mut() = Full::default();
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    } else {
        heads.answered(Switch::Stayed);
    }
    response
}

fn root(error: &dyn Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_settled_while_anything_is_unread_unwritten_or_unsaid() {
    // Room for less than an answer.
    let (client, server) = duplex(32);
    let heads = Arc::new(Heads::default());
    let tap = Tap::new(server, Arc::clone(&heads), terms());
    let asked = Arc::clone(&heads);
    let service = service_fn(move |request| {
        let heads = Arc::clone(&asked);
        async move { Ok::<_, Infallible>(tell(&heads, Switch::Stayed, request).await) }
    });
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tap), service).with_upgrades());
    // Time passes once nothing happens any more.
    let settled = async || {
        tokio::time::sleep(Duration::from_millis(1)).await;
        heads.are_settled()
    };
    let (mut read, mut write) = tokio::io::split(client);
    assert!(settled().await, "nothing was sent yet");
    write.write_all(b"POST / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    assert!(!settled().await, "a head is under way");
    write.write_all(b"Content-Length: 2\r\n\r\na").await.unwrap();
    assert!(!settled().await, "a body is under way");
    write.write_all(b"b").await.unwrap();
    assert!(!settled().await, "the client has not taken its answer");
    let mut buf = [0; 1024];
    while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_millis(1), read.read(&mut buf)).await {}
    assert!(settled().await);
    write.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n").await.unwrap();
    while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_millis(1), read.read(&mut buf)).await {}
    assert!(settled().await, "it stayed with HTTP");
}

/// What is told about the requests in `sent`, written in pieces of that size.
async fn exchange(sent: &[u8], piece: usize, switch: Switch) -> String {
    let (client, server) = duplex(64 * 1024);
    served(server, switch);
    let (mut read, mut write) = tokio::io::split(client);
    for bytes in sent.chunks(piece) {
        // The connection may be closed on us: that is what some cases are about.
        let _ = write.write_all(bytes).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut answers = String::new();
    let mut buf = [0; 1024];
    // Time is paused: it passes at once when nothing happens any more.
    while let Ok(Ok(n @ 1..)) = tokio::time::timeout(Duration::from_secs(5), read.read(&mut buf)).await {
        answers += &String::from_utf8_lossy(&buf[..n]);
    }
    answers
}

/// The bracketed parts of the answers.
fn told(answers: &str) -> String {
    let bodies =
        answers.split_inclusive(']').filter_map(|piece| piece.rfind('[').and_then(|at| piece.get(at..)));
    bodies.collect()
}

async fn check(sent: &str, expected: &str) {
    for piece in [1, 2, 3, 7, 64, 4096] {
        let answers = exchange(sent.as_bytes(), piece, Switch::Stayed).await;
        assert_eq!(told(&answers), expected, "in pieces of {piece}: {sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered_in_order_however_they_are_cut() {
    check(
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
         PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
         GET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n",
        "[GET /a ][POST /b hello][PUT /c abcde][GET /d ]",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_defective_head_is_answered_in_its_turn_and_nothing_after_it_is_read() {
    check(
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
         POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         GET /c HTTP/1.1\r\nHost: x\r\n\r\n",
        "[GET /a ][POST /b refused framing.content_length_and_transfer_encoding ]",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_defective_body_that_came_with_its_head_refuses_the_request() {
    let sent = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n\r\n";
    let answers = exchange(sent, sent.len(), Switch::Stayed).await;
    assert_eq!(told(&answers), "[POST /a refused framing.chunk_size ]");
}

#[tokio::test(start_paused = true)]
async fn a_defective_body_that_comes_later_breaks_off_and_ends_the_connection() {
    let (mut client, server) = duplex(1024);
    served(server, Switch::Stayed);
    client
        .write_all(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.write_all(b"-1\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(told(&answers), "[POST /a broken framing.chunk_size]");
}

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn bytes_behind_an_upgrade_reach_the_other_protocol_if_it_is_agreed() {
    for piece in [1, 5, 4096] {
        let answers = exchange(format!("{UPGRADE}raw bytes").as_bytes(), piece, Switch::Switched).await;
        assert!(answers.starts_with("HTTP/1.1 101 "), "{answers}");
        assert!(answers.ends_with("\r\n\r\nraw bytes"), "{answers}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_a_refused_upgrade_are_read_as_strictly_as_any() {
    check(
        &format!("{UPGRADE}GET /next HTTP/1.1\r\nHost: x\r\n\r\nGET /bad HTTP/1.1\r\n\r\n"),
        "[GET /ws ][GET /next ][GET /bad refused framing.missing_host ]",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_refused_in_time() {
    let (mut client, server) = duplex(1024);
    served(server, Switch::Stayed);
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nA: ").await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(told(&answers), "[GET /slow refused framing.head_timeout ]");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up_in_time() {
    let (mut client, server) = duplex(1024);
    served(server, Switch::Stayed);
    let begun = tokio::time::Instant::now();
    client.write_all(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na").await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    client.write_all(b"b").await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(told(&answers), "[POST /slow broken timed out]");
    assert_eq!(begun.elapsed().as_secs(), 35);
}
