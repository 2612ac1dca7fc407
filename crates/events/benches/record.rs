//! What recording costs the hot path, and what archiving costs its thread.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_events::{ArchiveConfig, Recorder, RecorderConfig, Share};
use portcullis_model::event::{Standing, Summary};
use portcullis_model::{Action, CallerKey, Event, EventId, Timestamp};

fn summary(n: u32) -> Summary {
    Summary {
        time: Timestamp::from_secs(1_700_000_000),
        site: "shop".into(),
        operation: ["GET /customers/{customerId}/invoices", "POST /login", "GET /plans"][n as usize % 3]
            .into(),
        standing: Some(Standing::Documented),
        action: Action::Pass,
        would_have: Action::Pass,
        decided_by: None,
        status: 200,
        duration: Duration::from_micros(u64::from(n % 5000)),
        request_bytes: 0,
        response_bytes: 512,
        caller: CallerKey::address(std::net::Ipv4Addr::from(0x0a00_0000 + n).into()),
    }
}

fn fold(criterion: &mut Criterion) {
    let (recorder, _recording) = Recorder::start(&RecorderConfig::default()).unwrap();
    for (name, callers) in [("fold, 100 callers", 100), ("fold, 100000 callers", 100_000)] {
        let summaries: Vec<Summary> = (0..callers).map(summary).collect();
        let mut next = summaries.iter().cycle();
        criterion
            .bench_function(name, |bencher| bencher.iter(|| recorder.fold(black_box(next.next().unwrap()))));
    }
    let summary = summary(1);
    let id = EventId::from_u128(7 << 60);
    criterion.bench_function("wants", |bencher| {
        bencher.iter(|| recorder.wants(black_box(&summary), black_box(id)));
    });
}

/// A pass as the engine records it, with the tags an exchange usually has.
const EVENT: &str = r#"{"version":1,"id":"01HF7YAT00AAAAAAAAAAAAAAAA","time":"2023-11-14T22:13:20.123456Z",
"duration_us":1500,"direction":"ingress","peer":{"ip":"10.0.0.7","port":40000,"listener":"0.0.0.0:8080"},
"caller":{"key":"identity:customers/c-1001","ip":"203.0.113.9","identity":{"provider":"customers",
"subject":"c-1001","proof":"jwt","groups":["customer"]}},"site":"shop","operation":{"id":"00000000000000aa",
"name":"GET /customers/{customerId}/invoices","standing":"documented"},"request":{"method":"GET","scheme":"https",
"host":"shop.example","path":"/customers/1001/invoices","version":"1.1","user_agent":"Mozilla/5.0 (X11; Linux)",
"body_bytes":0},"response":{"status":200,"from":"upstream","content_type":"application/json","body_bytes":512},
"upstream":{"server":"10.1.0.5:9000","attempts":1,"reused":true,"status":200,"head_us":900},
"tags":[{"tag":"site:shop","cause":"observed"},{"tag":"method:GET","cause":"observed"},
{"tag":"api:documented","cause":"contract"},{"tag":"caller:known","cause":{"identity":"customers"}},
{"tag":"auth:jwt","cause":{"identity":"customers"}},{"tag":"status:200","cause":"observed"}],
"verdict":{"action":"pass"},"reasons":[],"phases":[{"phase":"head","us":12},{"phase":"upstream","us":900}],
"end":"complete"}"#;

/// What one event costs from the offer to the commit, both threads together.
fn archive(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let archive = ArchiveConfig { path, retain: Duration::from_hours(1 << 20), size: None };
    let config =
        RecorderConfig { archive: Some(archive), passes: Share::ALL, queue: 1 << 20, access_log: None };
    let (recorder, recording) = Recorder::start(&config).unwrap();
    let event: Event = serde_json::from_str(EVENT).unwrap();
    let mut next = event.id.as_u128();
    let mut group = criterion.benchmark_group("archive");
    group.sample_size(10).throughput(criterion::Throughput::Elements(4096));
    group.bench_function("4096 events offered and committed", |bencher| {
        bencher.iter(|| {
            for _ in 0..4096 {
                next += 1 << 76;
                recorder.offer(Event { id: EventId::from_u128(next), ..event.clone() });
            }
            recording.flush();
        });
    });
}

criterion_group!(benches, fold, archive);
criterion_main!(benches);
