//! The record of one request's head: what was on the wire, before hyper's reading of it.
//!
//! Invariant: everything an exchange is judged by is in here. For HTTP/1 it is the tap's own reading; for HTTP/2
//! it is what h2 decoded, checked again.

use bytes::{BufMut, BytesMut};
use http::Request;
use http::uri::{Authority, PathAndQuery};
use http_body::Body;
use portcullis_engine::BodyHint;
use portcullis_model::{Headers, Moment, RequestHead, Scheme, Version};
use portcullis_wire::Defect;
use portcullis_wire::framing::{self, BodyLength, FramingLimits};
use smallvec::SmallVec;

use crate::connection::ConnectionContext;

/// One request's head as received; the request hyper hands over beside it is only good for its body.
#[derive(Debug)]
pub(crate) struct HeadRecord {
    /// The head: order, spelling and duplicates kept.
    pub(crate) head: RequestHead,
    /// What is wrong with it; a request with a defect is to be refused.
    pub(crate) defects: SmallVec<[Defect; 1]>,
    /// When its first byte was read.
    pub(crate) received: Moment,
    /// What its framing says about a body.
    pub(crate) body: BodyHint,
    /// Whether the client waits for `100 Continue` before it sends the body; sent when the body is first read.
    pub(crate) expects_continue: bool,
}

impl HeadRecord {
    /// Of an HTTP/1 head that passed.
    pub(crate) fn followed(record: framing::HeadRecord, received: Moment) -> Self {
        let body = match record.body {
            BodyLength::None => BodyHint::None,
            BodyLength::Length(length) => BodyHint::Length(length),
            BodyLength::Chunked | BodyLength::UntilClose => BodyHint::Unknown,
        };
        let expects_continue = record.expects_continue;
        Self { head: record.head, defects: SmallVec::new(), received, body, expects_continue }
    }

    /// Of an HTTP/1 head that did not pass: as much of it as could be read.
    pub(crate) fn salvaged(head: RequestHead, received: Moment) -> Self {
        Self { head, defects: SmallVec::new(), received, body: BodyHint::None, expects_continue: false }
    }

    /// Of an HTTP/2 request, whose first byte was read about now.
    pub(crate) fn decoded<B: Body>(request: &Request<B>, connection: &ConnectionContext) -> Self {
        let received = connection.node.ports.clock.now();
        let head = decoded_head(request, connection.scheme());
        let mut defects = framing::h2::check(&head);
        defects.extend(beyond(&head, &connection.limits.framing));
        for defect in &defects {
            connection.node.ports.metrics.defect(defect.code());
        }
        let body = match request.body().size_hint().exact() {
            _ if request.body().is_end_stream() => BodyHint::None,
            Some(length) => BodyHint::Length(length),
            None => BodyHint::Unknown,
        };
        let expects_continue = head.headers.get("expect").is_some();
        Self { head, defects, received, body, expects_continue }
    }
}

/// The bound a decoded head exceeds; its bytes as a whole are bounded before it is decoded.
fn beyond(head: &RequestHead, limits: &FramingLimits) -> Option<Defect> {
    if head.target.len() > limits.target_bytes {
        return Some(Defect::TargetTooLong);
    }
    // One Cookie field may come in any number of crumbs (RFC 9113 §8.2.3).
    let fields = head.headers.iter().filter(|field| field.name != b"cookie").count();
    (fields > limits.fields).then_some(Defect::TooManyFields)
}

/// The head h2 decoded, its texts copied into one buffer.
fn decoded_head<B>(request: &Request<B>, scheme: Scheme) -> RequestHead {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let authority = uri.authority().map(Authority::as_str);
    let fields = request.headers();
    let names_and_values: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut texts = BytesMut::with_capacity(target.len() + authority.map_or(0, str::len) + names_and_values);
    let mut keep = |text: &str| {
        texts.put_slice(text.as_bytes());
        texts.split().freeze()
    };
    let target = keep(target);
    let authority = authority.map(keep);
    for (name, value) in fields {
        texts.put_slice(name.as_str().as_bytes());
        texts.put_slice(value.as_bytes());
    }
    let mut headers = Headers::within(texts.freeze(), fields.len());
    let mut start = 0;
    for (name, value) in fields {
        let middle = start + name.as_str().len();
        let end = middle + value.len();
        headers.add(start..middle, middle..end);
        start = end;
    }
    RequestHead {
        method: request.method().clone(),
        target,
        authority,
        version: Version::Http2,
        scheme,
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoded_head_keeps_duplicates_and_shares_one_buffer() {
        let request = Request::post("https://a.example/x?y=1")
            .header("cookie", "a=1")
            .header("x-one", "1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let head = decoded_head(&request, Scheme::Https);
        assert_eq!(head.target, "/x?y=1");
        assert_eq!(head.authority.as_deref(), Some(&b"a.example"[..]));
        assert_eq!(head.headers.all("cookie").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(head.headers.len(), 3);
    }
}
