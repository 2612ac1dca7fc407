//! Drives our content filter, or every pattern by itself, for `cargo xtask bench filter`.
//!
//! Speaks the protocol of `bench/modsecurity/driver.c`: `ready` once rules are loaded, then for every command
//! `KIND COUNT` that many requests and `done BLOCKED`. It measures nothing: whoever drives it does.

#![allow(clippy::disallowed_methods, reason = "a bench reads rule files")]

#[path = "../../../crates/filter/tests/crs/disk.rs"]
mod disk;
mod files;
mod naive;
mod ours;
mod request;

use std::collections::HashMap;
use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use request::Sent;

/// Puts requests through rules on command.
#[derive(Parser)]
struct Arguments {
    /// What is driven.
    #[arg(value_enum)]
    way: Way,
    /// Rule files, globs allowed; the last one is the file of requests.
    #[arg(required = true, num_args = 2..)]
    files: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// Our filter, one workspace for all requests.
    Warm,
    /// Our filter, a fresh workspace for each request.
    Cold,
    /// Every pattern on every value it is meant for.
    Naive,
}

/// Something that takes requests.
trait Driven {
    /// Puts one request through; says whether it would be blocked.
    fn take(&mut self, sent: &Sent) -> bool;
}

fn main() -> Result<()> {
    let Arguments { way, files } = Arguments::parse();
    let (requests, rules) = files.split_last().context("no file of requests")?;
    let rules = files::load(rules)?;
    let mut driven: Box<dyn Driven> = match way {
        Way::Warm => Box::new(ours::Ours::new(&rules, ours::Memory::Kept)?),
        Way::Cold => Box::new(ours::Ours::new(&rules, ours::Memory::Fresh)?),
        Way::Naive => Box::new(naive::Naive::new(&rules)?),
    };
    drop(rules);
    serve(&mut *driven, &request::read(requests)?)
}

fn serve(driven: &mut dyn Driven, requests: &[Sent]) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (kind, count) = line.split_once(' ').context("a command is KIND COUNT")?;
        let count: usize = count.trim().parse()?;
        let of_kind: Vec<&Sent> = requests.iter().filter(|sent| sent.kind == kind).collect();
        let place = places.entry(kind.to_owned()).or_default();
        let blocked =
            of_kind.iter().cycle().skip(*place).take(count).filter(|sent| driven.take(sent)).count();
        *place = (*place + count) % of_kind.len().max(1);
        writeln!(out, "done {blocked}")?;
    }
    Ok(())
}
