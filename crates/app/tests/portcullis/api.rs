//! What was learned, asked of a running gateway and of its files.

use serde_json::Value;

use crate::harness::{Gateway, SHOP, exchange};

const CONTRACT: &str = "openapi: 3.0.3
info: { title: Shop, version: '1' }
paths:
  /customers/{customerId}:
    get:
      parameters: [{ name: page, in: query, schema: { type: integer } }]
      responses: { '200': { description: ok } }
    delete: { responses: { '204': { description: ok } } }
  /tariffs:
    get: { security: [], responses: { '200': { description: ok } } }
";

fn shop() -> Gateway {
    Gateway::start_with_contract(SHOP, CONTRACT)
}

/// `[standing, method and path, observed]` of every operation.
fn operations(gateway: &Gateway) -> Vec<(String, String, u64)> {
    let found = &gateway.json(&["api", "ls"])[0]["operations"];
    let text = |operation: &Value, key: &str| operation[key].as_str().expect("text").to_owned();
    let one = |operation: &Value| {
        let name = format!("{} {}", text(operation, "method"), text(operation, "path"));
        (text(operation, "standing"), name, operation["traffic"]["observed"].as_u64().unwrap_or(0))
    };
    found.as_array().expect("operations").iter().map(one).collect()
}

fn expected() -> Vec<(String, String, u64)> {
    vec![
        ("dormant".to_owned(), "DELETE /customers/{customerId}".to_owned(), 0),
        ("documented".to_owned(), "GET /customers/{customerId}".to_owned(), 2),
        ("shadow".to_owned(), "GET /reports/{reportId}".to_owned(), 3),
        ("dormant".to_owned(), "GET /tariffs".to_owned(), 0),
    ]
}

fn call(gateway: &Gateway) {
    for path in ["/customers/1", "/customers/2", "/reports/7", "/reports/8", "/reports/9"] {
        assert_eq!(gateway.get(path).0, 200);
    }
    gateway.await_until("all were looked at", |gateway| (operations(gateway) == expected()).then_some(()));
}

#[test]
fn what_was_learned_is_told_at_once_and_outlives_a_kill() {
    let mut gateway = shop();
    call(&gateway);
    gateway.kill();
    assert_eq!(operations(&gateway), expected(), "the files say what the gateway said");
    gateway.run();
    assert_eq!(operations(&gateway), expected());
    assert_eq!(gateway.get("/reports/10").0, 200);
    gateway.await_until("it goes on from there", |gateway| (operations(gateway)[2].2 == 4).then_some(()));
}

#[test]
fn events_carry_the_name_that_was_learned() {
    let gateway = shop();
    call(&gateway);
    assert_eq!(gateway.get("/reports/11").0, 200);
    let named = gateway.await_until("the event is committed", |gateway| {
        gateway.json(&["events", "--where", "path == \"/reports/11\""]).pop()
    });
    assert_eq!(named["operation"]["name"], "GET /reports/{reportId}");
    let shown = &gateway.json(&["api", "show", "GET /reports/{reportId}"])[0];
    assert_eq!(shown["id"], named["operation"]["id"]);
    assert_eq!(gateway.command(&["api", "show", "GET /nothing"]).status.code(), Some(1));
}

#[test]
fn a_shadow_operation_is_a_finding_at_its_first_answer() {
    let mut gateway = shop();
    assert_eq!(gateway.get("/reports/7").0, 200);
    let finding = gateway.await_until("it is found", |gateway| found(gateway, "shadow_operation"));
    assert_eq!(finding["operation"]["name"], "GET /reports/{reportId}");
    assert_eq!((&finding["count"], &finding["site"]), (&1.into(), &"shop".into()));
    let answer = finding["evidence"][0]["text"].as_str().expect("evidence");
    assert_eq!(answer, "200 application/json {path}", "names of fields, no value");
    gateway.kill();
    gateway.run();
    assert_eq!(gateway.get("/reports/8").0, 200);
    gateway.await_until("it is counted on", |gateway| {
        let again = found(gateway, "shadow_operation")?;
        (again["id"] == finding["id"] && again["count"] == 2).then_some(())
    });
}

#[test]
fn a_field_that_carries_sensitive_data_is_a_finding() {
    let gateway = shop();
    // The site answers with the path it was asked for.
    assert_eq!(gateway.get("/customers/mailto:anna.schmidt@example.com").0, 200);
    let finding = gateway.await_until("it is found", |gateway| found(gateway, "sensitive_field"));
    assert_eq!(finding["operation"]["name"], "GET /customers/{customerId}");
    assert!(finding["title"].as_str().expect("a title").contains("in path"), "{finding}");
    assert!(!finding.to_string().contains("schmidt"), "no value is told: {finding}");
    let shown = gateway.json(&["api", "show", "GET /customers/{customerId}"]);
    let data = serde_json::json!([
        { "place": "response_body", "field": "path", "class": "email", "confidence": "sure", "count": 1 }
    ]);
    assert_eq!(shown[0]["traffic"]["data"], data, "{shown:?}");
    let paths = |condition: &str| {
        let found = gateway.json(&["api", "ls", "--where", condition]);
        found[0]["operations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(paths("standing == DOCUMENTED && data.contains(\"email\")"), 1);
    assert_eq!(paths("standing == SHADOW && data.contains(\"email\")"), 0);
    let refused = gateway.command(&["api", "ls", "--where", "standing == SHADY"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SHADY"), "{refused:?}");
    assert!(!refused.status.success());
    assert!(shown[0]["risk_reasons"].to_string().contains("sensitive data"), "{shown:?}");
}

#[test]
fn a_credential_answered_where_callers_sign_in_is_no_alarm() {
    let mut gateway = Gateway::prepare(SHOP);
    let paths =
        "  /sessions/{token}:\n    post: { security: [], responses: { '200': { description: ok } } }\n";
    gateway.write("openapi.yaml", &format!("{CONTRACT}{paths}"));
    gateway.run();
    // The site answers with the path it was asked for: what it ends with is read as a key by anybody.
    let key = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    for method in ["POST", "PUT"] {
        let message = format!(
            "{method} /sessions/{key} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(exchange(gateway.address(), &message).expect("answered").0, 200);
    }
    let told = gateway.await_until("both are found", |gateway| {
        let found = gateway.json(&["findings"]).into_iter().filter(|one| one["kind"] == "sensitive_field");
        let mut told: Vec<_> =
            found.map(|one| (one["operation"]["name"].to_string(), one["severity"].clone())).collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        (told.len() == 2).then_some(told)
    });
    assert!(told[0].0.contains("POST /sessions") && told[0].1 == "low", "{told:?}");
    assert!(told[1].0.contains("PUT /sessions") && told[1].1 == "critical", "{told:?}");
}

fn found(gateway: &Gateway, kind: &str) -> Option<Value> {
    gateway.json(&["findings"]).into_iter().find(|finding| finding["kind"] == kind)
}

/// Ten calls with a credential, then one without.
fn drop_the_credential(gateway: &Gateway, target: &str, name: &str) {
    let message = format!(
        "GET {target} HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer a.b.c\r\nConnection: close\r\n\r\n"
    );
    for _ in 0..10 {
        assert_eq!(exchange(gateway.address(), &message).expect("answered").0, 200);
    }
    let shown = |gateway: &Gateway| gateway.json(&["api", "show", name])[0].clone();
    gateway.await_until("it is known how they call", |gateway| {
        let shown = shown(gateway);
        (shown["traffic"]["observed"] == 10 && shown["authenticated"] == "always").then_some(())
    });
    assert!(found(gateway, "auth_dropped").is_none());
    assert_eq!(gateway.get(target).0, 200);
    gateway
        .await_until("it is seen", |gateway| (shown(gateway)["authenticated"] == "sometimes").then_some(()));
}

#[test]
fn an_operation_that_answers_without_the_credential_it_had_is_a_finding() {
    let gateway = shop();
    drop_the_credential(&gateway, "/customers/7", "GET /customers/{customerId}");
    let finding = gateway.await_until("it is found", |gateway| found(gateway, "auth_dropped"));
    assert_eq!(finding["severity"], "high");
}

#[test]
fn an_operation_that_is_declared_for_anyone_drops_no_credential() {
    let gateway = shop();
    drop_the_credential(&gateway, "/tariffs", "GET /tariffs");
    // What was seen later is found later: the first would stand beside it.
    drop_the_credential(&gateway, "/customers/7", "GET /customers/{customerId}");
    let finding = gateway.await_until("the other is found", |gateway| found(gateway, "auth_dropped"));
    assert_eq!(finding["operation"]["name"], "GET /customers/{customerId}");
    let findings = gateway.json(&["findings"]);
    assert_eq!(
        findings.iter().filter(|finding| finding["kind"] == "auth_dropped").count(),
        1,
        "{findings:?}"
    );
}

#[test]
fn the_inventory_is_exported_as_a_contract_that_loads() {
    let mut gateway = shop();
    call(&gateway);
    let exported = gateway.command(&["api", "export", "--site", "shop"]);
    assert!(exported.status.success());
    let document = String::from_utf8(exported.stdout).expect("UTF-8");
    gateway.stop();
    gateway.write("openapi.yaml", &document);
    gateway.run();
    assert_eq!(gateway.get("/reports/12").0, 200);
    let event = gateway.await_until("the event is committed", |gateway| {
        gateway.json(&["events", "--where", "path == \"/reports/12\""]).pop()
    });
    assert_eq!(event["operation"]["standing"], "documented", "{document}");
}

#[test]
fn an_inventory_that_cannot_be_kept_stops_nothing() {
    let gateway = Gateway::prepare(SHOP);
    gateway.write("openapi.yaml", CONTRACT);
    // A folder where the file should be: cannot be opened, whoever runs the test.
    std::fs::create_dir_all(gateway.path("data/inventory.db")).expect("made");
    let mut gateway = gateway;
    gateway.run();
    call(&gateway);
    let status = &gateway.json(&["top", "--once"])[0]["status"];
    assert!(status["learning"]["failing"].is_string(), "{status}");
}

#[test]
fn a_policy_that_learns_nothing_says_so() {
    let gateway = Gateway::prepare(&format!("{SHOP}inventory: off\n"));
    gateway.write("openapi.yaml", CONTRACT);
    let mut gateway = gateway;
    gateway.run();
    assert_eq!(gateway.get("/reports/7").0, 200);
    let answer = gateway.command(&["api", "ls"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("learns nothing"));
    assert!(!gateway.path("data/inventory.db").exists());
}

#[test]
fn people_merge_and_split_and_it_outlives_a_kill() {
    let mut gateway = shop();
    let names = |gateway: &Gateway| -> Vec<String> {
        operations(gateway)
            .into_iter()
            .map(|(_, name, _)| name)
            .filter(|name| name.contains("plan"))
            .collect()
    };
    assert_eq!(gateway.get("/plans/basic").0, 200);
    gateway.await_until("it was looked at", |gateway| (names(gateway) == ["GET /plans/basic"]).then_some(()));
    let shadows = |gateway: &Gateway| -> Vec<Value> {
        let found = gateway.json(&["findings", "--all", "--kind", "shadow_operation"]);
        found.into_iter().filter(|finding| finding["title"].to_string().contains("/plans/")).collect()
    };
    let known = gateway.await_until("it is found", |gateway| shadows(gateway).pop());
    let id = known["id"].as_str().expect("an id");
    assert!(gateway.command(&["findings", "ack", id]).status.success());
    assert!(gateway.command(&["api", "merge", "/plans/{plan}"]).status.success());
    assert_eq!(names(&gateway), ["GET /plans/{planName}"]);
    assert_eq!(gateway.get("/plans/gold").0, 200);
    // What was said of it goes along: nobody hears of it anew.
    gateway.await_until("its finding follows", |gateway| {
        let found = shadows(gateway);
        let named = |finding: &Value| finding["title"].to_string().contains("/plans/{planName}");
        found.iter().any(named).then(|| {
            let state = &found[0]["state"]["is"];
            assert_eq!(
                (found.len(), state, found[0]["id"] == known["id"]),
                (1, &"acknowledged".into(), false)
            );
        })
    });
    assert!(gateway.command(&["api", "split", "/plans/special"]).status.success());
    assert_eq!(gateway.get("/plans/special").0, 200);
    let both = ["GET /plans/special", "GET /plans/{planName}"];
    gateway.await_until("it was looked at", |gateway| (names(gateway) == both).then_some(()));
    assert!(gateway.command(&["api", "merge", "/plans/special"]).status.success());
    assert_eq!(names(&gateway), ["GET /plans/{planName}"]);
    assert!(gateway.command(&["api", "split", "/plans/special"]).status.success());
    assert_eq!(names(&gateway), both);
    gateway.kill();
    gateway.run();
    assert_eq!(names(&gateway), both);
    assert_eq!(gateway.command(&["api", "merge", "plans"]).status.code(), Some(1));
}

#[test]
fn traffic_and_contract_are_told_apart() {
    let gateway = shop();
    call(&gateway);
    assert_eq!(gateway.get("/customers/3?expand=all&page=first").0, 200);
    let told = gateway.command(&["api", "diff", "shop", "--json"]);
    assert_eq!(told.status.code(), Some(1), "something is not declared");
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let differences = told["differences"].as_array().expect("differences");
    let said = |operation: &str, place: Option<&str>| {
        let known =
            differences.iter().find(|one| one["operation"] == operation && one["place"].as_str() == place);
        known.map(|one| one["what"].as_str().expect("text").to_owned())
    };
    assert_eq!(said("GET /reports/{reportId}", None).as_deref(), Some("not declared"), "{told}");
    assert_eq!(
        said("GET /customers/{customerId}", Some("query.expand")).as_deref(),
        Some("not declared"),
        "{told}"
    );
    assert_eq!(
        said("GET /customers/{customerId}", Some("query.page as string")).as_deref(),
        Some("another type than declared"),
        "{told}"
    );
    let expand = differences.iter().find(|one| one["place"] == "query.expand").expect("the parameter");
    let event = expand["example"]["event"].as_str().expect("an example");
    let shown = gateway.await_until("its event is committed", |gateway| {
        gateway.json(&["events", "--where", "query_string.startsWith(\"expand=all\")"]).pop()
    });
    assert_eq!(shown["id"].as_str(), Some(event), "{expand}");
    assert_eq!(said("DELETE /customers/{customerId}", None).as_deref(), Some("declared and not called"));
    assert_eq!(gateway.command(&["api", "diff", "nowhere"]).status.code(), Some(2));
}

#[test]
fn an_ignored_operation_is_not_heard_of_until_it_is_watched_again() {
    let mut gateway = shop();
    call(&gateway);
    let shadows = |gateway: &Gateway| {
        let found = gateway.json(&["api", "ls", "--standing", "shadow"]);
        found[0]["operations"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(shadows(&gateway), 1);
    let ignored = gateway.json(&["api", "ignore", "GET /reports/{reportId}"]);
    assert_eq!(ignored[0]["operations"][0]["ignored"], true, "{ignored:?}");
    gateway.kill();
    gateway.run();
    assert_eq!(shadows(&gateway), 0, "it is remembered");
    let asked = gateway.json(&["api", "ls", "--where", "ignored && standing == SHADOW"]);
    assert_eq!(asked[0]["operations"].as_array().map_or(0, Vec::len), 1, "{asked:?}");
    gateway.json(&["api", "watch", "GET /reports/{reportId}"]);
    assert_eq!(shadows(&gateway), 1);
    gateway.json(&["api", "ignore", "GET /reports/{reportId}"]);
    gateway.json(&["api", "ignore", "--undo", "GET /reports/{reportId}"]);
    assert_eq!(shadows(&gateway), 1);
    let unknown = gateway.command(&["api", "ignore", "GET /nothing"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no operation"), "{unknown:?}");
}

#[test]
fn a_learned_operation_is_adopted_into_the_contract_as_a_diff() {
    let gateway = shop();
    gateway.write("openapi.yaml", &format!("# ours\n{CONTRACT}"));
    call(&gateway);
    let file = gateway.path("openapi.yaml");
    let adopt = |more: &[&str]| {
        let file = file.to_str().expect("UTF-8");
        let command = [&["api", "adopt", "GET /reports/{reportId}", "--into", file], more].concat();
        gateway.command(&command)
    };
    let shown = adopt(&[]);
    let diff = String::from_utf8(shown.stdout.clone()).expect("UTF-8");
    assert!(shown.status.success() && diff.contains("+  \"/reports/{reportId}\":\n+    get:\n"), "{shown:?}");
    assert!(!diff.contains("\n-") && !diff.contains("x-portcullis"), "nothing of ours is changed: {diff}");
    let text = || std::fs::read_to_string(&file).expect("the document");
    assert!(!text().contains("/reports"), "shown, not written");
    assert!(adopt(&["--write"]).status.success());
    assert!(text().starts_with("# ours\n") && text().contains("/reports/{reportId}"), "{}", text());
    gateway.signal("-HUP");
    gateway.await_until("it is documented", |gateway| {
        assert_eq!(gateway.get("/reports/12").0, 200);
        operations(gateway)
            .iter()
            .any(|(standing, name, _)| standing == "documented" && name.contains("reports"))
            .then_some(())
    });
    assert!(String::from_utf8_lossy(&adopt(&[]).stderr).contains("there already"));
}
