//! APIs found in a recording, as a document and as a table.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::run_in;

const CONTRACT: &str = "openapi: 3.0.3\ninfo: { title: Shop, version: '1' }\npaths:\n  /customers/{customerId}:\n    \
                        get: { responses: { '200': { description: ok } } }\n  /unused:\n    get: { responses: { '200': \
                        { description: ok } } }\n";

/// Customers, orders of theirs, a search, a page, a stranger's guess and what never was answered.
fn recording() -> String {
    let json = |value: Value| serde_json::json!({ "Content-Type": "application/json", "X": value.to_string().len() });
    let mut lines = Vec::new();
    let mut add = |method: &str, path: &str, status: u16, sent: Option<Value>, answered: Option<Value>| {
        let mut headers = serde_json::json!({ "Authorization": "Bearer abc" });
        if sent.is_some() {
            headers["Content-Type"] = "application/json".into();
        }
        let mut request = serde_json::json!({ "method": method, "url": format!("https://shop.test{path}"), "headers": headers });
        let mut response = serde_json::json!({ "status": status });
        if let Some(sent) = sent {
            request["body"] = sent.to_string().into();
        }
        if let Some(answered) = answered {
            response["headers"] = json(answered.clone());
            response["body"] = answered.to_string().into();
        }
        lines.push(serde_json::json!({ "request": request, "response": response }).to_string());
    };
    for id in 1..=6 {
        let customer =
            serde_json::json!({ "id": id, "name": "Ada", "tier": "gold", "mail": "ada@shop.test" });
        add("GET", &format!("/customers/{id}"), 200, None, Some(customer));
        let order = serde_json::json!({ "amount": id * 100, "state": "open" });
        let answer = serde_json::json!({ "orderId": id, "state": "open", "lines": [] });
        add("POST", &format!("/customers/{id}/orders"), 201, Some(order), Some(answer));
    }
    add("GET", "/customers/99", 404, None, None);
    add("GET", "/wp-login.php", 404, None, None);
    lines.push(r#"{"request":{"url":"https://shop.test/never"}}"#.to_owned());
    lines.join("\n")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("traffic.jsonl"), recording()).expect("a recording");
    std::fs::write(folder.path().join("openapi.yaml"), CONTRACT).expect("a contract");
    folder
}

fn discover(folder: &Path, options: &[&str]) -> Output {
    run_in(folder, &[&["discover", "traffic.jsonl"], options].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

#[test]
fn a_recording_becomes_a_document() {
    let folder = folder();
    let found = document(&discover(folder.path(), &["--json"]));
    let paths: Vec<&String> = found["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(paths, ["/customers/{customerId}", "/customers/{customerId}/orders"]);
    let order = &found["paths"]["/customers/{customerId}/orders"]["post"];
    let sent = &order["requestBody"]["content"]["application/json"]["schema"]["properties"];
    assert_eq!((&sent["amount"]["type"], &sent["state"]["type"]), (&"integer".into(), &"string".into()));
    assert_eq!(order["security"], serde_json::json!([{ "bearer": [] }]));
    assert!(
        order["responses"]["201"]["content"]["application/json"]["schema"]["properties"]["lines"].is_object()
    );
    let one = &found["paths"]["/customers/{customerId}"]["get"];
    assert_eq!(one["x-portcullis-statuses"], serde_json::json!({ "200": 6, "404": 1 }));
    assert!(
        !text(&discover(folder.path(), &["--json"]).stdout).contains("ada@shop.test"),
        "no value is written"
    );
}

#[test]
fn yaml_is_a_contract_that_check_takes() {
    let folder = folder();
    let yaml = discover(folder.path(), &[]);
    std::fs::write(folder.path().join("learned.yaml"), &yaml.stdout).expect("a file");
    let again =
        document(&discover(folder.path(), &["--contract", "learned.yaml", "--only", "documented", "--json"]));
    assert_eq!(again["paths"].as_object().expect("paths").len(), 2, "what was learned is now declared");
    assert!(text(&yaml.stderr).contains("2 operations"), "{}", text(&yaml.stderr));
    assert!(text(&yaml.stderr).contains("1 exchanges have no answer"), "{}", text(&yaml.stderr));
}

#[test]
fn shadows_alone_need_a_contract() {
    let folder = folder();
    let shadows =
        document(&discover(folder.path(), &["--contract", "openapi.yaml", "--only", "shadow", "--json"]));
    let paths: Vec<&String> = shadows["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(paths, ["/customers/{customerId}/orders"]);
    assert_eq!(discover(folder.path(), &["--only", "shadow"]).status.code(), Some(2));
    let table = text(&discover(folder.path(), &["--contract", "openapi.yaml", "--table"]).stdout);
    assert!(table.contains("shadow") && table.contains("dormant") && table.contains("documented"), "{table}");
}

/// A validator of others, which holds documents against the official schema. `cargo xtask test` installs it and names
/// its program; without it, this says so and checks nothing.
#[test]
#[allow(clippy::print_stderr, reason = "a test says what it skips")]
fn the_document_is_valid_by_the_official_schema() {
    let Some(validator) = std::env::var_os("PORTCULLIS_OPENAPI_VALIDATOR") else {
        eprintln!("skipped: PORTCULLIS_OPENAPI_VALIDATOR names no validator");
        return;
    };
    let folder = folder();
    let validate = |text: &[u8]| {
        std::fs::write(folder.path().join("document.json"), text).expect("a file");
        let mut command = std::process::Command::new(&validator);
        command.arg("document.json").current_dir(folder.path()).output().expect("the validator runs")
    };
    let document = discover(folder.path(), &["--json"]);
    let verdict = validate(&document.stdout);
    assert!(verdict.status.success(), "{}", text(&verdict.stdout));
    for (key, other) in [("\"responses\"", "\"answers\""), ("\"info\"", "\"inf\"")] {
        let broken = text(&document.stdout).replacen(key, other, 1);
        assert!(!validate(broken.as_bytes()).status.success(), "without {key} it is no document");
    }
}
