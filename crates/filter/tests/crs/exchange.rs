//! One request of the suite through framing, rules and the backend, as the gateway would take it.

use std::net::SocketAddr;

use bytes::Bytes;
use portcullis_filter::ftw::{Answer, Observed, log_line};
use portcullis_filter::transaction::{
    BodyInput, Budget, Match, Request, Response, RuleSet, Step, Transaction, Workspace,
};
use portcullis_model::{RequestHead, Scheme, Timestamp};
use portcullis_wire::{BodyLength, Defect, EncodedSlash, FramingLimits, RequestFollower, What, normalise};

use crate::backend;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Met {
    /// Rules saw it and the backend answered.
    Answered(Seen),
    /// It was refused before rules were asked.
    Refused(Defect),
    /// It never became a request.
    Unanswered,
}

/// What rules and the client saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's body.
    pub body: Vec<u8>,
    /// Every match that was kept.
    pub matches: Vec<Match>,
}

impl From<Seen> for Observed {
    fn from(seen: Seen) -> Self {
        let logged: Vec<&Match> = seen.matches.iter().filter(|found| found.logged).collect();
        Self {
            answer: seen.status.map(|status| Answer { status, body: seen.body.clone() }),
            logged: logged.iter().map(|found| found.rule).collect(),
            log: logged
                .iter()
                .map(|found| log_line(found.rule, &found.message, &found.data, &found.place))
                .collect(),
        }
    }
}

/// Whether scans rule tests out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// They do.
    Scanning,
    /// Every rule is tried on every value.
    Exhaustive,
}

/// Takes the bytes of a request through everything.
pub(crate) fn meet(rules: &RuleSet, bytes: &[u8], pass: Pass, workspace: &mut Workspace) -> Met {
    match read(bytes) {
        Ok(Some((head, body))) => Met::Answered(judge(rules, &head, &body, pass, workspace)),
        Ok(None) => Met::Unanswered,
        Err(defect) => Met::Refused(defect),
    }
}

/// The first request of a connection; `None` if there is no whole one.
fn read(bytes: &[u8]) -> Result<Option<(RequestHead, Bytes)>, Defect> {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    let (mut rest, mut head, mut length, mut body) = (bytes, None, BodyLength::None, Vec::new());
    loop {
        let fed = follower.feed(rest);
        let (taken, behind) = rest.split_at(fed.consumed);
        match fed.what {
            What::Head(record) => {
                length = record.body;
                head = Some(record.head);
            }
            What::Body => body.extend_from_slice(taken),
            What::MessageEnd | What::Waiting | What::Tunnel => break,
            What::Defect(defect) => return Err(defect),
            What::More if behind.is_empty() => {
                follower.end()?;
                return Ok(None);
            }
            What::More => {}
        }
        rest = behind;
    }
    let body = if length == BodyLength::Chunked { unchunked(&body) } else { body };
    Ok(head.map(|head| (head, Bytes::from(body))))
}

/// The data of chunks that the follower has already checked.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = chunks.iter().position(|byte| *byte == b'\n') {
        let size: String = chunks[..end]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .map(|byte| *byte as char)
            .collect();
        let size = usize::from_str_radix(&size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        data.extend_from_slice(&chunks[end + 1..end + 1 + size]);
        chunks = &chunks[end + 3 + size..];
    }
    data
}

fn judge(rules: &RuleSet, head: &RequestHead, body: &Bytes, pass: Pass, workspace: &mut Workspace) -> Seen {
    let address: SocketAddr = "127.0.0.1:4711".parse().unwrap();
    let normal = normalise(head, EncodedSlash::Keep);
    let began = Timestamp::from_secs(1_780_000_000);
    let request = Request {
        head,
        normal: &normal,
        client: address,
        server: address,
        began,
        id: "01HZY3V8Q0000000000000000",
    };
    let mut transaction = Transaction::new(rules, Budget::default(), workspace);
    if pass == Pass::Exhaustive {
        transaction = transaction.exhaustive();
    }
    let answer = backend::answer(head, body);
    let steps = [
        transaction.request_head(&request, workspace),
        transaction.request_body(Some(&BodyInput { bytes: body, parsed: None }), workspace),
        transaction.response_head(&Response { head: &answer.head }, workspace),
        transaction.response_body(Some(&BodyInput { bytes: &answer.body, parsed: None }), workspace),
        transaction.logging(workspace),
    ];
    assert!(steps.iter().all(|step| *step == Step::Done), "detection only never interrupts: {steps:?}");
    assert_eq!(transaction.spent(), None);
    let matches = transaction.matches().to_vec();
    transaction.finish(workspace);
    Seen { status: Some(answer.head.status), body: answer.body.to_vec(), matches }
}
