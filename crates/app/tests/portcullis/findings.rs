//! Findings, asked of a running gateway and of its files.

use portcullis_events::findings::FindingFile;
use portcullis_model::Timestamp;
use portcullis_model::finding::{Conclusion, Evidence, Finding, FindingKind, Severity};

use crate::harness::Gateway;

const POLICY: &str = r#"
listen: [{ address: "127.0.0.1:0" }]
sites:
  shop: { hosts: ["*"], upstream: { servers: [UPSTREAM] } }
"#;

fn finding(subject: &str, severity: Severity) -> Finding {
    let concluded = Conclusion {
        kind: FindingKind::SensitiveField,
        severity,
        site: "shop".into(),
        operation: None,
        subject: subject.into(),
        data: Vec::new(),
        title: format!("answers carry {subject}"),
        why: "Whoever may call it reads that.".into(),
        evidence: vec![Evidence { name: "field".into(), text: "customer.contact".into(), event: None }],
    };
    Finding::new(concluded, Timestamp::from_secs(1_700_000_000), 3)
}

/// A gateway whose file has two findings: the graver and the lighter one's id.
fn found() -> (Gateway, String, String) {
    let gateway = Gateway::prepare(POLICY);
    let (grave, light) =
        (finding("card numbers", Severity::High), finding("e-mail addresses", Severity::Low));
    let mut file = FindingFile::open(Some(&gateway.path("data/findings.db"))).expect("made");
    file.raise(&[light.clone(), grave.clone()]).expect("kept");
    (gateway, grave.id.to_string(), light.id.to_string())
}

/// The titles listed.
fn listed(gateway: &Gateway, options: &[&str]) -> Vec<String> {
    let found = gateway.json(&[&["findings"], options].concat());
    found.iter().map(|finding| finding["title"].as_str().expect("a title").to_owned()).collect()
}

/// The whole story; the same whether a gateway runs or not.
fn check_story(gateway: &Gateway, grave: &str, light: &str) {
    let (cards, mails) = ("answers carry card numbers", "answers carry e-mail addresses");
    assert_eq!(listed(gateway, &[]), [cards, mails]);
    assert_eq!(listed(gateway, &["--severity", "medium"]), [cards]);
    assert_eq!(listed(gateway, &["--site", "blog"]), [""; 0]);
    assert_eq!(listed(gateway, &["--since", "24h"]), [""; 0]);

    assert_eq!(gateway.json(&["findings", "ack", &grave[..8]])[0]["state"]["is"], "acknowledged");
    assert_eq!(gateway.json(&["findings", "mute", light, "--for", "7d"])[0]["state"]["is"], "muted");
    assert_eq!(listed(gateway, &[]), [""; 0]);
    assert_eq!(listed(gateway, &["--all"]), [cards, mails]);

    let shown = gateway.command(&["findings", "show", grave]);
    let text = String::from_utf8(shown.stdout).expect("UTF-8");
    for part in [cards, "customer.contact", "3 times", "acknowledged", "Whoever may call"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(gateway.command(&["findings", "show", "0123456789abcdef"]).status.code(), Some(1));
    assert_eq!(gateway.command(&["findings", "ack", "nonsense"]).status.code(), Some(2));
    assert_eq!(gateway.command(&["findings", "--severity", "awful"]).status.code(), Some(2));
    for id in [grave, light] {
        assert_eq!(gateway.json(&["findings", "reopen", id])[0]["state"]["is"], "open");
    }
}

#[test]
fn findings_are_listed_shown_and_marked_on_a_running_gateway() {
    let (mut gateway, grave, light) = found();
    gateway.run();
    check_story(&gateway, &grave, &light);
    assert_eq!(gateway.command(&["findings", "ack", &grave]).status.code(), Some(0));
    gateway.kill();
    assert_eq!(listed(&gateway, &[]), ["answers carry e-mail addresses"], "what was said outlives a kill");
}

#[test]
fn findings_are_listed_shown_and_marked_in_the_files() {
    let (gateway, grave, light) = found();
    check_story(&gateway, &grave, &light);
}

#[test]
fn no_findings_are_an_answer() {
    let gateway = Gateway::prepare(POLICY);
    let answer = gateway.command(&["findings"]);
    assert_eq!(answer.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&answer.stdout).contains("No open findings"));
}
