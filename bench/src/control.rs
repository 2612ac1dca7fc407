//! A bare reverse proxy: hyper server, hyper client connections, a pool that hands out the last one used.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream};

const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

type Sender = SendRequest<Incoming>;

struct Pool {
    upstream: SocketAddr,
    idle: Mutex<Vec<Sender>>,
}

/// Serves until the process is stopped.
pub(crate) async fn serve(listener: TcpListener, upstream: SocketAddr) -> anyhow::Result<()> {
    let pool = Arc::new(Pool { upstream, idle: Mutex::new(Vec::new()) });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| answer(Arc::clone(&pool), request));
            let served = hyper::server::conn::http1::Builder::new();
            // A client that goes away is no concern of a control.
            let _ = served.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    pool: Arc<Pool>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, std::convert::Infallible> {
    let answered = forward(pool, request).await.unwrap_or_else(|_| {
        let mut refusal = Response::new(Empty::new().map_err(|never| match never {}).boxed());
        *refusal.status_mut() = StatusCode::BAD_GATEWAY;
        refusal
    });
    Ok(answered)
}

async fn forward(
    pool: Arc<Pool>,
    mut request: Request<Incoming>,
) -> anyhow::Result<Response<BoxBody<Bytes, hyper::Error>>> {
    for name in &HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    let mut sender = pool.sender().await?;
    let mut response = sender.send_request(request).await?;
    for name in &HOP_BY_HOP {
        response.headers_mut().remove(name);
    }
    Ok(response.map(|body| Returning { body, ended: false, sender: Some(sender), pool }.boxed()))
}

impl Pool {
    async fn sender(&self) -> anyhow::Result<Sender> {
        loop {
            let idle = self.idle.lock().pop();
            let Some(mut sender) = idle else { return self.connect().await };
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
    }

    async fn connect(&self) -> anyhow::Result<Sender> {
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// A response body that gives its connection back once it was read to the end.
struct Returning {
    body: Incoming,
    ended: bool,
    sender: Option<Sender>,
    pool: Arc<Pool>,
}

impl Body for Returning {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        let ended = self.ended || self.body.is_end_stream();
        if let Some(sender) = self.sender.take().filter(|sender| ended && !sender.is_closed()) {
            self.pool.idle.lock().push(sender);
        }
    }
}
