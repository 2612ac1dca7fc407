//! Requests held against small contracts: what is wrong with each, as an operator reads it.

use bytes::Bytes;
use http::Method;
use portcullis_document::MemorySources;
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::body::{self, Budget};
use portcullis_wire::{EncodedSlash, normalise};

use super::{Parts, Sent, Undeclared};
use crate::{Contract, Found, Purpose, load};

const SHOP: &str = r#"
openapi: 3.0.3
info: { title: Shop, version: "1" }
paths:
  /items/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: integer, minimum: 1 } }]
    get:
      parameters:
        - { name: limit, in: query, schema: { type: integer, maximum: 100 } }
        - { name: tags, in: query, schema: { type: array, maxItems: 2, items: { type: string } } }
        - { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: near, in: query, style: deepObject, schema: { type: object, required: [lat], properties: { lat: { type: number } } } }
        - { name: X-Trace, in: header, schema: { type: string, format: uuid } }
        - { name: theme, in: cookie, schema: { enum: [dark, light] } }
        - { name: filter, in: query, content: { application/json: { schema: { type: object } } } }
    put:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Order' } }
components:
  schemas:
    Order:
      type: object
      required: [id, items]
      additionalProperties: false
      properties:
        id: { type: integer, readOnly: true }
        note: { type: string, nullable: true, maxLength: 5 }
        count: { type: integer, format: int32, minimum: 0, exclusiveMinimum: true }
        items: { type: array, items: { $ref: '#/components/schemas/Item' } }
        parent: { $ref: '#/components/schemas/Order' }
    Item:
      type: object
      properties: { price: { type: number, minimum: 0 }, sku: { type: string, pattern: '^[A-Z]+$' }, marks: { type: array, uniqueItems: true } }
"#;

fn contract(text: &str) -> Contract {
    let loaded =
        load("shop", &["api.yaml"], Purpose::Check, &MemorySources::new().file("api.yaml", text.to_owned()));
    assert_eq!(loaded.problems, []);
    loaded.contract.unwrap()
}

/// The faults of a request: its line, its header fields, its body.
fn faults(text: &str, line: &str, fields: &[(&str, &str)], sent: &str) -> Vec<String> {
    faults_strictly(text, line, fields, sent, Undeclared::Passes)
}

fn faults_strictly(
    text: &str,
    line: &str,
    fields: &[(&str, &str)],
    sent: &str,
    undeclared: Undeclared,
) -> Vec<String> {
    let contract = contract(text);
    let (method, target) = line.split_once(' ').unwrap();
    let mut headers = Headers::default();
    for (name, value) in fields {
        headers.push(name, value);
    }
    let head = RequestHead {
        method: method.parse::<Method>().unwrap(),
        target: Bytes::copy_from_slice(target.as_bytes()),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Http,
        headers,
    };
    let normal = normalise(&head, EncodedSlash::Keep);
    let segments: Vec<&str> = normal.segments().collect();
    let Found::Operation(operation, params) = contract.find(&head.method, &segments) else {
        panic!("{line}")
    };
    let values: Vec<_> = params.iter().map(|(_, value)| value.into()).collect();
    let bytes = Bytes::copy_from_slice(sent.as_bytes());
    let body = body::parse_as_declared(&bytes, &head.headers, &Budget::default());
    let media_type = fields.iter().find(|(name, _)| *name == "content-type").map_or("", |(_, value)| value);
    let sent = if sent.is_empty() { Sent::Nothing } else { Sent::Whole(&body, media_type) };
    let parts = Parts {
        path: (operation.template.parameters(), &values),
        query: normal.query(),
        headers: &head.headers,
    };
    operation.requests.faults(&parts, sent, undeclared).iter().map(ToString::to_string).collect()
}

fn check_get(target: &str, fields: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(faults(SHOP, &format!("GET {target}"), fields, ""), expected, "{target}");
}

fn check_put(media_type: &str, body: &str, expected: &[&str]) {
    assert_eq!(faults(SHOP, "PUT /items/1", &[("content-type", media_type)], body), expected, "{body}");
}

#[test]
fn parameters_are_read_by_their_style() {
    check_get("/items/7?limit=100&tags=a&tags=b&ids=1,2&near[lat]=1.5&filter={}", &[], &[]);
    check_get("/items/0", &[], &["path.id: must be >= 1"]);
    check_get("/items/x", &[], &["path.id: must be integer"]);
    check_get("/items/7?limit=101", &[], &["query.limit: must be <= 100"]);
    check_get("/items/7?limit=1&limit=2", &[], &["query.limit: must be integer"]);
    check_get("/items/7?limit=NaN", &[], &["query.limit: must be integer"]);
    check_get("/items/7?tags=a&tags=b&tags=c", &[], &["query.tags: must have at most 2 items"]);
    check_get("/items/7?ids=1,x", &[], &["query.ids[1]: must be integer"]);
    check_get("/items/7?near[lon]=1", &[], &["query.near.lat: must be there"]);
    check_get("/items/7?filter=7", &[], &["query.filter: must be object"]);
    check_get("/items/7", &[("x-trace", "1")], &["headers.X-Trace: must be of format uuid"]);
    check_get(
        "/items/7",
        &[("cookie", "theme=red")],
        &["cookies.theme: must be one of [\"dark\",\"light\"]"],
    );
}

#[test]
fn json_bodies_are_held_against_their_schema() {
    let json = "application/json";
    check_put(json, r#"{"items":[{"price":1,"sku":"A"}],"note":null,"count":1}"#, &[]);
    check_put(json, r#"{"items":[{},{},{"price":-1}]}"#, &["body.items[2].price: must be >= 0"]);
    check_put(json, r#"{"items":[{"sku":"a"}]}"#, &["body.items[0].sku: must match ^[A-Z]+$"]);
    check_put(json, r#"{"items":[],"count":0}"#, &["body.count: must be > 0"]);
    check_put(json, r#"{"items":[],"count":2147483648}"#, &["body.count: must be <= 2147483647"]);
    check_put(json, r#"{"items":[],"id":1}"#, &["body.id: must not be sent"]);
    check_put(json, r#"{"items":[],"admin":1}"#, &["body: must not have fields that are not declared"]);
    check_put(
        json,
        r#"{"parent":{"items":1}}"#,
        &["body.parent.items: must be array", "body.items: must be there"],
    );
    check_put(json, r#"{"items":["#, &["body: must be application/json that can be read"]);
    check_put(json, "", &["body: must be there"]);
    check_put(
        "text/plain",
        "x",
        &["body: must be sent as application/json or application/x-www-form-urlencoded"],
    );
}

#[test]
fn items_that_repeat_are_named() {
    let json = "application/json";
    check_put(json, r#"{"items":[{"marks":[1,"1",[],[[]],{}]}]}"#, &[]);
    check_put(
        json,
        r#"{"items":[{"marks":[{"a":1},{"a":1.0}]}]}"#,
        &["body.items[0].marks: must not repeat an item"],
    );
}

#[test]
fn forms_are_read_as_their_schema_declares() {
    let form = "application/x-www-form-urlencoded";
    check_put(form, "items=%7B%7D&count=3", &["body.items[0]: must be object"]);
    check_put(form, "count=x", &["body.count: must be integer", "body.items: must be there"]);
}

#[test]
fn swagger_2_0_declares_bodies_among_the_parameters() {
    let text = r#"
swagger: "2.0"
paths:
  /a:
    post:
      parameters:
        - { name: n, in: query, type: array, collectionFormat: pipes, items: { type: integer } }
        - { name: body, in: body, required: true, schema: { type: object, properties: { n: { type: integer } } } }
"#;
    let check = |line: &str, body: &str| faults(text, line, &[("content-type", "application/json")], body);
    assert_eq!(check("POST /a?n=1%7C2", r#"{"n":1}"#), Vec::<String>::new());
    assert_eq!(
        check("POST /a?n=1%7Cx", r#"{"n":"1"}"#),
        ["query.n[1]: must be integer", "body.n: must be integer"]
    );
    assert_eq!(check("POST /a", ""), ["body: must be there"]);
}

/// What is left of a JSON answer to `GET /a`, and what was cut.
fn check_strip(schema: &str, body: &str, expected: &str, places: &[&str]) {
    let text = format!(
        r##"{{"openapi":"3.1.0","paths":{{"/a":{{"get":{{"responses":{{"2XX":{{"content":{{"application/*":{{"schema":{schema}}}}}}}}}}}}}}},
        "components":{{"schemas":{{"Node":{{"properties":{{"next":{{"$ref":"#/components/schemas/Node"}},"id":{{}}}}}}}}}}}}"##
    );
    let sources = MemorySources::new().file("api.json", text);
    let loaded = load("shop", &["api.json"], Purpose::Exchanges, &sources);
    assert_eq!(loaded.problems, []);
    let contract = loaded.contract.unwrap();
    let rules = &contract.operations()[0].responses;
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    let parsed = body::parse_as_declared(&bytes, &headers, &Budget::default());
    let cuts = rules.cuts(200, &parsed, "application/json", &bytes);
    assert_eq!(cuts.places, places, "{body}");
    let mut left = body.to_owned();
    for span in cuts.spans.into_iter().rev() {
        left.replace_range(span, "");
    }
    assert_eq!(left, expected);
}

#[test]
fn undeclared_fields_are_cut() {
    let plain = r#"{"properties":{"a":{},"b":{}}}"#;
    check_strip(plain, r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#, &[]);
    check_strip(plain, r#"{"x":1,"y":2,"a":1}"#, r#"{"a":1}"#, &["body.x", "body.y"]);
    check_strip(plain, r#"{"a":1,"x":{"b":1},"b":2,"x":3}"#, r#"{"a":1,"b":2}"#, &["body.x", "body.x"]);
    check_strip(plain, r#"{"x":1 , "y":",}"}"#, "{}", &["body.x", "body.y"]);
    let nested = r##"{"type":"array","items":{"$ref":"#/components/schemas/Node"}}"##;
    let places = ["body[1].next.x", "body[1].y"];
    check_strip(nested, r#"[{"id":1},{"next":{"x":1},"y":2}]"#, r#"[{"id":1},{"next":{}}]"#, &places);
}

#[test]
fn what_a_document_might_mean_is_not_cut() {
    let check = |schema: &str, expected: &str, places: &[&str]| {
        check_strip(schema, r#"{"a":{"k":1},"x":{"k":1}}"#, expected, places);
    };
    let all = r#"{"a":{"k":1},"x":{"k":1}}"#;
    check("{}", all, &[]);
    check(r#"{"type":"object"}"#, all, &[]);
    check(r#"{"properties":{"a":{}},"additionalProperties":{}}"#, all, &[]);
    check(r#"{"properties":{"a":{}},"patternProperties":{"^x":{}}}"#, all, &[]);
    check(r#"{"anyOf":[{"properties":{"a":{}}},{"properties":{"x":{}}}]}"#, all, &[]);
    check(r#"{"oneOf":[{"properties":{"a":{}}},{"type":"object"}]}"#, all, &[]);
    let cut = r#"{"a":{"k":1}}"#;
    check(r#"{"properties":{"a":{}},"anyOf":[{"required":["a"]},{"required":["x"]}]}"#, cut, &["body.x"]);
    check(r#"{"allOf":[{"properties":{"a":{}}},{"description":"more"}]}"#, cut, &["body.x"]);
    check(r#"{"properties":{"a":{},"x":{"writeOnly":true}}}"#, cut, &["body.x"]);
    check(
        r#"{"properties":{"a":{}},"additionalProperties":{"properties":{"z":{}}}}"#,
        r#"{"a":{"k":1},"x":{}}"#,
        &["body.x.k"],
    );
}

#[test]
fn what_nothing_declares_is_a_fault_where_asked_for() {
    let check = |line: &str, body: &str, expected: &[&str]| {
        let fields = [("content-type", "application/json")];
        assert_eq!(faults_strictly(SHOP, line, &fields, body, Undeclared::Fault), expected, "{line} {body}");
    };
    check("GET /items/7?limit=1&near[lat]=1&tags=a", "", &[]);
    check("GET /items/7?debug=1", "", &["query.debug: must not be sent, for it is not declared"]);
    let place = "body.items[1].admin: must not be sent, for it is not declared";
    check("PUT /items/1", r#"{"items":[{},{"admin":true}]}"#, &[place]);
}

#[test]
fn fields_of_2_0_forms_have_types() {
    let text = r#"
swagger: "2.0"
paths:
  /a:
    post:
      consumes: [application/x-www-form-urlencoded]
      parameters:
        - { name: n, in: formData, type: integer, required: true, maximum: 9 }
        - { name: several, in: formData, type: array, collectionFormat: multi, items: { type: integer } }
        - { name: joined, in: formData, type: array, items: { type: integer } }
        - { name: picture, in: formData, type: file }
"#;
    let check = |body: &str, expected: &[&str]| {
        let fields = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(faults(text, "POST /a", &fields, body), expected, "{body}");
    };
    check("n=9&several=1&several=2&joined=1,2&picture=x", &[]);
    check("n=10&several=x", &["body.n: must be <= 9", "body.several[0]: must be integer"]);
    check("several=1", &["body.n: must be there"]);
}

#[test]
fn hostile_schemas_and_bodies_are_bounded() {
    let text = r"
openapi: 3.1.0
paths:
  /loop: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/A' } } } } } }
  /look: { post: { requestBody: { content: { application/json: { schema: { type: string, pattern: '(?=a)b' } } } } } }
components: { schemas: { A: { allOf: [{ $ref: '#/components/schemas/B' }] }, B: { anyOf: [{ $ref: '#/components/schemas/A' }] } } }
";
    let loaded = load("shop", &["api.yaml"], Purpose::Check, &MemorySources::new().file("api.yaml", text));
    let codes: Vec<&str> = loaded.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["contract.schema", "contract.pattern"]);
    let deep = format!("{}{}", r#"{"parent":"#.repeat(60), "1");
    assert!(!faults(SHOP, "PUT /items/1", &[("content-type", "application/json")], &deep).is_empty());
    let many = format!(r#"{{"items":[{}1]}}"#, "1,".repeat(5000));
    assert_eq!(
        faults(SHOP, "PUT /items/1", &[("content-type", "application/json")], &many).len(),
        super::MOST_FAULTS
    );
}

#[test]
fn alternatives_that_contain_themselves_cost_no_more_with_every_level() {
    let text = r"
openapi: 3.1.0
paths:
  /rules: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/Node' } } } } } }
components:
  schemas:
    Node:
      oneOf:
        - { type: object, required: [kind], properties: { kind: { const: and }, left: { $ref: '#/components/schemas/Node' } } }
        - { type: object, required: [kind], properties: { kind: { const: or }, left: { $ref: '#/components/schemas/Node' } } }
";
    let sent = |body: &str| faults(text, "POST /rules", &[("content-type", "application/json")], body);
    assert_eq!(sent(r#"{"kind":"and","left":{"kind":"or"}}"#), [""; 0]);
    // Told apart one by one, the ways through this would take longer than anybody lives.
    let deep = format!("{}1{}", r#"{"left":"#.repeat(60), "}".repeat(60));
    assert_eq!(sent(&deep), ["body: must fit its schema"]);
}
