//! Tests through the engine: bytes followed as on a connection, phases driven as by the gateway, events judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use parking_lot::Mutex;
use portcullis_engine::{Arrival, BodyHint, Snapshot, Workspaces};
use portcullis_filter::ftw::{Answer, Input, Observed, Retry, Stage, Test, event_line, judge, reflect};
use portcullis_model::event::Answerer;
use portcullis_model::reason::Stage as Told;
use portcullis_model::{Event, EventId, Moment, Peer, RequestHead, Scheme, Tick, Timestamp};
use portcullis_wire::Defect;
use portcullis_wire::framing::{BodyLength, FramingLimits, HeadRecord, RequestFollower, What};
use smallvec::SmallVec;

use super::suite::{Runs, Suite};
use crate::replay::{Arrived, Recorded, RecordedResponse, Replayer};

/// How a test went.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All was as expected.
    Passed,
    /// What was not.
    Failed(Vec<String>),
    /// It was not run, because of this.
    LeftOut(String),
}

impl Outcome {
    /// The word for programs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::LeftOut(_) => "left out",
        }
    }
}

/// How every test went, in order; as many at a time as there are cores.
pub(super) fn all(snapshot: &Arc<Snapshot>, suite: &Suite) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(suite.cases.len()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let lent = Arc::new(Workspaces::default());
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = suite.cases.get(at) else { break };
                    let outcome = match case.runs {
                        Runs::Yes => one(snapshot, &lent, &case.test),
                        Runs::No => Outcome::LeftOut(case.known.clone().unwrap_or_default()),
                    };
                    done.lock().push((at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// One test, with a store of its own.
fn one(snapshot: &Arc<Snapshot>, lent: &Arc<Workspaces>, test: &Test) -> Outcome {
    let replayer = Replayer::new(Arc::clone(snapshot));
    let wrong: Vec<String> = test.stages.iter().flat_map(|stage| tried(&replayer, lent, stage)).collect();
    if wrong.is_empty() { Outcome::Passed } else { Outcome::Failed(wrong) }
}

fn tried(replayer: &Replayer, lent: &Arc<Workspaces>, stage: &Stage) -> Vec<String> {
    let attempt = || match observe(replayer, lent, &stage.input) {
        Ok(observed) => judge(&stage.expected, &observed),
        Err(error) => vec![format!("it could not be run: {error:#}")],
    };
    let wrong = attempt();
    if wrong.is_empty() || stage.expected.retry == Retry::Never { wrong } else { attempt() }
}

/// What comes of one request.
fn observe(replayer: &Replayer, lent: &Arc<Workspaces>, input: &Input) -> Result<Observed> {
    let sent = Sent::follow(&input.bytes());
    let response =
        reflect(sent.head.method.as_str(), &String::from_utf8_lossy(&sent.head.target), &sent.body);
    let answered = response.body.clone();
    let recorded = Recorded {
        body: sent.body,
        arrived: sent.arrived,
        response: Some(RecordedResponse {
            status: response.status,
            headers: response.headers,
            body: response.body,
        }),
        ..Recorded::default()
    };
    let now = Moment { wall: Timestamp::from_micros(0), tick: Tick(0) };
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let arrival = Arrival {
        id: EventId::new(now.wall, 0),
        now,
        peer: Arc::new(Peer { address, listener: "test".into(), tls: None }),
        head: sent.head,
        defects: sent.defect.into_iter().collect::<SmallVec<[Defect; 1]>>(),
        body: sent.hint,
        lent: Arc::clone(lent),
        proofs: Arc::new(portcullis_engine::NoProofs),
    };
    let event = replayer.drive(&recorded, arrival)?.event();
    Ok(observed(&event, answered))
}

/// What an event tells of a test's request.
fn observed(event: &Event, answered: Vec<u8>) -> Observed {
    let mut observed = Observed::default();
    if let Some(response) = &event.response {
        let body = if response.from == Answerer::Upstream { answered } else { Vec::new() };
        observed.answer = Some(Answer { status: response.status, body });
    }
    for reason in event.reasons.iter().filter(|reason| reason.stage == Told::Filter) {
        let Some(id) = reason.by.as_ref().and_then(|by| by.parse().ok()) else { continue };
        let (matched, place) =
            reason.found.as_ref().map_or(("", ""), |found| (&*found.matched, &*found.place));
        let message = reason.detail.as_deref().unwrap_or_default();
        observed.logged.push(id);
        observed.log.push(event_line(id, message, matched, place));
    }
    observed
}

/// A request as a connection would have delivered it.
struct Sent {
    head: RequestHead,
    defect: Option<Defect>,
    body: Vec<u8>,
    arrived: Arrived,
    hint: BodyHint,
}

impl Sent {
    /// Follows the bytes of one request; what comes after it is not looked at.
    fn follow(mut bytes: &[u8]) -> Self {
        let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
        let mut record: Option<HeadRecord> = None;
        let mut framed = Vec::new();
        let mut defect = None;
        let mut arrived = Arrived::Whole;
        loop {
            let fed = follower.feed(bytes);
            let (taken, rest) = bytes.split_at(fed.consumed.min(bytes.len()));
            bytes = rest;
            match fed.what {
                What::Head(found) => record = Some(found),
                What::Body => framed.extend_from_slice(taken),
                What::Defect(found) => {
                    defect = Some(found);
                    break;
                }
                What::More => {
                    // A body that breaks off is nothing of its head's: a server judges that, and waits.
                    match &record {
                        Some(_) => arrived = Arrived::InPart,
                        None => defect = follower.end().err(),
                    }
                    break;
                }
                What::MessageEnd | What::Waiting | What::Tunnel => break,
            }
        }
        let Some(record) = record else {
            let (head, hint) = (follower.salvage(), BodyHint::None);
            return Self { head, defect, body: Vec::new(), arrived, hint };
        };
        let (body, hint) = match record.body {
            BodyLength::Length(length) => (framed, BodyHint::Length(length)),
            BodyLength::Chunked => (unchunked(&framed), BodyHint::Unknown),
            BodyLength::None | BodyLength::UntilClose => (Vec::new(), BodyHint::None),
        };
        Self { head: record.head, defect, body, arrived, hint }
    }
}

/// The content of chunks whose framing has been followed already.
fn unchunked(mut framed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = framed.iter().position(|byte| *byte == b'\n') {
        let (line, rest) = framed.split_at(end + 1);
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = line.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
        let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or(0);
        let Some((data, after)) = rest.split_at_checked(size).filter(|_| size > 0) else { break };
        out.extend_from_slice(data);
        framed = after.strip_prefix(b"\r\n").or_else(|| after.strip_prefix(b"\n")).unwrap_or(after);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_followed_as_on_a_connection() {
        let sent = Sent::follow(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcd");
        assert_eq!((sent.body.as_slice(), sent.hint, sent.defect), (&b"abc"[..], BodyHint::Length(3), None));
        let chunked = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let sent = Sent::follow(chunked);
        assert_eq!((sent.body.as_slice(), sent.hint, sent.defect), (&b"abcde"[..], BodyHint::Unknown, None));
    }

    #[test]
    fn a_body_that_breaks_off_is_no_defect_of_its_head() {
        for (body, kept) in
            [("Content-Length: 9\r\n\r\nabc", "abc"), ("Transfer-Encoding: chunked\r\n\r\n5\r\nab", "")]
        {
            let sent = Sent::follow(format!("POST / HTTP/1.1\r\nHost: a\r\n{body}").as_bytes());
            assert_eq!(
                (sent.defect, sent.arrived, &*sent.body),
                (None, Arrived::InPart, kept.as_bytes()),
                "{body}"
            );
        }
    }

    #[test]
    fn defects_are_kept_for_the_engine() {
        assert!(Sent::follow(b"\tGET / HTTP/1.1\r\nHost: a\r\n\r\n").defect.is_some());
        assert!(Sent::follow(b"GET / HTTP/1.1\r\nHost: a\r\n").defect.is_some());
    }
}
