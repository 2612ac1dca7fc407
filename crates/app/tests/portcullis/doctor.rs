//! What `portcullis doctor` finds on a machine that is well, and on one where much is not.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::harness::Gateway;

/// Files may be few where tests run.
const WELL: &str = "listen: [{ address: \"127.0.0.1:0\" }]\ncontrol: { socket: control.sock }\n\
    connections: { max: 20 }\nalerts: { channels: { ops: { webhook: { url: \"file:hook.url\" } } } }\n\
    sites: { shop: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }\n";

/// A port where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port()
}

/// The texts of a check's troubles, with what to do.
fn found(report: &Value, check: &str) -> Vec<String> {
    let troubles = report["troubles"].as_array().expect("a list");
    let of = troubles.iter().filter(|trouble| trouble["check"] == check);
    of.map(|trouble| format!("{} {} → {}", trouble["weight"], trouble["what"], trouble["remedy"])).collect()
}

fn one(report: &Value, check: &str, words: &[&str]) {
    let found = found(report, check);
    let fits = |text: &&String| words.iter().all(|word| text.contains(word));
    assert!(found.iter().any(|text| fits(&text)), "{check}: {words:?} in {found:?}");
}

#[test]
fn a_machine_that_is_well_has_nothing_wrong() {
    let mut gateway = Gateway::prepare(WELL);
    gateway.write("hook.url", "http://127.0.0.1:1/");
    gateway.run();
    let mut report = gateway.command(&["doctor", "--json"]);
    // A machine that tests run on may have a slow disk.
    let read: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let others = read["troubles"].as_array().expect("a list").iter().filter(|one| one["check"] != "disk");
    assert_eq!(others.count(), 0, "{read}");
    assert!(read["checks"].as_array().is_some_and(|checks| checks.len() == 9), "{read}");
    let expected = i32::from(!found(&read, "disk").is_empty());
    assert_eq!(report.status.code(), Some(expected));
    report = gateway.command(&["doctor"]);
    assert!(
        String::from_utf8_lossy(&report.stdout).contains("Looked at: policy, gateway, clock"),
        "{report:?}"
    );
}

#[test]
fn what_is_wrong_around_a_policy_is_told_with_what_to_do() {
    let (site, state) = (closed_port(), closed_port());
    let gateway = Gateway::prepare(&format!(
        "listen:\n  - {{ address: \"0.0.0.0:0\" }}\n  - {{ address: \"127.0.0.1:0\", tls: {{ certificate: ended.pem, key: site.key }} }}\n  \
         - {{ address: \"127.0.0.1:0\", tls: {{ certificate: soon.pem, key: site.key }} }}\n\
         control: {{ socket: control.sock }}\nconnections: {{ max: 4000000000 }}\n\
         metrics: {{ listen: \"0.0.0.0:0\" }}\nclient_ip: {{ header: x-forwarded-for, trusted: [0.0.0.0/0] }}\n\
         state: {{ server: {{ at: [\"redis://127.0.0.1:{state}\"] }} }}\n\
         sites: {{ shop: {{ hosts: [\"*\"], mode: monitor, filter: off, upstream: {{ servers: [\"http://127.0.0.1:{site}\"] }} }} }}\n"
    ));
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(gateway.path("node.secret"), open).expect("opened");
    let key = KeyPair::generate().expect("a key");
    gateway.write("site.key", &key.serialize_pem());
    let certificate = |days| {
        let mut made = CertificateParams::new(vec!["shop.test".to_owned()]).expect("a name");
        made.not_before = rcgen::date_time_ymd(2020, 1, 1);
        made.not_after = std::time::SystemTime::now().into();
        made.not_after += std::time::Duration::from_hours(24) * 30;
        made.not_after -= std::time::Duration::from_hours(24) * days;
        made.self_signed(&key).expect("signed").pem()
    };
    gateway.write("ended.pem", &certificate(31));
    gateway.write("soon.pem", &certificate(20));
    let future = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
    let policy = std::fs::File::options().append(true).open(gateway.path("portcullis.yaml")).expect("opened");
    policy.set_modified(future).expect("set");

    let report = gateway.json_of(&["doctor"], 1);
    one(&report, "certificates", &["error", "ended.pem", "has ended", "renew"]);
    one(&report, "certificates", &["warning", "soon.pem", "ends in 10 d"]);
    one(&report, "upstreams", &["error", &format!("http://127.0.0.1:{site}"), "`shop`", "firewall"]);
    one(&report, "state", &["error", "does not answer", "state.server.at"]);
    one(&report, "gateway", &["warning", "control.sock", "portcullis serve"]);
    one(&report, "file_limit", &["4000000000", "ulimit -n"]);
    one(&report, "clock", &["error", "portcullis.yaml", "NTP"]);
    one(&report, "smells", &["error", "node.secret", "chmod 600"]);
    for smell in [
        "0.0.0.0/0",
        "mode: monitor",
        "content filter is off",
        "in clear on 0.0.0.0:0",
        "metrics are served",
        "nobody is told",
    ] {
        one(&report, "smells", &["warning", smell]);
    }
    assert!(!report.to_string().contains("longer than thirty-two"), "no secret is printed: {report}");
}

#[test]
fn a_policy_with_mistakes_is_told_and_nothing_else_is_looked_at() {
    let gateway = Gateway::prepare("listen: nonsense\nsites: {}\n");
    let report = gateway.json_of(&["doctor"], 1);
    one(&report, "policy", &["error", "mistakes", "portcullis check"]);
    assert_eq!(report["checks"].as_array().map(Vec::len), Some(1), "{report}");
}
