//! Looking addresses up in a million ranges: `cargo bench -p portcullis-engine --bench lists`.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use ipnet::Ipv4Net;
use portcullis_engine::lists::{Range, Ranges};
use prefix_trie::PrefixSet;

/// Numbers that look random and are the same in every run (a linear congruential generator).
fn numbers() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(0x9E37_79B9_7F4A_7C15_u64), |seed| {
        Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|seed| (seed >> 32) as u32)
}

fn lookups(criterion: &mut Criterion) {
    let nets: Vec<Ipv4Net> = numbers()
        .take(1_000_000)
        .map(|number| {
            Ipv4Net::new(Ipv4Addr::from(number), 24 + (number % 9) as u8).expect("a prefix").trunc()
        })
        .collect();
    let probes: Vec<Ipv4Addr> = numbers().skip(7_000_000).take(4096).map(Ipv4Addr::from).collect();
    let ranges = Ranges::compile(nets.iter().map(|net| Range::from(ipnet::IpNet::V4(*net))));
    criterion.bench_function("lists/sorted_ranges", |bench| {
        let mut probe = probes.iter().cycle();
        bench.iter(|| ranges.contains(IpAddr::V4(*black_box(probe.next()).expect("a probe"))));
    });
    let trie: PrefixSet<Ipv4Net> = nets.iter().copied().collect();
    criterion.bench_function("lists/prefix_trie", |bench| {
        let mut probe = probes.iter().cycle();
        bench.iter(|| {
            let ip = black_box(probe.next()).expect("a probe");
            trie.get_lpm(&Ipv4Net::from(*ip)).is_some()
        });
    });
}

criterion_group!(benches, lookups);
criterion_main!(benches);
