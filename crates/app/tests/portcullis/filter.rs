//! The content filter as a person meets it: trying, being refused, explaining, excluding, upgrading rules.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::harness::{BINARY, Gateway};

const RULES: &str =
    "SecRule ARGS \"@contains evil\" \"id:100,phase:2,deny,log,msg:'An evil word',tag:'attack-sqli'\"\n";

fn policy(filter: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nrule_sets: {{ own: {{ seclang: own.conf }} }}\nsites:\n  shop:\n    \
         hosts: [shop.test]\n    upstream: {{ servers: [UPSTREAM] }}\n    filter: {filter}\n"
    )
}

fn prepared(filter: &str) -> Gateway {
    let gateway = Gateway::prepare(&policy(filter));
    gateway.write("own.conf", RULES);
    gateway
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn texts_and_requests_are_tried_offline() {
    let gateway = prepared("{ rules: [own] }");
    let evil = gateway.command(&["filter", "try", "so evil"]);
    let shown = text(&evil.stdout);
    assert_eq!(evil.status.code(), Some(1), "{shown}{}", text(&evil.stderr));
    for part in
        ["100", "sqli", "query.q", "so evil", "An evil word", "verdict: block", "rule: 100, where: query.q"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let placed = gateway.command(&["filter", "try", "--as", "json", "evil", "--json"]);
    let placed: serde_json::Value = serde_json::from_slice(&placed.stdout).expect("JSON");
    assert_eq!(placed["exclude"][0]["where"], "body.q", "{placed}");
    assert_eq!(gateway.command(&["filter", "try", "quiet"]).status.code(), Some(0));
    assert_eq!(gateway.command(&["filter", "try", "x", "--site", "none"]).status.code(), Some(1));
    let request =
        b"POST /a HTTP/1.1\nHost: shop.test\nContent-Type: application/x-www-form-urlencoded\n\nnote=evil";
    let mut child = Command::new(BINARY)
        .args(["filter", "try", "--json"])
        .current_dir(gateway.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all(request).expect("written");
    let tried: serde_json::Value =
        serde_json::from_slice(&child.wait_with_output().expect("ends").stdout).expect("JSON");
    assert_eq!(tried["reasons"][0]["found"]["place"], "body.note", "{tried}");
}

#[test]
fn what_was_refused_is_explained_and_let_past() {
    let mut gateway = prepared("{ rules: [own] }");
    gateway.run();
    let (status, body) = gateway.get("/?note=evil");
    assert_eq!(status, 403);
    let refusal: serde_json::Value = serde_json::from_str(&body).expect("a problem document");
    assert!(!body.contains("100") && !body.contains("evil"), "the client learns nothing: {body}");
    let id = refusal["id"].as_str().or(refusal["instance"].as_str()).expect("an id");
    let id = id.rsplit(['/', ':']).next().expect("an id").to_owned();
    let explained = gateway.await_until("the event is committed", |gateway| {
        let output = gateway.command(&["filter", "explain", &id]);
        output.status.success().then(|| text(&output.stdout))
    });
    let exclusion = "{ rule: 100, where: query.note }";
    assert!(explained.contains(exclusion), "{explained}");
    gateway.write_policy(&policy(&format!("{{ rules: [own], exclude: [{exclusion}] }}")));
    gateway.await_until("the exclusion is in force", |gateway| {
        (gateway.get("/?note=evil").0 == 200).then_some(())
    });
    assert_eq!(gateway.get("/?other=evil").0, 403);
}

#[test]
fn rule_files_are_watched_and_their_mistakes_change_nothing() {
    let mut gateway = prepared("{ rules: [own] }");
    gateway.run();
    assert_eq!((gateway.get("/?q=evil").0, gateway.get("/?q=odd").0), (403, 200));
    gateway.write("own.conf", &RULES.replace("evil", "odd"));
    gateway.await_until("the rules are taken up", |gateway| (gateway.get("/?q=odd").0 == 403).then_some(()));
    gateway.write("own.conf", "SecRule ARGZ \"@contains evil\" \"id:1,phase:2,deny\"\n");
    let checked = gateway.command(&["check"]);
    let shown = text(&checked.stdout) + &text(&checked.stderr);
    assert_eq!(checked.status.code(), Some(1));
    assert!(shown.contains("own.conf:1") && shown.contains("ARGZ"), "{shown}");
    assert_eq!(gateway.get("/?q=odd").0, 403);
}

#[test]
fn collections_are_kept_in_the_store_between_requests() {
    let mut gateway = prepared("{ rules: [own] }");
    gateway.write(
        "own.conf",
        "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}\"\n\
         SecAction \"id:2,phase:5,pass,nolog,setvar:ip.visits=+1\"\n\
         SecRule IP:visits \"@ge 2\" \"id:3,phase:2,deny,status:429\"\n",
    );
    gateway.run();
    let statuses: Vec<u16> = (0..3).map(|_| gateway.get("/").0).collect();
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn check_counts_the_rules_of_files_and_none_of_ours() {
    let gateway = prepared("{ rules: [own] }");
    let checked: serde_json::Value =
        serde_json::from_slice(&gateway.command(&["check", "--json"]).stdout).expect("JSON");
    let filters: Vec<&serde_json::Value> =
        checked.as_object().expect("an object").values().filter(|value| value[0]["site"] == "shop").collect();
    assert_eq!(filters[0][0]["seclang"], 1, "{checked}");
}
