//! A request to try: a text put somewhere in one, or a raw HTTP/1 request as files and tools keep it.
//!
//! Read leniently (bare line feeds, a missing `Host`): the strictness of the wire is the gateway's to show.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use portcullis_engine::{Arrival, BodyHint};
use portcullis_model::{EventId, Headers, Moment, Peer, RequestHead, Scheme, Tick, Version};

use crate::cli::PutAs;
use crate::serve;

/// A request.
#[derive(Debug)]
pub(super) struct RawRequest {
    method: String,
    target: Vec<u8>,
    fields: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl RawRequest {
    /// A request with the text in one place.
    pub(super) fn with_text(text: &str, put: PutAs, path: &str) -> Self {
        let mut request = Self {
            method: "GET".to_owned(),
            target: path.as_bytes().to_vec(),
            fields: vec![
                (
                    "User-Agent".to_owned(),
                    b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_vec(),
                ),
                ("Accept".to_owned(), b"*/*".to_vec()),
            ],
            body: Bytes::new(),
        };
        match put {
            PutAs::Query => {
                let sign = if path.contains('?') { '&' } else { '?' };
                request.target = format!("{path}{sign}q={}", escaped(text)).into();
            }
            PutAs::Path => {
                request.target = format!("{}/{}", path.trim_end_matches('/'), escaped(text)).into();
            }
            PutAs::Header => request.fields.push(("X-Text".to_owned(), text.into())),
            PutAs::Cookie => request.fields.push(("Cookie".to_owned(), format!("q={text}").into())),
            PutAs::Form => request.post("application/x-www-form-urlencoded", format!("q={}", escaped(text))),
            PutAs::Json => request.post("application/json", serde_json::json!({ "q": text }).to_string()),
        }
        request
    }

    fn post(&mut self, media_type: &str, body: String) {
        "POST".clone_into(&mut self.method);
        self.fields.push(("Content-Type".to_owned(), media_type.into()));
        self.fields.push(("Content-Length".to_owned(), body.len().to_string().into()));
        self.body = body.into();
    }

    /// Reads a raw request.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let (head, body) = split_head(bytes);
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let first = lines.next().unwrap_or_default();
        let mut words = first.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let what = "the first line is not a request's, such as `GET /path HTTP/1.1`";
        let method = words.next().context(what)?;
        let target = words.next().context(what)?.to_vec();
        let fields = lines.filter(|line| !line.is_empty()).filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(at);
            let value = value.get(1..).unwrap_or_default().trim_ascii().to_vec();
            Some((String::from_utf8_lossy(name).trim().to_owned(), value))
        });
        Ok(Self {
            method: String::from_utf8_lossy(method).into_owned(),
            target,
            fields: fields.collect(),
            body: Bytes::copy_from_slice(body),
        })
    }

    /// The host it names.
    pub(super) fn host(&self) -> Option<&[u8]> {
        let host = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        host.map(|(_, value)| value.as_slice())
    }

    /// Names another host.
    pub(super) fn set_host(&mut self, host: &str) {
        self.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        self.fields.insert(0, ("Host".to_owned(), host.into()));
    }

    /// As the engine takes it, with the body beside it.
    pub(super) fn into_arrival(self) -> Result<(Arrival, Bytes)> {
        let time = serve::now();
        let method = self.method.parse().with_context(|| format!("`{}` is not a method", self.method))?;
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let arrival = Arrival {
            id: EventId::new(time, 0),
            now: Moment { wall: time, tick: Tick(0) },
            peer: Arc::new(Peer { address, listener: "try".into(), tls: None }),
            head: RequestHead {
                method,
                target: self.target.into(),
                authority: None,
                version: Version::Http11,
                scheme: Scheme::Http,
                headers: self.fields.into_iter().collect::<Headers>(),
            },
            defects: smallvec::SmallVec::new(),
            body: if self.body.is_empty() {
                BodyHint::None
            } else {
                BodyHint::Length(self.body.len() as u64)
            },
            lent: Arc::default(),
            proofs: Arc::new(portcullis_engine::NoProofs),
        };
        Ok((arrival, self.body))
    }
}

/// Head and body, at the first empty line.
fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let found = ends.iter().filter_map(|end| {
        let at = bytes.windows(end.len()).position(|window| window == *end)?;
        Some((at, at + end.len()))
    });
    match found.min() {
        Some((end, begin)) => (bytes.get(..end).unwrap_or_default(), bytes.get(begin..).unwrap_or_default()),
        None => (bytes, &[]),
    }
}

/// Percent-encoded, all but unreserved characters (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
