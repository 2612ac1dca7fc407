//! `portcullis rules test`: a team's own tests of its own rules, its table, its JSON and its exit codes.

use crate::harness::Gateway;

const POLICY: &str = r#"
listen: ["127.0.0.1:0"]
sites:
  any:
    hosts: ["*"]
    upstream: { servers: [UPSTREAM] }
    filter: { rules: [{ seclang: [own.conf] }] }
"#;

const RULES: &str =
    "SecRule ARGS|XML:/* \"@contains evil\" \"id:7,phase:2,deny,status:403,msg:'It is evil'\"\n";

const TESTS: &str = r#"
rule_id: 7
tests:
  - test_id: 1
    desc: evil is refused
    stages:
      - input: { uri: "/?q=evil", headers: { Host: shop.test } }
        output: { status: 403, log: { expect_ids: [7] } }
  - test_id: 2
    desc: what the site answers gets through
    stages:
      - input: { method: POST, uri: /reflect, headers: { Host: shop.test, Content-Type: application/json }, data: '{"body": "good"}' }
        output: { status: 200, response_contains: good, log: { no_expect_ids: [7] } }
"#;

const WRONG: &str = r"
rule_id: 8
tests:
  - test_id: 1
    desc: expects what does not come
    stages: [{ input: { headers: { Host: shop.test } }, output: { log: { expect_ids: [7] } } }]
";

const KNOWN: &str = "test_overrides: [{ rule_id: 8, test_ids: [1], reason: it is being mended }]\n";

fn prepared() -> Gateway {
    let gateway = Gateway::prepare(POLICY);
    gateway.write("own.conf", RULES);
    std::fs::create_dir(gateway.path("tests")).expect("a folder");
    gateway.write("tests/seven.yaml", TESTS);
    gateway
}

/// The exit code and what is printed.
fn run(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let output = gateway.command(&[&["rules", "test"], arguments].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn tests_that_pass_are_counted() {
    let gateway = prepared();
    let (code, table) = run(&gateway, &["tests"]);
    assert_eq!(code, Some(0), "{table}");
    assert!(table.lines().any(|line| line.contains("all") && line.contains('2')), "{table}");
    let report = gateway.json(&["rules", "test", "tests", "--only", "7-1"]).remove(0);
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &0.into()), "{report}");
    assert_eq!(report["tests"][0]["test"], "7-1");
}

#[test]
fn a_failed_test_is_explained_and_an_override_leaves_it_out() {
    let gateway = prepared();
    gateway.write("tests/eight.yaml", WRONG);
    gateway.write("known.yaml", KNOWN);
    let (code, table) = run(&gateway, &["tests"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("8-1") && table.contains("rule 7 did not match"), "{table}");
    let (code, table) = run(&gateway, &["tests", "--overrides", "known.yaml"]);
    assert_eq!(code, Some(0), "{table}");
}

#[test]
fn broken_tests_and_none_at_all_are_mistakes() {
    let gateway = prepared();
    assert_eq!(run(&gateway, &["tests", "--only", "9"]).0, Some(2));
    gateway.write("tests/broken.yaml", "rule_id: nine\ntests: []\n");
    assert_eq!(run(&gateway, &["tests"]).0, Some(1));
}
