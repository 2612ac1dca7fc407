//! Drives the engine with callers of every kind, for `cargo xtask bench callers`.
//!
//! Says `ready`, then answers every command `WAY COUNT` with `done PASSED VERIFIED` once it has taken so many requests
//! that way: how many passed, and how many credentials were looked at as if never seen. `WAY/without` takes the same
//! requests under a policy that asks nothing of them. `keys COUNT` counts for so many callers and answers how many are
//! held. It measures nothing: whoever drives it does.

#![allow(clippy::disallowed_methods, reason = "a bench makes keys")]

mod callers;
mod exchange;
// What the gateway keeps verified credentials in, which it shows nobody.
#[allow(dead_code, unreachable_pub, reason = "it is the gateway's")]
#[path = "../../../crates/gateway/src/proofs.rs"]
mod proofs;
mod remembered;
mod tracked;

use std::collections::HashMap;
use std::io::{BufRead, Write};

use anyhow::{Context, Result};

use exchange::Way;

fn main() -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    let mut ways: HashMap<String, Way> = HashMap::new();
    let mut tracked = tracked::Tracked::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, count) = line.split_once(' ').context("a command is WAY COUNT")?;
        let count: u64 = count.trim().parse()?;
        if name == "keys" {
            writeln!(out, "done {}", tracked.count(count))?;
            continue;
        }
        if !ways.contains_key(name) {
            ways.insert(name.to_owned(), Way::new(name)?);
        }
        let way = ways.get_mut(name).context("it was made")?;
        let passed = (0..count).filter(|_| way.take()).count();
        writeln!(out, "done {passed} {}", way.verified())?;
    }
    Ok(())
}
