//! Every case of `testdata/` through the engine.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that reads its cases"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use portcullis_engine::cases::{CaseFile, drive, mismatches};
use portcullis_engine::compile;

#[test]
fn every_case_comes_out_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let (mut ran, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).expect("testdata") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            ran += run_file(&path, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(ran >= 60, "only {ran} cases ran");
}

fn run_file(path: &Path, wrong: &mut Vec<String>) -> usize {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a file of cases");
    let file = CaseFile::parse(&name, &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let sources = file.sources();
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let shown = portcullis_document::render(&loaded.problems, portcullis_document::Style::Plain);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{name}\n{shown}"));
    let compiled = compile(Arc::new(policy), &sources).unwrap_or_else(|problems| {
        panic!("{name}\n{}", portcullis_document::render(&problems, portcullis_document::Style::Plain))
    });
    let snapshot = Arc::new(compiled.snapshot);
    for case in &file.cases {
        let seen = drive(&snapshot, case).unwrap_or_else(|error| panic!("{name}: {}: {error}", case.name));
        for mismatch in mismatches(&case.expect, &case.response, &seen) {
            wrong.push(format!("{name}: {}: {mismatch}", case.name));
        }
    }
    file.cases.len()
}
