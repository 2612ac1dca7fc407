//! The regression tests of OWASP CRS over the wire: a gateway process, a site that answers as it is asked to, and the
//! rules that matched as the events tell them.
//!
//! Found through `PORTCULLIS_CORPORA`; without it this says so and checks nothing. What is known to come out otherwise
//! stands in `crs-overrides.yaml` with its reason, and what it comes out as is held too.

#![allow(clippy::print_stderr, reason = "a test says what it left out")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_document::{Severity, SourceFile, Style, render};
use portcullis_filter::ftw::{self, Answer, Observed, Retry, Stage, Test, event_line, judge};
use portcullis_model::Event;
use portcullis_model::reason::Stage as Told;

use crate::harness::Gateway;
use crate::reflector::Reflector;

/// The suite's own settings, between the setup and the rules of CRS.
const SETTINGS: &str = r#"
Include CRS/crs-setup.conf.example
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeTypesClear
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecAction "id:900005,phase:1,nolog,pass,\
    setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4,\
    setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,\
    setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535,setvar:tx.enforce_bodyproc_urlencoded=1MORE"
Include CRS/rules/*.conf
"#;

/// Limits that two tests are about, and others would meet.
const LIMITS: &str = ",setvar:tx.arg_name_length=100,setvar:tx.max_num_args=255";
const ABOUT_LIMITS: [&str; 2] = ["920360-1", "920380-1"];

const POLICY: &str = r#"
listen: ["127.0.0.1:0"]
archive: { sqlite: { path: events.db } }
sites:
  any:
    hosts: ["*"]
    upstream: { servers: [UPSTREAM] }
    mode: monitor
    filter:
      rules: [{ seclang: [crs.conf] }]
      responses: [text/plain, text/html, text/xml, application/json]
"#;

/// Requests on their way at a time.
const TOGETHER: usize = 8;

/// How long an answer may take; a request that is never complete gets none.
const WAIT: Duration = Duration::from_secs(20);

#[test]
fn every_regression_test_of_crs_passes_over_the_wire() {
    let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return;
    };
    let folder = PathBuf::from(corpora).join("crs");
    let tests = tests(&folder);
    assert_eq!(tests.len(), 5045 + 37, "the corpus has 5,045 tests and 37 of false positives");
    let tests = chosen(tests);
    let (about_limits, others): (Vec<Test>, Vec<Test>) =
        tests.into_iter().partition(|test| ABOUT_LIMITS.contains(&&*test.name()));
    let mut wrong = run(&folder, "", &others);
    wrong.extend(run(&folder, LIMITS, &about_limits));
    assert!(wrong.is_empty(), "{} stages failed:\n{}", wrong.len(), wrong.join("\n"));
}

/// What does not come out as the two tests expect whose limits the others would meet.
const LIMITS_LEFT_OUT: &str =
    "  - { rule_id: 920360, test_ids: [1], reason: it needs a limit that other tests would meet }
  - { rule_id: 920380, test_ids: [1], reason: it needs a limit that other tests would meet }
";

/// The command a team runs on its own tests, on all of these.
#[test]
fn rules_test_passes_the_suite_with_the_same_exceptions() {
    let Some(corpora) = std::env::var_os("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return;
    };
    let folder = PathBuf::from(corpora).join("crs");
    let folder_tests = folder.join("tests/regression/tests");
    let gateway = Gateway::prepare("");
    gateway.write("portcullis.yaml", &POLICY.replace("UPSTREAM", "http://127.0.0.1:9"));
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/portcullis/crs-overrides.yaml");
    let known = std::fs::read_to_string(known).expect("the exceptions");
    gateway.write("known.yaml", &format!("{known}{LIMITS_LEFT_OUT}"));
    let tests = folder_tests.to_str().expect("a path in UTF-8");
    let run = |more: &str, arguments: &[&str]| {
        let settings = SETTINGS.replace("CRS", &folder.to_string_lossy()).replace("MORE", more);
        gateway.write("crs.conf", &settings);
        let report = gateway.json(&[&["rules", "test", tests], arguments].concat()).remove(0);
        let failed = report["tests"].as_array().expect("tests").iter();
        let failed: Vec<String> =
            failed.filter(|test| test["outcome"] == "failed").map(ToString::to_string).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        (report["passed"].as_u64().expect("a number"), report["left_out"].as_u64().expect("a number"))
    };
    assert_eq!(run("", &["--overrides", "known.yaml"]), (5045 + 37 - 2, 2));
    for name in ABOUT_LIMITS {
        assert_eq!(run(LIMITS, &["--only", name]).0, 1, "{name}");
    }
}

/// All tests, or while one is worked on those whose names begin as `CRS_TESTS` says.
fn chosen(mut tests: Vec<Test>) -> Vec<Test> {
    if let Ok(wanted) = std::env::var("CRS_TESTS") {
        tests.retain(|test| wanted.split(',').any(|begin| test.name().starts_with(begin)));
    }
    tests
}

/// Every test, with what is known to come out otherwise in place of what the suite expects.
fn tests(folder: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for group in sorted(&folder.join("tests/regression/tests")) {
        for path in sorted(&group) {
            let loaded = ftw::load(&source(&path));
            let broken = loaded.problems.iter().any(|problem| problem.severity == Severity::Error);
            assert!(!broken, "{}", render(&loaded.problems, Style::Plain));
            tests.extend(loaded.tests);
        }
    }
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/portcullis/crs-overrides.yaml");
    let (known, problems) = ftw::overrides(&source(&known));
    assert!(problems.is_empty(), "{}", render(&problems, Style::Plain));
    let mut overridden = 0;
    for one in &known {
        assert!(!one.reason.is_empty(), "an override has no reason: {one:?}");
        let expected = one.expected.as_ref().expect("an override says what comes out instead");
        let is_meant = |test: &&mut Test| test.rule == one.rule && one.tests.contains(&test.number);
        let mut meant = 0;
        for test in tests.iter_mut().filter(is_meant) {
            meant += 1;
            test.stages.iter_mut().for_each(|stage| stage.expected = expected.clone());
        }
        assert_eq!(meant, one.tests.len(), "an override means a test that is not there: {one:?}");
        overridden += meant;
    }
    eprintln!("{} tests, {overridden} of them with overrides", tests.len());
    tests
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn source(path: &Path) -> std::sync::Arc<SourceFile> {
    SourceFile::new(path.to_string_lossy(), std::fs::read_to_string(path).expect("a file of tests"))
}

/// Runs tests against one gateway; what was not as expected.
fn run(folder: &Path, more: &str, tests: &[Test]) -> Vec<String> {
    let site = Reflector::start();
    let mut gateway = Gateway::prepare("");
    let settings = SETTINGS.replace("CRS", &folder.to_string_lossy()).replace("MORE", more);
    gateway.write("crs.conf", &settings);
    gateway.write("portcullis.yaml", &POLICY.replace("UPSTREAM", &format!("http://{}", site.address)));
    gateway.run();
    let stages: Vec<(&Test, &Stage)> =
        tests.iter().flat_map(|test| test.stages.iter().map(move |stage| (test, stage))).collect();
    let mut wrong = play(&gateway, &stages, 0);
    let again: Vec<usize> = wrong.iter().map(|(at, _)| *at).filter(|at| retries(&stages, *at)).collect();
    let retried: Vec<(&Test, &Stage)> = again.iter().map(|at| stages[*at]).collect();
    wrong.retain(|(at, _)| !again.contains(at));
    wrong.extend(play(&gateway, &retried, stages.len()));
    wrong.into_iter().map(|(_, text)| text).collect()
}

fn retries(stages: &[(&Test, &Stage)], at: usize) -> bool {
    stages[at].1.expected.retry == Retry::Once
}

/// Sends every stage, each from an address of its own, and judges what the events say of it.
fn play(gateway: &Gateway, stages: &[(&Test, &Stage)], before: usize) -> Vec<(usize, String)> {
    let next = AtomicUsize::new(0);
    let answers: Vec<(usize, Option<Answer>)> = std::thread::scope(|scope| {
        let send = || {
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((_, stage)) = stages.get(at) else { return answers };
                answers.push((at, exchange(gateway.address(), client(before + at), &stage.input.bytes())));
            }
        };
        let running: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(send)).collect();
        running.into_iter().flat_map(|one| one.join().expect("no client panics")).collect()
    });
    let events = events(gateway, before + stages.len());
    let mut wrong = Vec::new();
    for (at, answer) in answers {
        let (test, stage) = stages[at];
        let told = events.get(&client(before + at)).map_or(&[][..], Vec::as_slice);
        let observed = observed(answer, told);
        let mistakes = judge(&stage.expected, &observed);
        if !mistakes.is_empty() {
            let status = observed
                .answer
                .as_ref()
                .map_or_else(|| "no answer".to_owned(), |answer| answer.status.to_string());
            let mut text =
                format!("{}: {} ({status}; {:?})", test.name(), mistakes.join("; "), observed.logged);
            for line in observed.log.iter().filter(|_| stage.expected.log_matches.is_some()) {
                text += &format!("\n    {line}");
            }
            wrong.push((at, text));
        }
    }
    wrong.sort();
    wrong
}

/// Each stage comes from an address of its own, so that its event is found again.
fn client(at: usize) -> Ipv4Addr {
    let [_, b, c, d] = u32::try_from(at).expect("not so many").to_be_bytes();
    Ipv4Addr::new(127, b + 1, c, d)
}

/// Sends bytes from an address and reads one answer; `None` if there is none.
fn exchange(gateway: SocketAddr, from: Ipv4Addr, bytes: &[u8]) -> Option<Answer> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("an address of this machine");
    socket.connect(&gateway.into()).expect("connected");
    let mut stream: std::net::TcpStream = socket.into();
    stream.set_read_timeout(Some(WAIT)).expect("set");
    stream.write_all(bytes).ok()?;
    let mut answer = Vec::new();
    // A reset after the answer is the gateway not reading the rest of what it refused.
    let _ = stream.read_to_end(&mut answer);
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
    let first = String::from_utf8_lossy(&answer[..head]).into_owned();
    let status = first.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer[head + 4..].to_vec() })
}

/// What the gateway told of the exchanges of so many clients, by client.
fn events(gateway: &Gateway, clients: usize) -> HashMap<Ipv4Addr, Vec<Event>> {
    let limit = (2 * clients).to_string();
    gateway.await_until("every stage has its event", |gateway| {
        let mut by_client: HashMap<Ipv4Addr, Vec<Event>> = HashMap::new();
        for event in gateway.json(&["events", "--limit", &limit]) {
            let event: Event = serde_json::from_value(event).expect("an event");
            by_client.entry(v4(event.peer.ip).expect("sent over IPv4")).or_default().push(event);
        }
        (by_client.len() >= clients).then_some(by_client)
    })
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(address) = address { Some(address) } else { None }
}

/// What was said of a connection: bytes after a request can be one of their own, whose event may come first.
fn observed(answer: Option<Answer>, events: &[Event]) -> Observed {
    let mut observed = Observed { answer, ..Observed::default() };
    let reasons = events.iter().flat_map(|event| &event.reasons);
    for reason in reasons.filter(|reason| reason.stage == Told::Filter && reason.code == "filter.match") {
        let Some(id) = reason.by.as_ref().and_then(|by| by.parse().ok()) else { continue };
        let (matched, place) =
            reason.found.as_ref().map_or(("", ""), |found| (&*found.matched, &*found.place));
        let message = reason.detail.as_deref().unwrap_or_default();
        observed.logged.push(id);
        observed.log.push(event_line(id, message, matched, place));
    }
    observed
}
