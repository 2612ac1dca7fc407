//! Where callers are from, by a database that changes and breaks while the gateway runs.

use portcullis_engine::cases::database::{database, map, text_of};

use crate::harness::{Gateway, exchange};

const POLICY: &str = "listen: [{ address: \"127.0.0.1:0\" }]\ngeo: { country: country.mmdb }\nsites:\n  s:\n    \
     hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    \
     rules: [{ name: far, when: 'country == \"fr\"', action: block }]\n";

/// A database that says where this machine is, put in the place of the one before.
fn write(gateway: &Gateway, bytes: &[u8]) {
    std::fs::write(gateway.path("aside"), bytes).expect("written");
    std::fs::rename(gateway.path("aside"), gateway.path("country.mmdb")).expect("in place");
}

fn of(country: &str) -> Vec<u8> {
    database(127, &map("country_code", &text_of(country)))
}

#[test]
fn a_database_is_taken_up_when_it_changes_and_kept_when_it_breaks() {
    let mut gateway = Gateway::prepare(POLICY);
    write(&gateway, &of("DE"));
    gateway.run();
    assert_eq!(gateway.get("/").0, 200);
    write(&gateway, &of("FR"));
    gateway.await_until("the new database holds", |gateway| (gateway.get("/").0 == 403).then_some(()));
    let broken = of("DE");
    write(&gateway, &broken[..broken.len() / 2]);
    let why = gateway.await_until("the broken one is told", |gateway| {
        let status = gateway.json(&["top", "--once"]).remove(0);
        status["status"]["policy"]["rejected"].as_str().map(str::to_owned)
    });
    assert!(why.contains("`country.mmdb` is no database in MaxMind's format"), "{why}");
    assert_eq!(gateway.get("/").0, 403, "the last good database holds");

    let found = gateway.await_until("events are kept", |gateway| {
        let found = gateway.json(&["events", "--where", "country == \"fr\" && asn == null"]);
        (!found.is_empty()).then_some(found)
    });
    assert!(found.iter().all(|event| event["verdict"]["action"] == "block"), "{found:?}");
    assert!(!gateway.json(&["events", "--where", "country == \"de\""]).is_empty());
}

#[test]
fn a_condition_without_a_database_is_warned_of() {
    let gateway = Gateway::prepare(&POLICY.replace("geo: { country: country.mmdb }\n", ""));
    let output = gateway.command(&["check"]);
    assert!(output.status.success());
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("asks for `country`, and no database says it"), "{text}");
}

/// Addresses that have been where they are for decades, in the database `PORTCULLIS_COUNTRIES` names (`cargo xtask test`
/// sees to it).
#[test]
#[allow(clippy::print_stderr, reason = "a test says what it skips")]
fn a_real_database_is_read() {
    let Some(file) = std::env::var_os("PORTCULLIS_COUNTRIES") else {
        eprintln!("skipped: PORTCULLIS_COUNTRIES names no database of countries");
        return;
    };
    let refusing = |(country, status)| {
        format!(
            "{{ name: {country}, when: 'country == \"{country}\"', action: {{ block: {{ status: {status} }} }} }}"
        )
    };
    let rules = [("nl", 410), ("us", 451), ("jp", 418)].map(refusing).join(", ");
    let policy = POLICY.replace("{ name: far, when: 'country == \"fr\"', action: block }", &rules);
    let mut gateway =
        Gateway::prepare(&(policy + "client_ip: { header: x-forwarded-for, trusted: [127.0.0.0/8] }\n"));
    write(&gateway, &std::fs::read(file).expect("a database"));
    gateway.run();
    for (from, status) in [
        ("193.0.6.139", 410),
        ("2001:67c:2e8::1", 410),
        ("8.8.8.8", 451),
        ("133.11.0.1", 418),
        ("10.0.0.1", 200),
        ("fe80::1", 200),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: {from}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(exchange(gateway.address(), &request).expect("answered").0, status, "{from}");
    }
}
