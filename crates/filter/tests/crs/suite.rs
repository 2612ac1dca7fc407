//! The rules and tests of the corpus, set up as the suite's own runners set them up.

use std::sync::OnceLock;

use portcullis_document::{Severity, SourceFile, Sources as _, Style, render};
use portcullis_filter::ftw::{self, Test};
use portcullis_filter::seclang::{Entry, load};
use portcullis_filter::transaction::RuleSet;

use crate::disk::Disk;

/// What the suite sets beside the rules' own setup.
const SETUP: &str = r#"
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecAction "id:900005,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly,ctl:ruleRemoveById=910000,\
    setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4,\
    setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,\
    setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535,setvar:tx.enforce_bodyproc_urlencoded=1"
"#;

/// The corpus folder.
pub(crate) fn corpora() -> Option<String> {
    let found = std::env::var("PORTCULLIS_CORPORA").ok();
    if found.is_none() {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
    }
    found
}

/// Limits on arguments that two tests are about.
const ON_ARGUMENTS: &str =
    "SecAction \"id:900006,phase:1,nolog,pass,setvar:tx.arg_name_length=100,setvar:tx.max_num_args=255\"";

/// Which limits are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Those the suite's runners set.
    AsPublished,
    /// Those on the number of arguments and the length of their names as well.
    OnArguments,
}

/// All of CRS as the suite runs it.
pub(crate) fn rules(corpora: &str, limits: Limits) -> RuleSet {
    let more = if limits == Limits::OnArguments { ON_ARGUMENTS } else { "" };
    compiled(&[
        Entry::Path(format!("{corpora}/crs/crs-setup.conf.example")),
        Entry::Text { name: "suite.conf".to_owned(), text: format!("{SETUP}{more}") },
        Entry::Path(format!("{corpora}/crs/rules/*.conf")),
    ])
}

/// The same, compiled once for all tests that only look.
pub(crate) fn shared_rules() -> Option<&'static RuleSet> {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    let corpora = corpora()?;
    Some(RULES.get_or_init(|| rules(&corpora, Limits::AsPublished)))
}

/// Rules of those entries.
pub(crate) fn compiled(entries: &[Entry]) -> RuleSet {
    let rules = load(entries, &Disk).unwrap_or_else(|problems| panic!("{}", render(&problems, Style::Plain)));
    RuleSet::compile(&rules).unwrap_or_else(|problems| panic!("{}", render(&problems, Style::Plain)))
}

/// Whether all tests are run.
pub(crate) fn is_whole() -> bool {
    std::env::var_os("CRS_TESTS").is_none()
}

/// Every test of the suite; `CRS_TESTS` narrows them down to names that begin so, while one is worked on.
pub(crate) fn tests(corpora: &str) -> Vec<Test> {
    let root = format!("{corpora}/crs/tests/regression/tests");
    let mut tests = Vec::new();
    for group in Disk.list(&root).unwrap() {
        for name in Disk.list(&format!("{root}/{group}")).unwrap() {
            let text = std::fs::read_to_string(format!("{root}/{group}/{name}")).unwrap();
            let loaded = ftw::load(&SourceFile::new(name, text));
            let broken = loaded.problems.iter().any(|problem| problem.severity == Severity::Error);
            assert!(!broken, "{}", render(&loaded.problems, Style::Plain));
            tests.extend(loaded.tests);
        }
    }
    tests.sort_by_key(|test| (test.rule, test.number));
    match std::env::var("CRS_TESTS") {
        Ok(wanted) => tests.retain(|test| test.name().starts_with(&wanted)),
        // 5,045 in files of `.yaml` and 37 against false positives in one of `.yml`.
        Err(_) => assert_eq!(tests.len(), 5082, "the corpus has 5,082 tests"),
    }
    tests
}
