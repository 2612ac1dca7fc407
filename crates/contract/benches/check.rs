//! How long it takes to hold a request with a JSON body of 1 KB against what its operation declares.
//!
//! `body/parse` is what the content filter has paid already; `check/valid` is what the contract's check adds to it;
//! `peer/…` is the validator alone, on a value that somebody else built.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark may be loud")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::Method;
use portcullis_contract::{Found, Parts, Purpose, Sent, Undeclared, load};
use portcullis_document::MemorySources;
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::body::{self, Budget};
use portcullis_wire::{EncodedSlash, normalise};
use serde_json::Value;

const ORDER: &str = r#"{
  "type": "object",
  "required": ["customer", "currency", "lines"],
  "additionalProperties": false,
  "properties": {
    "customer": {
      "type": "object",
      "required": ["name", "email"],
      "properties": {
        "name": { "type": "string", "minLength": 1, "maxLength": 100 },
        "email": { "type": "string", "format": "email" },
        "phone": { "type": "string", "pattern": "^\\+[0-9]{6,15}$" }
      }
    },
    "currency": { "enum": ["EUR", "USD", "GBP"] },
    "placed": { "type": "string", "format": "date-time" },
    "express": { "type": "boolean" },
    "note": { "type": "string", "maxLength": 400 },
    "lines": {
      "type": "array", "minItems": 1, "maxItems": 50,
      "items": {
        "type": "object",
        "required": ["sku", "quantity", "price"],
        "properties": {
          "sku": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$" },
          "quantity": { "type": "integer", "minimum": 1, "maximum": 1000 },
          "price": { "type": "number", "minimum": 0 },
          "id": { "type": "string", "format": "uuid" }
        }
      }
    }
  }
}"#;

/// An order of about 1 KB, as minified JSON.
fn order() -> String {
    let line = |number: usize| {
        format!(
            r#"{{"sku":"ABC-{number:04}","quantity":{number},"price":{number}.25,"id":"6f1c2f0e-8f4b-4a53-9a38-0d6c6a4f{number:04}"}}"#
        )
    };
    let lines: Vec<String> = (1..=7).map(line).collect();
    format!(
        r#"{{"customer":{{"name":"Ada Lovelace","email":"ada@example.com","phone":"+4420794600"}},"currency":"EUR","placed":"2026-11-23T01:02:03Z","express":true,"note":"{}","lines":[{}]}}"#,
        "Leave it with the neighbours. ".repeat(6),
        lines.join(",")
    )
}

fn head() -> RequestHead {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    headers.push("x-trace", "6f1c2f0e-8f4b-4a53-9a38-0d6c6a4f0001");
    RequestHead {
        method: Method::POST,
        target: Bytes::from_static(b"/shops/17/orders?dry=true&limit=10"),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Http,
        headers,
    }
}

fn document() -> String {
    let parameter = |name: &str, place: &str, schema: &str| {
        format!(r#"{{"name":"{name}","in":"{place}","required":true,"schema":{schema}}}"#)
    };
    let parameters = [
        parameter("shop", "path", r#"{"type":"integer","minimum":1}"#),
        parameter("dry", "query", r#"{"type":"boolean"}"#),
        parameter("limit", "query", r#"{"type":"integer","maximum":100}"#),
        parameter("X-Trace", "header", r#"{"type":"string","format":"uuid"}"#),
    ];
    format!(
        r#"{{"openapi":"3.1.0","paths":{{"/shops/{{shop}}/orders":{{"post":{{"parameters":[{}],"requestBody":
        {{"required":true,"content":{{"application/json":{{"schema":{ORDER}}}}}}}}}}}}}}}"#,
        parameters.join(",")
    )
}

fn bench(criterion: &mut Criterion) {
    let sources = MemorySources::new().file("api.json", document());
    let contract = load("bench", &["api.json"], Purpose::Check, &sources).contract.unwrap();
    let head = head();
    let normal = normalise(&head, EncodedSlash::Keep);
    let segments: Vec<&str> = normal.segments().collect();
    let Found::Operation(operation, params) = contract.find(&head.method, &segments) else {
        panic!("the operation is declared")
    };
    let values: Vec<_> = params.iter().map(|(_, value)| value.into()).collect();
    let parts = Parts {
        path: (operation.template.parameters(), &values),
        query: normal.query(),
        headers: &head.headers,
    };
    let bytes = Bytes::from(order());
    let body = body::parse_as_declared(&bytes, &head.headers, &Budget::default());
    let sent = Sent::Whole(&body, "application/json");
    assert_eq!(operation.requests.faults(&parts, sent, Undeclared::Passes), []);
    criterion.bench_function(&format!("body/parse {} bytes", bytes.len()), |bencher| {
        bencher.iter(|| body::parse_as_declared(black_box(&bytes), &head.headers, &Budget::default()));
    });
    criterion.bench_function("check/parameters", |bencher| {
        bencher.iter(|| operation.requests.faults(black_box(&parts), Sent::Skipped, Undeclared::Passes));
    });
    criterion.bench_function("check/valid", |bencher| {
        bencher.iter(|| operation.requests.faults(black_box(&parts), black_box(sent), Undeclared::Passes));
    });
    peer(criterion, &bytes);
}

fn peer(criterion: &mut Criterion, bytes: &[u8]) {
    let schema: Value = serde_json::from_str(ORDER).unwrap();
    let value: Value = serde_json::from_slice(bytes).unwrap();
    criterion.bench_function("peer/serde_json parses", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Value>(black_box(bytes)).unwrap());
    });
    let validator = jsonschema::options().should_validate_formats(true).offline().build(&schema).unwrap();
    assert!(validator.is_valid(&value));
    criterion.bench_function("peer/jsonschema", |bencher| {
        bencher.iter(|| validator.is_valid(black_box(&value)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
