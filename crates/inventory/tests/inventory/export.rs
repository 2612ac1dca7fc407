//! The exported document: that it holds what was learned, and that our own reader of contracts takes it.

use portcullis_contract::{Purpose, load};
use portcullis_document::MemorySources;
use portcullis_inventory::{Inventory, Standing, openapi};
use portcullis_model::Timestamp;
use portcullis_model::data_class::{Confidence, DataClass, DataPlace, FieldData};
use portcullis_model::observation::{BodyShape, Credential, Magnitude, Observation, SegmentKind, Shape};
use serde_json::Value;
use smol_str::SmolStr;

use crate::traffic::{fold, observation};

fn order(second: i64) -> Observation {
    let mut order = observation("POST", &format!("/v1/shops/{second}/orders"), 201, &["id", "total"], second);
    let state = if second % 2 == 0 { "open" } else { "closed" };
    let text = |word: &str| Shape::String {
        length: word.len() as u32,
        kind: SegmentKind::Word,
        word: Some(SmolStr::new(word)),
    };
    order.request_body = Some(BodyShape {
        media_type: "application/json".into(),
        shape: Shape::Object(vec![
            ("state".into(), text(state)),
            ("amount".into(), Shape::Integer(Magnitude::of(40 + second))),
        ]),
    });
    order.request_bytes = 20;
    order.query = vec![("dryRun".into(), Shape::Bool)];
    order.headers = vec!["idempotency-key".into(), "x-api-key".into(), "accept".into()];
    order.cookies = vec!["theme".into()];
    order.credentials = vec![Credential::Header("x-api-key".into())];
    order.proof = None;
    order.data = vec![FieldData {
        place: DataPlace::RequestBody,
        field: "buyer.email".into(),
        class: DataClass::Email,
        confidence: Confidence::Sure,
        count: 1,
    }];
    order
}

fn exported() -> Value {
    let calls: Vec<Observation> = (1..=20).map(order).collect();
    openapi::document("shop", &Inventory::of(&fold(&calls), None))
}

#[test]
fn parameters_bodies_and_credentials_are_there() {
    let document = exported();
    let operation = &document["paths"]["/v1/shops/{shopId}/orders"]["post"];
    let parameters: Vec<String> = operation["parameters"]
        .as_array()
        .expect("parameters")
        .iter()
        .map(|one| format!("{} {}", one["in"].as_str().unwrap_or(""), one["name"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(parameters, ["path shopId", "query dryRun", "header idempotency-key", "cookie theme"]);
    let request = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(request["properties"]["state"]["enum"], serde_json::json!(["closed", "open"]));
    assert_eq!(request["properties"]["amount"]["minimum"], 0);
    assert_eq!(request["required"], serde_json::json!(["amount", "state"]));
    assert_eq!(operation["security"], serde_json::json!([{ "header_x_api_key": [] }]));
    let scheme = &document["components"]["securitySchemes"]["header_x_api_key"];
    assert_eq!(scheme, &serde_json::json!({ "type": "apiKey", "in": "header", "name": "x-api-key" }));
    assert_eq!(document["servers"][0]["url"], "https://api.shop.example");
    assert_eq!(operation["x-portcullis-exchanges"], 20);
    let email = serde_json::json!({
        "in": "request_body", "field": "buyer.email", "class": "email", "confidence": "sure", "exchanges": 20
    });
    assert_eq!(operation["x-portcullis-data"], serde_json::json!([email]));
}

#[test]
fn our_own_reader_takes_it() {
    let text = exported().to_string();
    let sources = MemorySources::new().file("learned.json", text);
    let loaded = load("shop", &["learned.json"], Purpose::Check, &sources);
    let contract = loaded.contract.expect("a contract");
    let names: Vec<&str> = contract.operations().iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names, ["POST /v1/shops/{shopId}/orders"]);
}

#[test]
fn what_is_assessed_says_so_and_the_rest_is_left_out() {
    let calls = [observation("GET", "/v1/a", 200, &["id"], 6), observation("GET", "/v2/a", 200, &["id"], 6)];
    let inventory = Inventory::of(&fold(&calls), None);
    let all = inventory.assess(None, Timestamp::from_secs(60));
    let zombies: Vec<_> = all.into_iter().filter(|one| one.standing == Some(Standing::Zombie)).collect();
    let document = openapi::assessed("shop", &inventory, &zombies);
    assert_eq!(document["paths"].as_object().expect("paths").keys().collect::<Vec<_>>(), ["/v1/a"]);
    let operation = &document["paths"]["/v1/a"]["get"];
    assert_eq!(operation["x-portcullis-standing"], "zombie");
    assert_eq!(operation["deprecated"], true);
    assert!(operation["x-portcullis-risk"]["reasons"][0].is_string());
}
