//! Clients of HTTP/1.1 and HTTP/2 that go on until they are stopped.
//!
//! Invariant: each sends one request after the other with a pause between, so what they ask for together is bounded;
//! connections that were told to close are opened anew, as any client does, and everything else that breaks is noted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::streams;
use super::tally::Tally;

/// What clients there are.
pub(crate) const KINDS: [&str; 9] = [
    "keep-alive",
    "one-shot",
    "upload",
    "http2",
    "http2-reset",
    "websocket",
    "slow-head",
    "slow-reader",
    "reset",
];
/// Of each kind so many.
const EACH: usize = 4;
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(5);
/// The longest a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(40);
/// Bytes of an upload.
const UPLOAD: usize = 200 << 10;

/// Running clients.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// What a client knows.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) tally: Arc<Tally>,
    over: Arc<AtomicBool>,
}

impl Client {
    /// Whether to go on.
    pub(crate) fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }
}

/// Starts some of every kind.
pub(crate) fn start(address: SocketAddr, tally: &Arc<Tally>) -> Load {
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for kind in KINDS {
        for _ in 0..EACH {
            let client = Client { address, tally: Arc::clone(tally), over: Arc::clone(&over) };
            clients.spawn(run(kind, client));
        }
    }
    Load { over, clients }
}

impl Load {
    /// Has them end what they do, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.over.store(true, Ordering::SeqCst);
        let all = async { while self.clients.join_next().await.is_some() {} };
        timeout(2 * PATIENCE, all).await.context("clients do not end")
    }
}

async fn run(kind: &'static str, client: Client) {
    while client.goes_on() {
        match kind {
            "keep-alive" => keep_alive(kind, &client, Method::GET, "/items/7", Bytes::new()).await,
            "upload" => {
                keep_alive(kind, &client, Method::POST, "/uploads", vec![b'u'; UPLOAD].into()).await;
            }
            "http2" => http2(kind, &client).await,
            "http2-reset" => http2_reset(kind, &client).await,
            "websocket" => streams::websocket(kind, &client).await,
            "slow-head" => streams::slow_head(kind, &client).await,
            "slow-reader" => streams::slow_reader(kind, &client).await,
            "reset" => streams::reset(kind, &client).await,
            _ => one_shot(kind, &client).await,
        }
        sleep(PAUSE).await;
    }
}

fn request(method: &Method, path: &str, body: &Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = method.clone();
    if let Ok(target) = format!("http://soak.test{path}").parse() {
        *request.uri_mut() = target;
    }
    request
}

/// One connection to its end.
async fn keep_alive(kind: &'static str, client: &Client, method: Method, path: &str, body: Bytes) {
    let Ok(stream) = TcpStream::connect(client.address).await else {
        return client.tally.failed(kind, "the connection was refused");
    };
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else { return };
    let driver = tokio::spawn(connection);
    while client.goes_on() && sender.ready().await.is_ok() {
        let begun = Instant::now();
        let mut request = request(&method, path, &body);
        request.headers_mut().insert("host", http::HeaderValue::from_static("soak.test"));
        if let Ok(target) = path.parse() {
            *request.uri_mut() = target;
        }
        let answer = timeout(PATIENCE, async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            response.into_body().collect().await.map(|_| status)
        });
        match answer.await {
            Ok(Ok(status)) => client.tally.status(kind, status, begun),
            Ok(Err(error)) => return client.tally.broken(kind, &format!("{error:?}"), begun),
            Err(_) => return client.tally.failed(kind, "no answer in time"),
        }
        sleep(PAUSE).await;
    }
    driver.abort();
}

async fn one_shot(kind: &'static str, client: &Client) {
    let begun = Instant::now();
    match timeout(PATIENCE, streams::get(client.address, "/items/1")).await {
        Ok(Ok(status)) => client.tally.status(kind, status, begun),
        Ok(Err(error)) => client.tally.broken(kind, &format!("{error:#}"), begun),
        Err(_) => client.tally.failed(kind, "no answer in time"),
    }
}

type Streams = http2::SendRequest<Full<Bytes>>;

async fn open_http2(kind: &'static str, client: &Client) -> Option<(Streams, tokio::task::JoinHandle<()>)> {
    let Ok(stream) = TcpStream::connect(client.address).await else {
        client.tally.failed(kind, "the connection was refused");
        return None;
    };
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    Some((sender, tokio::spawn(async move { drop(connection.await) })))
}

/// One connection to its end; requests that a GOAWAY came before were not sent, and go over the next.
async fn http2(kind: &'static str, client: &Client) {
    let Some((mut sender, driver)) = open_http2(kind, client).await else { return };
    while client.goes_on() && sender.ready().await.is_ok() {
        let begun = Instant::now();
        let several = (0..3).map(|n| {
            let answer = sender.send_request(request(&Method::GET, &format!("/items/{n}"), &Bytes::new()));
            async move {
                let response = answer.await?;
                let status = response.status().as_u16();
                response.into_body().collect().await.map(|_| status)
            }
        });
        let mut running: JoinSet<_> = several.collect();
        while let Some(Ok(answer)) = running.join_next().await {
            match answer {
                Ok(status) => client.tally.status(kind, status, begun),
                Err(error) if error.is_canceled() || was_not_taken(&error) => {}
                Err(error) => client.tally.broken(kind, &format!("{error:?}"), begun),
            }
        }
        sleep(PAUSE).await;
    }
    driver.abort();
}

/// Whether the other side said that it did not begin with it.
fn was_not_taken(error: &hyper::Error) -> bool {
    let text = format!("{error:?}");
    text.contains("REFUSED_STREAM") || text.contains("GoAway(b\"\", NO_ERROR")
}

/// Some streams that are given up before they are answered.
async fn http2_reset(kind: &'static str, client: &Client) {
    let Some((mut sender, driver)) = open_http2(kind, client).await else { return };
    for _ in 0..10 {
        if sender.ready().await.is_err() {
            break;
        }
        let answer = sender.send_request(request(&Method::GET, "/large", &Bytes::new()));
        let _ = timeout(Duration::from_millis(2), answer).await;
        client.tally.answered(kind);
        sleep(Duration::from_millis(100)).await;
    }
    driver.abort();
}
