//! Findings reach real listeners that fail, go away and come back; nothing is lost, secrets are not told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_model::finding::{Conclusion, FindingState};
use serde_json::Value;

use super::*;
use crate::findings::FindingKeeper;

/// No wait is longer than this; nothing waits this long when things work.
const PATIENCE: Duration = Duration::from_secs(30);

fn finding(subject: &str, severity: Severity) -> Finding {
    let concluded = Conclusion {
        kind: FindingKind::ShadowOperation,
        severity,
        site: "shop".into(),
        operation: None,
        subject: subject.into(),
        title: format!("\"{subject}\" ] is seen\n<0>1 not another message"),
        why: "because".into(),
        evidence: Vec::new(),
    };
    Finding::new(concluded, Timestamp::from_secs(1_700_000_000), 1)
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
        },
        wanted: vec![Selector { severity: Some(Severity::Medium), ..Selector::default() }],
        at_most: None,
    }
}

/// Starts both, and waits until the channel has its place: only what is raised from then on is told.
fn start(path: &Path, channel: AlertChannel) -> (Findings, FindingKeeper, Alerts) {
    let (findings, keeper) = Findings::start(Some(path.to_owned())).unwrap();
    let name = channel.name.clone();
    findings.0.with_file(|file| file.channel(&name)).unwrap();
    let alerts = Alerts::start(findings.clone(), vec![channel]).unwrap();
    (findings, keeper, alerts)
}

#[test]
fn what_is_wanted_is_posted_signed_and_together() {
    let folder = tempfile::tempdir().unwrap();
    let (address, posted) = listen(free(), vec![Some(204)]);
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), webhook(address));
    findings.raise(finding("light", Severity::Low));
    findings.raise(finding("one", Severity::High));
    findings.raise(finding("two", Severity::Medium));
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
    let (address, posted) = listen(free(), vec![Some(200), Some(200)]);
    let limited = AlertChannel { at_most: Some((1, Duration::from_secs(4))), ..webhook(address) };
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), limited);
    findings.raise(finding("one", Severity::High));
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["one"]);
    for subject in ["two", "three"] {
        findings.raise(finding(subject, Severity::High));
        findings.settle().unwrap();
    }
    assert_eq!(posted.recv_timeout(PATIENCE).unwrap().subjects(), ["two", "three"]);
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

fn syslog(transport: Transport, address: SocketAddr) -> AlertChannel {
    AlertChannel {
        name: "siem".into(),
        target: Target::Syslog { transport, address: address.to_string() },
        wanted: vec![Selector::default()],
        at_most: None,
    }
}

#[track_caller]
fn check_syslog(message: &str) {
    assert!(message.starts_with("<131>1 "), "{message}");
    assert!(
        message.contains(" - portcullis - shadow_operation [finding@32473 notice=\"1\" news=\"new\" "),
        "{message}"
    );
    assert!(message.contains("subject=\"a\\\"b\\]\""), "{message}");
    assert!(message.ends_with("] \u{feff}\"a\"b]\" ] is seen <0>1 not another message"), "{message}");
}

#[test]
fn syslog_by_udp_is_one_datagram_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let socket = UdpSocket::bind(free()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let channel = syslog(Transport::Udp, socket.local_addr().unwrap());
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("a\"b]", Severity::High));
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    check_syslog(std::str::from_utf8(&bytes[..length]).unwrap());
}

#[test]
fn syslog_by_tcp_carries_lengths_and_comes_again_after_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind(free()).unwrap();
    let channel = syslog(Transport::Tcp, listener.local_addr().unwrap());
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("a\"b]", Severity::High));
    // Closed with bytes unread: the other side sees a reset.
    listener.accept().unwrap().0.read_exact(&mut [0]).unwrap();
    let mut text = String::new();
    listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
    let (length, message) = text.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(message.len()));
    check_syslog(message);
}
