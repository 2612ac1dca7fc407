//! Work on OpenAPI documents: what is risky in them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::{Gateway, run_in};

const SHOP: &str = "openapi: 3.1.0
info: { title: Shop, version: '1' }
servers: [{ url: http://shop.example }]
paths:
  /orders:
    get: { responses: { '200': { description: All } } }
    post:
      security: []
      requestBody: { content: { application/json: { schema: { type: array, items: { type: string } } } } }
      responses: { '201': { description: Made } }
";

const POLICY: &str = "listen: 127.0.0.1:0
sites:
  shop:
    hosts: shop.example
    upstream: { servers: http://127.0.0.1:9 }
    contract: { files: [shop.yaml] }
";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }
    folder
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run_in(folder, arguments);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {}", told(&output)))
}

#[test]
fn lint_names_what_is_risky_and_where() {
    let folder = folder(&[("shop.yaml", SHOP), ("portcullis.yaml", POLICY)]);
    let output = run_in(folder.path(), &["api", "lint", "shop.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let text = told(&output);
    for part in [
        "high  auth.undeclared × 1",
        "shop.yaml:6:5  GET /orders",
        "high  transport.plain × 1",
        "medium  auth.public_write × 1",
        "medium  input.array × 1",
        "2 high, 2 medium, 1 low",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let quiet = run_in(folder.path(), &["api", "lint", "shop.yaml", "--level", "high", "--fail", "high"]);
    assert!(!told(&quiet).contains("input.array"), "{}", told(&quiet));
    let found = json(folder.path(), &["api", "lint", "--site", "shop", "--json"]);
    let first = &found["flaws"][0];
    assert_eq!(found["site"], "shop");
    assert_eq!(
        (&first["rule"], &first["pointer"], &first["line"]),
        (&"auth.undeclared".into(), &"/paths/~1orders/get".into(), &6.into())
    );
    assert!(found["rules"][0]["why"].is_string(), "{found}");
}

#[test]
fn lint_passes_what_is_only_low_and_says_what_it_cannot_read() {
    let safe = "openapi: 3.1.0\nsecurity: [{ t: [] }]\ncomponents: { securitySchemes: { t: { type: http, scheme: bearer } } }\n\
                paths: { /a: { get: { parameters: [{ name: q, in: query, schema: { type: string } }] } } }\n";
    let folder = folder(&[("safe.yaml", safe)]);
    assert_eq!(run_in(folder.path(), &["api", "lint", "safe.yaml"]).status.code(), Some(0));
    let strict = ["api", "lint", "safe.yaml", "--fail", "low"];
    assert_eq!(run_in(folder.path(), &strict).status.code(), Some(1));
    let missing = run_in(folder.path(), &["api", "lint", "none.yaml"]);
    assert_eq!(String::from_utf8_lossy(&missing.stdout), "not all could be read\n");
    assert_eq!(missing.status.code(), Some(1));
    assert!(told(&missing).contains("none.yaml"), "{}", told(&missing));
    assert_eq!(run_in(folder.path(), &["api", "lint"]).status.code(), Some(1), "no policy, no document");
}

#[test]
fn check_counts_the_flaws_of_contracts() {
    let folder = folder(&[("shop.yaml", SHOP), ("portcullis.yaml", POLICY)]);
    let output = run_in(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = told(&output);
    assert!(text.contains("contract of shop: 2 high, 2 medium, 1 low"), "{text}");
    assert!(
        text.contains("auth.undeclared × 1: No authentication is declared, first at shop.yaml:6:5"),
        "{text}"
    );
    let report = json(folder.path(), &["check", "--json"]);
    assert_eq!(report["contracts"][0]["flaws"].as_array().map(Vec::len), Some(5), "{report}");
}

#[test]
fn diff_tells_what_breaks_clients() {
    let newer = SHOP
        .replace("    get: {", "    get: { deprecated: true,")
        .replace("maxItems", "")
        .replace("type: array, items", "type: array, maxItems: 9, items");
    let folder = folder(&[("old.yaml", SHOP), ("new.yaml", &newer)]);
    let output = run_in(folder.path(), &["api", "diff", "old.yaml", "new.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let text = told(&output);
    for part in [
        "deprecated",
        "GET /orders",
        "POST /orders",
        "maxItems none became 9",
        "new.yaml:9",
        "2 changes, 1 breaking",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let found = json(folder.path(), &["api", "diff", "old.yaml", "new.yaml", "--breaking", "--json"]);
    assert_eq!(found["breaking"], true);
    assert_eq!(found["changes"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["changes"][0]["subject"], "body");
    let same = run_in(folder.path(), &["api", "diff", "old.yaml", "old.yaml"]);
    assert_eq!((same.status.code(), told(&same).as_str()), (Some(0), "no changes\n"));
    let missing = run_in(folder.path(), &["api", "diff", "old.yaml", "none.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_document_added_to_a_folder_is_taken_up() {
    let policy = "listen: [{ address: \"127.0.0.1:0\" }]\nsites:\n  s:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    \
                  contract: { files: [api] }\n    unknown_apis: block\n";
    let mut gateway = Gateway::prepare(policy);
    std::fs::create_dir(gateway.path("api")).expect("a folder");
    gateway.write("api/a.yaml", "openapi: 3.1.0\npaths: { /a: { get: {} } }\n");
    gateway.run();
    assert_eq!((gateway.get("/a").0, gateway.get("/b").0), (200, 404));
    gateway.write("api/b.yaml", "openapi: 3.1.0\npaths: { /b: { get: {} } }\n");
    gateway.await_until("the new document is declared", |gateway| (gateway.get("/b").0 == 200).then_some(()));
    gateway.write("api/c.yaml", "openapi: 3.1.0\npaths: { /a: { get: {} } }\n");
    let why = gateway.await_until("the clash is told", |gateway| {
        let status = gateway.json(&["top", "--once"]).remove(0);
        status["status"]["policy"]["rejected"].as_str().map(str::to_owned)
    });
    assert!(why.contains("`GET /a` is declared in two documents"), "{why}");
    assert_eq!(gateway.get("/b").0, 200, "the last good contract holds");
}

/// The documents of a server by their paths; with none it is out of order.
type Published = Arc<Mutex<BTreeMap<&'static str, String>>>;

/// A server of documents, each with the hash of its text as its tag; `If-None-Match` fields of requests go to the list.
fn publish(published: &Published) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (published, heard) = (Arc::clone(published), Arc::clone(&asked));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
            let tag = head.iter().find_map(|line| line.strip_prefix("if-none-match: ")).unwrap_or_default();
            heard.lock().expect("unpoisoned").push(tag.to_owned());
            let _ = stream.write_all(answer(&published, &path, tag).as_bytes());
        }
    });
    (address, asked)
}

fn answer(published: &Published, path: &str, tag: &str) -> String {
    let published = published.lock().expect("unpoisoned");
    let Some(text) = published.get(path) else {
        let status = if published.is_empty() { "503 Out" } else { "404 Not Found" };
        return format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    };
    let current = tag_of(text);
    if current == tag {
        return "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned();
    }
    format!("HTTP/1.1 200 OK\r\nETag: {current}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

fn tag_of(text: &str) -> String {
    format!("\"{}\"", blake3::hash(text.as_bytes()).to_hex())
}

fn offer(published: &Published, path: &'static str, text: &str) {
    published.lock().expect("unpoisoned").insert(path, text.to_owned());
}

fn declares(path: &str) -> String {
    format!("openapi: 3.1.0\nsecurity: []\npaths: {{ {path}: {{ get: {{}} }} }}\n")
}

#[test]
fn a_contract_by_url_is_fetched_kept_and_asked_for_again() {
    let published = Published::default();
    offer(&published, "/openapi.yaml", &declares("/a"));
    let (address, asked) = publish(&published);
    let policy = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nsites:\n  s:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    \
         contract: {{ files: [\"http://{address}/openapi.yaml\"], refresh: 1s }}\n    unknown_apis: block\n"
    );
    let mut gateway = Gateway::prepare(&policy);
    let checked = told(&gateway.command(&["check"]));
    assert!(checked.contains(&format!("http://{address}/openapi.yaml: fetched, ")), "{checked}");
    assert!(!gateway.path("data/contracts").exists(), "looking keeps nothing");
    gateway.run();
    assert_eq!((gateway.get("/a").0, gateway.get("/b").0), (200, 404));
    gateway.await_until("it is asked for by its tag", |_| {
        asked.lock().expect("unpoisoned").contains(&tag_of(&declares("/a"))).then_some(())
    });
    offer(&published, "/openapi.yaml", &declares("/b"));
    gateway.await_until("the new version is in force", |gateway| (gateway.get("/b").0 == 200).then_some(()));
    offer(&published, "/openapi.yaml", "openapi: [");
    let asks = || asked.lock().expect("unpoisoned").len();
    let before = asks();
    gateway.await_until("the broken one was offered", |_| (asks() > before + 2).then_some(()));
    assert_eq!(gateway.get("/b").0, 200, "the last good copy is in force");
    gateway.stop();
    published.lock().expect("unpoisoned").clear();
    gateway.run();
    assert_eq!(
        (gateway.get("/a").0, gateway.get("/b").0),
        (404, 200),
        "an outage is bridged by the kept copy"
    );
    let checked = told(&gateway.command(&["check"]));
    assert!(checked.contains("not fetched (it answered 503): the kept copy is used"), "{checked}");
}

#[test]
fn what_a_contract_by_url_refers_to_comes_from_its_server_and_changes_with_it() {
    let published = Published::default();
    let root = |paths: &str| format!("openapi: 3.1.0\nsecurity: []\npaths: {{ {paths} }}\n");
    offer(&published, "/v1/openapi.yaml", &root("/a: { $ref: paths/a.yaml }"));
    offer(&published, "/v1/paths/a.yaml", "$ref: '../../shared.yaml#/a'");
    offer(&published, "/shared.yaml", "a: { get: {} }");
    let (address, asked) = publish(&published);
    let policy = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nsites:\n  s:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    \
         contract: {{ files: [\"http://{address}/v1/openapi.yaml\"], refresh: 1s }}\n    unknown_apis: block\n"
    );
    let mut gateway = Gateway::prepare(&policy);
    let checked = told(&gateway.command(&["check"]));
    assert!(checked.contains(&format!("http://{address}/shared.yaml: fetched, ")), "{checked}");
    gateway.run();
    assert_eq!((gateway.get("/a").0, gateway.get("/b").0), (200, 404));
    offer(&published, "/v1/paths/a.yaml", "post: {}");
    gateway.await_until("a part has changed", |gateway| (gateway.get("/a").0 != 200).then_some(()));
    // A part that is not there yet keeps all as it was, until it is.
    offer(&published, "/v1/openapi.yaml", &root("/b: { $ref: paths/b.yaml }"));
    let asks = || asked.lock().expect("unpoisoned").len();
    let before = asks();
    gateway.await_until("it was offered", |_| (asks() > before + 3).then_some(()));
    assert_ne!(gateway.get("/b").0, 200);
    offer(&published, "/v1/paths/b.yaml", "get: {}");
    gateway.await_until("all of it is in force", |gateway| (gateway.get("/b").0 == 200).then_some(()));
    gateway.stop();
    published.lock().expect("unpoisoned").clear();
    gateway.run();
    assert_eq!(gateway.get("/b").0, 200, "an outage is bridged by all the kept copies");
}

#[test]
fn a_contract_by_url_that_was_never_there_is_a_mistake() {
    let (address, _) = publish(&Published::default());
    let policy = POLICY.replace("shop.yaml", &format!("\"http://{address}/x.yaml\""));
    let folder = folder(&[("portcullis.yaml", &policy)]);
    let output = run_in(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("could not be fetched: it answered 503"), "{}", told(&output));
}

#[test]
fn a_learned_operation_is_frozen_watched_and_promoted() {
    let policy = "listen: [{ address: \"127.0.0.1:0\" }]\nsites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n";
    let gateway = Gateway::start(policy);
    for report in 1..=5 {
        assert_eq!(gateway.get(&format!("/reports/{report}?page={report}")).0, 200);
    }
    let name = "GET /reports/{reportId}";
    gateway.await_until("the operation is learned", |gateway| {
        let found = &gateway.json(&["api", "ls"])[0]["operations"][0];
        (found["path"] == "/reports/{reportId}" && found["traffic"]["observed"] == 5).then_some(())
    });
    assert_eq!(gateway.command(&["api", "freeze", "GET /nothing"]).status.code(), Some(1));
    let frozen = told(&gateway.command(&["api", "freeze", name]));
    for part in [name, "low", "frozen: watched", "frozen: [frozen/shop.yaml]"] {
        assert!(frozen.contains(part), "{part} is missing in:\n{frozen}");
    }
    let document = std::fs::read_to_string(gateway.path("frozen/shop.yaml")).expect("written");
    assert!(document.contains("x-portcullis-checks: monitor"), "{document}");
    assert!(document.contains("x-portcullis-confidence"), "{document}");
    let again = told(&gateway.command(&["api", "freeze", name]));
    assert!(again.contains("it is frozen already"), "{again}");

    gateway.write_policy(&format!("{policy}    frozen: [frozen/shop.yaml]\n"));
    gateway.await_until("what is otherwise is marked", |gateway| {
        assert_eq!(gateway.get("/reports/7?debug=1").0, 200, "it is only watched");
        let marked = gateway.json(&["events", "--where", "tag(\"contract:invalid\")"]).pop()?;
        assert_eq!(marked["reasons"][0]["code"], "contract.unlike_learned");
        Some(())
    });
    let promoted = told(&gateway.command(&["api", "promote", name]));
    assert_eq!(promoted, format!("{name} is enforced now\n"));
    gateway
        .await_until("it is refused", |gateway| (gateway.get("/reports/7?debug=1").0 == 400).then_some(()));
    assert_eq!(gateway.get("/reports/7?page=3").0, 200);
    assert_eq!(gateway.command(&["api", "promote", name]).status.code(), Some(1), "nothing is left to do");
    assert!(told(&gateway.command(&["api", "promote", "--all", "--back"])).contains("is watched now"));
    gateway.await_until("it is watched again", |gateway| {
        (gateway.get("/reports/7?debug=1").0 == 200).then_some(())
    });
}
