//! Follows what an upstream sends: interim and final answers, their bodies, and a protocol switch.

use std::collections::VecDeque;

use crate::defect::Defect;
use crate::framing::answer::{AnswerKind, AnswerRecord, parse_answer};
use crate::framing::chunked::Following;
use crate::framing::gather::Gather;
use crate::framing::limits::FramingLimits;
use crate::framing::line::StatusLine;
use crate::framing::{Fed, What};

/// What about a request decides how its answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: an ordinary request.
    Plain,
    /// HEAD: the answer has no body whatever it declares.
    Head,
    /// A request that was forwarded with an `Upgrade` field.
    Upgrade,
    /// CONNECT: a 2xx opens a tunnel.
    Connect,
}

/// A state machine over the bytes an upstream sends on one HTTP/1 connection.
#[derive(Debug)]
pub struct ResponseFollower {
    limits: FramingLimits,
    gather: Gather<StatusLine>,
    asked: VecDeque<Asked>,
    state: State,
    interim: u8,
}

#[derive(Debug)]
enum State {
    Head,
    Body { following: Following, after: After },
    Tunnel,
    Closed,
    Failed(Defect),
}

#[derive(Clone, Copy, Debug)]
enum After {
    Next,
    Tunnel,
    Closed,
}

impl ResponseFollower {
    /// A follower at the start of a connection, with nothing asked yet.
    pub fn new(limits: FramingLimits) -> Self {
        Self { limits, gather: Gather::default(), asked: VecDeque::new(), state: State::Head, interim: 0 }
    }

    /// A request was sent: one more answer is due.
    pub fn expect(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    /// Takes bytes. Call again with the rest (also when none is left) until it says `More` or a defect.
    ///
    /// An interim answer is a `Head` without a `MessageEnd`. `Waiting` is never said.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed<AnswerRecord> {
        match &mut self.state {
            State::Head => self.feed_head(bytes),
            State::Body { following, after } => {
                if following.is_done() {
                    self.state = match after {
                        After::Next => State::Head,
                        After::Tunnel => State::Tunnel,
                        After::Closed => State::Closed,
                    };
                    return Fed::at(What::MessageEnd);
                }
                let (consumed, defect) = following.feed(bytes, &self.limits);
                match defect {
                    _ if consumed > 0 => Fed { consumed, what: What::Body },
                    Some(defect) => self.fail(defect),
                    None => Fed::at(What::More),
                }
            }
            State::Tunnel if bytes.is_empty() => Fed::at(What::More),
            State::Tunnel => Fed { consumed: bytes.len(), what: What::Tunnel },
            State::Closed => Fed { consumed: bytes.len(), what: What::More },
            State::Failed(defect) => Fed::at(What::Defect(*defect)),
        }
    }

    /// The upstream closed: fine between answers and at the end of a body that lasts until then.
    pub fn end(&mut self) -> Result<(), Defect> {
        match &self.state {
            State::Head if self.gather.is_empty() && self.asked.is_empty() => Ok(()),
            State::Body { following: Following::UntilClose | Following::Done, .. } => {
                self.state = State::Closed;
                Ok(())
            }
            State::Tunnel | State::Closed => Ok(()),
            State::Failed(defect) => Err(*defect),
            State::Head | State::Body { .. } => {
                self.state = State::Failed(Defect::Truncated);
                Err(Defect::Truncated)
            }
        }
    }

    /// Whether nothing is due and no byte of an unasked answer has come: the connection can be used again.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Head) && self.gather.is_empty() && self.asked.is_empty()
    }

    fn feed_head(&mut self, bytes: &[u8]) -> Fed<AnswerRecord> {
        if bytes.is_empty() {
            return Fed::at(What::More);
        }
        let Some(asked) = self.asked.front().copied() else {
            return self.fail(Defect::UnaskedAnswer);
        };
        let (consumed, gathered) = self.gather.feed(bytes, &self.limits);
        let section = match gathered {
            Ok(Some(section)) => section,
            Ok(None) => return Fed { consumed, what: What::More },
            Err(defect) => return self.fail(defect),
        };
        match parse_answer(section, asked).and_then(|record| self.settle(record)) {
            Ok(record) => Fed { consumed, what: What::Head(record) },
            Err(defect) => self.fail(defect),
        }
    }

    /// Moves on to the body of an answer, or to the next answer after an interim one.
    fn settle(&mut self, record: AnswerRecord) -> Result<AnswerRecord, Defect> {
        let after = match record.kind {
            AnswerKind::Interim => {
                self.interim = self.interim.saturating_add(1);
                let within = self.interim <= self.limits.interim_answers;
                return if within { Ok(record) } else { Err(Defect::TooManyInterim) };
            }
            AnswerKind::Switched => After::Tunnel,
            AnswerKind::Final if record.persistent => After::Next,
            AnswerKind::Final => After::Closed,
        };
        self.interim = 0;
        self.asked.pop_front();
        self.state = State::Body { following: Following::new(record.body), after };
        Ok(record)
    }

    fn fail(&mut self, defect: Defect) -> Fed<AnswerRecord> {
        self.state = State::Failed(defect);
        Fed::at(What::Defect(defect))
    }
}
