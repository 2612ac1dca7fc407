//! No match is lost: every operator of CRS on payloads of the corpora, tried with and without the scan.
//!
//! Found through `PORTCULLIS_CORPORA`; without it this says so and checks nothing.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::indexing_slicing, reason = "a test may be loud")]

#[path = "crs/disk.rs"]
mod disk;

use std::path::Path;

use disk::Disk;
use portcullis_filter::operator::{Operator, Work};
use portcullis_filter::scan::{Bits, Necessary, Scanner, Scratch};
use portcullis_filter::seclang::{Entry, Rules, Test, load};

#[test]
fn no_operator_of_crs_loses_a_match_on_the_corpora() {
    let Ok(corpora) = std::env::var("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return;
    };
    let rules = load(&[Entry::Path(format!("{corpora}/crs/rules/*.conf"))], &Disk).unwrap();
    let operators = operators(&rules);
    let needs: Vec<Necessary> = operators.iter().map(|(_, operator)| operator.necessary()).collect();
    let scanner = Scanner::build(&needs);
    let (mut work, mut cache, mut found) = (Work::default(), Scratch::new(), Bits::new());
    let (mut matches, mut candidates, mut tries) = (0, 0, 0);
    for value in values(&corpora) {
        scanner.candidates(&value, &mut found, &mut cache);
        for (index, (rule, operator)) in operators.iter().enumerate() {
            tries += 1;
            candidates += usize::from(found.contains(index));
            if operator.find(&value, None, &mut work) {
                matches += 1;
                assert!(found.contains(index), "rule {rule} lost {:?}", value.escape_ascii().to_string());
                assert!(
                    needs[index].holds(&value),
                    "rule {rule} does not need {:?}",
                    value.escape_ascii().to_string()
                );
            }
        }
    }
    eprintln!("{tries} operators on values, {candidates} candidates, {matches} matches");
    assert!(operators.len() > 250 && matches > 1_000);
    assert!(
        candidates < tries / 4,
        "of attacks, too, a scan leaves a quarter at most: {candidates} of {tries}"
    );
}

/// Every operator that looks at text and has a fixed argument, with its rule.
fn operators(rules: &Rules) -> Vec<(u32, &Operator)> {
    let mut found = Vec::new();
    for rule in rules.iter() {
        for link in rule.links() {
            if let Test::Values { operator, .. } = &link.test
                && !operator.compiled.is_dynamic()
                && ["rx", "pm", "pmFromFile", "contains", "streq", "endsWith", "beginsWith"]
                    .contains(&&*operator.name)
            {
                found.push((rule.id.0, &operator.compiled));
            }
        }
    }
    found
}

/// Parameter values, a part of them, and every file of payloads: whole, and each of its strings.
fn values(corpora: &str) -> Vec<Vec<u8>> {
    let table = std::fs::read_to_string(format!("{corpora}/payloads/http-params/payload_train.csv")).unwrap();
    let mut values: Vec<Vec<u8>> = table.lines().step_by(12).map(|line| line.as_bytes().to_vec()).collect();
    collect_files(Path::new(&format!("{corpora}/payloads/waf-bypass")), &mut values);
    assert!(values.len() > 2_000);
    values
}

fn collect_files(folder: &Path, values: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, values);
        } else if let Ok(text) = std::fs::read(&path) {
            if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&text) {
                collect_strings(&json, values);
            }
            values.push(text);
        }
    }
}

fn collect_strings(json: &serde_json::Value, values: &mut Vec<Vec<u8>>) {
    match json {
        serde_json::Value::String(text) => values.push(text.as_bytes().to_vec()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_strings(item, values)),
        serde_json::Value::Object(members) => members.values().for_each(|item| collect_strings(item, values)),
        _ => {}
    }
}
