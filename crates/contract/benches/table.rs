//! How long it takes to find a call's operation in a contract of 400, and to load a contract of that size.

#![allow(clippy::unwrap_used, reason = "a benchmark may be loud")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::Method;
use portcullis_contract::{Purpose, load};
use portcullis_document::MemorySources;

/// A hundred resources with four operations each.
fn document() -> String {
    let mut text = String::from(r#"{ "openapi": "3.1.0", "servers": [{ "url": "/v1" }], "paths": {"#);
    for resource in 0..100 {
        let comma = if resource == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma} "/resource{resource}": {{ "get": {{}}, "post": {{}} }},
            "/resource{resource}/{{id}}": {{ "get": {{}} }},
            "/resource{resource}/{{id}}/parts/{{part}}.json": {{ "get": {{}} }}"#
        )
        .unwrap();
    }
    text.push_str("}}");
    text
}

fn bench(criterion: &mut Criterion) {
    let text = document();
    let sources = MemorySources::new().file("api.json", text);
    let contract = load("bench", &["api.json"], Purpose::Find, &sources).contract.unwrap();
    for (name, path) in [
        ("literal", vec!["v1", "resource42"]),
        ("one parameter", vec!["v1", "resource42", "1234567"]),
        ("two parameters", vec!["v1", "resource42", "1234567", "parts", "9.json"]),
        ("nothing", vec!["v1", "resource42", "1234567", "debug", "9.json"]),
        ("other method", vec!["v1", "resource42", "1234567", "parts", "9.json"]),
    ] {
        let method = if name == "other method" { Method::PUT } else { Method::GET };
        criterion.bench_function(&format!("find/{name}"), |bencher| {
            bencher.iter(|| {
                black_box(contract.find(black_box(&method), black_box(&path)));
            });
        });
    }
    criterion.bench_function("load/400 operations", |bencher| {
        bencher.iter(|| load("bench", &["api.json"], Purpose::Find, black_box(&sources)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
