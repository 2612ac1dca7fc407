//! What people and editors are told about the language and about one policy.

use std::collections::BTreeSet;

use http::Method;

use super::*;
use crate::table::{Kind, Section};
use crate::{explain, json_schema, reference, schedule};

fn example() -> Policy {
    policy(&format!(
        "secret: env:NODE_SECRET\n{}rules:\n  - {{ name: tor, when: 'ip in lists.office', tag: 'net:office' }}\n",
        site(
            "mode: monitor
body: { hold: 2MiB }
limits:
  - { name: per-caller, rate: 100/min, burst: 120 }
rules:
  - name: leak
    when: |
      status == 500 &&
        path.startsWith(\"/admin\")
    action: monitor
routes:
  - { match: \"GET /health\", mode: block, body: { deadline: 2s }, limits: [] }"
        )
    ))
}

#[test]
fn a_site_is_explained_with_where_each_value_comes_from() {
    let explanation = explain(&example(), "shop", None).unwrap();
    insta::assert_snapshot!(explanation.to_text());
}

#[test]
fn a_route_says_what_it_has_from_its_site() {
    let explanation = explain(&example(), "shop", Some((&Method::GET, "/health"))).unwrap();
    insta::assert_snapshot!(explanation.to_text());
    let elsewhere = explain(&example(), "shop", Some((&Method::POST, "/health"))).unwrap();
    assert_eq!(elsewhere.route, None);
    assert!(explain(&example(), "none", None).is_none());
}

#[test]
fn the_schedule_lists_what_is_written_once() {
    let lines: Vec<String> = schedule(&example())
        .iter()
        .map(|line| format!("{}: {} {} on the {}", line.scope, line.what, line.name, line.phase.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            "every site: rule tor on the head",
            "shop: rule leak on the response head",
            "shop: limit per-caller on the head"
        ]
    );
}

#[test]
fn the_reference_tells_every_key_and_its_links_lead_somewhere() {
    let page = reference();
    for section in sections() {
        assert!(page.contains(&format!("\n## {}\n", section.name)), "{}", section.name);
        for key in section.keys {
            let row = format!("| `{}` | ", key.name);
            assert!(page.contains(&row) && page.contains(&crate::table::paragraph(key.about)), "{row}");
        }
    }
    let headings: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(crate::schema::slug).collect();
    let links: Vec<&str> = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 50);
    for link in links {
        assert!(headings.contains(link), "#{link} leads nowhere");
    }
}

#[test]
fn the_schema_defines_every_section_it_refers_to() {
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let text = schema.to_string();
    let refers: BTreeSet<&str> =
        text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(refers.iter().all(|name| definitions.contains_key(*name)), "{refers:?}");
    for section in sections() {
        let definition = &definitions[&crate::schema::slug(section.name)];
        let properties: Vec<&str> =
            definition["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            properties,
            section.all_keys().map(|key| key.name).collect::<Vec<_>>(),
            "{}",
            section.name
        );
        assert_eq!(definition["additionalProperties"], false);
    }
    insta::assert_json_snapshot!(definitions["limit"]);
}

/// Every section the policy can reach.
fn sections() -> Vec<&'static Section> {
    fn visit(kind: &'static Kind, found: &mut Vec<&'static Section>) {
        match kind {
            Kind::Scalar(_) | Kind::Words(_) => {}
            Kind::List(kind) | Kind::OneOrMany(kind) | Kind::Optional(kind) => visit(kind, found),
            Kind::Named(named) => visit(&named.kind, found),
            Kind::Either(kinds) => kinds.iter().for_each(|kind| visit(kind, found)),
            Kind::Section(section) => {
                if !found.iter().any(|known| std::ptr::eq(known.keys, section.keys)) {
                    found.push(section);
                    section.all_keys().for_each(|key| visit(&key.kind, found));
                }
            }
        }
    }
    let mut found = vec![&Policy::SECTION];
    Policy::SECTION.all_keys().for_each(|key| visit(&key.kind, &mut found));
    found
}

#[test]
fn every_section_has_a_name_of_its_own_and_every_key_its_words() {
    let names: BTreeSet<&str> = sections().iter().map(|section| section.name).collect();
    assert_eq!(names.len(), sections().len());
    for section in sections() {
        assert!(!section.about.is_empty(), "{}", section.name);
        let keys: BTreeSet<&str> = section.all_keys().map(|key| key.name).collect();
        assert_eq!(keys.len(), section.all_keys().count(), "{} has a key twice", section.name);
        for key in section.all_keys() {
            assert!(
                key.about.iter().any(|line| line.contains('.')),
                "{}.{} has no sentence",
                section.name,
                key.name
            );
        }
    }
}

#[test]
fn every_default_is_one_the_decoder_takes() {
    // The smallest policy takes every default there is outside optional sections; this one writes those, empty.
    let text = "
listen: { address: 127.0.0.1:1, tls: { certificate: a, key: b } }
metrics: { listen: 127.0.0.1:2 }
identity: { a: { jwt: { jwks: f } }, b: { api_key: { header: X, keys: f } } }
sites:
  s:
    hosts: a
    upstream: { servers: http://a, tls: {}, pool: {}, health: {} }
    contract: { files: f }
    limits: [{ name: l, rate: 1/s }]
    routes: [{ match: / }]
    rules:
      - { name: a, when: 'true', action: { block: {} } }
      - { name: b, when: 'true', action: { throttle: {} } }
      - { name: c, when: 'true', action: { ban: {} } }
      - { name: d, when: 'true', action: { redirect: { to: / } } }
";
    let problems: Vec<String> =
        summary(&read(text).problems).into_iter().filter(|line| !line.starts_with("warning")).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}
