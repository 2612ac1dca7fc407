//! A connection to a server as an exchange uses it, whatever it frames with.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming};
use portcullis_model::{Headers, ResponseHead, Version};
use portcullis_wire::Defect;

use super::http1::{AskFailure, Http1};
use super::http2::Stream;
use crate::body::UpstreamBody;
use crate::forward::{Framing, Lines};
use crate::pace::Timer;

/// A connection ready for one exchange.
pub(crate) enum Connection {
    /// Its own for the time being.
    Http1(Box<Http1>),
    /// A place on a shared one.
    Http2(Stream),
}

/// A request as a connection takes it.
pub(crate) struct Asking {
    /// For HTTP/2 all of it, for HTTP/1 what hyper has to know.
    pub(crate) request: Request<UpstreamBody>,
    /// The head as HTTP/1 writes it.
    pub(crate) lines: Option<Lines>,
}

impl Connection {
    /// The timer of the exchange before, where it keeps one.
    pub(crate) fn take_timer(&mut self) -> Option<Timer> {
        match self {
            Self::Http1(connection) => connection.timer().take(),
            Self::Http2(_) => None,
        }
    }

    /// How it frames messages.
    pub(crate) fn framing(&self) -> Framing {
        match self {
            Self::Http1(_) => Framing::Http1,
            Self::Http2(_) => Framing::Http2,
        }
    }

    /// Whether it carried an exchange before.
    pub(crate) fn is_reused(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.reused(),
            Self::Http2(stream) => stream.reused(),
        }
    }

    /// Sends a request and waits for the response's head.
    pub(crate) async fn ask(&mut self, asking: Asking) -> Result<Response<Incoming>, Box<AskFailure>> {
        match self {
            Self::Http1(connection) => connection.ask(asking).await,
            Self::Http2(stream) => stream.ask(asking.request).await,
        }
    }

    /// The head of the response it just brought: for HTTP/1 as it was on the wire.
    pub(crate) fn head(&self, response: &Response<Incoming>) -> ResponseHead {
        match self {
            Self::Http1(connection) => connection.take_head().unwrap_or_else(|| read_head(response)),
            Self::Http2(_) => read_head(response),
        }
    }

    /// What was wrong with what the server sent, if something was.
    pub(crate) fn defect(&self) -> Option<Defect> {
        match self {
            Self::Http1(connection) => connection.defect(),
            Self::Http2(_) => None,
        }
    }

    /// The next frame of the response's body.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match self {
            Self::Http1(connection) => connection.poll_frame(body, cx),
            Self::Http2(_) => Pin::new(body).poll_frame(cx),
        }
    }
}

fn read_head(response: &Response<Incoming>) -> ResponseHead {
    let version = if response.version() == http::Version::HTTP_2 { Version::Http2 } else { Version::Http11 };
    let headers: Headers = response.headers().iter().collect();
    ResponseHead { status: response.status().as_u16(), version, headers }
}
