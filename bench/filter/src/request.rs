//! The file of requests that all contestants read.
//!
//! For each request a line `KIND METHOD URI HEADERS LENGTH`, as many lines `name: value`, then the body and a line end.

use anyhow::{Context, Result};
use bytes::Bytes;
use portcullis_model::RequestHead;
use portcullis_model::Scheme;
use portcullis_wire::{EncodedSlash, FramingLimits, Normal, RequestFollower, What, normalise};

/// A request as the gateway has it when the filter is asked.
pub(crate) struct Sent {
    /// What kind of request it is.
    pub(crate) kind: String,
    /// Its head, as sent.
    pub(crate) head: RequestHead,
    /// Its normal form.
    pub(crate) normal: Normal,
    /// Its body.
    pub(crate) body: Bytes,
}

/// Every request of the file.
pub(crate) fn read(path: &str) -> Result<Vec<Sent>> {
    let all = Bytes::from(std::fs::read(path).with_context(|| format!("cannot read {path}"))?);
    let mut rest = all.clone();
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(read_one(&mut rest)?);
    }
    Ok(found)
}

fn read_one(rest: &mut Bytes) -> Result<Sent> {
    let line = take_line(rest)?;
    let words: Vec<&str> = line.split(' ').collect();
    let [kind, method, uri, headers, length] = words.as_slice() else {
        anyhow::bail!("a request begins with five words: {line}")
    };
    let mut text = format!("{method} {uri} HTTP/1.1\r\n");
    for _ in 0..headers.parse()? {
        text.push_str(&take_line(rest)?);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let body = rest.split_to(length.parse()?);
    let _line_end = take_line(rest)?;
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Https);
    let What::Head(record) = follower.feed(text.as_bytes()).what else {
        anyhow::bail!("not a request: {text}")
    };
    let normal = normalise(&record.head, EncodedSlash::Keep);
    Ok(Sent { kind: (*kind).to_owned(), head: record.head, normal, body })
}

fn take_line(rest: &mut Bytes) -> Result<String> {
    let end = rest.iter().position(|byte| *byte == b'\n').context("the file ends within a request")?;
    let line = rest.split_to(end + 1);
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}
