//! Chores of the repository, `cargo xtask CHORE`: the one door for building, testing, measuring and tidying.
//!
//! Knows the workspace's layout and Debian's package names; knows nothing of the product's insides.

mod bench;
mod demo;
mod dist;
mod install;
mod optimised;
mod process;
mod profile;
mod soak;
mod suite;
mod tidy;
mod valkey;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Chores of the Portcullis repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the gateway, put it in front of a small telecom API, send it traffic and tell what happened.
    Demo(demo::Demo),
    /// Install what the tests need and run every test.
    Test(suite::Test),
    /// What CI runs: `tidy`, then `test`.
    Ci,
    /// Measure against a baseline in the same run and print ratios.
    Bench(bench::Bench),
    /// Run a gateway through everything at once for some minutes; fails if a request fails or anything grows.
    Soak(soak::Soak),
    /// Record which code a gateway runs how often, for packages that are built by it.
    Profile(profile::Profile),
    /// Make the packages: Debian's, an archive, the Helm chart.
    Dist(dist::Dist),
    /// Formatting, lints with warnings denied, and the rules of the repository (crate arrows, file sizes, …).
    Tidy,
}

fn main() -> Result<()> {
    match Cli::parse().chore {
        Chore::Demo(demo) => demo.run(),
        Chore::Test(test) => test.run(),
        Chore::Ci => {
            tidy::enforce()?;
            suite::Test::default().run()
        }
        Chore::Bench(bench) => bench.run(),
        Chore::Soak(soak) => soak.run(),
        Chore::Profile(profile) => profile.run(),
        Chore::Dist(dist) => dist.run(),
        Chore::Tidy => tidy::enforce(),
    }
}
