//! Credentials tried at a running gateway until they are findings: one caller at many accounts, many at one.

use crate::harness::{Gateway, exchange_whole};

/// bcrypt of `open sesame`.
const HASH: &str = "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

fn gateway() -> Gateway {
    let mut gateway = Gateway::prepare(
        "listen: [{ address: \"127.0.0.1:0\" }]\n\
         client_ip: { header: x-forwarded-for, trusted: [127.0.0.1] }\n\
         identity:\n  staff: { basic: { users: \"file:users.htpasswd\" } }\n  \
         partners: { api_key: { header: X-Api-Key, keys: \"file:keys.yaml\" } }\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    require: [staff, partners]\n",
    );
    gateway.write("node.secret", "longer than thirty-two bytes, for certain");
    gateway.write("users.htpasswd", &format!("anna:{HASH}\n"));
    gateway.write("keys.yaml", "[]\n");
    gateway.run();
    gateway
}

/// The status of a request from an address with that field.
fn try_from(gateway: &Gateway, from: &str, field: &str) -> String {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: {from}\r\n{field}\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange_whole(gateway.address(), &request).expect("answered");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {both}")
}

/// Kind, subject and count of every open finding on callers.
fn found(gateway: &Gateway) -> Vec<(String, String, u64)> {
    let word = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = gateway.json(&["findings"]).into_iter().filter(|one| one["severity"] == "high");
    let mut all: Vec<_> = all
        .map(|one| (word(&one, "kind"), word(&one, "subject"), one["count"].as_u64().unwrap_or_default()))
        .collect();
    all.sort();
    all
}

fn owned(kind: &str, subject: &str, count: u64) -> (String, String, u64) {
    (kind.to_owned(), subject.to_owned(), count)
}

#[test]
fn lists_of_accounts_keys_and_passwords_that_are_tried_are_findings_and_mistakes_are_none() {
    let gateway = gateway();
    for n in 0..25 {
        let one = format!("n{n}");
        assert_eq!(try_from(&gateway, "203.0.113.1", &basic(&one, &format!("hunter2-{n}"))), "401");
        assert_eq!(try_from(&gateway, "203.0.113.2", &basic(&one, "Summer2026")), "401");
        assert_eq!(try_from(&gateway, "203.0.113.3", &format!("X-Api-Key: pk_stolen_{n}")), "401");
        assert_eq!(
            try_from(&gateway, &format!("198.51.100.{n}"), &basic("anna", &format!("guess-{n}"))),
            "401"
        );
        // A wrong password over and over, and a right one, are nobody's attack.
        assert_eq!(try_from(&gateway, "203.0.113.4", &basic("anna", "stale-pw-99")), "401");
        assert_eq!(try_from(&gateway, "203.0.113.5", &basic("anna", "open sesame")), "200");
    }
    let expected = [
        owned("account_guessing", "account anna of staff", 50),
        owned("credential_stuffing", "ip:203.0.113.1", 25),
        owned("credential_stuffing", "ip:203.0.113.3", 25),
        owned("password_spraying", "ip:203.0.113.2", 25),
    ];
    gateway.await_until("all is counted", |gateway| (found(gateway) == expected).then_some(()));
    let whole = format!("{:?}", gateway.json(&["findings", "--all"]));
    for secret in ["hunter2", "Summer2026", "pk_stolen", "guess-", "stale-pw-99", "open sesame"] {
        assert!(!whole.contains(secret), "{secret} in {whole}");
    }
    assert!(whole.contains("20 or more different accounts"), "{whole}");
    let listed = gateway.command(&["findings", "--severity", "high"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains("a few passwords are tried on many accounts"), "{text}");
}
