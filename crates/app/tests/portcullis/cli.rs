//! The command line: help, exit codes, diagnostics, keys, schemas, replay.

use crate::harness::{Gateway, run_in};

const POLICY: &str = r#"
listen: [{ address: "127.0.0.1:0" }]
lists: { partners: { ranges: [203.0.113.0/24] } }
identity: { partners: { api_key: { header: X-Api-Key, keys: "file:keys.yaml" } } }
sites:
  shop:
    hosts: [shop.test]
    upstream: { servers: [UPSTREAM] }
    identity: [partners]
    require: [partners]
    unknown_callers: block
    routes:
      - { match: "GET /health", unknown_callers: pass }
"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_command_has_help_with_examples() {
    let folder = tempfile::tempdir().expect("a folder");
    let top = run_in(folder.path(), &["--help"]);
    assert_eq!(top.status.code(), Some(0));
    for command in [
        "serve", "check", "explain", "replay", "discover", "events", "top", "ban", "revoke", "key", "filter",
        "schema", "migrate",
    ] {
        assert!(text(&top.stdout).contains(command));
        let help = run_in(folder.path(), &[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(text(&help.stdout).contains("Examples:"), "{command}");
        assert!(text(&help.stdout).contains("--config"), "{command}");
    }
}

#[test]
fn wrong_use_exits_2_and_no_exits_1() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, code) in [
        (&["frobnicate"][..], 2),
        (&["explain"], 2),
        (&["top", "--window", "soon", "--once"], 2),
        (&["check"], 1),
        (&["check", "-c", "nowhere/"], 1),
        (&["serve"], 1),
    ] {
        let output = run_in(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty() || !output.stdout.is_empty(), "{arguments:?} says nothing");
    }
}

#[test]
fn check_shows_all_mistakes_at_once() {
    let gateway = Gateway::prepare(
        "listen: [{ adress: 127.0.0.1:0 }]\nsites:\n  s:\n    hosts: [shop.test]\n    upstream: { servers: [ftp://x] }\n    \
         rules: [{ name: r, when: 'pth == \"/\"', action: block }]\n",
    );
    let output = gateway.command(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout) + &text(&output.stderr);
    for mistake in [
        "adress",
        "address",
        "ftp://x",
        "pth",
        "path",
        "portcullis.yaml:1",
        "portcullis.yaml:5",
        "portcullis.yaml:6",
    ] {
        assert!(said.contains(mistake), "{mistake} is missing in:\n{said}");
    }
    let problems = gateway.command(&["check", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&problems.stdout).expect("JSON");
    assert!(report["problems"].as_array().expect("problems").len() >= 3, "{report}");
}

#[test]
fn files_that_cannot_be_used_are_told_where_they_are_asked_for() {
    let site = "hosts: [shop.test], upstream: { servers: [https://127.0.0.1:9]";
    for (policy, said) in [
        (
            format!("sites: {{ s: {{ {site} }}, contract: {{ files: [absent.yaml] }} }} }}"),
            "cannot read `absent.yaml`",
        ),
        (
            format!("sites: {{ s: {{ {site} }}, filter: {{ rules: [{{ seclang: [absent.conf] }}] }} }} }}"),
            "`absent.conf` cannot be read",
        ),
        (format!("sites: {{ s: {{ {site}, tls: {{ ca: absent.pem }} }} }} }}"), "cannot read `absent.pem`"),
        (
            format!(
                "listen: [{{ address: '127.0.0.1:0', tls: {{ certificate: a.pem, key: k.pem }} }}]\nsites: {{ s: {{ {site} }} }} }}"
            ),
            "cannot read a.pem",
        ),
    ] {
        let policy =
            if policy.starts_with("listen") { policy } else { format!("listen: ['127.0.0.1:0']\n{policy}") };
        let gateway = Gateway::prepare(&policy);
        let output = gateway.command(&["check"]);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert!(shown.contains(said) && shown.contains("[portcullis.yaml:"), "{policy}\n{shown}");
        assert_eq!(output.status.code(), Some(1), "{policy}\n{shown}");
    }
}

#[test]
fn keys_are_made_shown_used_and_revoked() {
    let mut gateway = Gateway::prepare(POLICY);
    let made = gateway.json(&["key", "new", "--subject", "acme", "--group", "orders"]).remove(0);
    let (key, id) = (made["key"].as_str().expect("the key"), made["id"].as_str().expect("its id"));
    let stored = std::fs::read_to_string(gateway.path("keys.yaml")).expect("written");
    assert!(stored.contains("acme") && !stored.contains(key), "only a hash is stored");
    gateway.run();
    let ask = |gateway: &Gateway, key: &str| {
        let message = format!(
            "GET /orders HTTP/1.1\r\nHost: shop.test\r\nX-Api-Key: {key}\r\nConnection: close\r\n\r\n"
        );
        crate::harness::exchange(gateway.address(), &message).expect("answered").0
    };
    assert_eq!(ask(&gateway, key), 200);
    assert_eq!(ask(&gateway, "pk_wrong"), 401);
    assert_eq!(gateway.get("/orders").0, 401);
    assert_eq!(gateway.get("/health").0, 200);
    let listed = gateway.await_until("its use is written down", |gateway| {
        let listed = gateway.json(&["key", "ls"]).remove(0);
        listed["keys"][0]["last_used"].is_string().then_some(listed)
    });
    assert_eq!(listed["keys"][0]["subject"], "acme");
    let unused = gateway.json(&["key", "new", "--subject", "other"]).remove(0);
    // Over a restart, too.
    gateway.stop();
    gateway.run();
    let again = gateway.json(&["key", "ls"]).remove(0);
    assert_eq!(again["keys"][0]["last_used"], listed["keys"][0]["last_used"]);
    assert_eq!(
        (&again["keys"][1]["id"], &again["keys"][1]["last_used"]),
        (&unused["id"], &serde_json::Value::Null)
    );
    assert!(!listed.to_string().contains(key));
    assert!(gateway.command(&["key", "revoke", id]).status.success());
    gateway.await_until("the key no longer opens", |gateway| (ask(gateway, key) == 401).then_some(()));
    assert_eq!(gateway.command(&["key", "revoke", "k_unknown"]).status.code(), Some(1));
}

#[test]
fn a_rotated_key_and_its_successor_both_open_until_the_overlap_ends() {
    let mut gateway = Gateway::prepare(POLICY);
    let made =
        gateway.json(&["key", "new", "--subject", "acme", "--group", "orders", "--scope", "read"]).remove(0);
    let (old, id) = (made["key"].as_str().expect("the key"), made["id"].as_str().expect("its id"));
    let rotated = gateway.json(&["key", "rotate", id, "--overlap", "1h", "--expires", "90d"]).remove(0);
    let (new, successor) =
        (rotated["key"].as_str().expect("the key"), rotated["id"].as_str().expect("its id"));
    assert_eq!((rotated["replaces"].as_str(), rotated["subject"].as_str()), (Some(id), Some("acme")));
    let listed = gateway.json(&["key", "ls"]).remove(0);
    assert_eq!(listed["keys"][0]["expires"], rotated["replaced_ends"]);
    assert_eq!(listed["keys"][1]["groups"], listed["keys"][0]["groups"]);
    assert_eq!(listed["keys"][1]["scopes"][0], "read");
    gateway.json(&["key", "rotate", id, "--overlap", "30d"]);
    let again = gateway.json(&["key", "ls"]).remove(0);
    assert_eq!(again["keys"][0]["expires"], rotated["replaced_ends"], "an end is never put off");
    gateway.run();
    let ask = |key: &str| {
        let message = format!(
            "GET /orders HTTP/1.1\r\nHost: shop.test\r\nX-Api-Key: {key}\r\nConnection: close\r\n\r\n"
        );
        crate::harness::exchange(gateway.address(), &message).expect("answered").0
    };
    assert_eq!((ask(old), ask(new)), (200, 200));
    gateway.json(&["key", "rotate", successor, "--overlap", "0s"]);
    gateway.await_until("the key no longer opens", |_| (ask(new) == 401).then_some(()));
    assert_eq!(gateway.command(&["key", "rotate", successor]).status.code(), Some(1), "it ended");
    assert_eq!(gateway.command(&["key", "rotate", "k_unknown"]).status.code(), Some(1));
}

#[test]
fn explain_says_where_each_value_comes_from() {
    let gateway = Gateway::prepare(POLICY);
    gateway.command(&["key", "new", "--subject", "acme"]);
    let site = gateway.command(&["explain", "shop"]);
    assert!(site.status.success(), "{}", text(&site.stderr));
    assert!(text(&site.stdout).contains("unknown_callers"));
    let route = gateway.command(&["explain", "shop", "GET", "/health"]);
    let said = text(&route.stdout);
    assert!(said.contains("pass") && said.contains("portcullis.yaml:13"), "{said}");
    assert_eq!(gateway.command(&["explain", "nowhere"]).status.code(), Some(1));
}

#[test]
fn replay_decides_recorded_traffic_as_the_gateway_would() {
    let gateway = Gateway::prepare(POLICY);
    gateway.command(&["key", "new", "--subject", "acme"]);
    gateway.write(
        "traffic.jsonl",
        "{\"client\":\"198.51.100.7\",\"request\":{\"url\":\"http://shop.test/orders\"},\"response\":{\"status\":200}}\n\
         {\"request\":{\"url\":\"http://shop.test/health\"},\"response\":{\"status\":200}}\n\
         {\"request\":{\"url\":\"http://other.test/\"}}\nrubbish\n",
    );
    let verdicts = gateway.json(&["replay", "traffic.jsonl"]);
    let actions: Vec<&str> = verdicts.iter().filter_map(|one| one["verdict"]["action"].as_str()).collect();
    assert_eq!(actions, ["block", "pass", "block"]);
    assert_eq!(verdicts[0]["caller"]["key"], "ip:198.51.100.7");
    let table = gateway.command(&["replay", "traffic.jsonl"]);
    assert!(table.status.success(), "{}", text(&table.stderr));
    assert!(text(&table.stdout).contains("GET /orders") && text(&table.stderr).contains("line 4"));
    assert_eq!(gateway.command(&["replay", "nothing.har"]).status.code(), Some(1));
}

#[test]
fn schemas_are_json() {
    let folder = tempfile::tempdir().expect("a folder");
    for of in ["policy", "event"] {
        let output = run_in(folder.path(), &["schema", of]);
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(schema["$schema"].is_string() && schema["$defs"].is_object(), "{of}");
    }
}
