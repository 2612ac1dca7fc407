//! Alerts of the binary itself: what is owed outlives `kill -9`; mistakes in channels are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};

use portcullis_events::findings::FindingFile;
use portcullis_model::finding::{Conclusion, Finding, FindingKind, Severity};
use portcullis_model::{DataClass, Timestamp};

use crate::harness::Gateway;

const POLICY: &str = r#"
listen: [{ address: "127.0.0.1:0" }]
metrics: { listen: "127.0.0.1:0" }
sites:
  shop: { hosts: ["*"], upstream: { servers: [UPSTREAM] } }
alerts:
  channels: { soc: { webhook: { url: "file:soc.url", hmac: "file:soc.key" } } }
  send: [{ when: 'finding.severity >= "high" && "iban" in finding.data', to: [soc] }]
"#;

fn gateway(hook: SocketAddr) -> Gateway {
    let gateway = Gateway::prepare(POLICY);
    gateway.write("soc.url", &format!("http://{hook}/\n"));
    gateway.write("soc.key", "key\n");
    gateway
}

fn raise(gateway: &Gateway, subject: &str) {
    let concluded = Conclusion {
        kind: FindingKind::SensitiveField,
        severity: Severity::High,
        site: "shop".into(),
        operation: None,
        subject: subject.into(),
        data: vec![DataClass::Iban],
        title: "answers carry card numbers".into(),
        why: "Whoever may call it reads that.".into(),
        evidence: Vec::new(),
    };
    let finding = Finding::new(concluded, Timestamp::from_secs(1_700_000_000), 1);
    let mut file = FindingFile::open(Some(&gateway.path("data/findings.db"))).expect("opened");
    file.raise(&[finding]).expect("kept");
}

fn soc(gateway: &Gateway) -> serde_json::Value {
    gateway.json(&["top", "--once"])[0]["status"]["alerts"]["soc"].clone()
}

#[test]
fn what_is_owed_outlives_a_kill() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let hook = listener.local_addr().expect("bound");
    drop(listener);
    let mut gateway = gateway(hook);
    gateway.run();
    gateway.await_until("the channel has its place", |gateway| soc(gateway).is_object().then_some(()));
    raise(&gateway, "iban");
    gateway.await_until("it failed", |gateway| soc(gateway)["failing"].is_string().then_some(()));
    await_metrics(&gateway, "portcullis_alerts_waiting{channel=\"soc\"} 1");
    await_metrics(&gateway, "portcullis_findings_open{kind=\"sensitive_field\",severity=\"high\"} 1");
    gateway.kill();

    let listener = TcpListener::bind(hook).expect("the same port");
    gateway.run();
    let mut reader = BufReader::new(listener.accept().expect("it calls").0);
    let head: Vec<String> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line.starts_with("portcullis-signature: v1=")), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    reader.read_exact(&mut body).expect("the body");
    let told: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (&told["findings"][0]["news"], &told["findings"][0]["finding"]["subject"]),
        (&"new".into(), &"iban".into())
    );
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
    gateway.await_until("it was taken", |gateway| (soc(gateway)["delivered"] == 1).then_some(()));
    await_metrics(&gateway, "portcullis_alerts_delivered_total{channel=\"soc\"} 1");
    await_metrics(&gateway, "portcullis_alerts_waiting{channel=\"soc\"} 0");
}

fn await_metrics(gateway: &Gateway, line: &str) {
    gateway.await_until(line, |gateway| gateway.metrics().lines().any(|one| one == line).then_some(()));
}

#[test]
fn learning_is_counted() {
    let mut gateway = gateway("127.0.0.1:9".parse().expect("an address"));
    gateway.run();
    gateway.get("/customers/17");
    for line in [
        "portcullis_observations_folded_total 1",
        "portcullis_observations_dropped_total 0",
        "portcullis_operations{site=\"shop\",standing=\"none\"} 1",
        "portcullis_inventory_failing 0",
        "portcullis_findings_failing 0",
        "portcullis_findings_dropped_total 0",
        "portcullis_findings_waiting 0",
        "portcullis_alerts_dropped_total{channel=\"soc\"} 0",
        "portcullis_alerts_failed_total{channel=\"soc\"} 0",
    ] {
        await_metrics(&gateway, line);
    }
}

#[test]
fn mistakes_in_channels_are_told_with_their_place() {
    let gateway = gateway("127.0.0.1:9".parse().expect("an address"));
    assert_eq!(gateway.command(&["check"]).status.code(), Some(0));
    for (channels, said) in [
        ("channels: { soc: { at_most: 1/h } }", "an alert channel leads to one place"),
        ("channels: { soc: { syslog: { address: logs } } }", "is not a host and a port"),
        ("channels: { soc: { webhook: { url: example.com } } }", "must be a URL"),
        ("channels: { soc: { webhook: { url: 'file:absent.url' } } }", "cannot read"),
        ("send: [{ to: [sock] }]", "there is no alert channel `sock`"),
        (
            "channels: { soc: { syslog: { address: 'a:1' } } }, send: [{ when: 'severity > 3', to: [soc] }]",
            "did you mean `finding.severity`?",
        ),
        ("channels: { soc: { syslog: { address: 'a:1', ca: a.pem } } }", "without TLS nobody asks `ca`"),
        ("channels: { soc: { webhook: { url: 'http://a', ca: soc.key } } }", "without TLS nobody asks `ca`"),
        (
            "channels: { soc: { webhook: { url: 'https://ann:pw@a/' } } }",
            "user name in a webhook's URL is not sent",
        ),
        (
            "channels: { soc: { syslog: { address: 'a:1', transport: tls, ca: soc.key } } }",
            "there is no usable certificate in it",
        ),
    ] {
        let (before, _) = POLICY.split_once("alerts:").expect("there");
        gateway.write_policy(&format!("{before}alerts: {{ {channels} }}\n"));
        let checked = gateway.command(&["check"]);
        let text =
            String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
        assert!(text.contains(said), "{channels}: {text}");
        assert!(!text.contains("ann:pw"), "{text}");
        assert_eq!(checked.status.code(), Some(1), "{channels}");
    }
}
