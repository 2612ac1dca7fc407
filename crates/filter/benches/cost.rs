//! What CRS costs for one request: the four requests that the project's budgets are about, at paranoia level 1.
//!
//! Values are fresh in every request; names, headers and paths repeat, as they do in life. `PORTCULLIS_CORPORA` names
//! the rules; without it this says so. With `COST_ROUNDS=n` it runs each request n times and nothing else, for counting
//! instructions under callgrind (`--toggle-collect='*cost::measured*'`). With `COST_WARM=n` as well, n requests of each
//! kind come first, and each part is counted apart: reading the body, CRS, CRS in a fresh workspace, the built-in pack;
//! before and after each it waits for a line, so that `callgrind_control -i on` and `-d` can be called there (loading
//! takes minutes where it is instrumented).

#![allow(clippy::disallowed_methods, reason = "a benchmark reads its corpus")]
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a benchmark may be loud")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

#[path = "../tests/crs/disk.rs"]
mod disk;
#[path = "cost/requests.rs"]
mod requests;

use std::hint::black_box;
use std::net::SocketAddr;

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use disk::Disk;
use portcullis_filter::builtin::{Level, Pack, PackConfig, Workspace as PackWorkspace};
use portcullis_filter::seclang::{crs_entries, load};
use portcullis_filter::transaction::{BodyInput, Budget, Request, RuleSet, Step, Transaction, Workspace};
use portcullis_model::Timestamp;
use portcullis_wire::body::parse_as_declared;
use portcullis_wire::{EncodedSlash, normalise};
use requests::{KINDS, Made};

/// Everything the filter does for a request whose body the host has parsed.
#[inline(never)]
fn measured(rules: &RuleSet, made: &Made, workspace: &mut Workspace) -> Transaction {
    let address: SocketAddr = SocketAddr::from(([192, 0, 2, 7], 4711));
    let request = Request {
        head: &made.head,
        normal: &made.normal,
        client: address,
        server: address,
        began: Timestamp::from_secs(1_780_000_000),
        id: "01HZY3V8Q0000000000000000",
    };
    let mut transaction = Transaction::new(rules, Budget::default(), workspace);
    let head = transaction.request_head(&request, workspace);
    let body = made.body.as_ref().map(|(bytes, body)| BodyInput { bytes, parsed: Some(body) });
    let body = transaction.request_body(body.as_ref(), workspace);
    assert!(head == Step::Done && body == Step::Done);
    transaction
}

fn run(rules: &RuleSet, made: &Made, workspace: &mut Workspace) {
    let transaction = measured(rules, made, workspace);
    assert!(transaction.matches().is_empty(), "{:?}", transaction.matches());
    black_box(&transaction);
    transaction.finish(workspace);
}

/// What is counted apart, between two lines of input.
fn counted(rounds: &[Made], round: &mut dyn FnMut(&Made)) {
    let wait = || std::io::stdin().read_line(&mut String::new()).unwrap();
    wait();
    rounds.iter().for_each(round);
    wait();
}

/// Counts each part of the filter over requests of one kind, in turn.
fn count(rules: &RuleSet, pack: &Pack, warm: &[Made], rounds: &[Made]) {
    let (mut workspace, mut packed) = (Workspace::new(), PackWorkspace::default());
    let mut judged = |made: &Made| run(rules, made, &mut workspace);
    let mut inspected = |made: &Made| {
        let head = pack.inspect_head(&made.head, &made.normal, &mut packed);
        let body = made.body.as_ref().map(|(_, body)| pack.inspect_body(&made.head, body, &mut packed));
        black_box((head, body));
    };
    warm.iter().for_each(&mut judged);
    warm.iter().for_each(&mut inspected);
    counted(rounds, &mut |made| {
        if let Some((bytes, _)) = &made.body {
            let budget = portcullis_wire::Budget::default();
            black_box(parse_as_declared(bytes, &made.head.headers, &budget));
        }
    });
    counted(rounds, &mut judged);
    counted(rounds, &mut |made| run(rules, made, &mut Workspace::new()));
    counted(rounds, &mut inspected);
}

fn main() {
    let Ok(corpora) = std::env::var("PORTCULLIS_CORPORA") else {
        eprintln!("skipped: PORTCULLIS_CORPORA does not name the corpus folder");
        return;
    };
    let rules = load(&crs_entries(&format!("{corpora}/crs"), &Disk).unwrap(), &Disk).unwrap();
    let rules = RuleSet::compile(&rules).unwrap();
    let mut workspace = Workspace::new();
    let parse =
        |bytes: &Bytes, headers: &_| parse_as_declared(bytes, headers, &portcullis_wire::Budget::default());
    let made = |kind: &str, seed: u64| {
        let (head, body) = requests::make(kind, seed);
        let normal = normalise(&head, EncodedSlash::Keep);
        let body = body.map(|bytes| (bytes.clone(), parse(&bytes, &head.headers)));
        Made { head, normal, body }
    };
    if let Ok(rounds) = std::env::var("COST_ROUNDS") {
        let kinds = std::env::var("COST_KIND").map_or(KINDS.map(str::to_owned).to_vec(), |kind| vec![kind]);
        if let Ok(warm) = std::env::var("COST_WARM") {
            let pack = Pack::new(&PackConfig { level: Level::ONE, ..PackConfig::default() }).unwrap();
            let (warm, rounds): (u64, u64) = (warm.parse().unwrap(), rounds.parse().unwrap());
            for kind in kinds {
                let all: Vec<Made> = (0..warm + rounds).map(|seed| made(&kind, seed)).collect();
                let (warm, rounds) = all.split_at(warm as usize);
                count(&rules, &pack, warm, rounds);
            }
            return;
        }
        for kind in kinds {
            for seed in 0..rounds.parse().unwrap() {
                run(&rules, &made(&kind, seed), &mut workspace);
            }
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for kind in KINDS {
        let mut seed = 0;
        criterion.bench_function(kind, |bench| {
            let fresh = || {
                seed += 1;
                made(kind, seed)
            };
            bench.iter_batched_ref(fresh, |made| run(&rules, made, &mut workspace), BatchSize::SmallInput);
        });
    }
    criterion.final_summary();
}
