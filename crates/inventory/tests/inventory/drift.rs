//! Values of other types than declared.

use portcullis_contract::{Contract, Found, Purpose, load};
use portcullis_document::MemorySources;
use portcullis_inventory::{DriftKind, Inventory};
use portcullis_model::Timestamp;
use portcullis_model::observation::{BodyShape, Observation, Shape};
use portcullis_wire::Budget;
use portcullis_wire::body::{parse, text_shape};
use portcullis_wire::fields::MediaType;

use crate::traffic::{fold, observation};

const CONTRACT: &str = "
openapi: 3.1.0
info: { title: Shop, version: '1' }
paths:
  /orders/{orderId}:
    put:
      parameters:
      - { name: orderId, in: path, required: true, schema: { type: integer } }
      - { name: page, in: query, schema: { type: integer } }
      - { name: dry, in: query, schema: { type: boolean } }
      - { name: ids, in: query, schema: { type: array, items: { type: integer } } }
      - { name: where, in: query, content: { application/json: { schema: { type: object } } } }
      requestBody:
        content:
          application/json: { schema: { $ref: '#/components/schemas/Order' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Order' } }
      responses: { 200: { content: { application/json: { schema: { type: array, items: { type: object } } } } } }
components:
  schemas:
    Order:
      type: object
      properties:
        price: { type: number }
        amount: { type: integer }
        note: { type: [string, 'null'] }
        state: { enum: [open, closed] }
        any: {}
        meta: { type: object, additionalProperties: true }
        tags: { type: array, items: { type: string } }
        who: { oneOf: [{ type: string }, { $ref: '#/components/schemas/Person' }] }
        when: { nullable: true, allOf: [{ type: string }, { minLength: 1 }] }
    Person: { type: object, properties: { id: { type: integer } } }
";

fn contract() -> Contract {
    let sources = MemorySources::new().file("openapi.yaml", CONTRACT);
    load("shop", &["openapi.yaml"], Purpose::Check, &sources).contract.expect("a contract")
}

/// What differs of one call of the order that is otherwise as declared.
fn check(wanted: &[&str], edit: impl FnOnce(&mut Observation)) {
    let contract = contract();
    let mut call = observation("PUT", "/orders/17", 200, &[], 60);
    call.query.clear();
    call.request_bytes = 10;
    call.response_body = Some(body("application/json", "[{}]"));
    edit(&mut call);
    let segments = ["orders".to_owned(), "17".to_owned()];
    let method = call.method.parse().expect("a method");
    let Found::Operation(operation, _) = contract.find(&method, &segments) else { panic!("it is declared") };
    call.operation = Some(operation.id.clone());
    let all =
        Inventory::of(&fold([&call]), Some(&contract)).assess(Some(&contract), Timestamp::from_secs(90));
    let of_types = all.iter().flat_map(|one| &one.drift).filter(|one| one.kind == DriftKind::OtherType);
    let told: Vec<&str> = of_types.map(|one| one.place.as_str()).collect();
    assert_eq!(told, wanted);
}

fn body(media_type: &str, text: &str) -> BodyShape {
    let read =
        parse(&text.to_owned().into(), MediaType::parse(media_type.as_bytes()).as_ref(), &Budget::default());
    BodyShape { media_type: media_type.into(), shape: read.tree.shape() }
}

fn sent(media_type: &'static str, text: &'static str) -> impl FnOnce(&mut Observation) {
    move |call| call.request_body = Some(body(media_type, text))
}

fn asked(name: &'static str, value: &'static str) -> impl FnOnce(&mut Observation) {
    move |call| call.query = vec![(name.into(), text_shape(name, value))]
}

#[test]
fn bodies_are_of_the_types_declared() {
    let json = "application/json";
    check(
        &[],
        sent(json, r#"{"price": 1, "amount": 2, "note": null, "state": "open", "any": [1], "tags": ["a"]}"#),
    );
    check(&[], sent(json, r#"{"price": 1.5, "meta": {"deep": true}, "who": "anna", "when": null}"#));
    check(&[], sent(json, r#"{"who": {"id": 7}, "unheard": 1}"#));
    check(&["body.price as string"], sent(json, r#"{"price": "12"}"#));
    check(&["body.amount as number", "body.note as array"], sent(json, r#"{"amount": 1.5, "note": []}"#));
    check(&["body.state as integer", "body.tags[] as null"], sent(json, r#"{"state": 1, "tags": [null]}"#));
    check(
        &["body.meta as string", "body.who.id as string"],
        sent(json, r#"{"meta": "", "who": {"id": "7"}}"#),
    );
    check(&["body as array"], sent(json, "[]"));
    check(&["response.200.body[] as string"], |call| {
        call.response_body = Some(body("application/json", r#"["a"]"#));
    });
}

#[test]
fn texts_are_what_they_can_be_read_as() {
    let form = "application/x-www-form-urlencoded";
    check(&[], sent(form, "price=1.50&amount=-2&note=x&tags=a&tags=b"));
    check(&["body.amount as string"], sent(form, "amount=many&price="));
    for (name, value) in
        [("page", "2"), ("page", "-1"), ("page", ""), ("dry", "true"), ("ids", "1,2"), ("where", "x")]
    {
        check(&[], asked(name, value));
    }
    check(&["query.page as string"], asked("page", "first"));
    check(&["query.dry as string"], asked("dry", "2024-01-01"));
    let of_another_kind = |call: &mut Observation| {
        call.segments = observation("PUT", "/orders/latest", 200, &[], 60).segments;
    };
    check(&["path.orderId as string"], of_another_kind);
}

#[test]
fn a_shape_that_was_cut_off_is_of_no_type() {
    let cut = BodyShape { media_type: "application/json".into(), shape: Shape::Cut };
    check(&[], |call| call.request_body = Some(cut));
}
