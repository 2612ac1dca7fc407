//! The whole filter: any connection's bytes are read, and judged alike with scans and without. Under all of CRS if
//! `PORTCULLIS_CORPORA` names the corpora, else under a few rules.

#[path = "../../../crates/filter/tests/crs/disk.rs"]
mod disk;

use std::cell::RefCell;
use std::sync::OnceLock;

use bytes::Bytes;
use disk::Disk;
use portcullis_filter::seclang::{Entry, load};
use portcullis_filter::transaction::{BodyInput, Budget, Match, Request, RuleSet, Transaction, Workspace};
use portcullis_model::{RequestHead, Scheme, Timestamp};
use portcullis_wire::{EncodedSlash, FramingLimits, RequestFollower, What, normalise};

const SETUP: &str = r#"
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecAction "id:1,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4"
SecRule ARGS|REQUEST_COOKIES "@detectSQLi" "id:2,phase:2,pass,t:none,t:urlDecodeUni,multiMatch,msg:'sql'"
SecRule ARGS_NAMES|XML:/* "@detectXSS" "id:3,phase:2,pass,t:none,t:htmlEntityDecode,t:jsDecode,capture"
SecRule REQUEST_HEADERS:User-Agent "@rx (\w+)/(?=\d)\d+" "id:4,phase:1,pass,capture,setvar:tx.agent=%{tx.1}"
SecRule &ARGS "@gt 2" "id:5,phase:2,pass,chain"
    SecRule FILES|ARGS "!@within %{tx.agent} a b" "t:lowercase,t:normalizePathWin"
"#;

/// Loads the rules, which takes longer than any input may.
pub fn prepare() {
    rules();
}

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut entries = vec![Entry::Text { name: "setup.conf".to_owned(), text: SETUP.to_owned() }];
        if let Ok(corpora) = std::env::var("PORTCULLIS_CORPORA") {
            entries.insert(0, Entry::Path(format!("{corpora}/crs/crs-setup.conf.example")));
            entries.push(Entry::Path(format!("{corpora}/crs/rules/*.conf")));
        }
        RuleSet::compile(&load(&entries, &Disk).unwrap()).unwrap()
    })
}

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::new(Workspace::new());
}

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    let fed = follower.feed(input);
    let What::Head(record) = fed.what else { return };
    let body = Bytes::copy_from_slice(&input[fed.consumed..]);
    WORKSPACE.with_borrow_mut(|workspace| {
        let scanned = judge(&record.head, &body, workspace, |transaction| transaction);
        let tried = judge(&record.head, &body, &mut Workspace::new(), Transaction::exhaustive);
        assert_eq!(scanned, tried);
    });
}

/// What matched, unless the budget ran out: scans spend less of it.
fn judge(
    head: &RequestHead,
    body: &Bytes,
    workspace: &mut Workspace,
    how: impl Fn(Transaction) -> Transaction,
) -> Option<Vec<Match>> {
    let normal = normalise(head, EncodedSlash::Keep);
    let address = ([192, 0, 2, 1], 4711).into();
    let began = Timestamp::from_secs(1_780_000_000);
    let request =
        Request { head, normal: &normal, client: address, server: address, began, id: "01HZY3V8Q0" };
    let mut transaction = how(Transaction::new(rules(), Budget::default(), workspace));
    transaction.request_head(&request, workspace);
    transaction.request_body(Some(&BodyInput { bytes: body, parsed: None }), workspace);
    transaction.logging(workspace);
    let matches = transaction.spent().is_none().then(|| transaction.matches().to_vec());
    transaction.finish(workspace);
    matches
}
