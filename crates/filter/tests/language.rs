//! ModSecurity's conformance tests of the language, found through `PORTCULLIS_CORPORA`: every transformation and every
//! operator case gives what it says. Without the corpus this says so and checks nothing.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may be loud")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use portcullis_filter::operator::{Operator, Work};
use portcullis_filter::seclang::Macro;
use portcullis_filter::transform::{Changed, Transformation};
use serde_json::Value;

fn folder(name: &str) -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return None;
    };
    Some(Path::new(&corpora).join("seclang").join(name))
}

/// Every case of a folder.
fn cases(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let file =
        |path: &PathBuf| -> Vec<Value> { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    paths.iter().flat_map(file).collect()
}

/// The bytes of a field, after the second unescaping that the tests were written for: `\xHH` and `\uHHHH`, where every
/// letter counts as a digit and one that is none ends the number.
fn bytes(case: &Value, field: &str) -> Vec<u8> {
    let text = case.get(field).and_then(Value::as_str).unwrap_or_default().as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let len = match text.get(at..at + 2) {
            Some(b"\\x") => 2,
            Some(b"\\u") => 4,
            _ => 0,
        };
        let digits =
            text.get(at + 2..at + 2 + len).filter(|digits| digits.iter().all(u8::is_ascii_alphanumeric));
        match digits {
            Some(digits) if len > 0 => {
                let hex = digits.iter().map_while(|digit| char::from(*digit).to_digit(16));
                out.push((hex.fold(0, |value, digit| value << 4 | digit) & 0xff) as u8);
                at += 2 + len;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn every_transformation_case_gives_its_output() {
    let Some(folder) = folder("transformations") else { return };
    let cases = cases(&folder);
    assert_eq!(cases.len(), 376);
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let (input, expected) = (bytes(case, "input"), bytes(case, "output"));
        let mut out = b"left over".to_vec();
        let transformation = Transformation::parse(name).unwrap_or_else(|| panic!("{name} is unknown"));
        let changed = transformation.apply(&input, &mut out);
        let result = if changed == Changed::Changed { &out } else { &input };
        if *result != expected {
            wrong.push(format!("{name}: {} -> {} not {}", shown(&input), shown(result), shown(&expected)));
        }
        assert_eq!(changed == Changed::Changed, *result != input, "{name} of {}", shown(&input));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The operator of a case; `pmFromFile` reads beside the cases.
fn operator(folder: &Path, case: &Value) -> Operator {
    let name = case["name"].as_str().unwrap();
    let text = case.get("param").and_then(Value::as_str).unwrap_or_default();
    let mut data = |path: &str| {
        let file = path.rsplit("operators/").next().unwrap();
        std::fs::read(folder.join(file)).map(Bytes::from).map_err(|error| error.to_string().into())
    };
    Operator::compile(name, &Macro::parse(text), &mut data).unwrap()
}

/// What is wrong with a case, if anything.
fn failure(folder: &Path, case: &Value, work: &mut Work) -> Option<String> {
    let operator = operator(folder, case);
    let input = bytes(case, "input");
    let expected = case["ret"].as_i64().unwrap() == 1;
    if operator.find(&input, None, work) != expected {
        return Some(format!("{case} -> {}", !expected));
    }
    assert!(!expected || operator.necessary().holds(&input), "{case} matches what its condition rules out");
    let groups = case.get("re_groups").and_then(Value::as_array)?;
    let captured = |index| work.captured.group(index, &input).unwrap_or_default();
    let differs = |(index, group): (usize, &Value)| group.as_str().unwrap().as_bytes() != captured(index);
    groups.iter().enumerate().any(differs).then(|| format!("{case}: {:?}", work.captured))
}

#[test]
fn every_operator_case_gives_its_verdict() {
    let Some(folder) = folder("operators") else { return };
    let cases = cases(&folder);
    assert_eq!(cases.len(), 3955);
    let mut work = Work::default();
    let wrong: Vec<String> = cases.iter().filter_map(|case| failure(&folder, case, &mut work)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A used workspace gives what a fresh one gives.
#[test]
fn caches_change_no_verdict() {
    let Some(folder) = folder("operators") else { return };
    let mut used = Work::default();
    for case in &cases(&folder) {
        let (operator, input) = (operator(&folder, case), bytes(case, "input"));
        let first = operator.find(&input, None, &mut used);
        assert_eq!(first, operator.find(&input, None, &mut used), "{case}");
        assert_eq!(first, operator.find(&input, None, &mut Work::default()), "{case}");
    }
}
