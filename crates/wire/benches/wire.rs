//! What reading one request costs: the head of a browser's GET, its normal form, bodies of one to sixteen kilobytes.
//!
//! `cargo bench -p portcullis-wire`; figures are in the docs of the crate.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a bench stops loudly")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_model::{RequestHead, Scheme};
use portcullis_wire::body::{self, Budget};
use portcullis_wire::fields::MediaType;
use portcullis_wire::{EncodedSlash, FramingLimits, RequestFollower, What, normalise};

const BROWSER_GET: &[u8] = b"GET /customers/8731/invoices?from=2026-01-01&sort=-date HTTP/1.1\r\n\
    Host: api.kestrel.example\r\n\
    Connection: keep-alive\r\n\
    sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark\r\n\r\n";

fn head_of(bytes: &[u8]) -> RequestHead {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Https);
    match follower.feed(bytes).what {
        What::Head(record) => record.head,
        other => panic!("{other:?}"),
    }
}

fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head");
    group.throughput(Throughput::Bytes(BROWSER_GET.len() as u64));
    group.bench_function("browser GET, 15 fields", |bencher| {
        let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Https);
        bencher.iter(|| {
            let fed = follower.feed(black_box(BROWSER_GET));
            let end = follower.feed(&[]);
            (fed, end)
        });
    });
    group.finish();
}

fn normal_forms(criterion: &mut Criterion) {
    let plain = head_of(BROWSER_GET);
    criterion.bench_function("normalise/plain", |bencher| {
        bencher.iter(|| normalise(black_box(&plain), EncodedSlash::Keep));
    });
    let escaped = head_of(b"GET /a/../caf%c3%a9/%7euser/x%2Fy?q=1 HTTP/1.1\r\nHost: A.example\r\n\r\n");
    criterion.bench_function("normalise/escapes and dots", |bencher| {
        bencher.iter(|| normalise(black_box(&escaped), EncodedSlash::Keep));
    });
}

/// So many records of six values each.
fn json(records: usize) -> Bytes {
    let item =
        r#"{"id":8731,"name":"Ada Lovelace","email":"ada@example.org","plans":["m","xl"],"active":true}"#;
    Bytes::from(format!("[{}]", vec![item; records].join(",")))
}

/// A form as browsers send it, four kilobytes with 163 fields.
fn form() -> Bytes {
    let fields: Vec<_> = (0..163).map(|n| format!("field_{n}=a+value%20{}", n * 7919)).collect();
    Bytes::from(fields.join("&"))
}

fn bodies(criterion: &mut Criterion) {
    let xml = "<r><id>8731</id><name lang=\"en\">Ada &amp; co</name></r>".repeat(18);
    let part = "--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n".repeat(15);
    for (name, media_type, text) in [
        ("JSON, 1 KiB", "application/json", json(11)),
        ("JSON, 16 KiB", "application/json", json(176)),
        ("form, 4 KiB, 163 fields", "application/x-www-form-urlencoded", form()),
        ("XML, 1 KiB", "application/xml", Bytes::from(format!("<a>{xml}</a>"))),
        ("multipart, 1 KiB", "multipart/form-data; boundary=B", Bytes::from(format!("{part}--B--\r\n"))),
    ] {
        let media_type = MediaType::parse(media_type.as_bytes()).unwrap();
        let mut group = criterion.benchmark_group("body");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| body::parse(black_box(&text), Some(&media_type), &Budget::default()));
        });
        group.finish();
    }
}

criterion_group!(benches, heads, normal_forms, bodies);
criterion_main!(benches);
