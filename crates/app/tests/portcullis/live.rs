//! The live commands against a running gateway.

use crate::harness::{Gateway, SHOP};

const RULES: &str = r#"    rules:
      - { name: no-exports, when: 'tag("api:shadow") && path.startsWith("/internal/")', action: block }
"#;

const CONTRACT: &str = "openapi: 3.0.3\ninfo: { title: Shop, version: '1' }\npaths:\n  /customers/{id}:\n    \
                        get: { responses: { '200': { description: ok } } }\n";

fn shop() -> Gateway {
    Gateway::start_with_contract(&format!("{SHOP}{RULES}"), CONTRACT)
}

#[test]
fn a_minimal_policy_is_a_working_start() {
    let gateway = Gateway::start(
        "listen: [{ address: \"127.0.0.1:0\" }]\nsites: { s: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }",
    );
    assert_eq!(gateway.get("/hello?x=1"), (200, r#"{"path":"/hello?x=1"}"#.to_owned()));
    assert_eq!(gateway.site.count(), 1);
}

#[test]
fn events_say_what_was_declared_what_was_not_and_what_was_stopped() {
    let gateway = shop();
    assert_eq!(gateway.get("/customers/42").0, 200);
    assert_eq!(gateway.get("/reports/7").0, 200);
    let (status, body) = gateway.get("/internal/export");
    assert_eq!(status, 403);
    let refusal: serde_json::Value = serde_json::from_str(&body).expect("a problem document");
    let events = gateway.await_until("three events are committed", |gateway| {
        let events = gateway.json(&["events"]);
        (events.len() == 3).then_some(events)
    });
    let of = |path: &str| events.iter().find(|event| event["request"]["path"] == path).expect("recorded");
    assert_eq!(of("/customers/42")["operation"]["name"], "GET /customers/{id}");
    assert_eq!(of("/customers/42")["operation"]["standing"], "documented");
    assert_eq!(of("/reports/7")["operation"]["standing"], "shadow");
    assert_eq!(of("/reports/7")["operation"]["name"], "GET /reports/{number}");
    let stopped = of("/internal/export");
    assert_eq!(stopped["verdict"]["action"], "block");
    let reasons = stopped["reasons"].as_array().expect("reasons");
    assert!(
        reasons.iter().any(|reason| reason["by"] == "no-exports" && reason["action"] == "block"),
        "{reasons:?}"
    );
    assert!(body.contains(stopped["id"].as_str().expect("an id")), "{refusal}");
    assert_eq!(gateway.site.count(), 2, "what was stopped never reached the site");
}

#[test]
fn events_are_found_by_condition_and_id() {
    let gateway = shop();
    for path in ["/customers/1", "/customers/2", "/internal/a", "/internal/b"] {
        gateway.get(path);
    }
    let blocked = gateway.await_until("both refusals are committed", |gateway| {
        let found =
            gateway.json(&["events", "--where", "verdict == \"block\" && path.startsWith(\"/internal\")"]);
        (found.len() == 2).then_some(found)
    });
    let id = blocked[0]["id"].as_str().expect("an id");
    let one = gateway.json(&["events", "--id", id]);
    assert_eq!(one, vec![blocked[0].clone()]);
    let unknown = gateway.command(&["events", "--id", "01JD3Z6T9V8Q4M2N7R5C1B0XKA"]);
    assert_eq!(unknown.status.code(), Some(1));
    let wrong = gateway.command(&["events", "--where", "verdict = block"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn events_are_followed_as_they_happen() {
    use std::io::BufRead;
    let gateway = shop();
    let mut follower = std::process::Command::new(crate::harness::BINARY)
        .args(["events", "--follow", "--json", "--where", "verdict == \"block\""])
        .current_dir(gateway.folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = std::io::BufReader::new(follower.stdout.take().expect("piped")).lines();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (address, stop) = (gateway.address(), std::sync::Arc::clone(&over));
    // The follower says nothing until something happens: so something keeps happening.
    let traffic = std::thread::spawn(move || {
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            crate::harness::get(address, "/customers/1").expect("answered");
            crate::harness::get(address, "/internal/export").expect("answered");
        }
    });
    let first = lines.next().expect("a line").expect("readable");
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    traffic.join().expect("no request failed");
    follower.kill().expect("stopped");
    follower.wait().expect("gone");
    let event: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(event["verdict"]["action"], "block");
}

#[test]
fn bans_are_set_felt_shown_and_lifted() {
    let gateway = shop();
    assert_eq!(gateway.get("/customers/1").0, 200);
    let added = gateway.command(&["ban", "add", "127.0.0.1", "--for", "10m", "--reason", "test"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert_eq!(gateway.get("/customers/1").0, 403);
    let bans = gateway.json(&["ban", "ls"]);
    assert_eq!(bans[0]["bans"][0]["key"], "ip:127.0.0.1");
    assert!(gateway.command(&["ban", "rm", "127.0.0.1"]).status.success());
    assert_eq!(gateway.get("/customers/1").0, 200);
    for (given, kept, refused) in [
        ("client:none", "client:none", 403),
        ("ja4:t13d1812h1_85036bcba153_b26ce05bbdd6", "ja4:t13d1812h1_85036bcba153_b26ce05bbdd6", 200),
        ("key:key-3f9c01ab", "credential:key-3f9c01ab", 200),
    ] {
        assert!(gateway.command(&["ban", "add", given]).status.success(), "{given}");
        assert_eq!(gateway.json(&["ban", "ls"])[0]["bans"][0]["key"], kept);
        assert_eq!(gateway.get("/customers/1").0, refused, "{given}");
        assert!(gateway.command(&["ban", "rm", given]).status.success(), "{given}");
    }
    assert_eq!(gateway.command(&["ban", "rm", "127.0.0.1"]).status.code(), Some(1));
}

#[test]
fn bans_outlive_a_restart() {
    let mut gateway = shop();
    assert!(gateway.command(&["ban", "add", "127.0.0.1", "--for", "10m"]).status.success());
    gateway.kill();
    gateway.run();
    assert_eq!(gateway.get("/customers/1").0, 403);
}

#[test]
fn top_shows_operations_and_callers() {
    let gateway = shop();
    for n in 0..5 {
        gateway.get(&format!("/customers/{n}"));
    }
    let top = gateway.await_until("the figures are there", |gateway| {
        let top = gateway.json(&["top", "--once"]).remove(0);
        (top["top"]["exchanges"] == 5).then_some(top)
    });
    assert_eq!(top["top"]["operations"][0]["operation"], "GET /customers/{id}");
    assert_eq!(top["top"]["operations"][0]["count"], 5);
    assert_eq!(top["top"]["callers"][0]["caller"], "ip:127.0.0.1");
    let shown = gateway.command(&["top", "--once"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("GET /customers/{id}"));
}

#[test]
fn only_the_owner_can_open_the_control_socket() {
    use std::os::unix::fs::PermissionsExt;
    let gateway = shop();
    let mode = std::fs::metadata(gateway.path("data/portcullis.sock")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret =
        std::fs::metadata(gateway.path("node.secret")).expect("made on first start").permissions().mode();
    assert_eq!(secret & 0o777, 0o600);
}

#[test]
fn without_a_gateway_live_commands_say_so() {
    let gateway = Gateway::prepare(SHOP);
    gateway.write("openapi.yaml", CONTRACT);
    for arguments in [&["top", "--once"][..], &["ban", "ls"]] {
        let output = gateway.command(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("portcullis serve"), "{arguments:?}");
    }
}
