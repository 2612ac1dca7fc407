//! How fast documents of a large contract's size and shape are read: `cargo bench -p portcullis-document`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_document::{SourceFile, parse};

/// About 2 MB of OpenAPI-like JSON.
fn contract() -> String {
    let mut out = String::from("{\"openapi\": \"3.0.3\", \"paths\": {\n");
    for path in 0..3600 {
        let _ = writeln!(
            out,
            "  \"/things/{path}/{{id}}\": {{\n    \"get\": {{\n      \"operationId\": \"get{path}\",\n      \
             \"description\": \"Gets one thing, with everything that is known of it.\\nMay be slow.\",\n      \
             \"parameters\": [\n        {{ \"name\": \"id\", \"in\": \"path\", \"required\": true, \
             \"schema\": {{ \"type\": \"integer\", \"minimum\": 1 }} }}\n      ],\n      \
             \"responses\": {{ \"200\": {{ \"description\": \"It.\", \"content\": {{ \"application/json\": \
             {{ \"schema\": {{ \"$ref\": \"#/components/schemas/Thing{path}\" }} }} }} }} }}\n    }}\n  }},"
        );
    }
    out.push_str("  \"/\": {}\n}}\n");
    out
}

fn read(c: &mut Criterion) {
    let text = contract();
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    let json = SourceFile::new("contract.json", text.as_str());
    group.bench_function("json", |b| b.iter(|| parse(black_box(&json)).map(black_box).is_ok()));
    // A comment makes it YAML, of which this is flow style.
    let yaml = SourceFile::new("contract.yaml", format!("# a contract\n{text}"));
    group.bench_function("yaml", |b| b.iter(|| parse(black_box(&yaml)).map(black_box).is_ok()));
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
