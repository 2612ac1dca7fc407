//! Upstreams that do what a test tells them, byte by byte or through hyper.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A scripted upstream; it stops when dropped.
pub(crate) struct Behind {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Behind {
    /// Runs the script for every connection; it is told how many came before.
    pub(crate) async fn raw<S, F>(script: S) -> Self
    where
        S: Fn(usize, TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(script(count.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Self { address, connections, accepting }
    }

    /// Answers HTTP/1.1 requests.
    pub(crate) async fn http1<S, F, B>(service: S) -> Self
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        Self::raw(move |_, stream| {
            let served = hyper::server::conn::http1::Builder::new();
            let serving =
                served.serve_connection(TokioIo::new(stream), infallible(service.clone())).with_upgrades();
            async move {
                let _ = serving.await;
            }
        })
        .await
    }

    /// Answers HTTP/2 requests with prior knowledge.
    pub(crate) async fn http2<S, F, B>(service: S) -> Self
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        Self::raw(move |_, stream| {
            let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let serving = served.serve_connection(TokioIo::new(stream), infallible(service.clone()));
            async move {
                let _ = serving.await;
            }
        })
        .await
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A service whose answers never fail.
fn infallible<S, F, B>(
    service: S,
) -> impl Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Send
where
    S: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
{
    service_fn(move |request| service(request).map(Ok))
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// An address where nothing listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Reads until this text has come; `None` if the other side closes before.
pub(crate) async fn read_until(stream: &mut TcpStream, text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains(text) {
        match stream.read_buf(&mut bytes).await {
            Ok(read) if read > 0 => {}
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads one request without a body; `None` if the other side closes.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Option<String> {
    read_until(stream, "\r\n\r\n").await
}

/// Writes as much as the other side takes.
pub(crate) async fn write(stream: &mut TcpStream, text: impl AsRef<[u8]>) {
    let _ = stream.write_all(text.as_ref()).await;
}

/// A policy with one site on these servers; what is added stands in its `upstream` and in the site.
pub(crate) fn site_on(servers: &[SocketAddr], upstream: &str, site: &str) -> String {
    let servers: Vec<_> = servers.iter().map(|address| format!("http://{address}")).collect();
    site_at(&servers.join(", "), upstream, site)
}

/// The same, the servers written out.
pub(crate) fn site_at(servers: &str, upstream: &str, site: &str) -> String {
    format!(
        "listen: {{ address: 127.0.0.1:0, h2c: true }}
secret: env:SECRET
archive: off
control: off
sites:
  shop:
    hosts: [shop.example]
    filter: off
    upstream: {{ servers: [{servers}], {upstream} }}
{site}"
    )
}
