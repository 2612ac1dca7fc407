//! Findings are kept, grouped, found and marked, over restarts and through faults.

use std::path::Path;

use portcullis_model::event::OperationRecord;
use portcullis_model::finding::{Conclusion, Evidence};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

pub(crate) fn finding(subject: &str, severity: Severity, time: i64) -> Finding {
    let concluded = Conclusion {
        kind: FindingKind::ShadowOperation,
        severity,
        site: "shop".into(),
        operation: None,
        subject: subject.into(),
        data: Vec::new(),
        title: format!("{subject} is seen"),
        why: "because".into(),
        evidence: vec![Evidence { name: "answer".into(), text: "200".into(), event: None }],
    };
    Finding::new(concluded, at(time), 1)
}

fn subjects(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| &*finding.subject).collect()
}

fn start(path: &Path) -> (Findings, FindingKeeper) {
    Findings::start(Some(path.to_owned())).unwrap()
}

#[test]
fn what_was_raised_is_there_after_a_restart_grouped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/findings.db");
    let (findings, keeper) = start(&path);
    findings.raise(finding("a", Severity::Low, 1));
    findings.raise(finding("b", Severity::High, 2));
    findings.raise(finding("a", Severity::Low, 3));
    drop(keeper);

    let (findings, _keeper) = start(&path);
    findings.raise(finding("a", Severity::Low, 4));
    let listed = findings.list(&FindingQuery::default(), at(9)).unwrap();
    assert_eq!(subjects(&listed), ["b", "a"]);
    assert_eq!((listed[1].count, listed[1].first, listed[1].last), (3, at(1), at(4)));
}

#[test]
fn a_committed_finding_is_seen_by_another_process_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    let (findings, _keeper) = start(&path);
    findings.raise(finding("a", Severity::Low, 1));
    findings.settle().unwrap();
    let mut other = FindingFile::open(Some(&path)).unwrap();
    let id = other.find("").unwrap()[0].id.clone();
    let muted = FindingState::Muted { at: at(2), by: "ann".into(), until: None };
    other.mark(&id, &muted).unwrap().unwrap();
    findings.raise(finding("a", Severity::Critical, 3));
    let now = &findings.find(&id.as_str()[..4]).unwrap()[0];
    assert_eq!((&now.state, now.count, now.severity), (&muted, 2, Severity::Critical));
}

#[test]
fn queries_pick_by_state_site_kind_severity_and_time() {
    let (findings, _keeper) = Findings::start(None).unwrap();
    for (subject, severity, time) in
        [("a", Severity::Low, 10), ("b", Severity::High, 20), ("c", Severity::Medium, 30)]
    {
        findings.raise(finding(subject, severity, time));
    }
    let acknowledged = FindingState::Acknowledged { at: at(40), by: "ann".into() };
    let id = finding("b", Severity::High, 20).id;
    findings.mark(&id, &acknowledged).unwrap().unwrap();
    let check = |query: FindingQuery, expected: &[&str]| {
        let listed = findings.list(&query, at(50)).unwrap();
        assert_eq!(subjects(&listed), expected, "{query:?}");
    };
    let all = FindingQuery::default;
    check(all(), &["b", "c", "a"]);
    check(FindingQuery { state: Some(Attention::Open), ..all() }, &["c", "a"]);
    check(FindingQuery { state: Some(Attention::Acknowledged), ..all() }, &["b"]);
    check(FindingQuery { severity: Some(Severity::Medium), ..all() }, &["b", "c"]);
    check(FindingQuery { since: Some(at(20)), ..all() }, &["b", "c"]);
    check(FindingQuery { site: Some("blog".into()), ..all() }, &[]);
    check(FindingQuery { kind: Some(FindingKind::AuthDropped), ..all() }, &[]);
}

#[test]
fn a_mark_on_what_is_not_there_says_so() {
    let (findings, _keeper) = Findings::start(None).unwrap();
    assert_eq!(findings.mark(&FindingId::new("0000"), &FindingState::Open).unwrap(), None);
}

#[test]
fn a_damaged_file_is_set_aside_and_nothing_raised_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    std::fs::write(&path, b"this is no database at all, and long enough to be looked at as one").unwrap();
    let (findings, _keeper) = start(&path);
    findings.raise(finding("a", Severity::Low, 1));
    assert_eq!(subjects(&findings.list(&FindingQuery::default(), at(2)).unwrap()), ["a"]);
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("findings.db.corrupt-")), "{names:?}");
}

#[test]
fn while_the_file_fails_findings_wait_and_are_kept_once_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("create table other (one)").unwrap();
    let (findings, _keeper) = start(&path);
    findings.raise(finding("a", Severity::Low, 1));
    assert_eq!(findings.settle().unwrap_err().fault, Fault::Foreign);
    findings.raise(finding("a", Severity::Low, 2));
    let figures = findings.figures();
    assert_eq!((figures.waiting, figures.failing.is_some()), (1, true));

    drop(other);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(findings.list(&FindingQuery::default(), at(3)).unwrap()[0].count, 2);
    assert_eq!(findings.figures(), FindingFigures::default());
}

#[test]
fn beyond_the_bound_what_matters_least_gives_way_but_not_what_was_muted() {
    let mut file = FindingFile::open(None).unwrap();
    let muted = finding("muted", Severity::Info, 0);
    file.raise(std::slice::from_ref(&muted)).unwrap();
    file.mark(&muted.id, &FindingState::Muted { at: at(0), by: "ann".into(), until: None }).unwrap();
    let many: Vec<Finding> =
        (0..10_050).map(|time| finding(&time.to_string(), Severity::Low, time)).collect();
    file.raise(&many).unwrap();
    let kept = file.list(&FindingQuery::default(), at(0)).unwrap();
    assert_eq!(kept.len(), 10_000);
    assert_eq!(kept.iter().map(|finding| finding.last).filter(|last| *last > at(0)).min(), Some(at(51)));
    assert!(kept.iter().any(|finding| finding.subject == "muted"));
}

/// A finding of an operation.
fn of_operation(id: &str, time: i64) -> Finding {
    let record =
        OperationRecord { id: OperationId::new(id), name: format!("GET /{id}").into(), standing: None };
    let plain = finding("", Severity::Low, time);
    Finding { operation: Some(record), ..plain }.of_operation(OperationId::new(id))
}

#[test]
fn findings_follow_operations_that_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    let (findings, _keeper) = start(&path);
    let said = FindingState::Acknowledged { at: at(5), by: "ann".into() };
    for (id, time) in [("anna", 1), ("berta", 2), ("other", 3)] {
        findings.raise(of_operation(id, time));
    }
    findings.mark(&of_operation("anna", 1).id, &said).unwrap().unwrap();
    let file = FindingFile::open(Some(&path)).unwrap();
    assert_eq!(file.notices(0, 10).unwrap().len(), 3);
    let site = SmolStr::new("shop");
    let follow = |former: &str| {
        findings.follow(&site, OperationId::new(former), OperationId::new("{user}"));
    };
    // One is committed, one waits still.
    follow("anna");
    let listed = || findings.list(&FindingQuery::default(), at(9)).unwrap();
    let of = |id: &str| listed().into_iter().find(|one| one.id == of_operation(id, 0).id);
    assert_eq!(of("{user}").map(|one| (one.state, one.count)), Some((said.clone(), 1)));
    findings.raise(of_operation("berta", 6));
    follow("berta");
    let joined = of("{user}").unwrap();
    assert_eq!(
        (joined.state, joined.count, joined.first, joined.last),
        (FindingState::Open, 3, at(1), at(6))
    );
    follow("anna");
    assert_eq!((listed().len(), of("anna"), of("berta")), (2, None, None));
    let told = file.notices(0, 10).unwrap();
    assert_eq!(told.len(), 3, "nothing is told anew, and nothing is lost: {told:?}");
}
