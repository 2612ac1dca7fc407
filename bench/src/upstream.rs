//! A plain upstream: the same answer to every request, of a size asked for in the path.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// No answer is larger, whatever the path asks for.
const LARGEST: usize = 16 << 20;

/// Serves until the process is stopped; `/bytes/N` answers with `N` bytes, anything else with `bytes`.
pub(crate) async fn serve(listener: TcpListener, bytes: usize) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let usual = Bytes::from(vec![b'x'; bytes]);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let body =
                    asked(&request).map_or_else(|| usual.clone(), |size| Bytes::from(vec![b'x'; size]));
                std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(body))))
            });
            // A client that goes away is no concern here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn asked(request: &Request<Incoming>) -> Option<usize> {
    let size = request.uri().path().strip_prefix("/bytes/")?;
    size.parse().ok().filter(|size| *size <= LARGEST)
}
