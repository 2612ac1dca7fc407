//! The regression tests of OWASP CRS, all of them, in process: read by the wire crate, judged under the whole rule
//! set with scans and without, answered by a backend like the suite's.
//!
//! Found through `PORTCULLIS_CORPORA`; without it this says so and checks nothing. Requests that an HTTP server has to
//! refuse before rules exist are listed in `crs/refused.rs` with the reason, and the refusal is asserted.

#![allow(clippy::disallowed_methods, reason = "a test reads its corpus")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may be loud"
)]

#[path = "crs/backend.rs"]
mod backend;
#[path = "crs/disk.rs"]
mod disk;
#[path = "crs/exchange.rs"]
mod exchange;
#[path = "crs/refused.rs"]
mod refused;
#[path = "crs/suite.rs"]
mod suite;

use exchange::{Met, Pass, meet};
use portcullis_filter::ftw::{Observed, Stage, judge};
use portcullis_filter::transaction::Workspace;
use proptest::prelude::*;

#[test]
fn every_regression_test_of_crs_passes() {
    let Some(corpora) = suite::corpora() else { return };
    let usual = suite::rules(&corpora, suite::Limits::AsPublished);
    let strict = suite::rules(&corpora, suite::Limits::OnArguments);
    let tests = suite::tests(&corpora);
    let mut workspace = Workspace::new();
    let (mut stages, mut failed, mut apart) = (0, Vec::new(), Vec::new());
    for test in &tests {
        // Two tests are about limits that are not set, since they would show in other tests.
        let rules = if ["920360-1", "920380-1"].contains(&&*test.name()) { &strict } else { &usual };
        for stage in &test.stages {
            stages += 1;
            let met = meet(rules, &stage.input.bytes(), Pass::Scanning, &mut workspace);
            let exhaustive = meet(rules, &stage.input.bytes(), Pass::Exhaustive, &mut workspace);
            assert_eq!(met, exhaustive, "{}: scans change the verdict", test.name());
            let wrong = verdict(stage, &met);
            if wrong.is_empty() {
                continue;
            }
            if refused::is_expected(&test.name(), &met) {
                apart.push(test.name());
            } else {
                failed.push(format!("{}: {} ({})", test.name(), wrong.join("; "), test.description));
            }
        }
    }
    eprintln!("{} tests, {stages} stages, {} listed apart: {}", tests.len(), apart.len(), apart.join(", "));
    assert!(failed.is_empty(), "{} of {stages} stages failed:\n{}", failed.len(), failed.join("\n"));
    assert!(!suite::is_whole() || apart.iter().eq(refused::listed()), "the list names a test that passes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Texts put together of what rules look for and what hides it: scans never lose a match.
    #[test]
    fn scans_lose_no_match_of_random_values(values in prop::collection::vec(hostile(), 1..6)) {
        let Some(rules) = suite::shared_rules() else { return Ok(()) };
        let mut workspace = Workspace::new();
        for bytes in [form(&values), document(&values), head(&values)] {
            let scanned = meet(rules, &bytes, Pass::Scanning, &mut workspace);
            let exhaustive = meet(rules, &bytes, Pass::Exhaustive, &mut Workspace::new());
            prop_assert_eq!(scanned, exhaustive);
        }
    }
}

/// Every 29th labelled value of the corpus, where it would stand in a query: scans never lose a match.
#[test]
fn scans_lose_no_match_of_known_attacks() {
    let Some(rules) = suite::shared_rules() else { return };
    let path = format!("{}/payloads/http-params/payload_train.csv", suite::corpora().unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let mut workspace = Workspace::new();
    let mut tried = 0;
    for line in text.lines().skip(1).step_by(29) {
        let bytes = form(&[line.as_bytes().to_vec()]);
        let scanned = meet(rules, &bytes, Pass::Scanning, &mut workspace);
        assert_eq!(scanned, meet(rules, &bytes, Pass::Exhaustive, &mut workspace), "{line}");
        tried += 1;
    }
    assert!(tried > 500, "{tried}");
}

/// A value of pieces that rules look for, in any case and coding, and of any bytes between them.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 48] = [
        "select",
        "UNION",
        " from ",
        "' or 1=1",
        "--",
        "/*",
        "*/",
        "<script",
        "onerror=",
        "javascript:",
        "alert(",
        "../",
        "..\\",
        "/etc/passwd",
        "; cat ",
        "$(",
        "`id`",
        "|",
        "&&",
        "%2527",
        "%u0027",
        "\\u003c",
        "&lt;",
        "&#x27;",
        "0x27",
        "${jndi:ldap://",
        "{{",
        "}}",
        "<?php",
        "eval(",
        "system(",
        "base64_decode",
        "http://169.254.169.254/",
        "\r\nSet-Cookie: ",
        "\0",
        "__proto__",
        "powershell",
        "cmd.exe",
        "=",
        "\"",
        "'",
        "(",
        ")",
        "<",
        ">",
        "\u{e9}",
        "sleep(5)",
        "waitfor delay",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.to_uppercase().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[a-z0-9 ]{0,12}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

/// The values as fields of a form.
fn form(values: &[Vec<u8>]) -> Vec<u8> {
    let escape = |byte: &u8| format!("%{byte:02x}");
    let escaped = |value: &Vec<u8>| value.iter().map(escape).collect::<Vec<_>>().concat();
    let pairs: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("f{at}={}", escaped(value))).collect();
    posted("application/x-www-form-urlencoded", &pairs.join("&"))
}

/// The values as names and values of a JSON document.
fn document(values: &[Vec<u8>]) -> Vec<u8> {
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    let fields: serde_json::Map<String, serde_json::Value> = values
        .iter()
        .map(|value| (text(value), serde_json::json!([text(value), {"k": text(value)}])))
        .collect();
    posted("application/json", &serde_json::Value::Object(fields).to_string())
}

/// The values in the query and in fields.
fn head(values: &[Vec<u8>]) -> Vec<u8> {
    let clean = |value: &Vec<u8>| -> String {
        let printable = value.iter().filter(|byte| (0x21..0x7f).contains(*byte) && **byte != b'#');
        printable.map(|byte| *byte as char).collect()
    };
    let field = |value: &Vec<u8>| format!("X-A: {}\r\nCookie: c={}\r\n", clean(value), clean(value));
    let fields = values.iter().map(field).collect::<Vec<_>>().concat();
    let query: Vec<String> = values.iter().map(clean).collect();
    format!("GET /a/{}?q={} HTTP/1.1\r\nHost: h\r\n{fields}\r\n", query[0], query.join("&")).into_bytes()
}

fn posted(kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /p HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What is wrong with what came of a stage.
fn verdict(stage: &Stage, met: &Met) -> Vec<String> {
    let observed = match met {
        Met::Answered(observed) => observed.clone(),
        // A refusal is an answer of the gateway, no rule was asked.
        Met::Refused(defect) => refused::observed(*defect),
        Met::Unanswered => exchange::Seen::default(),
    };
    judge(&stage.expected, &Observed::from(observed))
}
