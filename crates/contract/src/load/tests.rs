//! Loading: what documents say, across files and formats, and how mistakes in them are shown.

mod languages;

use http::Method;
use portcullis_document::{MemorySources, Style, render};
use portcullis_model::Timestamp;

use super::*;
use crate::{Found, Operation, Security};

/// Loads `api.yaml` with that text, and other files beside it.
fn load_text(text: &str, others: &[(&str, &str)]) -> Loaded {
    let mut sources = MemorySources::new().file("api.yaml", text.to_owned());
    for (path, text) in others {
        sources = sources.file(*path, (*text).to_owned());
    }
    load("shop", &["api.yaml"], Purpose::Check, &sources)
}

/// The names of the operations in a contract that must load without any problem.
fn names(text: &str, others: &[(&str, &str)]) -> Vec<String> {
    let loaded = load_text(text, others);
    assert_eq!(loaded.problems, [], "{}", render(&loaded.problems, Style::Plain));
    loaded.contract.unwrap().operations().iter().map(|operation| operation.name.to_string()).collect()
}

/// Every problem as people see it.
fn shown(text: &str, others: &[(&str, &str)]) -> String {
    render(&load_text(text, others).problems, Style::Plain)
}

#[test]
fn openapi_3_1() {
    let text = r#"
openapi: 3.1.0
servers: [{ url: "https://api.example/v1" }]
security: [{ bearer: [] }]
components:
  securitySchemes:
    bearer: { type: http, scheme: Bearer }
    key: { type: apiKey, in: header, name: X-Api-Key }
paths:
  /health:
    get: { operationId: health, security: [] }
  /customers/{customerId}:
    parameters: [{ name: customerId, in: path, required: true }]
    get: { operationId: getCustomer }
    delete: { security: [{ bearer: [write] }, { key: [] }] }
  /old:
    get: { deprecated: true, x-sunset: 2026-01-31 }
"#;
    let loaded = load_text(text, &[]);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.files, ["api.yaml"]);
    let contract = loaded.contract.unwrap();
    let schemes: Vec<_> = contract.schemes().iter().map(|scheme| (&*scheme.name, &*scheme.kind)).collect();
    assert_eq!(schemes, [("bearer", "http bearer"), ("key", "apiKey header X-Api-Key")]);

    let find = |method: Method, path: &[&str]| match contract.find(&method, path) {
        Found::Operation(operation, params) => {
            let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            (operation.clone(), params)
        }
        other => panic!("{other:?}"),
    };
    let (health, _) = find(Method::GET, &["v1", "health"]);
    assert_eq!((health.operation_id.as_deref(), &health.security), (Some("health"), &Security::Public));
    let (get, params) = find(Method::GET, &["v1", "customers", "7"]);
    assert_eq!((&*get.name, params), ("GET /v1/customers/{customerId}", vec!["customerId=7".to_owned()]));
    assert!(matches!(&get.security, Security::AnyOf(any) if any.len() == 1));
    let (delete, _) = find(Method::DELETE, &["v1", "customers", "7"]);
    assert!(matches!(&delete.security, Security::AnyOf(any) if any.len() == 2));
    let (old, _) = find(Method::GET, &["v1", "old"]);
    assert!(old.deprecated && !old.current(Timestamp::default()));
    assert_eq!(old.sunset, Timestamp::parse("2026-01-31T00:00:00Z"));
    assert_eq!(contract.operation(&old.id).map(|known| &*known.name), Some("GET /v1/old"));
    assert_eq!(old.place.line(), 16);
}

#[test]
fn swagger_2_0() {
    let text = r#"{
  "swagger": "2.0", "host": "api.example", "basePath": "/api/",
  "securityDefinitions": { "basic": { "type": "basic" } },
  "security": [{ "basic": [] }],
  "paths": { "/things": { "get": {}, "post": { "deprecated": true } } }
}"#;
    assert_eq!(names(text, &[]), ["GET /api/things", "POST /api/things"]);
}

#[test]
fn servers_of_paths_and_operations_go_before_the_documents() {
    let text = "
openapi: 3.0.3
servers: [{ url: /v1 }, { url: /v2 }]
paths:
  /a: { get: {} }
  /b: { servers: [{ url: /b-base }], get: {} }
  /c: { servers: [{ url: /c-base }], get: { servers: [{ url: / }] } }
";
    assert_eq!(names(text, &[]), ["GET /v1/a", "GET /v2/a", "GET /b-base/b", "GET /c"]);
}

#[test]
fn references_lead_across_files() {
    let root = "
openapi: 3.1.0
paths:
  /users: { $ref: paths/users.yaml }
  /keys: { $ref: 'paths/more.json#/items/~1keys' }
  /both: { $ref: '#/components/pathItems/both', put: {} }
components:
  securitySchemes: { token: { $ref: common.yaml#/schemes/token } }
  pathItems: { both: { get: { security: [{ token: [] }] } } }
";
    let others = [
        ("paths/users.yaml", "get: { responses: { default: { $ref: ../common.yaml#/responses/bad } } }"),
        ("paths/more.json", r##"{ "items": { "/keys": { "$ref": "#/real" } }, "real": { "post": {} } }"##),
        ("common.yaml", "schemes: { token: { type: http, scheme: bearer } }\nresponses: { bad: {} }"),
    ];
    assert_eq!(names(root, &others), ["GET /users", "POST /keys", "GET /both", "PUT /both"]);
    let files = load_text(root, &others).files;
    assert_eq!(files, ["api.yaml", "paths/users.yaml", "paths/more.json", "common.yaml"]);
}

#[test]
fn several_documents_make_one_contract() {
    let sources = MemorySources::new()
        .file("a.yaml", "openapi: 3.0.0\npaths: { /a: { get: {} } }")
        .file("b.yaml", "swagger: '2.0'\npaths: { /b: { get: {} } }");
    let loaded = load("shop", &["a.yaml", "b.yaml"], Purpose::Check, &sources);
    let contract = loaded.contract.unwrap();
    let documents: Vec<_> = contract.operations().iter().map(|operation| &*operation.document).collect();
    assert_eq!(documents, ["a.yaml", "b.yaml"]);
}

#[test]
fn a_folder_is_every_document_in_it() {
    let sources = MemorySources::new()
        .file("api/a.yaml", "openapi: 3.0.0\npaths: { /a: { $ref: 'parts.yaml#/item' } }")
        .file("api/b.json", r#"{"swagger":"2.0","paths":{"/b":{"get":{}}}}"#)
        .file("api/parts.yaml", "item: { get: {} }")
        .file("api/notes.txt", "none")
        .file("empty/notes.txt", "none");
    let loaded = load("shop", &["api"], Purpose::Check, &sources);
    assert_eq!(loaded.problems, []);
    let names: Vec<_> = loaded.contract.unwrap().operations().iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["GET /a", "GET /b"]);
    let empty = load("shop", &["empty/"], Purpose::Check, &sources);
    assert_eq!(empty.problems[0].message, "there is no document in `empty/`");
}

#[test]
fn documents_that_clash_make_no_contract() {
    let scheme = |kind: &str| format!("components: {{ securitySchemes: {{ s: {kind} }} }}");
    let sources = MemorySources::new()
        .file(
            "a.yaml",
            "openapi: 3.0.0\npaths: { '/a/{x}': { get: {} } }\n".to_owned()
                + &scheme("{ type: http, scheme: basic }"),
        )
        .file(
            "b.yaml",
            "openapi: 3.0.0\npaths: { '/a/{y}': { get: {} } }\n".to_owned() + &scheme("{ type: oauth2 }"),
        )
        .file("c.yaml", "swagger: '2.0'\npaths: {}\nsecurityDefinitions: { s: { type: basic } }");
    let loaded = load("shop", &["a.yaml", "b.yaml", "c.yaml"], Purpose::Find, &sources);
    assert!(loaded.contract.is_none());
    let codes: Vec<&str> = loaded.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["contract.scheme_clash", "contract.clash"]);
}

#[test]
fn what_only_former_versions_declare_is_retired() {
    let sources = MemorySources::new()
        .file("v1.yaml", "openapi: 3.0.0\npaths: { '/a/{x}': { get: {} }, /b: { get: {}, put: {} } }")
        .file("v2.yaml", "openapi: 3.0.0\npaths: { '/a/{id}': { get: {} }, /b: { put: {} } }");
    let versions = Versions { current: &["v2.yaml"], former: &["v1.yaml"] };
    let loaded = load_versions("shop", versions, Purpose::Check, &sources);
    assert_eq!((loaded.problems, loaded.files), (vec![], vec!["v2.yaml".to_owned(), "v1.yaml".to_owned()]));
    let contract = loaded.contract.unwrap();
    assert_eq!(contract.operations().len(), 2);
    let retired =
        |method: Method, path: &[&str]| contract.retired(&method, path).map(|one| one.name.to_string());
    assert_eq!(retired(Method::GET, &["b"]).unwrap(), "GET /b");
    assert_eq!((retired(Method::GET, &["a", "1"]), retired(Method::PUT, &["b"])), (None, None));
}

#[test]
fn an_id_depends_on_site_method_and_shape() {
    let id = |site: &str, path: &str| {
        let text = format!("openapi: 3.0.0\npaths: {{ '{path}': {{ get: {{}} }} }}");
        let loaded = load(site, &["api.yaml"], Purpose::Check, &MemorySources::new().file("api.yaml", text));
        loaded.contract.unwrap().operations()[0].id.clone()
    };
    assert_eq!(id("shop", "/a/{id}"), id("shop", "/a/{name}"));
    assert_ne!(id("shop", "/a/{id}"), id("shop", "/a/id"));
    assert_ne!(id("shop", "/a/{id}"), id("other", "/a/{id}"));
    assert_eq!(id("shop", "/a").as_str(), "5b8653d5fd2551af");
}

#[test]
fn every_mistake_is_shown_at_once() {
    insta::assert_snapshot!(shown(
        r"
openapi: 3.1.0
servers: /v1
security: [{ baerer: [] }]
components:
  securitySchemes:
    bearer: { type: http, scheme: bearer }
    lost: { $ref: '#/components/securitySchema/bearer' }
paths:
  /users/{id:
    get: {}
  /users/{id}:
    gett: {}
    get: { security: bearer, deprecated: yep }
    put: { x-sunset: soon }
  /users/{name}:
    get: {}
  orders:
    get: [1]
  /circle: { $ref: '#/paths/~1circle' }
  /web: { $ref: 'https://example.com/a.yaml' }
  /gone: { $ref: 'gone.yaml#/x' }
",
        &[],
    ));
}

#[test]
fn what_does_not_decide_anything_is_a_warning() {
    let text = "
openapi: 3.1.0
paths:
  /a?b=c: { get: { responses: { default: { $ref: '#/components/responses/Eror' } } } }
  /b: { get: { responses: { default: { $ref: '#/components/responses/Eror' } } } }
  /c: { get: { requestBody: { $ref: 'bodies.yaml' }, x-note: { $ref: nowhere }, example: { $ref: 1 } } }
components: { responses: { Error: {} } }
";
    assert!(load_text(text, &[]).contract.is_some());
    insta::assert_snapshot!(shown(text, &[]));
}

#[test]
fn what_is_no_contract_says_so() {
    insta::assert_snapshot!(
        [
            shown("type: object", &[]),
            shown("openapi: 4.0.0", &[]),
            shown("openapi: 3.0.0\ninfo: {}", &[]),
            shown("openapi: 3.0.0\npaths: [1]", &[]),
            shown("openapi: [", &[]),
            render(
                &load("shop", &["none.yaml"], Purpose::Check, &MemorySources::new()).problems,
                Style::Plain
            ),
        ]
        .join("\n")
    );
}

#[test]
fn calls_by_name_are_declared_under_their_operation() {
    let loaded = load_text(
        "
openapi: 3.1.0
info: { title: Shop, version: '1' }
paths:
  /rpc:
    post:
      x-portcullis-calls:
        - { protocol: json-rpc, name: users.get, exchanges: 7 }
        - { protocol: GraphQL, name: mutation drop, deprecated: true }
        - { protocol: telegram, name: x }
  /plain: { get: {}, put: { x-portcullis-calls: all } }
",
        &[],
    );
    let codes: Vec<&str> = loaded.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["contract.calls", "contract.calls"]);
    let contract = loaded.contract.unwrap();
    let told = |operation: &Operation| {
        let calls = operation.calls.as_ref()?;
        Some(calls.iter().map(|known| format!("{} {}", known.call, known.deprecated)).collect::<Vec<_>>())
    };
    let told: Vec<_> = contract.operations().iter().filter_map(told).collect();
    assert_eq!(told, [["GraphQL mutation drop true", "JSON-RPC users.get false"]]);
}
