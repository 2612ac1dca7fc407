//! Protocol changes: WebSocket and whatever else both sides agree on, carried as bytes from then on.
//!
//! Invariants: a change is passed on only where it was asked for with an `Upgrade` that `Connection` names, and
//! never to another version of HTTP, which would open a way past the engine; a tunnel is bounded by the idle time
//! of its upstream and ends with the gateway. Deliberately absent: what the bytes mean.

mod tunnel;

use bytes::Bytes;
use http::HeaderValue;
use hyper::upgrade::OnUpgrade;
use portcullis_engine::BodyHint;
use portcullis_model::event::End;
use portcullis_model::{RequestHead, Version};

use crate::body::Carrier;
use crate::exchange::Course;
use crate::pace::Pace;

/// Protocols that are HTTP again, or encrypt what we must read.
const NEVER: [&[u8]; 4] = [b"h2c", b"h2", b"http", b"tls"];

/// The protocol a client wants to change to.
pub(crate) struct Wish {
    protocol: HeaderValue,
}

impl Wish {
    /// Reads it from a request's head, if it is one that may be passed on.
    pub(crate) fn of(head: &RequestHead, body: BodyHint) -> Option<Self> {
        let asked = head.version == Version::Http11
            && body == BodyHint::None
            && head.headers.all("connection").any(|value| lists(value, b"upgrade"));
        if !asked {
            return None;
        }
        let mut protocols = head.headers.all("upgrade");
        let protocol = protocols.next().filter(|value| !value.is_empty() && may_change_to(value))?;
        match protocols.next() {
            Some(_) => None,
            None => HeaderValue::from_maybe_shared(Bytes::copy_from_slice(protocol))
                .ok()
                .map(|protocol| Self { protocol }),
        }
    }

    /// As the client wrote it.
    pub(crate) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }
}

fn lists(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

fn may_change_to(protocols: &[u8]) -> bool {
    protocols.split(|byte| *byte == b',').all(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default().trim_ascii();
        !NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
    })
}

/// Carries bytes both ways from when the client's side is ready, until a side ends it.
pub(crate) fn open(mut course: Box<Course>, client: OnUpgrade, carrier: Carrier, pace: Pace) {
    let Some((ahead, upstream, lease)) = carrier.into_tunnel() else {
        course.end(End::UpstreamFailed);
        return;
    };
    course.seen.skip("tunnel", "streaming");
    let node = std::sync::Arc::clone(&course.connection.node);
    node.tasks.spawn(async move {
        match client.await {
            Ok(client) => tunnel::carry(course, client, upstream, ahead, pace).await,
            Err(_) => course.end(End::ClientGone),
        }
        drop(lease);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::{Headers, Scheme};

    fn wish(version: Version, fields: &[(&'static str, &'static str)]) -> Option<String> {
        let head = RequestHead {
            method: http::Method::GET,
            target: Bytes::from_static(b"/"),
            authority: None,
            version,
            scheme: Scheme::Http,
            headers: fields.iter().copied().collect::<Headers>(),
        };
        Wish::of(&head, BodyHint::None).map(|wish| wish.protocol().to_str().unwrap().to_owned())
    }

    #[test]
    fn a_change_is_passed_on_only_as_asked_and_never_to_http() {
        let upgrade = ("Connection", "keep-alive, Upgrade");
        assert_eq!(wish(Version::Http11, &[upgrade, ("Upgrade", "websocket")]).as_deref(), Some("websocket"));
        assert_eq!(wish(Version::Http11, &[("Upgrade", "websocket")]), None);
        assert_eq!(wish(Version::Http10, &[upgrade, ("Upgrade", "websocket")]), None);
        for never in ["h2c", "H2C", "HTTP/2.0", "TLS/1.0", "websocket, h2c", ""] {
            assert_eq!(wish(Version::Http11, &[upgrade, ("Upgrade", never)]), None, "{never}");
        }
        assert_eq!(wish(Version::Http11, &[upgrade, ("Upgrade", "a"), ("Upgrade", "b")]), None);
    }
}
