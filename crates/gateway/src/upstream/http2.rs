//! One HTTP/2 connection to an upstream server, shared by many exchanges.
//!
//! A task of its own drives it, because it belongs to no single exchange. Invariant: a connection counts the
//! streams on it, and one that carries as many as the server allows is not offered to further exchanges.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::http1::AskFailure;
use super::transport::Transport;
use crate::body::UpstreamBody;

/// Large gRPC trailers break on the 16 KiB most stacks start from.
const HEADER_LIST_BYTES: u32 = 256 * 1024;
/// Streams put on one connection; what servers allow at least, by recommendation (RFC 9113 §6.5.2).
const STREAMS: usize = 100;
/// A silent connection is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(20);
/// And is given up after this.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A shared connection.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<UpstreamBody>,
    streams: Arc<AtomicUsize>,
    used: Arc<AtomicBool>,
    remote: SocketAddr,
}

/// One exchange's place on a shared connection.
pub(crate) struct Stream {
    connection: Http2,
    reused: bool,
}

impl Http2 {
    /// Begins to speak HTTP/2 on a connected stream.
    pub(crate) async fn begin(transport: Transport, remote: SocketAddr) -> hyper::Result<Self> {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .max_header_list_size(HEADER_LIST_BYTES)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(transport))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream's HTTP/2 connection ended");
            }
        });
        Ok(Self { sender, streams: Arc::default(), used: Arc::default(), remote })
    }

    /// Whether it can take one more stream.
    pub(crate) fn has_room(&self) -> bool {
        !self.sender.is_closed() && self.streams.load(Ordering::Relaxed) < STREAMS
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The server's address.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Takes a place on it.
    pub(crate) fn stream(&self) -> Stream {
        self.streams.fetch_add(1, Ordering::Relaxed);
        let reused = self.used.swap(true, Ordering::Relaxed);
        Stream { connection: self.clone(), reused }
    }
}

impl Stream {
    /// Whether its connection carried an exchange before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }

    /// Sends a request and waits for the response's head.
    pub(crate) async fn ask(
        &mut self,
        request: Request<UpstreamBody>,
    ) -> Result<Response<Incoming>, Box<AskFailure>> {
        self.connection.sender.try_send_request(request).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            Box::new(AskFailure { error: failed.into_error(), unsent })
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
