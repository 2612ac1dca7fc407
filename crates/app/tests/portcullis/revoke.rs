//! Credentials taken back on one of two gateways, and refused on both.

use crate::harness::{Gateway, exchange_whole};
use crate::redis::Redis;

/// Tokens of the key below, with the claims `sub`, `jti`, and an `exp` in 2099.
const ANNA_1: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5hIiwianRpIjoidG9rZW4tMSIsImV4cCI6NDA3MDkwODgwMH0.vnUF4SsRXChh02Wu4D4X9_Zldoy_84oafHOImAqoYEU";
const ANNA_2: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm5hIiwianRpIjoidG9rZW4tMiIsImV4cCI6NDA3MDkwODgwMH0._gWvfDvlCjaUrUa92dVXVN9k5zT6tAROoxIi9a7hRhk";
const BERT_3: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJiZXJ0IiwianRpIjoidG9rZW4tMyIsImV4cCI6NDA3MDkwODgwMH0.7yBQfv0WLzcyEIbmAb-pro5nEBKhe0VOvbV7SfXmAk4";

fn gateway(redis: &Redis) -> Gateway {
    let gateway = Gateway::prepare(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         control: {{ socket: control.sock }}\n\
         state:\n  server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }}\n\
         identity:\n  customers: {{ jwt: {{ key: file:jwt.key, algorithms: [HS256] }} }}\n  \
         partners: {{ api_key: {{ header: X-Api-Key, keys: \"file:keys.yaml\" }} }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    \
         require: [customers, partners]\n",
        redis.port
    ));
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    gateway.write("jwt.key", "a shared secret of some length, 32 bytes");
    gateway.write("keys.yaml", "");
    gateway
}

/// The whole answer to a request with this header field.
fn with(gateway: &Gateway, field: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{field}\r\nConnection: close\r\n\r\n");
    exchange_whole(gateway.address(), &request).expect("answered")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

fn until(gateway: &Gateway, field: &str, status: &str) -> String {
    gateway.await_until(&format!("{field}: {status}"), |gateway| {
        let answer = with(gateway, field);
        answer.starts_with(&format!("HTTP/1.1 {status}")).then_some(answer)
    })
}

fn revoke(gateway: &Gateway, words: &[&str]) {
    let said = gateway.command(&[&["revoke"], words].concat());
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn what_is_revoked_on_one_gateway_proves_nothing_on_any_until_it_is_given_back() {
    let redis = Redis::start();
    let (mut one, mut other) = (gateway(&redis), gateway(&redis));
    let made = one.json(&["key", "new", "--subject", "acme"]).remove(0);
    other.write("keys.yaml", &std::fs::read_to_string(one.path("keys.yaml")).expect("written"));
    let key = format!("X-Api-Key: {}", made["key"].as_str().expect("the key"));
    one.run();
    other.run();
    for field in [&bearer(ANNA_1), &bearer(ANNA_2), &bearer(BERT_3), &key] {
        assert!(with(&other, field).starts_with("HTTP/1.1 200"), "{field}");
    }

    revoke(&one, &["token", "token-1", "--for", "24h", "--reason", "lost phone"]);
    let refused = until(&other, &bearer(ANNA_1), "401").to_lowercase();
    assert!(refused.contains("www-authenticate: bearer error=\"invalid_token\""), "{refused}");
    assert!(with(&other, &bearer(ANNA_2)).starts_with("HTTP/1.1 200"), "another token of hers");
    until(&one, &bearer(ANNA_1), "401");

    revoke(&other, &["subject", "customers/anna"]);
    until(&one, &bearer(ANNA_2), "401");
    assert!(with(&one, &bearer(BERT_3)).starts_with("HTTP/1.1 200"), "another subject");
    revoke(&one, &["key", made["id"].as_str().expect("its id")]);
    until(&other, &key, "401");

    let listed = other.json(&["revoke", "ls"]);
    let revoked: Vec<&str> =
        listed[0]["bans"].as_array().expect("a list").iter().filter_map(|one| one["key"].as_str()).collect();
    assert_eq!(revoked.len(), 3, "{listed:?}");
    assert!(revoked.contains(&"token:token-1") && revoked.contains(&"subject:customers/anna"), "{listed:?}");
    assert!(other.json(&["ban", "ls"])[0]["bans"].as_array().expect("a list").is_empty());

    revoke(&other, &["rm", "subject:customers/anna"]);
    until(&one, &bearer(ANNA_2), "200");
    assert!(with(&one, &bearer(ANNA_1)).starts_with("HTTP/1.1 401"), "the token itself still is");
    assert!(one.stop().success());
    one.run();
    assert!(with(&one, &bearer(ANNA_1)).starts_with("HTTP/1.1 401"), "over a restart");
}

#[test]
fn what_cannot_be_revoked_is_told() {
    let redis = Redis::start();
    let gateway = gateway(&redis);
    for words in [["certificate", "0a"], ["subject", "anna"], ["rm", "ip:203.0.113.9"]] {
        let said = gateway.command(&[&["revoke"][..], &words].concat());
        assert_eq!(said.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8_lossy(&said.stderr).contains("certificate:SHA256"), "{words:?}");
    }
    let said = gateway.command(&["ban", "add", "token:5f1c"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("portcullis revoke"));
}
