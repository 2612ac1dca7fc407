//! Work on OpenAPI documents: what is risky in them.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::run_in;

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
