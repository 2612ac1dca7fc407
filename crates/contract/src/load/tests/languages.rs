//! Schemas of GraphQL and descriptor sets of protocol buffers.

use bytes::Bytes;
use portcullis_document::{MemorySources, Style, render};

use crate::load::{Loaded, Purpose, load};

/// Loads a contract that begins with some of the files.
fn loaded(roots: &[&str], files: &[(&str, &[u8])]) -> Loaded {
    let add = |sources: MemorySources, (path, bytes): &(&str, &[u8])| {
        sources.file(*path, Bytes::copy_from_slice(bytes))
    };
    load("shop", roots, Purpose::Check, &files.iter().fold(MemorySources::new(), add))
}

/// Every operation with its calls; `†` is deprecated.
fn declared(loaded: &Loaded) -> Vec<String> {
    let shown = render(&loaded.problems, Style::Plain);
    let contract = loaded.contract.as_ref().expect(&shown);
    let mark = |deprecated: bool| if deprecated { " †" } else { "" };
    let told = contract.operations().iter().map(|operation| {
        let calls = operation.calls.iter().flat_map(|calls| calls.iter());
        let calls: Vec<String> =
            calls.map(|known| format!("{}{}", known.call.name, mark(known.deprecated))).collect();
        format!("{}{} [{}]", operation.name, mark(operation.deprecated), calls.join(", "))
    });
    told.collect()
}

const QUERIES: &[u8] = b"type Query { me: User, old: Int @deprecated }";
const CHANGES: &[u8] = b"extend type Query { more: Int }\ntype Mutation { drop(id: ID!): Boolean }";

#[test]
fn schemas_are_one_however_they_are_cut_into_files() {
    let files: [(&str, &[u8]); 3] = [
        ("api/a.graphql", QUERIES),
        ("api/b.graphqls", CHANGES),
        ("api/c.yaml", b"openapi: 3.1.0\npaths: { /health: { get: {} } }"),
    ];
    let one = "POST /graphql [mutation drop, query me, query more, query old †]";
    let all = loaded(&["api"], &files);
    assert_eq!(declared(&all), [one, "GET /health []"]);
    assert_eq!(all.files, ["api/a.graphql", "api/b.graphqls", "api/c.yaml"]);
    assert_eq!(declared(&loaded(&["api/b.graphqls", "api/a.graphql"], &files)), [one]);
}

#[test]
fn a_document_says_where_a_schema_is_served() {
    let api = b"
openapi: 3.1.0
security: [{ bearer: [] }]
components: { securitySchemes: { bearer: { type: http, scheme: bearer } } }
paths:
  /api/query: { $ref: shop.graphql }
";
    let all = loaded(&["api.yaml"], &[("api.yaml", api), ("shop.graphql", QUERIES)]);
    assert_eq!(declared(&all), ["POST /api/query [query me, query old †]"]);
    assert!(all.problems.is_empty(), "{:?}", all.problems);
    assert!(!all.contract.unwrap().operations()[0].security.admits_anyone());
}

#[test]
fn root_types_may_have_other_names() {
    let named = b"schema { query: Shop }\ntype Shop { me: Int }\ntype Query { hidden: Int }\ntype Mutation { drop: Int }";
    let all = loaded(&["shop.gql"], &[("shop.gql", named)]);
    assert_eq!(declared(&all), ["POST /graphql [query me]"]);
}

#[test]
fn a_broken_schema_is_explained_like_a_broken_policy() {
    let all = loaded(&["shop.graphql"], &[("shop.graphql", b"type Query {\n  me User\n}\n")]);
    insta::assert_snapshot!(render(&all.problems, Style::Plain));
    assert!(all.contract.is_none());
    let nothing = loaded(&["shop.graphql"], &[("shop.graphql", b"type User { id: ID }")]);
    insta::assert_snapshot!(render(&nothing.problems, Style::Plain));
}

/// A message's field: its number, and a number or bytes.
fn number(field: u8, value: u8) -> Vec<u8> {
    [varint(u32::from(field) << 3), vec![value]].concat()
}

fn bytes(field: u8, bytes: &[u8]) -> Vec<u8> {
    [varint(u32::from(field) << 3 | 2), varint(bytes.len() as u32), bytes.to_vec()].concat()
}

fn varint(value: u32) -> Vec<u8> {
    if value < 0x80 { vec![value as u8] } else { vec![(value & 0x7f) as u8 | 0x80, (value >> 7) as u8] }
}

/// A set of one file with one service of two methods; with these options of the file, of the service, and of the first.
fn set(file: &[u8], service: &[u8], method: &[u8]) -> Vec<u8> {
    let get = [bytes(1, b"Get"), bytes(2, b".b.In"), bytes(4, method)].concat();
    let list = bytes(1, b"List");
    let service = [bytes(1, b"Invoices"), bytes(2, &get), bytes(2, &list), bytes(3, service)].concat();
    bytes(1, &[bytes(1, b"b.proto"), bytes(2, b"billing.v1"), bytes(6, &service), bytes(8, file)].concat())
}

#[test]
fn methods_of_services_are_operations() {
    let check = |set: Vec<u8>, get: &str, list: &str| {
        let all = loaded(&["b.binpb"], &[("b.binpb", &set)]);
        let named = |method: &str, mark: &str| format!("POST /billing.v1.Invoices/{method}{mark} []");
        assert_eq!(declared(&all), [named("Get", get), named("List", list)]);
    };
    check(set(b"", b"", b""), "", "");
    check(set(b"", b"", &number(33, 1)), " †", "");
    check(set(b"", b"", &number(33, 0)), "", "");
    check(set(b"", &number(33, 1), b""), " †", " †");
    check(set(&number(23, 1), b"", b""), " †", " †");
}

#[test]
fn bytes_that_are_no_descriptors_are_told() {
    let wrong_name = bytes(1, &bytes(6, &bytes(1, b"In voices")));
    for garbage in [&b"syntax = \"proto3\";"[..], &[0x0a, 0x7f], &[0xff; 40], &wrong_name, &bytes(1, b"{}")] {
        let all = loaded(&["b.desc"], &[("b.desc", garbage)]);
        let codes: Vec<&str> = all.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["contract.protobuf"], "{garbage:?}");
        assert!(all.contract.is_none());
    }
    let empty = loaded(&["b.desc"], &[("b.desc", b"")]);
    insta::assert_snapshot!(render(&empty.problems, Style::Plain));
}
