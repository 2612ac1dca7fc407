//! `cargo xtask soak`: builds the gateway and the load of `bench/soak`, and lets the one loose on the other.

use anyhow::Result;
use clap::Args;

use crate::process::{cargo, run, target};

/// Options of `cargo xtask soak`.
#[derive(Args)]
pub(crate) struct Soak {
    /// How long the mixture runs, beside the idle connections behind it.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// How many idle connections are held in the end, under 150 MiB.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Build without optimisation: leaks show as well, and it is built faster.
    #[arg(long)]
    debug: bool,
}

impl Soak {
    /// Runs it.
    pub(crate) fn run(&self) -> Result<()> {
        let mut build = cargo(&["build", "-p", "portcullis-app", "-p", "portcullis-bench"]);
        let profile = if self.debug { "debug" } else { "release" };
        if !self.debug {
            build.arg("--release");
        }
        run(&mut build)?;
        let folder = target()?.join(profile);
        let mut soak = std::process::Command::new(folder.join("portcullis-soak"));
        soak.arg("--gateway").arg(folder.join("portcullis"));
        soak.args(["--minutes", &self.minutes.to_string(), "--idle", &self.idle.to_string()]);
        run(&mut soak)
    }
}
