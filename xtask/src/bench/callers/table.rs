//! The figures as tables, each beside its target where it has one.

use std::fmt::Write as _;
use std::io::Write as _;

use super::engine::{self, Memory};
use super::gateway::{self, Contestant};

/// What a million keys may take, MiB.
const MEMORY: f64 = 200.0;
/// Requests a second and core through five limits with Redis, at least.
const RATE: f64 = 15_000.0;

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

/// CPU of each kind of caller.
pub(super) fn print_kinds(rows: &[engine::Row]) {
    let mut text = String::from("\nAdded by knowing and counting callers, in process:\n\n");
    text.push_str("| | added CPU µs | of a request without, µs | added instructions | target µs | |\n");
    text.push_str("|---|---:|---:|---:|---:|---|\n");
    for row in rows {
        let added = row.added();
        let instructions = row.instructions.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}"));
        let (target, met) = row
            .kind
            .target
            .map_or((String::new(), ""), |target| (format!("{:.0}", target.0), verdict(added <= target.0)));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {added:.2} | {:.2} | {instructions} | {target} | {met} |",
            row.kind.title,
            row.bare()
        );
    }
    text.push_str("\nEvery credential that was seen before was verified once: counted.\n");
    print(&text);
}

/// Memory of tracked keys.
pub(super) fn print_memory(memory: &Memory) {
    let Memory { keys, mib } = memory;
    let met = verdict(*mib < MEMORY);
    print(&format!("\n{keys} keys of a rate limit in memory: {mib:.0} MiB; target {MEMORY:.0}: {met}\n"));
}

/// Limits in front of a site.
pub(super) fn print_proxies(rows: &[gateway::Row]) {
    let of = |wanted: Contestant| rows.iter().find(|row| row.contestant == wanted);
    let mut text = String::from("\nOne worker in front of a site, 512-byte answers:\n\n");
    text.push_str(
        "| | requests/s | CPU µs/request | added µs | × without | requests/s and core | Redis CPU µs/request | p50 µs, 1 connection | added µs |\n",
    );
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for row in rows {
        let without = of(row.contestant.without()).unwrap_or(row);
        let (cpu, alone) = (row.cpu(), row.alone());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {cpu:.1} | {:+.1} | {:.2} | {:.0} | {:.1} | {alone:.0} | {:+.0} |",
            row.contestant.title(),
            row.rate(),
            cpu - without.cpu(),
            cpu / without.cpu(),
            1e6 / cpu,
            row.server(),
            alone - without.alone(),
        );
    }
    if let Some(redis) = of(Contestant::Redis) {
        let rate = 1e6 / redis.cpu();
        let _ = writeln!(
            text,
            "\nThrough 5 limits on Redis: {rate:.0} requests/s and core of the gateway; target {RATE:.0}: {}",
            verdict(rate >= RATE)
        );
    }
    print(&text);
}

fn print(text: &str) {
    // A closed standard output ends the report, not the measurement.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
