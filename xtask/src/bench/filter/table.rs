//! The figures as one table for each kind of request.

use std::fmt::Write as _;
use std::io::Write as _;

use super::contestant::{Contestant, Measured};
use super::request::Kind;

/// One contestant's rounds with one kind of request.
pub(super) struct Row {
    pub(super) contestant: Contestant,
    pub(super) kind: Kind,
    cpu: Vec<f64>,
    memory: f64,
    blocked: u32,
    /// Of one request, by callgrind.
    pub(super) instructions: Option<f64>,
}

impl Row {
    pub(super) fn new(contestant: Contestant, kind: Kind) -> Self {
        Self { contestant, kind, cpu: Vec::new(), memory: 0.0, blocked: 0, instructions: None }
    }

    pub(super) fn add(&mut self, measured: &Measured) {
        self.cpu.push(measured.cpu_us);
        self.memory = measured.memory_mib;
        self.blocked += measured.blocked;
    }

    fn median(&self) -> f64 {
        let mut cpu = self.cpu.clone();
        cpu.sort_by(f64::total_cmp);
        cpu.get(cpu.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Prints all tables; CPU is the median over the rounds.
pub(super) fn print(rows: &[Row]) {
    let mut text = String::new();
    text.push_str("| request | | CPU µs/request | libmodsecurity ÷ it | it ÷ naive `regex` | instructions/request | memory MiB | blocked |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
    for kind in Kind::ALL {
        let of = |wanted: Contestant| {
            let row = rows.iter().find(|row| row.kind == kind && row.contestant == wanted);
            row.map_or(f64::NAN, Row::median)
        };
        for row in rows.iter().filter(|row| row.kind == kind) {
            let cpu = row.median();
            let instructions = row.instructions.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}"));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {cpu:.1} | {:.0} | {:.2} | {instructions} | {:.0} | {} |",
                kind.describe(),
                row.contestant.name(),
                of(Contestant::Libmodsecurity) / cpu,
                cpu / of(Contestant::Naive),
                row.memory,
                row.blocked,
            );
        }
    }
    // A closed standard output is no reason to fail.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
