//! What the memory store costs an exchange.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_model::counter::{Batch, CounterKey, Op};
use portcullis_model::{Ban, BanKey, CallerKey, Timestamp};
use portcullis_store::{MemoryLimits, MemoryStore, Store};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn take(key: u128) -> Op {
    let key = CounterKey(key.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    Op::Take { key, rate: 1000, per: Duration::from_secs(1), burst: 1000, cost: 1 }
}

fn batches(criterion: &mut Criterion) {
    let store = MemoryStore::new(MemoryLimits::default());
    for (name, keys) in
        [("a batch of two takes, 100 keys", 100), ("a batch of two takes, 200000 keys", 200_000)]
    {
        let mut key = 0_u128;
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                key = (key + 7) % keys;
                let batch = Batch { now: NOW, ops: [take(key), take(key + keys)].into_iter().collect() };
                black_box(matches!(store.apply(&batch), portcullis_store::Reply::Ready(Ok(_))))
            });
        });
    }
}

fn bans(criterion: &mut Criterion) {
    let store = MemoryStore::new(MemoryLimits::default());
    let view = store.ban_view();
    let client = IpAddr::from([198, 51, 100, 7]);
    let caller = CallerKey::address(client);
    let mut look = |name: &str| {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| view.find(Some("shop"), black_box(&caller), black_box(client), NOW));
        });
    };
    look("a ban looked up, none held");
    for n in 0..10_000_u32 {
        let ip = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n));
        store.ban(ban(BanKey::Caller(CallerKey::address(ip))));
    }
    look("a ban looked up, 10000 held");
    for n in 0..20_u8 {
        store.ban(ban(BanKey::parse(&format!("192.0.{n}.0/{}", 20 + n % 5)).unwrap()));
    }
    look("a ban looked up, 10000 held and 20 networks");
}

fn ban(key: BanKey) -> Ban {
    let until = NOW.plus(Duration::from_hours(1));
    Ban {
        key,
        site: None,
        since: NOW,
        until,
        grows_to: None,
        event: None,
        reason: "bench".into(),
        by: "bench".into(),
    }
}

criterion_group!(benches, batches, bans);
criterion_main!(benches);
