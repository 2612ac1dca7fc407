//! What it costs to look over a body for sensitive data.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_data::Found;
use portcullis_model::data_class::DataPlace;
use portcullis_wire::body::{Body, Budget, parse};
use portcullis_wire::fields::MediaType;

/// A list of customers as an API answers it, of about so many bytes.
fn customers(bytes: usize) -> String {
    let one = |n: usize| {
        format!(
            r#"{{"id":"6f1ed002-ab5c-4d3e-9a1f-3b1c0a5d{n:04}","name":"Anna Schmidt","email":"anna{n}@example.com","phone":"+49 30 90182{n:03}","createdAt":"2026-01-15T10:00:00Z","total":129.95,"status":"active","note":"Delivered to the neighbour on the second floor"}}"#
        )
    };
    let count = (bytes / one(0).len()).max(1);
    format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
}

fn read(text: String) -> Body {
    parse(&text.into(), MediaType::parse(b"application/json").as_ref(), &Budget::default())
}

fn classify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("data");
    for (name, bytes) in [("1 KiB", 1 << 10), ("16 KiB", 16 << 10)] {
        let text = customers(bytes);
        group.throughput(Throughput::Bytes(text.len() as u64));
        let body = read(text);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut found = Found::default();
                found.look_over(DataPlace::ResponseBody, &body.tree);
                found
            });
        });
    }
    group.finish();
}

criterion_group!(benches, classify);
criterion_main!(benches);
