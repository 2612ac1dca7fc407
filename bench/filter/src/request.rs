//! The file of requests that all contestants read.
//!
//! For each request a line `KIND METHOD URI HEADERS LENGTH`, as many lines `name: value`, then the body and a line end;
//! requests of one kind follow each other. Of the file only what is asked for next is in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use anyhow::{Context, Result};
use bytes::Bytes;
use portcullis_model::RequestHead;
use portcullis_model::Scheme;
use portcullis_wire::{EncodedSlash, FramingLimits, Normal, RequestFollower, What, normalise};

/// A request as the gateway has it when the filter is asked.
pub(crate) struct Sent {
    /// Its head, as sent.
    pub(crate) head: RequestHead,
    /// Its normal form.
    pub(crate) normal: Normal,
    /// Its body.
    pub(crate) body: Bytes,
}

/// The file, and where requests of each kind begin, come next and end in it.
pub(crate) struct Requests {
    file: BufReader<File>,
    kinds: HashMap<String, Places>,
}

struct Places {
    first: u64,
    next: u64,
    end: u64,
}

/// A request as it stands in the file.
struct Written {
    kind: String,
    head: String,
    body: Vec<u8>,
}

impl Requests {
    /// Looks through the file for what there is.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {path}"))?;
        let mut requests = Self { file: BufReader::new(file), kinds: HashMap::new() };
        let mut from = 0;
        while let Some(written) = requests.read_one()? {
            let end = requests.file.stream_position()?;
            let new = Places { first: from, next: from, end };
            requests.kinds.entry(written.kind).or_insert(new).end = end;
            from = end;
        }
        Ok(requests)
    }

    /// The next requests of a kind; after the last comes the first again.
    pub(crate) fn take(&mut self, kind: &str, count: usize) -> Result<Vec<Sent>> {
        let places = self.kinds.get(kind).with_context(|| format!("no requests of kind {kind}"))?;
        let (first, mut next, end) = (places.first, places.next, places.end);
        let mut found = Vec::with_capacity(count);
        self.file.seek(SeekFrom::Start(next))?;
        while found.len() < count {
            if next == end {
                self.file.seek(SeekFrom::Start(first))?;
            }
            let written = self.read_one()?.context("the file ends before its last request does")?;
            found.push(sent(&written)?);
            next = self.file.stream_position()?;
        }
        if let Some(places) = self.kinds.get_mut(kind) {
            places.next = next;
        }
        Ok(found)
    }

    fn read_one(&mut self) -> Result<Option<Written>> {
        let line = self.line()?;
        if line.is_empty() {
            return Ok(None);
        }
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, method, uri, headers, length] = words.as_slice() else {
            anyhow::bail!("a request begins with five words: {line}")
        };
        let mut head = format!("{method} {uri} HTTP/1.1\r\n");
        for _ in 0..headers.parse()? {
            head.push_str(&self.line()?);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut body = vec![0; length.parse()?];
        self.file.read_exact(&mut body)?;
        let _line_end = self.line()?;
        Ok(Some(Written { kind: (*kind).to_owned(), head, body }))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.file.read_line(&mut line)?;
        Ok(line.trim_ascii_end().to_owned())
    }
}

fn sent(written: &Written) -> Result<Sent> {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Https);
    let What::Head(record) = follower.feed(written.head.as_bytes()).what else {
        anyhow::bail!("not a request: {}", written.head)
    };
    let normal = normalise(&record.head, EncodedSlash::Keep);
    Ok(Sent { head: record.head, normal, body: Bytes::from(written.body.clone()) })
}
