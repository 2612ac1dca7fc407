//! Calls that share one path: learned apart, held against the contract, found, ruled over.

use serde_json::{Value, json};

use crate::harness::{Gateway, SHOP, exchange, run_in};

const RULES: &str = r#"    rules:
      - { name: no-wiping, when: 'tag("call:users.wipe")', action: block }
"#;

const CONTRACT: &str = "openapi: 3.0.3\ninfo: { title: Shop, version: '1' }\npaths:\n  /rpc:\n    post:\n      \
                        x-portcullis-calls: [{ protocol: JSON-RPC, name: users.get }, { protocol: JSON-RPC, name: users.rare }]\n      \
                        responses: { '200': { description: ok } }\n";

fn shop() -> Gateway {
    Gateway::start_with_contract(&format!("{SHOP}{RULES}"), CONTRACT)
}

/// The status of a call of these methods, a batch if there are several.
fn rpc(gateway: &Gateway, methods: &[&str]) -> u16 {
    let calls: Vec<Value> = methods
        .iter()
        .enumerate()
        .map(|(id, method)| json!({ "jsonrpc": "2.0", "method": method, "params": { "user": 7 }, "id": id }))
        .collect();
    let body = if let [one] = calls.as_slice() { one.to_string() } else { Value::from(calls).to_string() };
    let message = format!(
        "POST /rpc HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{body}",
        body.len()
    );
    exchange(gateway.address(), &message).expect("answered").0
}

/// `name: standing, exchanges` of every call of an operation.
fn calls(gateway: &Gateway, operation: &str) -> Vec<String> {
    let shown = &gateway.json(&["api", "show", operation])[0];
    let told = |call: &Value| {
        let text = |key: &str| call[key].as_str().unwrap_or("-").to_owned();
        format!("{}: {}, {}", text("name"), text("standing"), call["exchanges"])
    };
    shown["calls"].as_array().map(|calls| calls.iter().map(told).collect()).unwrap_or_default()
}

#[test]
fn methods_of_json_rpc_are_learned_apart_and_an_undeclared_one_is_found_at_its_first_answer() {
    let mut gateway = shop();
    // More than are looked at of one operation: each call has its own first exchanges.
    for _ in 0..60 {
        assert_eq!(rpc(&gateway, &["users.get"]), 200);
    }
    assert_eq!(rpc(&gateway, &["users.drop", "users.list"]), 200);
    let finding = gateway.await_until("it is found", |gateway| {
        let found = gateway.json(&["findings"]);
        found.into_iter().find(|finding| finding["subject"] == "JSON-RPC users.drop")
    });
    assert_eq!(finding["kind"], "shadow_operation");
    assert_eq!(finding["operation"]["name"], "POST /rpc");
    let expected = [
        "users.drop: shadow, 1",
        "users.get: documented, 50",
        "users.list: shadow, 1",
        "users.rare: dormant, 0",
    ];
    gateway.await_until("all are shown", |gateway| (calls(gateway, "POST /rpc") == expected).then_some(()));
    gateway.kill();
    assert_eq!(calls(&gateway, "POST /rpc"), expected, "the files say what the gateway said");
    gateway.run();
    let people = gateway.command(&["api", "ls"]);
    assert!(String::from_utf8_lossy(&people.stdout).contains("· JSON-RPC users.drop"), "{people:?}");
    let asked = gateway.json(&["api", "ls", "--where", "\"users.drop\" in calls"]);
    assert_eq!(asked[0]["operations"].as_array().map_or(0, Vec::len), 1, "{asked:?}");
}

#[test]
fn a_rule_stops_one_call_of_many_also_in_a_batch() {
    let gateway = shop();
    assert_eq!(rpc(&gateway, &["users.get"]), 200);
    assert_eq!(rpc(&gateway, &["users.wipe"]), 403);
    assert_eq!(rpc(&gateway, &["users.get", "users.wipe"]), 403);
    let refused = gateway.await_until("the events are committed", |gateway| {
        let found = gateway.json(&["events", "--where", "tag(\"call:users.wipe\")"]);
        (found.len() == 2).then_some(found)
    });
    assert_eq!(refused[0]["verdict"]["action"], "block");
    gateway.await_until("what was answered is learned", |gateway| {
        (calls(gateway, "POST /rpc") == ["users.get: documented, 1", "users.rare: dormant, 0"]).then_some(())
    });
}

#[test]
fn a_call_is_adopted_into_the_operation_that_takes_it() {
    let gateway = shop();
    assert_eq!(rpc(&gateway, &["users.get", "users.list"]), 200);
    gateway.await_until("it is found", |gateway| {
        calls(gateway, "POST /rpc").contains(&"users.list: shadow, 1".to_owned()).then_some(())
    });
    let diff = gateway.command(&["api", "adopt", "POST /rpc", "--write"]);
    assert!(diff.status.success(), "{diff:?}");
    let document = std::fs::read_to_string(gateway.path("openapi.yaml")).expect("the document");
    let line = "{ protocol: JSON-RPC, name: users.rare }, { protocol: JSON-RPC, name: users.list }]\n";
    assert!(document.contains(line), "{document}");
    gateway.signal("-HUP");
    gateway.await_until("it is declared", |gateway| {
        calls(gateway, "POST /rpc").contains(&"users.list: documented, 1".to_owned()).then_some(())
    });
    let again = gateway.command(&["api", "adopt", "POST /rpc"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("`post` is there already"), "{again:?}");
    gateway.write("shop.graphql", "type Query { me: User }");
    let schema = gateway.command(&["api", "adopt", "POST /rpc", "--into", "shop.graphql"]);
    assert_eq!(schema.status.code(), Some(2), "{schema:?}");
    assert!(String::from_utf8_lossy(&schema.stderr).contains("is a schema of GraphQL"), "{schema:?}");
}

#[test]
fn a_schema_of_graphql_says_what_may_be_called() {
    let policy = SHOP
        .replace("openapi.yaml", "shop.graphql, empty.binpb")
        .replace("unknown_apis: monitor", "unknown_apis: block");
    let mut gateway = Gateway::prepare(&policy);
    gateway.write("shop.graphql", "type Query { me: User\n old: Int @deprecated\n rare: Int }");
    let broken = gateway.command(&["check"]);
    assert_eq!(broken.status.code(), Some(1));
    let told =
        String::from_utf8_lossy(&broken.stdout).into_owned() + &String::from_utf8_lossy(&broken.stderr);
    assert!(told.contains("empty.binpb"), "{told}");
    gateway.write("empty.binpb", "");
    gateway.run();
    let ask = |query: &str| {
        let body = json!({ "query": query }).to_string();
        let message = format!(
            "POST /graphql HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        exchange(gateway.address(), &message).expect("answered").0
    };
    assert_eq!([ask("{ me { id } }"), ask("{ old __typename }")], [200, 200]);
    let before = gateway.site.count();
    assert_eq!([ask("{ me { id } users { id } }"), ask("mutation { me { id } }")], [404, 404]);
    assert_eq!(gateway.site.count(), before, "nothing of them reached the upstream");
    let refused = gateway.await_until("the events are committed", |gateway| {
        let found = gateway.json(&["events", "--where", "verdict == BLOCK"]);
        (found.len() == 2).then_some(found)
    });
    let reasons: Vec<&str> = refused
        .iter()
        .flat_map(|event| event["reasons"].as_array().expect("reasons"))
        .filter_map(|reason| reason["detail"].as_str())
        .collect();
    assert!(
        reasons.contains(&"GraphQL query users") && reasons.contains(&"GraphQL mutation me"),
        "{refused:?}"
    );
    // What the upstream answers is no answer of GraphQL, so nothing was carried out.
    let expected = ["query me: dormant, 0", "query old: dormant, 0", "query rare: dormant, 0"];
    gateway
        .await_until("all are shown", |gateway| (calls(gateway, "POST /graphql") == expected).then_some(()));
}

/// A line of a recording.
fn line(
    (method, path): (&str, &str),
    sent: (&str, &str),
    status: u16,
    (media_type, answered): (&str, &str),
    headers: &Value,
) -> String {
    let mut request = json!({ "method": method, "url": format!("https://shop.test{path}") });
    request["headers"] = json!({ "Content-Type": sent.0 });
    if !sent.1.is_empty() {
        request["body"] = sent.1.into();
    }
    let mut response = json!({ "status": status, "headers": headers, "body": answered });
    response["headers"]["Content-Type"] = media_type.into();
    json!({ "request": request, "response": response }).to_string()
}

#[test]
fn every_protocol_is_recognised_in_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = "application/json";
    let graphql = |query: &str, answer: &str| {
        line(
            ("POST", "/graphql"),
            (json, &json!({ "query": query }).to_string()),
            200,
            (json, answer),
            &json!({}),
        )
    };
    let envelope = |inner: &str| format!("<s:Envelope xmlns:s=\"x\"><s:Body>{inner}</s:Body></s:Envelope>");
    let soap = |inner: &str, answer: &str| {
        let (sent, answered) = (envelope(inner), envelope(answer));
        line(("POST", "/soap"), ("text/xml", &sent), 200, ("text/xml", &answered), &json!({}))
    };
    let grpc = |method: &str, status: &str| {
        let (path, kind) = (format!("/shop.Orders/{method}"), "application/grpc");
        line(("POST", &path), (kind, ""), 200, (kind, ""), &json!({ "grpc-status": status }))
    };
    let upgrade =
        json!({ "Upgrade": "websocket", "Sec-WebSocket-Accept": "x", "Sec-WebSocket-Protocol": "chat" });
    let lines = [
        graphql(
            "query Cart($by: Order!) { cart { id } mine: orders(by: $by) { ... on Sale { id } } }",
            r#"{"data":{"cart":{"id":1},"mine":[]}}"#,
        ),
        graphql("mutation { dropUser(id: 1) }", r#"{"data":{"dropUser":true}}"#),
        graphql("mutation { guess }", r#"{"errors":[{"message":"no such field"}]}"#),
        line(
            ("GET", "/graphql?query=%7Bme%7Bid%7D%7D"),
            (json, ""),
            200,
            (json, r#"{"data":{"me":{"id":1}}}"#),
            &json!({}),
        ),
        soap("<GetPrice/>", "<Price>7</Price>"),
        soap("<GetNothing/>", "<s:Fault/>"),
        grpc("List", "0"),
        grpc("Guess", "12"),
        line(("GET", "/live"), (json, ""), 101, ("", ""), &upgrade),
    ];
    std::fs::write(folder.path().join("traffic.jsonl"), lines.join("\n")).expect("a recording");
    let found = run_in(folder.path(), &["discover", "traffic.jsonl", "--json"]);
    let document: Value = serde_json::from_slice(&found.stdout).expect("a document");
    let calls = |path: &str, method: &str| -> Vec<String> {
        let calls = document["paths"][path][method]["x-portcullis-calls"].as_array().cloned();
        calls.unwrap_or_default().iter().map(|call| call["name"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(calls("/graphql", "post"), ["mutation dropUser", "query cart", "query orders"], "{document}");
    assert_eq!(calls("/graphql", "get"), ["query me"]);
    assert_eq!(calls("/soap", "post"), ["GetPrice"]);
    let spoken = |path: &str, method: &str| document["paths"][path][method]["x-portcullis-spoken"].clone();
    assert_eq!(spoken("/shop.Orders/List", "post"), json!([{ "protocol": "gRPC", "streams": "unary" }]));
    assert_eq!(spoken("/live", "get"), json!([{ "protocol": "WebSocket", "subprotocol": "chat" }]));
    assert!(document["paths"]["/shop.Orders/Guess"].is_null(), "what is refused is no operation");
    let cart = &document["paths"]["/graphql"]["post"]["x-portcullis-calls"][1];
    assert_eq!((&cart["clientNames"], &cart["answer"]["type"]), (&json!(["Cart"]), &"object".into()));
    assert_eq!(cart["types"], json!(["Order", "Sale"]));
}

#[test]
fn an_older_version_beside_a_newer_one_is_found_wherever_it_is_named() {
    let gateway = shop();
    let get = |path: &str, fields: &str| {
        let message = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n{fields}Connection: close\r\n\r\n");
        assert_eq!(exchange(gateway.address(), &message).expect("answered").0, 200);
    };
    // No answer vouches for them: three make them more than a guess.
    for _ in 0..3 {
        get("/orders", "Api-Version: 2026-01-31\r\n");
        get("/orders", "Api-Version: 2024-06-01\r\n");
        get("/carts", "Accept: application/vnd.acme.v1+json\r\n");
    }
    get("/v2/carts", "");
    for subject in ["version 2024-06-01 (header api-version)", "version v1 (media type)"] {
        let finding = gateway.await_until("it is found", |gateway| {
            gateway.json(&["findings"]).into_iter().find(|finding| finding["subject"] == subject)
        });
        assert_eq!(finding["kind"], "zombie_called");
    }
    let shown = &gateway.json(&["api", "show", "GET /orders"])[0]["versions"];
    let told: Vec<_> = shown
        .as_array()
        .expect("versions")
        .iter()
        .map(|one| {
            (one["version"].as_str().expect("text"), one["standing"].as_str(), one["exchanges"].as_u64())
        })
        .collect();
    assert_eq!(told, [("2024-06-01", Some("zombie"), Some(3)), ("2026-01-31", None, Some(3))]);
    let asked = gateway.json(&["api", "ls", "--where", "\"v1\" in versions"]);
    assert_eq!(asked[0]["operations"][0]["path"], "/carts", "{asked:?}");
    let people = gateway.command(&["api", "show", "GET /carts"]);
    let text = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(text.contains("v1 (media type); zombie") && text.contains("GET /v2/carts"), "{text}");
}

#[test]
fn calls_are_learned_where_nothing_else_reads_bodies() {
    let gateway = Gateway::start_with_contract(&format!("{SHOP}    filter: off\n"), CONTRACT);
    assert_eq!(rpc(&gateway, &["users.get", "users.list"]), 200);
    let expected = ["users.get: documented, 1", "users.list: shadow, 1", "users.rare: dormant, 0"];
    gateway
        .await_until("both are learned", |gateway| (calls(gateway, "POST /rpc") == expected).then_some(()));
}
