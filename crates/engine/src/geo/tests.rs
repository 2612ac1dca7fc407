//! What is found in databases made by hand.

use super::*;
use crate::cases::database::{database, map, text_of};

fn country(record: &[u8], ip: &str) -> Option<SmolStr> {
    let country = Some(Database::parse(database(203, record).into()).unwrap());
    Databases { country, asn: None }.locate(ip.parse().unwrap()).country
}

#[test]
fn countries_are_found_in_both_layouts() {
    let nested = map("country", &map("iso_code", &text_of("DE")));
    assert_eq!(country(&nested, "203.0.113.9").as_deref(), Some("de"));
    assert_eq!(country(&map("country_code", &text_of("FR")), "203.0.113.9").as_deref(), Some("fr"));
}

#[test]
fn what_is_not_known_is_unknown() {
    let record = map("country_code", &text_of("FR"));
    for ip in ["198.51.100.1", "2001:db8::1"] {
        assert_eq!(country(&record, ip).as_deref(), Some(UNKNOWN), "{ip}");
    }
    for code in ["", "-", "FRA", "F1", "\u{e9}"] {
        let record = map("country_code", &text_of(code));
        assert_eq!(country(&record, "203.0.113.9").as_deref(), Some(UNKNOWN), "{code}");
    }
    assert_eq!(country(&map("country_code", &[0xc1, 7]), "203.0.113.9").as_deref(), Some(UNKNOWN));
}

#[test]
fn numbers_are_found() {
    let record = map("autonomous_system_number", &[0xc2, 0x0c, 0xf8]);
    let asn = Some(Database::parse(database(203, &record).into()).unwrap());
    let located = Databases { country: None, asn }.locate("203.0.113.9".parse().unwrap());
    assert_eq!(located, Located { country: None, asn: Some("3320".into()) });
}

#[test]
fn what_is_no_database_is_explained() {
    let whole = database(203, &map("country_code", &text_of("FR")));
    for broken in [&b""[..], b"nonsense", &whole[..whole.len() / 2]] {
        assert!(Database::parse(broken.to_vec().into()).is_err());
    }
}

/// A rule and a limit that ask where the client is from, by variables, tags and keys.
const ASKING: &str = r#"
policy: |
  listen: 127.0.0.1:8080
  geo: { country: c.mmdb }
  sites:
    shop:
      hosts: shop.example
      upstream: { servers: http://127.0.0.1:9000 }
      routes:
        - match: /tag
          rules: [{ name: far, when: 'tag("country:fr")', action: block }]
        - match: /variable
          rules: [{ name: far, when: 'country == "fr" || asn == 3320', action: block }]
        - match: /nowhere
          rules: [{ name: unknown, when: 'country == null && tag("country:unknown")', action: block }]
        - match: /shared
          limits: [{ name: land, key: country, rate: 1/min, action: block }]
        - match: /skipped
          limits: [{ name: land, key: [country, asn], missing: skip, rate: 1/min, action: block }]
        - match: /counted
          limits: [{ name: land, key: [country], missing: skip, rate: 1/min, action: block }]
cases:
  - { name: known, request: { line: GET /tag, from: 203.0.113.9 }, expect: { verdict: block, tags: ["country:fr"] } }
  - { name: another, request: { line: GET /tag, from: 198.51.100.1 }, expect: { verdict: pass, tags: ["country:unknown"] } }
  - { name: by variable, request: { line: GET /variable, from: 203.0.113.9 }, expect: { verdict: block } }
  - { name: not by variable, request: { line: GET /variable, from: 198.51.100.1 }, expect: { verdict: pass } }
  - { name: no value, request: { line: GET /nowhere, from: 198.51.100.1 }, expect: { verdict: block } }
  - { name: a value, request: { line: GET /nowhere, from: 203.0.113.9 }, expect: { verdict: pass } }
  - { name: counted, request: { line: GET /counted, from: 203.0.113.9 }, times: 2, expect: { verdict: block } }
  - { name: missing counts together, request: { line: GET /shared, from: 198.51.100.1 }, times: 2, expect: { verdict: block } }
  - { name: missing is skipped, request: { line: GET /counted, from: 198.51.100.1 }, times: 2, expect: { verdict: pass } }
  - { name: without a database, request: { line: GET /skipped, from: 203.0.113.9 }, times: 2, expect: { verdict: pass } }
"#;

#[test]
fn rules_and_limits_see_where_an_address_is_from() {
    let file = crate::cases::CaseFile::parse("geo.yaml", ASKING).unwrap();
    let sources = file.sources().file("c.mmdb", database(203, &map("country_code", &text_of("FR"))));
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let snapshot = crate::compile(loaded.policy.unwrap().into(), &sources).unwrap().snapshot;
    let snapshot = std::sync::Arc::new(snapshot);
    for case in &file.cases {
        let seen = crate::cases::drive(&snapshot, case).unwrap();
        let wrong = crate::cases::mismatches(&case.expect, &case.response, &seen);
        assert!(wrong.is_empty(), "{}: {wrong:?}", case.name);
        assert!(seen.event.tags.iter().all(|tag| !tag.tag.starts_with("asn:")), "no database, no tag");
    }
}
