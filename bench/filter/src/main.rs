//! Drives our content filter, or every pattern by itself, for `cargo xtask bench filter`.
//!
//! Speaks the protocol of `bench/modsecurity/driver.c`: `ready` once rules are loaded; for every command `KIND COUNT`
//! `have` once that many requests are read, and after `go` and that many requests `done BLOCKED`. It measures nothing:
//! whoever drives it does.

#![allow(clippy::disallowed_methods, reason = "a bench reads rule files")]

#[path = "../../../crates/app/src/allocator.rs"]
mod allocator;
#[path = "../../../crates/filter/tests/crs/disk.rs"]
mod disk;
mod files;
mod naive;
mod ours;
mod request;

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use request::{Requests, Sent};

/// That of the gateway.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

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
    serve(&mut *driven, Requests::open(requests)?)
}

fn serve(driven: &mut dyn Driven, mut requests: Requests) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    let mut commands = std::io::stdin().lock().lines();
    while let Some(line) = commands.next() {
        let line = line?;
        let (kind, count) = line.split_once(' ').context("a command is KIND COUNT")?;
        let taken = requests.take(kind, count.trim().parse()?)?;
        writeln!(out, "have")?;
        if commands.next().is_none() {
            break;
        }
        let blocked = taken.iter().filter(|sent| driven.take(sent)).count();
        writeln!(out, "done {blocked}")?;
    }
    Ok(())
}
