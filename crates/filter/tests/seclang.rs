//! Rule files of others: OWASP CRS of the corpora, and Debian's package where it is unpacked, load without a problem.
//!
//! Found through `PORTCULLIS_CORPORA` and `PORTCULLIS_CRS_DEBIAN` (the folder of the unpacked package, where it is not installed); without them
//! these tests say so and check nothing.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test may be loud")]

#[path = "crs/disk.rs"]
mod disk;

use disk::Disk;
use portcullis_document::{Severity, SourceFile, Sources as _, Style, render};
use portcullis_filter::ftw;
use portcullis_filter::seclang::{Entry, Flow, Phase, Rule, Rules, Test, crs_entries, load};
use portcullis_filter::transaction::RuleSet;

fn folder(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        eprintln!("skipped: {variable} does not name a folder");
    }
    found
}

fn loaded(entries: &[Entry]) -> Rules {
    match load(entries, &Disk) {
        Ok(rules) => rules,
        Err(problems) => panic!("{}", render(&problems, Style::Plain)),
    }
}

fn tests_of(rules: &Rules) -> usize {
    rules.iter().flat_map(Rule::links).filter(|link| matches!(link.test, Test::Values { .. })).count()
}

#[test]
fn crs_4_loads_whole_and_without_a_problem() {
    let Some(corpora) = folder("PORTCULLIS_CORPORA") else { return };
    let rules = loaded(&crs_entries(&format!("{corpora}/crs"), &Disk).unwrap());
    assert!(rules.notes.is_empty(), "{}", render(&rules.notes, Style::Plain));
    let counts = Phase::ALL.map(|phase| rules.phase(phase).len());
    eprintln!("rules by phase: {counts:?}, tests: {}", tests_of(&rules));
    assert_eq!(rules.config.components.first().unwrap(), "OWASP_CRS/4.29.0-dev");
    // The census of the corpus: 702 rules and actions, chains counted by their parts; and one in the setup.
    let links: usize = rules.iter().map(|rule| rule.links().count()).sum();
    assert_eq!(links, 703);
}

#[test]
fn every_jump_of_crs_lands_in_its_phase() {
    let Some(corpora) = folder("PORTCULLIS_CORPORA") else { return };
    let rules = loaded(&crs_entries(&format!("{corpora}/crs"), &Disk).unwrap());
    let mut jumps = 0;
    for phase in Phase::ALL {
        for (at, rule) in rules.phase(phase).iter().enumerate() {
            if let Flow::Goto(to) = rule.actions.flow {
                assert!(to > at && to <= rules.phase(phase).len(), "rule {}", rule.id);
                jumps += 1;
            }
        }
    }
    assert!(jumps > 100, "{jumps}");
}

#[test]
fn crs_3_of_debian_loads_whole_and_compiles() {
    let installed = std::path::Path::new("/usr/share/modsecurity-crs/rules").exists();
    let Some(root) = installed.then(String::new).or_else(|| folder("PORTCULLIS_CRS_DEBIAN")) else { return };
    let entries = [
        Entry::Path(format!("{root}/etc/modsecurity/crs/crs-setup.conf")),
        Entry::Path(format!("{root}/usr/share/modsecurity-crs/rules/*.conf")),
    ];
    let rules = loaded(&entries);
    // Two operators that its reputation rules name never match here, which is said once each.
    let codes: Vec<&str> = rules.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes, ["seclang.ignored"; 2], "{}", render(&rules.notes, Style::Plain));
    RuleSet::compile(&rules).unwrap_or_else(|problems| panic!("{}", render(&problems, Style::Plain)));
    let total = rules.iter().count();
    eprintln!("rules: {total}, tests: {}", tests_of(&rules));
    assert!(total > 500, "{total}");
}

#[test]
fn every_test_of_crs_is_read() {
    let Some(corpora) = folder("PORTCULLIS_CORPORA") else { return };
    let root = format!("{corpora}/crs/tests/regression/tests");
    let (mut tests, mut stages) = (0, 0);
    for group in Disk.list(&root).unwrap() {
        for name in Disk.list(&format!("{root}/{group}")).unwrap() {
            let text = std::fs::read_to_string(format!("{root}/{group}/{name}")).unwrap();
            let loaded = ftw::load(&SourceFile::new(name, text));
            let broken = loaded.problems.iter().any(|problem| problem.severity == Severity::Error);
            assert!(!broken, "{}", render(&loaded.problems, Style::Plain));
            tests += loaded.tests.len();
            stages += loaded.tests.iter().map(|test| test.stages.len()).sum::<usize>();
        }
    }
    // 322 files `.yaml` with 5,045 tests in 5,051 stages, and `999999.yml` with 37 that hold what must not match.
    assert_eq!((tests, stages), (5045 + 37, 5051 + 37));
}

#[test]
fn every_override_of_crs_is_read() {
    let Some(corpora) = folder("PORTCULLIS_CORPORA") else { return };
    for (name, count) in [("coraza", 10), ("httpd", 2), ("nginx", 64)] {
        let path = format!("{corpora}/crs/tests/regression/{name}-overrides.yaml");
        let (found, problems) =
            ftw::overrides(&SourceFile::new(path.as_str(), std::fs::read_to_string(&path).unwrap()));
        assert!(problems.is_empty(), "{}", render(&problems, Style::Plain));
        let tests: usize = found.iter().map(|one| one.tests.len()).sum();
        eprintln!("{name}: {} entries, {tests} tests", found.len());
        assert_eq!(tests, count, "{name}");
        assert!(found.iter().all(|one| one.rule > 0 && !one.reason.is_empty()), "{name}");
    }
}
