//! Follows what a client sends: heads, bodies, pipelined messages, and the wait for a protocol switch.

use bytes::Bytes;
use portcullis_model::{RequestHead, Scheme};

use crate::defect::Defect;
use crate::framing::chunked::Following;
use crate::framing::gather::Gather;
use crate::framing::limits::FramingLimits;
use crate::framing::line::RequestLine;
use crate::framing::request::{HeadRecord, Switch, parse_request};
use crate::framing::salvage::salvage;
use crate::framing::{Fed, What};

/// A state machine over the bytes a client sends on one HTTP/1 connection.
#[derive(Debug)]
pub struct RequestFollower {
    limits: FramingLimits,
    scheme: Scheme,
    gather: Gather<RequestLine>,
    state: State,
    switch: Switch,
    persistent: bool,
    /// A complete head that did not pass.
    failed_head: Bytes,
}

#[derive(Debug)]
enum State {
    Head,
    Body(Following),
    Waiting,
    Tunnel,
    /// The client said this was its last request: what else it sends is dropped.
    Closed,
    Failed(Defect),
}

impl RequestFollower {
    /// A follower at the start of a connection.
    pub fn new(limits: FramingLimits, scheme: Scheme) -> Self {
        Self {
            limits,
            scheme,
            gather: Gather::default(),
            state: State::Head,
            switch: Switch::No,
            persistent: true,
            failed_head: Bytes::new(),
        }
    }

    /// Takes bytes. Call again with the rest (also when none is left) until it says `More`, `Waiting` or a defect.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed<HeadRecord> {
        match &mut self.state {
            State::Head => self.feed_head(bytes),
            State::Body(following) => {
                if following.is_done() {
                    self.state = self.after_message();
                    return Fed::at(What::MessageEnd);
                }
                let (consumed, defect) = following.feed(bytes, &self.limits);
                match defect {
                    _ if consumed > 0 => Fed { consumed, what: What::Body },
                    Some(defect) => self.fail(defect),
                    None => Fed::at(What::More),
                }
            }
            State::Waiting => Fed::at(What::Waiting),
            State::Tunnel if bytes.is_empty() => Fed::at(What::More),
            State::Tunnel => Fed { consumed: bytes.len(), what: What::Tunnel },
            State::Closed => Fed { consumed: bytes.len(), what: What::More },
            State::Failed(defect) => Fed::at(What::Defect(*defect)),
        }
    }

    /// The switch the client asked for was agreed to: what follows is another protocol.
    pub fn accepted(&mut self) {
        if matches!(self.state, State::Waiting) {
            self.state = State::Tunnel;
        }
    }

    /// The switch was not agreed to: what follows is the next request, read as strictly as any.
    pub fn refused(&mut self) {
        if matches!(self.state, State::Waiting) {
            self.state = if self.persistent { State::Head } else { State::Closed };
        }
    }

    /// The client closed its side: a defect if that cuts a message short.
    pub fn end(&mut self) -> Result<(), Defect> {
        match &self.state {
            State::Head if self.gather.is_empty() => Ok(()),
            State::Body(following) if following.is_done() => Ok(()),
            State::Waiting | State::Tunnel | State::Closed => Ok(()),
            State::Failed(defect) => Err(*defect),
            State::Head | State::Body(_) => {
                self.state = State::Failed(Defect::Truncated);
                Err(Defect::Truncated)
            }
        }
    }

    /// What can be read of a head that was defective or is not complete: for the record of its refusal only.
    pub fn salvage(&self) -> RequestHead {
        let head = match self.gather.so_far() {
            [] => self.failed_head.clone(),
            partial => Bytes::copy_from_slice(partial),
        };
        salvage(&head, self.scheme, &self.limits)
    }

    /// Whether it stands between two messages with no byte of the next one seen.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.gather.is_empty()
    }

    fn feed_head(&mut self, bytes: &[u8]) -> Fed<HeadRecord> {
        let (consumed, gathered) = self.gather.feed(bytes, &self.limits);
        let section = match gathered {
            Ok(Some(section)) => section,
            Ok(None) => return Fed { consumed, what: What::More },
            Err(defect) => return self.fail(defect),
        };
        match parse_request(&section, self.scheme) {
            Ok(record) => {
                self.switch = record.switch;
                self.persistent = record.persistent;
                self.state = State::Body(Following::new(record.body));
                Fed { consumed, what: What::Head(record) }
            }
            Err(defect) => {
                self.failed_head = section.bytes;
                self.fail(defect)
            }
        }
    }

    fn after_message(&self) -> State {
        match (self.switch, self.persistent) {
            (Switch::Upgrade | Switch::Connect, _) => State::Waiting,
            (Switch::No, true) => State::Head,
            (Switch::No, false) => State::Closed,
        }
    }

    fn fail(&mut self, defect: Defect) -> Fed<HeadRecord> {
        self.state = State::Failed(defect);
        Fed::at(What::Defect(defect))
    }
}
