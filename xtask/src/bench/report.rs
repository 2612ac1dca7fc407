//! The figures as a table, each beside its ratio to nginx and its distance from the bare proxy.

use std::fmt::Write as _;
use std::io::Write as _;

use super::kept::Kept;
use super::load::{Answer, Load};
use super::peers::Contestant;
use super::sample::Usage;

/// One contestant's rounds.
pub(super) struct Row {
    pub(super) contestant: Contestant,
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu: Vec<f64>,
    memory: Vec<f64>,
    kept: Kept,
    /// User instructions a request, by callgrind.
    pub(super) instructions: Option<f64>,
}

impl Row {
    pub(super) fn new(contestant: Contestant) -> Self {
        let none = Vec::new;
        Self {
            contestant,
            rates: none(),
            p50: none(),
            p99: none(),
            cpu: none(),
            memory: none(),
            kept: Kept::default(),
            instructions: None,
        }
    }

    pub(super) fn add(&mut self, load: &Load, usage: &Usage, kept: Kept) {
        self.rates.push(load.rate);
        self.p50.push(load.p50_us);
        self.p99.push(load.p99_us);
        self.cpu.push(usage.cpu_ns / 1000.0 / load.requests);
        self.memory.push(usage.memory_kib / 1024.0);
        self.kept = self.kept.and(kept);
    }
}

/// Prints one table; figures are medians over the rounds.
pub(super) fn print(workers: u32, answer: Answer, rows: &[Row]) {
    let cpu_of = |wanted: Contestant| {
        rows.iter().find(|row| row.contestant == wanted).map_or(f64::NAN, |row| median(&row.cpu))
    };
    let (nginx, bare) = (cpu_of(Contestant::Nginx), cpu_of(Contestant::Bare));
    let mut text = format!("\n{workers} worker(s), {}\n\n", answer.describe());
    text.push_str("| | requests/s | p50 µs | p99 µs | CPU µs/request | over bare µs | × nginx | instructions/request | memory MiB | events kept |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for row in rows {
        let cpu = median(&row.cpu);
        let instructions = row.instructions.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {cpu:.1} | {:+.1} | {:.2} | {instructions} | {:.0} | {} |",
            row.contestant.describe(),
            median(&row.rates),
            median(&row.p50),
            median(&row.p99),
            cpu - bare,
            cpu / nginx,
            median(&row.memory),
            row.kept.describe(),
        );
    }
    // A closed standard output ends the report, not the measurement.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
