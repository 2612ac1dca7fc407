//! Callers driven in process: CPU and instructions of each kind, and the memory of a million keys.

use anyhow::{Context, Result, ensure};

use super::median;
use crate::bench::driver::{Driver, callgrind_total};
use crate::bench::sample::Usage;
use crate::process::target;

/// What an operation costs at most, microseconds.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Target(pub(super) f64);

/// A way callers are known or counted.
pub(super) struct Kind {
    /// What the table calls it.
    pub(super) title: &'static str,
    /// What the driver calls it.
    way: &'static str,
    /// The same requests under a policy that asks nothing.
    without: &'static str,
    /// Requests of a round.
    requests: u32,
    /// Requests that callgrind counts.
    counted: u32,
    /// Whether a credential is looked at once, or each time.
    verified: Verified,
    pub(super) target: Option<Target>,
}

/// How often credentials are looked at as if never seen.
#[derive(Clone, Copy, PartialEq)]
enum Verified {
    /// Nothing is kept of them.
    Uncounted,
    /// Once each, however many requests bring them.
    Once,
    /// With each request.
    Always,
}

/// Different callers of a kind in the driver.
const CALLERS: u64 = 64;
/// Callers that are counted to fill memory, and what that may take.
const TRACKED: u32 = 1_000_000;

const fn kind(
    title: &'static str,
    [way, without]: [&'static str; 2],
    requests: u32,
    verified: Verified,
    target: Option<Target>,
) -> Kind {
    let counted = if requests < 1000 { 8 } else { 1024 };
    Kind { title, way, without, requests, counted, verified, target }
}

const CACHED: Option<Target> = Some(Target(3.0));

#[rustfmt::skip]
const KINDS: [Kind; 15] = [
    kind("API key, one of 1,000", ["key", "key/without"], 20_000, Verified::Uncounted, CACHED),
    kind("JWT, RS256, seen before", ["rs256", "rs256/without"], 20_000, Verified::Once, CACHED),
    kind("JWT, ES256, seen before", ["es256", "es256/without"], 20_000, Verified::Once, CACHED),
    kind("JWT, EdDSA, seen before", ["eddsa", "eddsa/without"], 20_000, Verified::Once, CACHED),
    kind("JWT, RS256, new", ["rs256/cold", "rs256/without"], 10_000, Verified::Always, None),
    kind("JWT, ES256, new", ["es256/cold", "es256/without"], 10_000, Verified::Always, None),
    kind("JWT, EdDSA, new", ["eddsa/cold", "eddsa/without"], 10_000, Verified::Always, None),
    kind("name and password, seen before", ["basic", "basic/without"], 20_000, Verified::Once, None),
    kind("name and password, new (bcrypt, cost 5)", ["basic/cold", "basic/without"], 200, Verified::Always, None),
    kind("client certificate, verified by TLS", ["mtls", "mtls/without"], 20_000, Verified::Uncounted, None),
    kind("introspection, seen before", ["introspection", "introspection/without"], 20_000, Verified::Once, None),
    kind("introspection, new, without the trip", ["introspection/cold", "introspection/without"], 20_000, Verified::Always, None),
    kind("1 limit in memory", ["limits-1", "limits-1/without"], 20_000, Verified::Uncounted, None),
    kind("5 limits in memory", ["limits-5", "limits-5/without"], 20_000, Verified::Uncounted, Some(Target(2.0))),
    kind("20 limits in memory", ["limits-20", "limits-20/without"], 20_000, Verified::Uncounted, None),
];

/// One kind's rounds.
pub(super) struct Row {
    pub(super) kind: &'static Kind,
    /// CPU of a request more than without, microseconds, of each round.
    added: Vec<f64>,
    /// CPU of a request without.
    bare: Vec<f64>,
    /// Instructions of a request more than without.
    pub(super) instructions: Option<f64>,
}

impl Row {
    /// CPU of a request more than without, microseconds.
    pub(super) fn added(&self) -> f64 {
        median(&self.added)
    }

    /// CPU of a request without.
    pub(super) fn bare(&self) -> f64 {
        median(&self.bare)
    }
}

/// Memory of tracked keys.
pub(super) struct Memory {
    pub(super) keys: u32,
    pub(super) mib: f64,
}

/// The driver's program.
pub(super) fn program() -> Result<String> {
    Ok(target()?.join("release/portcullis-bench-callers").display().to_string())
}

/// Every kind once a round, right beside the same requests without.
pub(super) fn measure(program: &str, rounds: u32) -> Result<Vec<Row>> {
    let mut driver = Driver::start(&[program])?;
    let row = |kind| Row { kind, added: Vec::new(), bare: Vec::new(), instructions: None };
    let mut rows: Vec<Row> = KINDS.iter().map(row).collect();
    // Round 0 fills caches; it does not count.
    for round in 0..=rounds {
        for row in &mut rows {
            let bare = row.kind.take(&mut driver, row.kind.without, Verified::Uncounted)?;
            let with = row.kind.take(&mut driver, row.kind.way, row.kind.verified)?;
            if round > 0 {
                row.added.push(with - bare);
                row.bare.push(bare);
            }
        }
    }
    Ok(rows)
}

impl Kind {
    /// CPU of a request, microseconds. That all passed, and how many credentials were verified, is made sure of.
    fn take(&self, driver: &mut Driver, way: &str, verified: Verified) -> Result<f64> {
        let before = Usage::of(vec![driver.id()])?;
        let answer = driver.say(&format!("{way} {}", self.requests))?;
        let used = Usage::of(vec![driver.id()])?.since(&before);
        let (passed, so_far) = answer
            .strip_prefix("done ")
            .and_then(|answer| answer.split_once(' '))
            .and_then(|(passed, so_far)| Some((passed.parse::<u32>().ok()?, so_far.parse::<u64>().ok()?)))
            .with_context(|| format!("{way}: not an answer: {answer:?}"))?;
        ensure!(passed == self.requests, "{way}: {passed} of {} requests passed", self.requests);
        match verified {
            Verified::Uncounted => {}
            Verified::Once => {
                ensure!(so_far == CALLERS, "{way}: {CALLERS} credentials were looked at {so_far} times");
            }
            Verified::Always => {
                ensure!(so_far > 0 && so_far.is_multiple_of(u64::from(self.requests)), "{way}: {so_far}");
            }
        }
        Ok(used.cpu_ns / 1000.0 / f64::from(self.requests))
    }

    /// Instructions of a request that way: what more requests cost, by the number of them.
    fn instructions(&self, program: &str, way: &str) -> Result<f64> {
        let out = target()?.join("bench-callers.callgrind").display().to_string();
        let count = |requests: u64| -> Result<f64> {
            let mut driver = Driver::start_counted(&[program], &out)?;
            driver.say(&format!("{way} {requests}"))?;
            driver.end()?;
            callgrind_total(&out)
        };
        // Each caller has been seen once before.
        let (few, many) = (CALLERS, CALLERS + u64::from(self.counted));
        Ok((count(many)? - count(few)?) / f64::from(self.counted))
    }
}

/// Counts what a request costs more than without, with callgrind.
pub(super) fn count_instructions(program: &str, rows: &mut [Row]) -> Result<()> {
    for row in rows {
        let with = row.kind.instructions(program, row.kind.way)?;
        let without = row.kind.instructions(program, row.kind.without)?;
        row.instructions = Some(with - without);
    }
    Ok(())
}

/// What memory grows by when a million callers are counted.
pub(super) fn memory(program: &str) -> Result<Memory> {
    let mut driver = Driver::start(&[program])?;
    driver.say("keys 0")?;
    let before = Usage::of(vec![driver.id()])?;
    let answer = driver.say(&format!("keys {TRACKED}"))?;
    let after = Usage::of(vec![driver.id()])?;
    ensure!(answer == format!("done {TRACKED}"), "not all callers are held: {answer}");
    Ok(Memory { keys: TRACKED, mib: (after.memory_kib - before.memory_kib) / 1024.0 })
}
