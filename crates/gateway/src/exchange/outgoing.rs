//! The request that goes to an upstream, made anew for each attempt.
//!
//! Invariant: its target, host and fields are those the engine judged and rewrote; only what belongs to the hop is ours.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};
use parking_lot::Mutex;
use portcullis_engine::Forward;
use portcullis_model::{Peer, RequestHead};

use crate::body::{Gate, Passage, UpstreamBody};
use crate::forward::{self, Expectation, Framing, Hop, Length, Lines};
use crate::trace::Trace;
use crate::upgrade::Wish;
use crate::upstream::{Asking, Endpoint, Need, Security};

/// An upstream that does not say `100 Continue` within this gets the body all the same (RFC 9110 §10.1.1).
const CONTINUE_PATIENCE: Duration = Duration::from_secs(1);

/// What a request carries beside its head.
pub(super) struct Outgoing {
    /// The body.
    pub(super) body: UpstreamBody,
    /// The part of it that streams.
    pub(super) passage: Option<Arc<Passage>>,
    /// Its length.
    pub(super) length: Length,
    /// Whether the client waits for `100 Continue`.
    pub(super) expectation: Expectation,
    /// The protocol it wants to change to.
    pub(super) wish: Option<Wish>,
}

impl Outgoing {
    /// One without a body.
    pub(super) fn bodiless(wish: Option<Wish>) -> Self {
        let (body, length) = (UpstreamBody::Empty, Length::AsReceived);
        Self { body, passage: None, length, expectation: Expectation::Drop, wish }
    }

    /// One whose body was held whole.
    pub(super) fn held(bytes: Bytes, trailers: Option<HeaderMap>, wish: Option<Wish>) -> Self {
        // Only a chunked body can be followed by trailers.
        let length = if trailers.is_none() { Length::Exactly(bytes.len() as u64) } else { Length::Absent };
        let body = UpstreamBody::Held(bytes, trailers);
        Self { body, passage: None, length, expectation: Expectation::Drop, wish }
    }

    /// One whose body still comes.
    pub(super) fn streamed(
        body: UpstreamBody,
        passage: Arc<Passage>,
        expectation: Expectation,
        wish: Option<Wish>,
    ) -> Self {
        Self { body, passage: Some(passage), length: Length::AsReceived, expectation, wish }
    }

    /// What can carry it.
    pub(super) fn need(&self, head: &RequestHead) -> Need {
        if self.wish.is_some() {
            Need::Http1
        } else if head.headers.get("content-type").is_some_and(is_grpc) {
            Need::Http2
        } else {
            Need::Any
        }
    }

    /// The request for one attempt; takes the body. Nothing, where the target is none that a server could be asked
    /// for: CONNECT is for proxies, and what cannot be sent as judged is not sent as something else.
    pub(super) fn request(
        &mut self,
        forward: &Forward,
        (peer, framing, trace): (&Peer, Framing, Option<&Trace>),
        endpoint: &Endpoint,
    ) -> Option<Asking> {
        let method = &forward.head().method;
        if *method == Method::CONNECT {
            return None;
        }
        let expectation = if framing == Framing::Http1 { self.expectation } else { Expectation::Drop };
        let hop = Hop { peer, framing, length: self.length, expectation, upgrade: self.wish.as_ref(), trace };
        let fields = forward::request_fields(forward, hop);
        let mut request = Request::new(UpstreamBody::default());
        let lines = match framing {
            Framing::Http1 => {
                let (lines, framing) = Lines::write(method, &forward.upstream_target(), &fields)?;
                *request.headers_mut() = framing;
                Some(lines)
            }
            Framing::Http2 => {
                *request.uri_mut() = target(forward, endpoint)?;
                *request.headers_mut() = fields.to_map();
                *request.version_mut() = Version::HTTP_2;
                None
            }
        };
        *request.method_mut() = method.clone();
        self.body.guard_trailers(forward.edits());
        *request.body_mut() = std::mem::take(&mut self.body);
        if expectation == Expectation::PassOn {
            wait_for_continue(&mut request);
        }
        Some(Asking { request, lines })
    }
}

/// Whether a content type is gRPC's own (with a suffix for the messages' coding), not the web variant, which any
/// HTTP carries.
fn is_grpc(kind: &[u8]) -> bool {
    let (name, rest) = kind.split_at_checked(b"application/grpc".len()).unwrap_or((kind, b""));
    name.eq_ignore_ascii_case(b"application/grpc")
        && rest.first().is_none_or(|next| matches!(next, b'+' | b';' | b' '))
}

/// The judged target with scheme and authority, as HTTP/2 sends it.
fn target(forward: &Forward, endpoint: &Endpoint) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match endpoint.security {
        Security::Clear => http::uri::Scheme::HTTP,
        Security::Tls => http::uri::Scheme::HTTPS,
    });
    parts.authority = Some(forward::authority(forward).parse().ok()?);
    let path = Bytes::copy_from_slice(forward.upstream_target().as_bytes());
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// Keeps the body back until the upstream asks for it.
fn wait_for_continue(request: &mut Request<UpstreamBody>) {
    let (gate, open) = Gate::new(tokio::time::sleep(CONTINUE_PATIENCE));
    request.body_mut().wait_for(gate);
    let open = Mutex::new(Some(open));
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == StatusCode::CONTINUE
            && let Some(open) = open.lock().take()
        {
            // Nobody waits any more if the body was dropped.
            let _ = open.send(());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::is_grpc;

    #[test]
    fn only_grpc_itself_needs_http2() {
        for kind in ["application/grpc", "Application/gRPC+proto", "application/grpc; charset=x"] {
            assert!(is_grpc(kind.as_bytes()), "{kind}");
        }
        for kind in
            ["application/grpc-web", "application/grpc-web-text", "application/json", "application/grp", ""]
        {
            assert!(!is_grpc(kind.as_bytes()), "{kind}");
        }
    }
}
