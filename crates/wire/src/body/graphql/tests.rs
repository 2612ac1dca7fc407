//! Documents with the values they carry and what they ask for.

use super::*;
use crate::body::parse as parse_body;
use crate::fields::MediaType;

fn read(text: &str) -> Body {
    parse(&Bytes::copy_from_slice(text.as_bytes()), &Budget::default())
}

fn leaves(body: &Body) -> Vec<String> {
    let mut leaves = Vec::new();
    body.tree.for_each_leaf(|path, value| match value.as_str() {
        Some(text) => leaves.push(format!("{path}={text}")),
        None => leaves.push(path.to_owned()),
    });
    leaves
}

#[test]
fn arguments_are_values() {
    let body = read(
        r#"query Q($x: [Int!]! = 3) { me: user(id: "a\"b", f: {n: [1, -2.5]}, e: RED) @include(if: $x) { name } } # end"#,
    );
    assert_eq!(
        leaves(&body),
        [
            "query.x=3",
            "query.user.id=a\"b",
            "query.user.f.n[0]=1",
            "query.user.f.n[1]=-2.5",
            "query.user.e=RED",
            "query.user.include.if=$x",
            "query.user.name",
        ]
    );
    assert_eq!((body.format, body.defects.as_slice()), (Format::GraphQl, &[][..]));
    assert_eq!(leaves(&read("{a(b:\"\"\"c \\d\"\"\")}")), ["query.a.b=c \\d"]);
}

#[test]
fn what_is_below_a_list_costs_as_often_as_it_has_items() {
    for (text, cost) in [
        ("{a b{c}}", 3),
        ("{a(first: 10){b c(limit: 5){d}}}", 1 + 10 * 2 + 10 * 5),
        ("{a(first: 10){...F}} fragment F on T {b(last: 3){c}}", 1 + 10 * (1 + 3)),
        ("query($n: Int){a(first: $n){b}}", 1 + 100),
        ("{a(first: 0, after: 7){b}}", 2),
        ("{a @skip(first: 9) {b}}", 2),
        ("{a(first: 4294967295){b(first: 4294967295){c(first: 4294967295){d}}}}", u64::MAX),
        ("{...F} fragment F on T {a ...F}", 1),
    ] {
        assert_eq!(read(text).graphql.map(|facts| facts.cost), Some(cost), "{text}");
    }
}

#[test]
fn what_a_document_asks_for() {
    for (text, facts) in [
        ("{a b{c}}", Facts { operations: 1, fields: 3, depth: 2, ..Facts::default() }),
        ("{x:a y:a}", Facts { operations: 1, fields: 2, aliases: 2, depth: 1, ..Facts::default() }),
        (
            "{a{...F ...F}} fragment F on T {b{c}}",
            Facts { operations: 1, fields: 5, depth: 4, ..Facts::default() },
        ),
        (
            "{a{... on T{b}}} mutation{c @d}",
            Facts { operations: 2, fields: 3, depth: 2, directives: 1, ..Facts::default() },
        ),
        (
            "{__schema{types}}",
            Facts { operations: 1, fields: 2, depth: 2, introspects: true, ..Facts::default() },
        ),
        (
            "{...F} fragment F on T {a ...F}",
            Facts { operations: 1, fields: 1, depth: 2, cyclic: true, ..Facts::default() },
        ),
    ] {
        let facts = Facts { documents: 1, cost: facts.fields.into(), ..facts };
        assert_eq!(read(text).graphql.as_deref(), Some(&facts), "{text}");
    }
}

#[test]
fn requests_in_json() {
    let asked = |text: &'static str| {
        let json = MediaType::parse(b"application/json");
        let body = parse_body(&Bytes::from_static(text.as_bytes()), json.as_ref(), &Budget::default());
        facts(&body, &Budget::default())
    };
    let one = asked(r#"{"query":"{a}","variables":{}}"#).unwrap();
    assert_eq!((one.documents, one.operations, one.fields), (1, 1, 1));
    let batch = asked(r#"[{"query":"{a}"},{"query":"query{b c}"}]"#).unwrap();
    assert_eq!((batch.documents, batch.operations, batch.fields), (2, 2, 3));
    assert_eq!(asked(r#"{"query":"shoes in red"}"#), None);
    assert_eq!(asked(r#"{"q":"{a}"}"#), None);
}

#[test]
fn broken_and_deep_documents() {
    for text in ["{", "{a(", "{a(b:)}", "query", "}", "{a(b:\"c)}", "x{a}", "{a:}", "{...}", "\u{1}"] {
        assert_eq!(read(text).defects.as_slice(), [Defect::BodySyntax], "{text}");
    }
    for text in ["{a".repeat(1000), format!("{{a(b:{}", "[".repeat(1000))] {
        assert_eq!(read(&text).defects.as_slice(), [Defect::BodyTooDeep]);
    }
    let twice = |n: u32| format!("fragment F{n} on T {{...F{} ...F{}}}", n + 1, n + 1);
    let doubling = (0..60).map(twice).collect::<Vec<_>>().concat();
    let facts = read(&format!("{{...F0}}{doubling}fragment F60 on T{{a}}")).graphql.unwrap();
    assert_eq!(facts.fields, u32::MAX);
}
