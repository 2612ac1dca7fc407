//! The listener for machines that watch this one: `/metrics`, `/healthz`, `/readyz`.
//!
//! Invariants: it shows counts and states only; it stays up while the gateway drains, so that what balances load
//! sees it going. Deliberately absent: anything that changes the gateway.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::listen::Bound;
use crate::node::Node;

/// Probes served at once; more wait in the backlog.
const CONNECTIONS: usize = 32;
/// How long a probe may take over its request line and fields.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The content type of the `OpenMetrics` text form.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An open probe listener; dropping it closes it.
pub(crate) struct Probe {
    wanted: SocketAddr,
    address: SocketAddr,
    stop: CancellationToken,
    socket: Weak<TcpListener>,
}

impl Probe {
    /// Serves probes on a socket bound for the address policy `wanted`.
    pub(crate) fn start(socket: Bound, wanted: SocketAddr, node: Arc<Node>) -> Self {
        let stop = CancellationToken::new();
        let Bound { socket, address } = socket;
        let socket = Arc::new(socket);
        let kept = Arc::downgrade(&socket);
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(socket, node)));
        Self { wanted, address, stop, socket: kept }
    }

    /// Another handle on its socket.
    pub(crate) fn lend(&self) -> std::io::Result<OwnedFd> {
        crate::listen::lend(&self.socket)
    }

    /// The address policy wrote.
    pub(crate) fn wanted(&self) -> SocketAddr {
        self.wanted
    }

    /// Where it listens, the port resolved.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: Arc<TcpListener>, node: Arc<Node>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(crate::listen::ACCEPT_PAUSE).await;
            continue;
        };
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            serve(stream, node).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, node: Arc<Node>) {
    let service = service_fn(|request: Request<Incoming>| {
        let accepts = request.headers().get_all(ACCEPT).iter().any(names_open_metrics);
        let exemplars = if accepts { Exemplars::Wanted } else { Exemplars::Unread };
        let response = answer(&node, request.method(), request.uri().path(), exemplars);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a probe's connection ended early");
    }
}

/// Whether who asks can read exemplars: only `OpenMetrics` has them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exemplars {
    Wanted,
    Unread,
}

fn names_open_metrics(accept: &HeaderValue) -> bool {
    accept.to_str().is_ok_and(|accept| accept.to_ascii_lowercase().contains("application/openmetrics-text"))
}

fn answer(node: &Node, method: &Method, path: &str, exemplars: Exemplars) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/healthz" => plain(StatusCode::OK, "ok\n"),
        "/readyz" if node.draining.is_cancelled() => plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        "/readyz" => plain(StatusCode::OK, "ready\n"),
        "/metrics" => match metrics(node, exemplars) {
            Ok(text) => typed(StatusCode::OK, OPEN_METRICS, text.into()),
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n"),
        },
        _ => plain(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n"),
    }
}

fn metrics(node: &Node, exemplars: Exemplars) -> Result<String, std::fmt::Error> {
    match exemplars {
        Exemplars::Wanted => node.ports.metrics.text_with_exemplars(),
        Exemplars::Unread => node.ports.metrics.text(),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn typed(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
