//! `cargo xtask bench callers`: what it costs to know who calls, and to count what they do.
//!
//! Identities, limits in memory and tracked keys are driven in process, each kind beside the same requests under a
//! policy that asks nothing of them. Limits on a server are measured in front of a site, beside nginx with and without
//! its own. All take turns within every round. Figures are medians; targets are those of the project.

mod engine;
mod gateway;
mod table;

use anyhow::Result;
use clap::Args;

use crate::install;
use crate::process::{cargo, run};

/// Options of `cargo xtask bench callers`.
#[derive(Args)]
pub(crate) struct Callers {
    /// Rounds; contestants take turns within each.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds each proxy is loaded in each round.
    #[arg(long, default_value_t = 2)]
    seconds: u32,
    /// Leave out the instruction counts (callgrind is slow).
    #[arg(long)]
    no_instructions: bool,
    /// Leave out the proxies: only what is driven in process.
    #[arg(long)]
    no_proxies: bool,
}

impl Callers {
    /// Runs the measurement.
    pub(super) fn run(&self) -> Result<()> {
        install::ensure(install::FOR_CALLERS)?;
        run(&mut cargo(&["build", "--release", "-p", "portcullis-bench-callers"]))?;
        let driver = engine::program()?;
        let mut rows = engine::measure(&driver, self.rounds)?;
        if !self.no_instructions {
            engine::count_instructions(&driver, &mut rows)?;
        }
        table::print_kinds(&rows);
        table::print_memory(&engine::memory(&driver)?);
        if !self.no_proxies {
            run(&mut cargo(&["build", "--release", "-p", "portcullis-app"]))?;
            table::print_proxies(&gateway::measure(self.rounds, self.seconds)?);
        }
        Ok(())
    }
}

/// The middle of some figures.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
