//! What recording costs the hot path, and what archiving costs its thread.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_events::{Recorder, RecorderConfig};
use portcullis_model::event::{Standing, Summary};
use portcullis_model::{Action, CallerKey, EventId, Timestamp};

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

criterion_group!(benches, fold);
criterion_main!(benches);
