//! Databases written here, byte by byte, and what is found in them.

use super::*;

/// A database whose tree knows one network: IPv4 addresses that begin with `first`.
pub(crate) fn database(first: u8, record: &[u8]) -> Vec<u8> {
    const NODES: u8 = 8;
    let mut file = Vec::new();
    for depth in 0..NODES {
        let next = if depth == NODES - 1 { NODES + 16 } else { depth + 1 };
        let taken = usize::from(first >> (7 - depth) & 1);
        let mut children = [NODES; 2];
        children[taken] = next;
        for child in children {
            file.extend([0, 0, child]);
        }
    }
    file.extend([0; 16]);
    file.extend(record);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.push(0xe9);
    for (name, value) in [
        ("node_count", &[0xc1, NODES][..]),
        ("record_size", &[0xa1, 24]),
        ("ip_version", &[0xa1, 4]),
        ("binary_format_major_version", &[0xa1, 2]),
        ("binary_format_minor_version", &[0xa1, 0]),
        ("build_epoch", &[0x01, 0x02, 1]),
        ("database_type", b"\x44Test"),
        ("languages", &[0x00, 0x04]),
        ("description", &[0xe0]),
    ] {
        file.extend(text_of(name));
        file.extend(value);
    }
    file
}

/// A map of one entry.
pub(crate) fn map(key: &str, value: &[u8]) -> Vec<u8> {
    [&[0xe1][..], &text_of(key), value].concat()
}

/// A string below 285 bytes.
pub(crate) fn text_of(value: &str) -> Vec<u8> {
    let length = value.len() as u8;
    let head = if length < 29 { vec![0x40 | length] } else { vec![0x5d, length - 29] };
    [&head, value.as_bytes()].concat()
}

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

#[test]
fn rules_see_where_an_address_is_from_as_tags() {
    let text = r#"
policy: |
  listen: 127.0.0.1:8080
  geo: { country: c.mmdb }
  sites: { shop: { hosts: shop.example, upstream: { servers: http://127.0.0.1:9000 }, rules: [{ name: far, when: 'tag("country:fr")', action: block }] } }
cases:
  - { name: known, request: { line: GET /, from: 203.0.113.9 }, expect: {} }
  - { name: unknown, request: { line: GET /, from: 198.51.100.1 }, expect: {} }
"#;
    let file = crate::cases::CaseFile::parse("geo.yaml", text).unwrap();
    let sources = file.sources().file("c.mmdb", database(203, &map("country_code", &text_of("FR"))));
    let policy = portcullis_policy::load("portcullis.yaml", &sources).policy.unwrap();
    let snapshot = std::sync::Arc::new(crate::compile(policy.into(), &sources).unwrap().snapshot);
    for (case, tag, refused) in
        [(&file.cases[0], "country:fr", true), (&file.cases[1], "country:unknown", false)]
    {
        let event = crate::cases::drive(&snapshot, case).unwrap().event;
        let tags: Vec<&str> = event.tags.iter().map(|tag| tag.tag.as_str()).collect();
        assert!(tags.contains(&tag), "{tags:?}");
        assert!(!tags.iter().any(|tag| tag.starts_with("asn:")), "no database, no tag: {tags:?}");
        assert_eq!(event.verdict.action.refuses(), refused, "{}", case.name);
    }
}
