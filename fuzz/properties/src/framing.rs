//! A client's bytes: read the same however they are cut, and what passes, hyper frames identically.
//!
//! The first input byte chooses where the bytes are cut. Only whole messages that passed are shown to hyper.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use portcullis_model::Scheme;
use portcullis_wire::framing::Switch;
use portcullis_wire::{BodyLength, FramingLimits, RequestFollower, What};
use tokio::io::AsyncWriteExt;

/// A message as both sides tell it: method, target, bytes of content.
type Message = (String, String, u64);

/// What the follower made of a connection.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    /// Messages that passed to their end.
    messages: Vec<Message>,
    /// Their bytes as passed on.
    passed: Vec<u8>,
    /// Whether a target is no URI before it is brought into its normal form, which is all that hyper is ever shown.
    beyond_hyper: bool,
    /// The code of the defect that ended it.
    defect: Option<&'static str>,
}

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = read(&[bytes]);
    let cut = usize::from(*cut).min(bytes.len());
    assert_eq!(read(&[&bytes[..cut], &bytes[cut..]]), whole);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single), whole);
    if !whole.messages.is_empty() && !whole.beyond_hyper {
        assert_eq!(hyper_reads(&whole.passed), whole.messages);
    }
}

fn read(pieces: &[&[u8]]) -> Reading {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    let mut reading = Reading::default();
    let mut open: Option<(Message, BodyLength, Vec<u8>)> = None;
    let mut switches = false;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let fed = follower.feed(rest);
            let (taken, behind) = rest.split_at(fed.consumed);
            rest = behind;
            match fed.what {
                What::More => break,
                What::Head(record) => {
                    switches = record.switch != Switch::No;
                    // The http crate writes schemes in lower case and empty paths as a slash.
                    let target = http::Uri::try_from(&*record.head.target).map(|target| target.to_string());
                    reading.beyond_hyper |= target.is_err();
                    let message = (record.head.method.to_string(), target.unwrap_or_default(), 0);
                    open = Some((message, record.body, record.raw.to_vec()));
                }
                What::Body => open.as_mut().unwrap().2.extend_from_slice(taken),
                What::MessageEnd => {
                    let (mut message, body, bytes) = open.take().unwrap();
                    message.2 = content_length(body, &bytes);
                    // What hyper does with CONNECT and upgrades is its service's business.
                    if !switches {
                        reading.messages.push(message);
                        reading.passed.extend(bytes);
                    }
                }
                What::Waiting => follower.refused(),
                What::Tunnel => unreachable!("no switch was accepted"),
                What::Defect(defect) => {
                    reading.defect = Some(defect.code());
                    break;
                }
            }
        }
    }
    reading
}

/// The content's bytes of a message that passed, counted in the plainest way.
fn content_length(body: BodyLength, message: &[u8]) -> u64 {
    match body {
        BodyLength::None | BodyLength::UntilClose => 0,
        BodyLength::Length(bytes) => bytes,
        BodyLength::Chunked => {
            let head = message.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            let mut rest = &message[head..];
            let mut sum = 0;
            loop {
                let line = rest.windows(2).position(|end| end == b"\r\n").unwrap();
                let digits = rest[..line].split(|byte| *byte == b';').next().unwrap();
                let size = usize::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
                if size == 0 {
                    return sum;
                }
                sum += size as u64;
                rest = &rest[line + 2 + size + 2..];
            }
        }
    }
}

/// The messages hyper makes of bytes.
fn hyper_reads(bytes: &[u8]) -> Vec<Message> {
    let messages = Rc::new(RefCell::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(bytes.len().max(1 << 20));
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let service = service_fn(|request: Request<Incoming>| {
            let messages = Rc::clone(&messages);
            async move {
                let (method, uri) = (request.method().to_string(), request.uri().to_string());
                let content = request.into_body().collect().await.map(|body| body.to_bytes().len() as u64);
                messages.borrow_mut().push((method, uri, content.unwrap_or(u64::MAX)));
                Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
            }
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.half_close(true);
        // The end of the client's bytes may come as an error; what was read before counts.
        let _ = builder.serve_connection(TokioIo::new(server), service).await;
    });
    messages.take()
}
