//! A policy that changes, breaks and disappears while the gateway runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::harness::{Gateway, get};
use crate::redis::Redis;

const OPEN: &str = "listen: [{ address: \"127.0.0.1:0\" }]\nsites: { s: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }\n";

/// The same with one rule more.
const GUARDED: &str = "listen: [{ address: \"127.0.0.1:0\" }]\nsites:\n  s:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    \
     rules: [{ name: no-admin, when: 'path.startsWith(\"/admin\")', action: block }]\n";

fn rejection(gateway: &Gateway) -> Option<String> {
    let status = gateway.json(&["top", "--once"]).remove(0);
    status["status"]["policy"]["rejected"].as_str().map(str::to_owned)
}

#[test]
fn a_changed_policy_is_taken_up_by_itself() {
    let gateway = Gateway::start(OPEN);
    assert_eq!(gateway.get("/admin").0, 200);
    gateway.write_policy(GUARDED);
    gateway.await_until("the new rule holds", |gateway| (gateway.get("/admin").0 == 403).then_some(()));
    assert_eq!(gateway.get("/").0, 200);
}

#[test]
fn a_broken_policy_changes_nothing_and_is_explained() {
    let gateway = Gateway::start(GUARDED);
    gateway.write_policy("listen: [{ adress: \"127.0.0.1:0\" }]\nsites: {}\n");
    let explained = gateway.await_until("the mistake is told", rejection);
    assert!(explained.contains("adress"), "{explained}");
    assert_eq!(gateway.get("/admin").0, 403, "the last good policy holds");
    gateway.write_policy(OPEN);
    gateway.await_until("the mended policy holds", |gateway| (gateway.get("/admin").0 == 200).then_some(()));
    assert_eq!(rejection(&gateway), None);
}

#[test]
fn a_deleted_policy_changes_nothing() {
    let gateway = Gateway::start(GUARDED);
    std::fs::remove_file(gateway.path("portcullis.yaml")).expect("removed");
    gateway.signal("-HUP");
    // Told through the control socket of the process; the command itself has no policy to find the socket in.
    gateway.write("other.yaml", OPEN);
    gateway.await_until("the loss is told", |gateway| {
        let output = gateway.command(&["top", "--once", "--json", "-c", "other.yaml"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        status["status"]["policy"]["rejected"].as_str().map(str::to_owned)
    });
    assert_eq!(gateway.get("/admin").0, 403);
}

/// A policy of a gateway that shares its state, and does not see by itself that its files change.
fn shared(redis: &Redis, rules: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\ncontrol: {{ socket: control.sock }}\n\
         state: {{ server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }} }}\n\
         sites: {{ s: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, rules: [{rules}] }} }}\n",
        redis.port
    )
}

#[test]
fn a_reload_reaches_every_gateway_that_shares_the_state_unless_the_policy_is_wrong() {
    let mut redis = Redis::start();
    let rule = "{ name: shut, when: 'path == \"/shut\"', action: block }";
    let gateways: Vec<Gateway> = (0..2)
        .map(|_| {
            let mut gateway = Gateway::prepare(&shared(&redis, ""));
            gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
            gateway.run_with(&["--no-watch"]);
            gateway
        })
        .collect();
    let [one, other] = gateways.as_slice() else { panic!("two") };
    for gateway in &gateways {
        gateway.write_policy(&shared(&redis, rule));
        assert_eq!(gateway.get("/shut").0, 200, "nobody has said so yet");
    }
    assert!(one.command(&["reload", "--here"]).status.success());
    assert_eq!((one.get("/shut").0, other.get("/shut").0), (403, 200));
    let said = one.command(&["reload"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    other.await_until("it has heard", |other| (other.get("/shut").0 == 403).then_some(()));

    one.write_policy("listen: nonsense\ncontrol: { socket: control.sock }\n");
    let said = one.command(&["reload"]);
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("Nothing was changed") && text.contains("portcullis.yaml:1"), "{text}");
    assert_eq!(rejection(other), None);

    one.write_policy(&shared(&redis, ""));
    redis.kill();
    let said = one.json_of(&["reload"], 1);
    assert_eq!(said["told"], false, "{said}");
    assert_eq!(one.get("/shut").0, 200, "it is in force here");
}

#[test]
fn no_request_fails_while_policies_change_under_load() {
    let gateway = Gateway::start(OPEN);
    let address = gateway.address();
    let over = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (over, served) = (Arc::clone(&over), Arc::clone(&served));
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let (status, _) = get(address, "/customers/1").expect("answered");
                    assert_eq!(status, 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for round in 0..20 {
        let policy = if round % 2 == 0 { GUARDED } else { OPEN };
        let expected = if round % 2 == 0 { 403 } else { 200 };
        gateway.write_policy(policy);
        gateway.signal("-HUP");
        gateway.await_until("it is in force", |gateway| (gateway.get("/admin").0 == expected).then_some(()));
    }
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().expect("no request failed");
    }
    assert!(served.load(Ordering::SeqCst) > 20);
}

#[test]
fn lists_contracts_and_keys_are_watched_too() {
    let policy =
        format!("{}lists: {{ shut: {{ file: lists/shut.txt }} }}\n", OPEN.replace(
        "upstream: { servers: [UPSTREAM] }",
        "upstream: { servers: [UPSTREAM] }, contract: { files: [openapi.yaml] }, unknown_apis: block, \
         rules: [{ name: shut, when: 'ip in lists.shut', action: { block: { status: 410 } } }]",
    ));
    let mut gateway = Gateway::prepare(&policy);
    std::fs::create_dir(gateway.path("lists")).expect("made");
    gateway.write("lists/shut.txt", "203.0.113.0/24\n");
    let contract = |path: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{ title: T, version: '1' }}\npaths:\n  {path}:\n    get: {{ responses: {{ '200': {{ description: ok }} }} }}\n"
        )
    };
    gateway.write("openapi.yaml", &contract("/old"));
    gateway.run();
    assert_eq!((gateway.get("/old").0, gateway.get("/new").0), (200, 404));
    gateway.write("openapi.yaml", &contract("/new"));
    gateway.await_until("the new contract holds", |gateway| (gateway.get("/new").0 == 200).then_some(()));
    gateway.write("lists/shut.txt", "203.0.113.0/24\n127.0.0.0/8 # this machine\n");
    gateway.await_until("the new list holds", |gateway| (gateway.get("/new").0 == 410).then_some(()));
}
