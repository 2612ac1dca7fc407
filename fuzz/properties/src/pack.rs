//! The built-in rules: any request is inspected within the budget, a worker's memory changes no finding, and what a
//! finding shows is bounded.

use std::cell::RefCell;
use std::sync::OnceLock;

use portcullis_filter::builtin::{Finding, Findings, Level, Pack, PackConfig, Workspace};
use portcullis_model::Scheme;
use portcullis_wire::body::{Budget, parse_as_declared};
use portcullis_wire::{EncodedSlash, FramingLimits, HeadRecord, RequestFollower, What, normalise};

/// The most bytes of a match that a finding may show.
const SHOWN: usize = 120;

thread_local! {
    /// Used by every input, so that what is remembered from one to the next is tried too.
    static USED: RefCell<Workspace> = RefCell::new(Workspace::default());
}

/// Reads the pack, which takes longer than any input may.
pub fn prepare() {
    pack();
}

fn pack() -> &'static Pack {
    static PACK: OnceLock<Pack> = OnceLock::new();
    PACK.get_or_init(|| Pack::new(&PackConfig { level: Level::FOUR, ..PackConfig::default() }).unwrap())
}

/// Holds the property of this module against one input: the bytes of a connection.
pub fn check(input: &[u8]) {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    let fed = follower.feed(input);
    let What::Head(record) = fed.what else { return };
    let body = &input[fed.consumed..];
    let fresh = inspect(&record, body, &mut Workspace::default());
    let again = USED.with_borrow_mut(|used| inspect(&record, body, used));
    assert_eq!(fresh.map(|findings| told(&findings)), again.map(|findings| told(&findings)));
}

/// What is found in the head and in the body.
fn inspect(record: &HeadRecord, body: &[u8], workspace: &mut Workspace) -> [Findings; 2] {
    let head = &record.head;
    let normal = normalise(head, EncodedSlash::Keep);
    let body = parse_as_declared(&bytes::Bytes::copy_from_slice(body), &head.headers, &Budget::default());
    [pack().inspect_head(head, &normal, workspace), pack().inspect_body(head, &body, workspace)]
}

/// Findings in words.
fn told(findings: &Findings) -> Vec<String> {
    let tell = |finding: &Finding| {
        assert!(finding.range.start <= finding.range.end && finding.matched.len() <= SHOWN);
        format!("{} {} {:?} {:?}", finding.rule.id, finding.place, finding.range, finding.matched)
    };
    findings.found.iter().map(tell).chain(findings.spent.then(|| "spent".to_owned())).collect()
}
