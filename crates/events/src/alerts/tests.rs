//! Findings reach real listeners that fail, go away and come back; nothing is lost, secrets are not told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

mod syslog;

use portcullis_expr::{Env, Place, check};
use portcullis_model::Timestamp;
use portcullis_model::finding::{Finding, FindingState, Severity};
use serde_json::Value;

use super::channel::{Shown, Told, tell};
use super::*;
use crate::findings::FindingKeeper;

/// No wait is longer than this; nothing waits this long when things work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A finding whose title tries to end the message it is told in.
fn finding(subject: &str, severity: Severity) -> Finding {
    let title = format!("\"{subject}\" ] is seen\n<0>1 not another message");
    Finding { title, ..crate::findings::tests::finding(subject, severity, 1_700_000_000) }
}

/// What was posted: the head's lines and the body.
#[derive(Debug)]
struct Posted {
    head: Vec<String>,
    body: String,
}

impl Posted {
    fn subjects(&self) -> Vec<String> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let findings = body["findings"].as_array().unwrap();
        findings.iter().map(|told| told["finding"]["subject"].as_str().unwrap().to_owned()).collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Listens, and answers one connection after the other as told; `None` closes without an answer.
fn listen(address: SocketAddr, answers: Vec<Option<u16>>) -> (SocketAddr, Receiver<Posted>) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, posted) = channel();
    std::thread::spawn(move || {
        for (answer, stream) in answers.into_iter().zip(listener.incoming()) {
            let mut reader = BufReader::new(stream.unwrap());
            let head: Vec<String> =
                reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            sender.send(Posted { head, body: String::from_utf8(body).unwrap() }).unwrap();
            if let Some(status) = answer {
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (address, posted)
}

fn free() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn webhook(address: SocketAddr) -> AlertChannel {
    AlertChannel {
        name: "soc".into(),
        target: Target::Webhook {
            url: Secret::new(format!("http://{address}/hook?key=hunter2")),
            hmac: Some(Secret::new(b"key".to_vec())),
            trust: Trust::public().unwrap(),
        },
        wanted: when("finding.severity >= \"medium\""),
        at_most: None,
    }
}

fn when(condition: &str) -> Vec<Program> {
    let env = Env { place: Place::Finding, lists: &[] };
    vec![check(condition, &env).unwrap().compile()]
}

/// Looks once at that many seconds, and tells what there is.
fn tell_at(seconds: i64, channel: &AlertChannel, findings: &Findings) -> Told {
    let figures = Mutex::default();
    tell_counting(&figures, seconds, channel, findings)
}

fn tell_counting(
    figures: &Mutex<Channels>,
    seconds: i64,
    channel: &AlertChannel,
    findings: &Findings,
) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = Shown { channel: &channel.name, figures };
    runtime.block_on(tell(channel, PATIENCE, findings, shown, Timestamp::from_secs(seconds))).unwrap()
}

/// Starts both, and waits until the channel has its place: only what is raised from then on is told.
fn start(path: &Path, channel: AlertChannel) -> (Findings, FindingKeeper, Alerts) {
    let (findings, keeper) = found(path, std::slice::from_ref(&channel));
    let alerts = Alerts::start(findings.clone(), vec![channel]).unwrap();
    (findings, keeper, alerts)
}

/// Findings in which these channels have their places.
fn found(path: &Path, channels: &[AlertChannel]) -> (Findings, FindingKeeper) {
    let (findings, keeper) = Findings::start(Some(path.to_owned())).unwrap();
    for channel in channels {
        findings.0.with_file(|file| file.channel(&channel.name)).unwrap();
    }
    (findings, keeper)
}

fn raise(findings: &Findings, raised: &[(&str, Severity)]) {
    for (subject, severity) in raised {
        findings.raise(finding(subject, *severity));
    }
    findings.settle().unwrap();
}

#[test]
fn what_is_wanted_is_posted_signed_and_together() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(204)]);
    let channel = webhook(address);
    let (findings, _keeper) = found(&folder.path().join("findings.db"), std::slice::from_ref(&channel));
    raise(&findings, &[("light", Severity::Low), ("one", Severity::High), ("two", Severity::Medium)]);
    assert_eq!(tell_at(0, &channel, &findings), Told::Something);
    let told = posted.recv_timeout(PATIENCE).unwrap();
    let mut subjects = told.subjects();
    subjects.sort();
    assert_eq!(subjects, ["one", "two"]);
    assert_eq!(told.head[0], "POST /hook?key=hunter2 HTTP/1.1");
    let seconds: i64 = told.header("portcullis-timestamp").unwrap().parse().unwrap();
    let expected = signature(b"key", seconds, told.body.as_bytes());
    assert_eq!(told.header("portcullis-signature"), Some(&*expected));
}

#[test]
fn the_signature_is_what_the_guide_says() {
    // printf 'v1.1700000000.{}' | openssl dgst -sha256 -hmac key
    assert_eq!(
        signature(b"key", 1_700_000_000, b"{}"),
        "v1=39491deb615429a51c986205f4373fc91a915adb42956649995a8daf56f4d7b9"
    );
}

#[test]
fn what_was_not_taken_is_offered_again_and_more_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(500), None, Some(200), Some(200)]);
    let (findings, _keeper, alerts) = start(&folder.path().join("findings.db"), webhook(address));
    findings.raise(finding("one", Severity::High));
    for _ in 0..3 {
        assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["one"]);
    }
    // Known, and no worse: nothing to tell.
    findings.raise(finding("one", Severity::High));
    findings.raise(finding("two", Severity::High));
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["two"]);
    assert_eq!(alerts.figures()["soc"].failed, 2);
}

#[test]
fn what_was_owed_when_the_process_ended_is_told_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    let (address, posted) = listen(free(), Vec::new());
    let (findings, keeper, alerts) = start(&path, webhook(address));
    findings.raise(finding("one", Severity::High));
    findings.settle().unwrap();
    drop((alerts, keeper, findings, posted));

    let (address, posted) = listen(free(), vec![Some(200)]);
    let (_findings, _keeper, _alerts) = start(&path, webhook(address));
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["one"]);
}

#[test]
fn beyond_the_limit_findings_wait_for_the_next_message() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(200); 3]);
    let limited = AlertChannel { at_most: Some((1, Duration::from_hours(1))), ..webhook(address) };
    let (findings, _keeper) = found(&folder.path().join("findings.db"), std::slice::from_ref(&limited));
    raise(&findings, &[("one", Severity::High)]);
    assert_eq!(tell_at(10_000, &limited, &findings), Told::Something);
    raise(&findings, &[("two", Severity::High)]);
    raise(&findings, &[("three", Severity::High)]);
    let ends = Timestamp::from_secs(13_600);
    assert_eq!(tell_at(10_001, &limited, &findings), Told::Later(ends));
    assert_eq!(tell_at(13_599, &limited, &findings), Told::Later(ends));
    assert_eq!(tell_at(13_600, &limited, &findings), Told::Something);
    // A clock that was set back ends no patience.
    raise(&findings, &[("four", Severity::High)]);
    assert_eq!(tell_at(5_000, &limited, &findings), Told::Something);
    let told: Vec<_> = posted.iter().map(|posted| posted.subjects().join(" ")).collect();
    assert_eq!(told, ["one", "two three", "four"]);
}

#[test]
fn what_gave_way_before_it_was_told_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("findings.db");
    let (address, posted) = listen(free(), vec![Some(200)]);
    let channel = webhook(address);
    let (findings, _keeper) = found(&path, std::slice::from_ref(&channel));
    for subject in ["one", "two", "three"] {
        raise(&findings, &[(subject, Severity::High)]);
    }
    let aside = rusqlite::Connection::open(&path).unwrap();
    aside.execute("delete from notices where seq <= 2", []).unwrap();
    assert_eq!(findings.0.with_file(|file| file.waiting("soc")).unwrap(), 1);
    let figures = Mutex::default();
    assert_eq!(tell_counting(&figures, 0, &channel, &findings), Told::Something);
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["three"]);
    assert_eq!(figures.lock()["soc"].dropped, 2);
    assert_eq!(findings.0.with_file(|file| file.waiting("soc")).unwrap(), 0);
}

#[test]
fn conditions_choose_what_a_channel_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(200)]);
    let mut channel = webhook(address);
    channel.wanted = when("finding.severity >= \"high\" && finding.subject != \"noise\"");
    channel.wanted.extend(when("finding.site == \"shop\" && finding.subject.startsWith(\"a\")"));
    let (findings, _keeper) = found(&folder.path().join("findings.db"), std::slice::from_ref(&channel));
    let raised = [
        ("noise", Severity::High),
        ("high", Severity::High),
        ("medium", Severity::Medium),
        ("ab", Severity::Info),
    ];
    raise(&findings, &raised);
    assert_eq!(tell_at(0, &channel, &findings), Told::Something);
    let mut told = posted.recv_timeout(PATIENCE).unwrap().subjects();
    told.sort();
    assert_eq!(told, ["ab", "high"]);
}

/// Accepts and reads, and never answers; what came, with the connection, which stays open as long as it is held.
fn hang() -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind(free()).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, held) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0; 4]).unwrap();
            if sender.send(stream).is_err() {
                return;
            }
        }
    });
    (address, held)
}

#[test]
fn a_receiver_that_hangs_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (hanging, held) = hang();
    let (address, posted) = listen(free(), vec![Some(200), Some(200)]);
    let channels = vec![AlertChannel { name: "hangs".into(), ..webhook(hanging) }, webhook(address)];
    let (findings, _keeper) = found(&folder.path().join("findings.db"), &channels);
    // Longer than this test ever waits.
    let pace = Pace { patience: PATIENCE * 10, ..Pace::USUAL };
    let _alerts = Alerts::start_at(pace, findings.clone(), channels).unwrap();
    raise(&findings, &[("one", Severity::High)]);
    let _held = held.recv_timeout(PATIENCE).unwrap();
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["one"]);
    raise(&findings, &[("two", Severity::High)]);
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["two"]);
}

#[test]
fn a_receiver_that_hangs_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (hanging, held) = hang();
    let channels = vec![webhook(hanging)];
    let (findings, _keeper) = found(&folder.path().join("findings.db"), &channels);
    let pace = Pace { patience: Duration::from_millis(50), first_pause: Duration::ZERO, ..Pace::USUAL };
    let alerts = Alerts::start_at(pace, findings.clone(), channels).unwrap();
    raise(&findings, &[("one", Severity::High)]);
    // Each is held, so it was not the other side that ended it.
    let _first = held.recv_timeout(PATIENCE).unwrap();
    let _second = held.recv_timeout(PATIENCE).unwrap();
    let figures = alerts.figures();
    assert_eq!(figures["soc"].delivered, 0);
    assert!(figures["soc"].failing.as_deref().is_some_and(|why| why.starts_with("no answer")), "{figures:?}");
}

#[test]
fn what_was_muted_is_not_told_and_what_became_worse_is() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(200)]);
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), webhook(address));
    let (muted, grows) = (finding("muted", Severity::Low), finding("grows", Severity::Low));
    findings.raise(muted.clone());
    findings.raise(grows);
    let state = FindingState::Muted { at: Timestamp::default(), by: "ann".into(), until: None };
    findings.mark(&muted.id, &state).unwrap().unwrap();
    findings.raise(finding("muted", Severity::Critical));
    findings.raise(finding("grows", Severity::High));
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["grows"]);
}

#[test]
fn neither_url_nor_key_stands_in_an_error_or_in_debug_output() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(403), Some(403)]);
    let channel = webhook(address);
    assert!(!format!("{channel:?}").contains("hunter2"));
    let (findings, _keeper, alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("one", Severity::High));
    posted.recv_timeout(PATIENCE).unwrap();
    posted.recv_timeout(PATIENCE).unwrap();
    assert_eq!(alerts.figures()["soc"].failing.as_deref(), Some("it answered 403"));
}
