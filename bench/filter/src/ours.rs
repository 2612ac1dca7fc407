//! Our filter, through all phases of a transaction.

use std::net::SocketAddr;

use anyhow::Result;
use portcullis_filter::seclang::Rules;
use portcullis_filter::transaction::{
    BodyInput, Budget, Request, Response, RuleSet, Step, Transaction, Workspace,
};
use portcullis_model::{Headers, ResponseHead, Timestamp, Version};

use crate::Driven;
use crate::files::explained;
use crate::request::Sent;

/// What is kept from one request to the next.
pub(crate) enum Memory {
    /// Everything a worker keeps.
    Kept,
    /// Nothing.
    Fresh,
}

/// The compiled rules and a worker's workspace.
pub(crate) struct Ours {
    rules: RuleSet,
    workspace: Workspace,
    memory: Memory,
    answer: ResponseHead,
    client: SocketAddr,
    server: SocketAddr,
}

impl Ours {
    pub(crate) fn new(rules: &Rules, memory: Memory) -> Result<Self> {
        let mut headers = Headers::default();
        headers.push("Content-Type", "application/octet-stream");
        Ok(Self {
            rules: RuleSet::compile(rules).map_err(|problems| explained(&problems))?,
            workspace: Workspace::new(),
            memory,
            answer: ResponseHead { status: 200, version: Version::Http11, headers },
            client: "192.0.2.7:40000".parse()?,
            server: "198.51.100.1:443".parse()?,
        })
    }
}

impl Driven for Ours {
    fn take(&mut self, sent: &Sent) -> bool {
        match self.memory {
            Memory::Kept => {}
            Memory::Fresh => self.workspace = Workspace::new(),
        }
        measured_request(self, sent)
    }
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn measured_request(ours: &mut Ours, sent: &Sent) -> bool {
    let request = Request {
        head: &sent.head,
        normal: &sent.normal,
        client: ours.client,
        server: ours.server,
        began: Timestamp::from_secs(1_780_000_000),
        id: "01HZY3V8Q0000000000000000",
    };
    let workspace = &mut ours.workspace;
    let body = BodyInput { bytes: &sent.body, parsed: None };
    let body = (!sent.body.is_empty()).then_some(&body);
    let mut transaction = Transaction::new(&ours.rules, Budget::default(), workspace);
    let steps = [
        transaction.request_head(&request, workspace),
        transaction.request_body(body, workspace),
        transaction.response_head(&Response { head: &ours.answer }, workspace),
        transaction.response_body(None, workspace),
        transaction.logging(workspace),
    ];
    transaction.finish(workspace);
    steps.iter().any(|step| *step != Step::Done)
}
