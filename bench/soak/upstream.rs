//! A server of the site: small and large answers, bodies taken, upgrades echoed.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Bytes of the large answer.
pub(crate) const LARGE: usize = 1 << 20;

/// A server that is stopped, with all its connections, when this is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl Upstream {
    pub(crate) fn start() -> Result<Self> {
        let mut upstream = Self { address: ([127, 0, 0, 1], 0).into(), serving: None };
        upstream.resume()?;
        Ok(upstream)
    }

    /// Listens again where it did.
    pub(crate) fn resume(&mut self) -> Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        let listener = socket.listen(1024)?;
        self.address = listener.local_addr()?;
        self.serving = Some(tokio::spawn(accept(listener)));
        Ok(())
    }

    /// Ends everything in the midst of it.
    pub(crate) fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: TcpListener) {
    let mut serving = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        serving.spawn(serve(stream));
        while serving.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let connection =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).with_upgrades();
    // Whoever goes away here is the business of the gateway.
    let _ = connection.await;
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.headers().contains_key(UPGRADE) {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(upgraded) = upgraded.await {
                let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
                let _ = tokio::io::copy(&mut from, &mut to).await;
            }
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Ok(response);
    }
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        taken += frame.data_ref().map_or(0, Bytes::len);
    }
    let body = if path == "/large" {
        Bytes::from(vec![b'x'; LARGE])
    } else {
        format!("{{\"taken\":{taken},\"path\":\"{path}\"}}").into()
    };
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
